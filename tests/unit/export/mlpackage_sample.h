/*
 * mlpackage_sample.h - a small Core ML package in memory: function f multiplies by a weight of four
 * bits, function g does so too and keeps the result in a state. Whatever can be wrong in one place
 * is a name here; the package is built with that one fault.
 */
#ifndef MLPACKAGE_SAMPLE_H
#define MLPACKAGE_SAMPLE_H

#include "unit.h"

#include "export/mlpackage_read.h"
#include "format/proto.h"

#include <string.h>

/* X(fault, what the sentence says) */
#define PACKAGE_FAULTS(X)                                                                          \
    X(UNKNOWN_OPSET, "function f: expected an opset from CoreML5 to CoreML9, found CoreML99")      \
    X(OPSET_TOO_NEW, "expected version 9 of the specification or a later one for the opset")       \
    X(NO_BLOCK, "function f: it has no block for its opset CoreML8")                               \
    X(MIL_VERSION, "expected version 1 of MIL, found 2")                                           \
    X(NO_DESCRIPTION, "expected a Core ML model with its version, description and kind")           \
    X(TWO_MODELS, "expected one model, found a second one")                                        \
    X(TWO_DESCRIPTIONS, "field 2 at byte")                                                         \
    X(NO_DEFAULT, "expected one of its functions as the default, found \"h\"")                     \
    X(FEATURES_TWICE, "expected features of functions or of the model, found both")                \
    X(FUNCTION_TWICE, "description: two functions have the name \"g\"")                            \
    X(BODY_TWICE, "the program has the function \"g\" twice")                                      \
    X(FUNCTION_UNNAMED, "the program has the function \"h\", which the description does not name") \
    X(FUNCTION_WITHOUT_BODY, "names the function \"g\", which the program does not have")          \
    X(INPUT_NAME, "function f: the description has the input z, which the program does not have")  \
    X(INPUT_SHAPE, "function f, input x: the description says f16 [1, 4, 65], the program f16 [")  \
    X(INPUT_TYPE, "function f, input x: the description says f32 [1, 4, 64], the program f16 [")   \
    X(INPUT_LEFT_OUT, "function f: the program has the input x, which the description does not")   \
    X(INPUT_TWICE, "function f: two inputs have the name x")                                       \
    X(FEATURE_TWICE, "function f: the description has the input x twice")                          \
    X(OUTPUT_NAME, "function f: the description has the output o, which the program does not")     \
    X(OUTPUT_LEFT_OUT, "function f: the program has the output out, which the description does")   \
    X(STATE_AS_INPUT,                                                                              \
      "function g, input s: the description says f16 [1, 4, 64], the program stat")                \
    X(STATE_TYPE,                                                                                  \
      "function g, state s: the description says state f32 [1, 4, 64], the program st")            \
    X(STATE_LEFT_OUT, "function g: the program has the state s, which the description does not")   \
    X(STATE_F32, "function g, state s: expected f16, found state f32 [1, 4, 64]")                  \
    X(STATE_TO_OTHERS, "function g, linear of y: its x is a state; read_state gives what is in")   \
    X(STATE_OTHER_DATA,                                                                            \
      "function g, write_state: expected data of the type f16 [1, 4, 64], found")                  \
    X(STATE_OF_NOTHING, "function g, read_state of v: expected a state as its input")              \
    X(READ_OTHER_TYPE, "function g, read_state of v: expected an output of the type f16 [1, 4, 6") \
    X(WRONG_ORDER, "linear of y: its weight is w, which is made only behind it")                   \
    X(MISSING_VALUE, "softmax of out: its x is ghost, which no operation and no input makes")      \
    X(DUPLICATE_NAME, "linear of x: another value has the name x already")                         \
    X(BAD_NAME, "expected a name of letters, digits, _ and @ that begins with no digit, found \"") \
    X(NO_TYPE, "function f, linear: the value y has no type")                                      \
    X(OUTPUT_NOT_COMPUTED, "function f: its output never is never computed")                       \
    X(NO_OUTPUT, "expected an operation with a name and an output")                                \
    X(NAMELESS_OPERATION, "expected an operation with a name and an output")                       \
    X(UNBOUND, "softmax of out: its x is bound to nothing")                                        \
    X(PARAMETER_TWICE, "softmax of out: it has the parameter x twice")                             \
    X(RANK, "expected a rank of 3, as many as the lengths, found 2")                               \
    X(ELEMENT, "expected an element type of MIL, found number 99")                                 \
    X(CONST_WITHOUT_VALUE, "expected a const with a value and one output, found 0 and 1")          \
    X(CONST_OTHER_TYPE, "const of axis: expected an output of the type i32 [], found f32 []")      \
    X(CONST_COUNT, "const of axis: expected i32 [], which are 1 numbers, found 2")                 \
    X(CONST_LIST, "const of axis: expected a constant of the type i32 [] in ints, found longInts") \
    X(CONST_NOWHERE, "const of axis: expected the numbers of a constant in the specification or")  \
    X(SCALE_AXES, "w: expected a scale for blocks of the data i4 [64, 64], found f16 [64, 3]")     \
    X(SCALE_RESULT, "w: expected an output of the type f16 [64, 64], found f32 [64, 64]")          \
    X(BLOB_FILE_NAME, "expected weights in @model_path/weights/weight.bin, found \"/etc/passwd\"") \
    X(BLOB_OFFSET, "expected a record at a multiple of 64 inside the 2944 bytes of weight.bin, f") \
    X(BLOB_BEHIND, "expected a record at a multiple of 64 inside the 2944 bytes of weight.bin, f") \
    X(BLOB_MIL_TYPE, "expected u4 [64, 64], found a record of i4 in weight.bin")                   \
    X(BLOB_SENTINEL, "expected the sentinel 0xdeadbeef at byte 64 of weight.bin, found 0xdead")    \
    X(BLOB_TYPE, "expected i4 [64, 64], found a record of u8 in weight.bin")                       \
    X(BLOB_UNKNOWN, "the record at byte 64 of weight.bin has the unknown type 77")                 \
    X(BLOB_SIZE, "expected i4 [64, 64], which are 2048 bytes, found a record of 2047")             \
    X(BLOB_MISALIGNED, "expected data at a multiple of 64 behind its record at byte 64")           \
    X(BLOB_RANGE, "expected 2048 bytes at byte 4096 of weight.bin, found 2944 bytes in all")       \
    X(BLOB_PADDING, "expected 4 bits of padding behind i4 [3], found 3 in weight.bin")             \
    X(BLOB_PADDED, "expected 0 bits of padding behind f16 [64, 2], found 8 in weight.bin")         \
    X(BLOB_OVERLAP, "weight.bin: the record at byte 2176 lies in the data of the one at byte 64")  \
    X(BLOB_COUNT, "weight.bin: expected at least the 4 records that are used, found 3")            \
    X(BLOB_COUNT_MORE, "a record that no function uses: expected the sentinel 0xdeadbeef at byte") \
    X(BLOB_VERSION, "expected weight.bin in version 2, found version 1")                           \
    X(BLOBS_CUT, "expected 2 bytes at byte 2752 of weight.bin, found 2752 bytes in all; the file") \
    X(NO_BLOBS, "expected weights/weight.bin beside the model, found none")                        \
    X(MODEL_CUT, "does not end inside its message")                                                \
    X(TOO_DEEP, "expected messages at most 100 deep, found more")                                  \
    X(TEXT_NOT_UTF8, "expected text in UTF-8")                                                     \
    X(OTHER_WIRE, "field 1 at byte")

typedef enum package_fault {
    WELL,
#define NAME(fault, says) fault,
    PACKAGE_FAULTS(NAME)
#undef NAME
        N_PACKAGE_FAULTS
} package_fault;

enum { S_BYTES = 46 * 64, S_I4 = 25, S_U4 = 35, S_F16 = 10, S_F32 = 11, S_I32 = 23 };
/* Of the records: weights of four bits, their scales, a bias, three numbers of four bits. */
enum { AT_DATA = 64, AT_SCALE = 2176, AT_BIAS = 2496, AT_ODD = 2688 };

typedef struct package {
    package_fault fault;
    dlx__proto model;
    uint8_t weights[S_BYTES];
    size_t n_weights;
} package;

static inline bool is(const package *p, package_fault fault)
{
    return p->fault == fault;
}

/* ---- weights --------------------------------------------------------------------------------- */

static inline void put_record(package *p, size_t at, uint32_t type, uint64_t n_bytes, uint64_t pad)
{
    const uint32_t head[] = {0xdeadbeefu, type};
    const uint64_t rest[] = {n_bytes, at + 64, pad};
    memcpy(p->weights + at, head, sizeof head);
    memcpy(p->weights + at + 8, rest, sizeof rest);
}

static inline void put_u64(package *p, size_t at, uint64_t v)
{
    memcpy(p->weights + at, &v, sizeof v);
}

static inline void build_weights(package *p)
{
    const uint32_t head[] = {is(p, BLOB_COUNT)        ? 3
                             : is(p, BLOB_COUNT_MORE) ? 5
                                                      : 4,
                             is(p, BLOB_VERSION) ? 1 : 2};
    memset(p->weights, 0, sizeof p->weights);
    memcpy(p->weights, head, sizeof head);
    put_record(p, AT_DATA,
               is(p, BLOB_TYPE)      ? 3
               : is(p, BLOB_UNKNOWN) ? 77
                                     : 8,
               is(p, BLOB_SIZE) ? 2047 : 2048, 0);
    put_record(p, AT_SCALE, 1, is(p, SCALE_AXES) ? 384 : 256, is(p, BLOB_PADDED) ? 8 : 0);
    put_record(p, AT_BIAS, 1, 128, 0);
    put_record(p, AT_ODD, 8, 2, is(p, BLOB_PADDING) ? 3 : 4);
    if (is(p, BLOB_SENTINEL))
        p->weights[AT_DATA] = 0xee;
    if (is(p, BLOB_MISALIGNED))
        put_u64(p, AT_DATA + 16, 132);
    if (is(p, BLOB_RANGE))
        put_u64(p, AT_DATA + 16, 4096);
    if (is(p, BLOB_OVERLAP))
        put_u64(p, AT_DATA + 16, 192);
    p->n_weights = is(p, NO_BLOBS) ? 0 : is(p, BLOBS_CUT) ? AT_ODD + 64 : S_BYTES;
}

/* ---- types and values ------------------------------------------------------------------------ */

/* TensorType as field 1 of a ValueType. */
static inline void put_tensor(package *p, int element, const int64_t *dims, size_t rank,
                              int64_t said)
{
    dlx__proto *o = &p->model;
    dlx__proto_begin(o, 1);
    dlx__proto_int(o, 1, element);
    dlx__proto_int(o, 2, said);
    for (size_t i = 0; i < rank; i++) {
        dlx__proto_begin(o, 3);
        dlx__proto_begin(o, 1);
        dlx__proto_int(o, 1, dims[i]);
        dlx__proto_end(o);
        dlx__proto_end(o);
    }
    dlx__proto_end(o);
}

/* A ValueType as a field. */
static inline void put_type(package *p, int field, int element, const int64_t *dims, size_t rank)
{
    dlx__proto_begin(&p->model, field);
    put_tensor(p, element, dims, rank, (int64_t)rank);
    dlx__proto_end(&p->model);
}

static const int64_t x_dims[] = {1, 4, 64}, w_dims[] = {64, 64}, scale_dims[] = {64, 2},
                     bias_dims[] = {64}, odd_dims[] = {3};

/* NamedValueType as a field. */
static inline void put_named(package *p, int field, const char *name, int element,
                             const int64_t *dims, size_t rank)
{
    dlx__proto_begin(&p->model, field);
    dlx__proto_text(&p->model, 1, name);
    put_type(p, 2, element, dims, rank);
    dlx__proto_end(&p->model);
}

static inline void put_blob(package *p, int field, int element, const int64_t *dims, size_t rank,
                            int64_t offset)
{
    dlx__proto *o = &p->model;
    dlx__proto_begin(o, field);
    put_type(p, 2, element, dims, rank);
    dlx__proto_begin(o, 5);
    dlx__proto_text(o, 1, is(p, BLOB_FILE_NAME) ? "/etc/passwd" : "@model_path/weights/weight.bin");
    dlx__proto_int(o, 2, offset);
    dlx__proto_end(o);
    dlx__proto_end(o);
}

/* An entry of an operation's inputs, bound to a value. */
static inline void put_bound(package *p, const char *parameter, const char *value)
{
    dlx__proto *o = &p->model;
    dlx__proto_begin(o, 2);
    dlx__proto_text(o, 1, parameter);
    dlx__proto_begin(o, 2);
    dlx__proto_begin(o, 1);
    if (value)
        dlx__proto_text(o, 1, value);
    dlx__proto_end(o);
    dlx__proto_end(o);
    dlx__proto_end(o);
}

/* ---- operations ------------------------------------------------------------------------------ */

static inline void begin_op(package *p, const char *type)
{
    dlx__proto_begin(&p->model, 3);
    dlx__proto_text(&p->model, 1, type);
}

static inline void end_op(package *p)
{
    dlx__proto_end(&p->model);
}

static inline void put_axis(package *p)
{
    static const int64_t two[] = {-1, -1};
    dlx__proto *o = &p->model;
    begin_op(p, "const");
    put_named(p, 3, "axis", is(p, CONST_OTHER_TYPE) ? S_F32 : S_I32, NULL, 0);
    dlx__proto_begin(o, 5);
    dlx__proto_text(o, 1, is(p, CONST_WITHOUT_VALUE) ? "name" : "val");
    dlx__proto_begin(o, 2);
    put_type(p, 2, S_I32, NULL, 0);
    if (!is(p, CONST_NOWHERE)) {
        dlx__proto_begin(o, 3);
        dlx__proto_begin(o, 1);
        dlx__proto_begin(o, is(p, CONST_LIST) ? 5 : 2);
        dlx__proto_ints(o, 1, two, is(p, CONST_COUNT) ? 2 : 1);
        dlx__proto_end(o);
        dlx__proto_end(o);
        dlx__proto_end(o);
    }
    dlx__proto_end(o);
    dlx__proto_end(o);
    end_op(p);
}

/* A const whose numbers are a record. */
static inline void put_stored(package *p, const char *name, int element, const int64_t *dims,
                              size_t rank, int64_t offset)
{
    begin_op(p, "const");
    put_named(p, 3, name, element, dims, rank);
    dlx__proto_begin(&p->model, 5);
    dlx__proto_text(&p->model, 1, "val");
    put_blob(p, 2, element, dims, rank, offset);
    dlx__proto_end(&p->model);
    end_op(p);
}

/* An entry of an operation's inputs that is a record. */
static inline void put_bound_blob(package *p, const char *parameter, int element,
                                  const int64_t *dims, int64_t offset)
{
    dlx__proto *o = &p->model;
    dlx__proto_begin(o, 2);
    dlx__proto_text(o, 1, parameter);
    dlx__proto_begin(o, 2);
    dlx__proto_begin(o, 1);
    put_blob(p, 2, element, dims, 2, offset);
    dlx__proto_end(o);
    dlx__proto_end(o);
    dlx__proto_end(o);
}

static inline void put_weight(package *p)
{
    static const int64_t bad_scale[] = {64, 3};
    begin_op(p, "constexpr_blockwise_shift_scale");
    put_named(p, 3, "w", is(p, SCALE_RESULT) ? S_F32 : S_F16, w_dims, 2);
    put_bound_blob(p, "data", is(p, BLOB_MIL_TYPE) ? S_U4 : S_I4, w_dims,
                   is(p, BLOB_OFFSET)   ? 65
                   : is(p, BLOB_BEHIND) ? 64 << 20
                                        : AT_DATA);
    put_bound_blob(p, "scale", S_F16, is(p, SCALE_AXES) ? bad_scale : scale_dims, AT_SCALE);
    end_op(p);
}

static inline void put_linear(package *p, const char *x)
{
    begin_op(p, "linear");
    put_bound(p, "x", x);
    put_bound(p, "weight", "w");
    put_bound(p, "bias", "bias");
    if (is(p, NO_TYPE)) {
        dlx__proto_begin(&p->model, 3);
        dlx__proto_text(&p->model, 1, "y");
        dlx__proto_end(&p->model);
    } else
        put_named(p, 3,
                  is(p, DUPLICATE_NAME) ? "x"
                  : is(p, BAD_NAME)     ? "4y"
                                        : "y",
                  is(p, STATE_F32) ? S_F32 : S_F16, x_dims, 3);
    end_op(p);
}

static inline void put_softmax(package *p)
{
    begin_op(p, is(p, NAMELESS_OPERATION) ? "" : "softmax");
    put_bound(p, "x", is(p, MISSING_VALUE) ? "ghost" : is(p, UNBOUND) ? NULL : "y");
    put_bound(p, is(p, PARAMETER_TWICE) ? "x" : "axis", "axis");
    if (!is(p, NO_OUTPUT))
        put_named(p, 3, "out", S_F16, x_dims, 3);
    end_op(p);
}

static inline void put_state_op(package *p, const char *type, const char *state, const char *data,
                                const char *output)
{
    static const int64_t other[] = {1, 4, 32};
    begin_op(p, type);
    put_bound(p, "input", state);
    if (data)
        put_bound(p, "data", data);
    if (output)
        put_named(p, 3, output, is(p, STATE_F32) ? S_F32 : S_F16,
                  is(p, READ_OTHER_TYPE) ? other : x_dims, 3);
    end_op(p);
}

/* ---- functions ------------------------------------------------------------------------------- */

/* A block of blocks of blocks ..., deeper than a reader may go. */
static inline void put_depth(package *p)
{
    uint8_t bytes[1024];
    size_t n = 0;
    for (int i = 0; i < 120; i++) { /* front to back, from the inside out */
        memmove(bytes + 3, bytes, n);
        bytes[0] = i % 2 ? 0x1a : 0x22; /* an operation's blocks, a block's operations */
        bytes[1] = (uint8_t)(0x80 | (n & 0x7f));
        bytes[2] = (uint8_t)(n >> 7);
        n += 3;
    }
    dlx__proto_begin(&p->model, 3);
    dlx__proto_text(&p->model, 1, "cond");
    dlx__proto_bytes(&p->model, 4, bytes, n);
    dlx__proto_end(&p->model);
}

static inline void put_f(package *p)
{
    put_axis(p);
    if (is(p, WRONG_ORDER)) {
        put_stored(p, "bias", S_F16, bias_dims, 1, AT_BIAS);
        put_linear(p, "x");
        put_weight(p);
    } else {
        put_weight(p);
        put_stored(p, "bias", S_F16, bias_dims, 1, AT_BIAS);
        put_linear(p, "x");
    }
    put_stored(p, "odd", S_I4, odd_dims, 1, AT_ODD);
    if (is(p, TOO_DEEP))
        put_depth(p);
    put_softmax(p);
    dlx__proto_text(&p->model, 2, is(p, OUTPUT_NOT_COMPUTED) ? "never" : "out");
}

static inline void put_g(package *p)
{
    put_state_op(p, "read_state", is(p, STATE_OF_NOTHING) ? "x" : "s", NULL, "v");
    put_weight(p);
    put_stored(p, "bias", S_F16, bias_dims, 1, AT_BIAS);
    put_linear(p, is(p, STATE_TO_OTHERS) ? "s" : "v");
    put_state_op(p, "write_state", "s", is(p, STATE_OTHER_DATA) ? "bias" : "y", NULL);
    put_state_op(p, "read_state", "s", NULL, "out");
    dlx__proto_text(&p->model, 2, "out");
}

/* NamedValueType as field 1 of a function: the input x. */
static inline void put_x(package *p)
{
    dlx__proto_begin(&p->model, 1);
    dlx__proto_text(&p->model, 1, "x");
    dlx__proto_begin(&p->model, 2);
    put_tensor(p, is(p, ELEMENT) ? 99 : S_F16, x_dims, 3, is(p, RANK) ? 2 : 3);
    dlx__proto_end(&p->model);
    dlx__proto_end(&p->model);
}

static inline void put_state_input(package *p)
{
    dlx__proto *o = &p->model;
    dlx__proto_begin(o, 1);
    dlx__proto_text(o, 1, "s");
    dlx__proto_begin(o, 2);
    dlx__proto_begin(o, 5);
    put_type(p, 1, is(p, STATE_F32) ? S_F32 : S_F16, x_dims, 3);
    dlx__proto_end(o);
    dlx__proto_end(o);
    dlx__proto_end(o);
}

static inline void put_function(package *p, const char *name, bool state)
{
    dlx__proto *o = &p->model;
    const char *opset = is(p, UNKNOWN_OPSET) ? "CoreML99" : "CoreML8";
    dlx__proto_begin(o, 2);
    dlx__proto_text(o, 1, name);
    dlx__proto_begin(o, 2);
    put_x(p);
    if (is(p, INPUT_TWICE))
        put_x(p);
    if (state)
        put_state_input(p);
    dlx__proto_text(o, 2, opset);
    dlx__proto_begin(o, 3);
    dlx__proto_text(o, 1, is(p, NO_BLOCK) ? "CoreML7" : opset);
    dlx__proto_begin(o, 2);
    if (state)
        put_g(p);
    else
        put_f(p);
    dlx__proto_end(o);
    dlx__proto_end(o);
    dlx__proto_end(o);
    dlx__proto_end(o);
}

/* ---- the description ------------------------------------------------------------------------- */

static inline void put_feature(package *p, int field, const char *name, bool state, int64_t type,
                               int64_t last)
{
    const int64_t shape[] = {1, 4, last};
    dlx__proto *o = &p->model;
    dlx__proto_begin(o, field);
    dlx__proto_text(o, 1, name);
    dlx__proto_begin(o, 3);
    dlx__proto_begin(o, state ? 8 : 5);
    if (state)
        dlx__proto_begin(o, 1);
    dlx__proto_ints(o, 1, shape, 3);
    dlx__proto_int(o, 2, type);
    if (state)
        dlx__proto_end(o);
    dlx__proto_end(o);
    dlx__proto_end(o);
    dlx__proto_end(o);
}

static inline void describe(package *p, const char *name, bool state)
{
    dlx__proto *o = &p->model;
    const bool f = !state;
    dlx__proto_begin(o, 20);
    dlx__proto_text(o, 1, name);
    if (!f || !is(p, INPUT_LEFT_OUT))
        put_feature(p, 2, f && is(p, INPUT_NAME) ? "z" : "x", false,
                    f && is(p, INPUT_TYPE) ? 65568 : 65552, f && is(p, INPUT_SHAPE) ? 65 : 64);
    if (f && is(p, FEATURE_TWICE))
        put_feature(p, 2, "x", false, 65552, 64);
    if (!f || !is(p, OUTPUT_LEFT_OUT))
        put_feature(p, 3, f && is(p, OUTPUT_NAME) ? "o" : "out", false, 65552, 64);
    if (state && is(p, STATE_AS_INPUT))
        put_feature(p, 2, "s", false, 65552, 64);
    else if (state && !is(p, STATE_LEFT_OUT))
        put_feature(p, 6, "s", true, is(p, STATE_TYPE) || is(p, STATE_F32) ? 65568 : 65552, 64);
    dlx__proto_end(o);
}

static inline void put_description(package *p)
{
    dlx__proto *o = &p->model;
    dlx__proto_begin(o, 2);
    describe(p, "f", false);
    describe(p, "g", true);
    if (is(p, FUNCTION_TWICE))
        describe(p, "g", true);
    if (is(p, FEATURES_TWICE))
        put_feature(p, 1, "x", false, 65552, 64);
    dlx__proto_text(o, 21, is(p, NO_DEFAULT) ? "h" : "f");
    dlx__proto_begin(o, 100);
    dlx__proto_text(o, 3, is(p, TEXT_NOT_UTF8) ? "\xff" : "somebody");
    dlx__proto_begin(o, 100);
    dlx__proto_text(o, 1, "mask_id");
    dlx__proto_text(o, 2, "5");
    dlx__proto_end(o);
    dlx__proto_end(o);
    dlx__proto_end(o);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static inline void package_build(package *p, package_fault fault)
{
    dlx__proto *o = &p->model;
    *p = (package){.fault = fault};
    dlx__proto_init(o, NULL);
    build_weights(p);
    if (is(p, OTHER_WIRE))
        dlx__proto_text(o, 1, "nine");
    else
        dlx__proto_int(o, 1, is(p, OPSET_TOO_NEW) ? 8 : 9);
    if (!is(p, NO_DESCRIPTION))
        put_description(p);
    if (is(p, TWO_DESCRIPTIONS))
        put_description(p);
    if (is(p, TWO_MODELS)) {
        dlx__proto_begin(o, 500);
        dlx__proto_end(o);
    }
    dlx__proto_begin(o, 502);
    dlx__proto_int(o, 1, is(p, MIL_VERSION) ? 2 : 1);
    put_function(p, "f", false);
    if (!is(p, FUNCTION_WITHOUT_BODY))
        put_function(p, "g", true);
    if (is(p, BODY_TWICE))
        put_function(p, "g", true);
    if (is(p, FUNCTION_UNNAMED))
        put_function(p, "h", true);
    dlx__proto_end(o);
}

/* The parts; the bytes live in p. */
static inline dlx__mlpackage_parts package_parts(package *p)
{
    const uint8_t *model;
    size_t n;
    dlx_error err;
    assert_ok(dlx__proto_finish(&p->model, &model, &n, &err), &err);
    return (dlx__mlpackage_parts){.model = model,
                                  .n_model = is(p, MODEL_CUT) ? n - 40 : n,
                                  .weights = p->n_weights ? p->weights : NULL,
                                  .n_weights = p->n_weights};
}

static inline void package_release(package *p)
{
    dlx__proto_release(&p->model);
}

#endif
