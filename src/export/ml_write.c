/*
 * ml_write.c - a function as protobuf messages. Field numbers are those of Core ML's MIL.proto,
 * Model.proto and FeatureTypes.proto.
 */
#include "export/ml_graph.h"

#include "base/little.h" /* bytes go out as they are */

#include <string.h>

#define WEIGHTS "@model_path/weights/weight.bin"

/* ---- types --------------------------------------------------------------------------------- */

static void put_tensor_type(dlx__proto *p, dlx__ml_type type, const dlx__ml_shape *shape)
{
    dlx__proto_begin(p, 1); /* ValueType.tensorType */
    dlx__proto_int(p, 1, type);
    dlx__proto_int(p, 2, shape->n_dims);
    for (int i = 0; i < shape->n_dims; i++) {
        dlx__proto_begin(p, 3); /* Dimension */
        dlx__proto_begin(p, 1); /* constant */
        dlx__proto_int(p, 1, (int64_t)shape->dims[i]);
        dlx__proto_end(p);
        dlx__proto_end(p);
    }
    dlx__proto_end(p);
}

static void put_type(dlx__proto *p, int field, const dlx__ml_tensor *t)
{
    dlx__proto_begin(p, field);
    if (t->kind == DLX__ML_STATE) {
        dlx__proto_begin(p, 5); /* stateType */
        dlx__proto_begin(p, 1); /* wrappedType */
        put_tensor_type(p, t->type, &t->shape);
        dlx__proto_end(p);
        dlx__proto_end(p);
    } else {
        put_tensor_type(p, t->type, &t->shape);
    }
    dlx__proto_end(p);
}

static void put_named_type(dlx__proto *p, int field, const dlx__ml_tensor *t)
{
    dlx__proto_begin(p, field);
    dlx__proto_text(p, 1, t->name);
    put_type(p, 2, t);
    dlx__proto_end(p);
}

/* ---- values -------------------------------------------------------------------------------- */

/* The repeated field of a TensorValue that holds a type. */
static int values_field(dlx__ml_type type)
{
    switch (type) {
    case DLX__ML_INT32:
        return 2;
    case DLX__ML_BOOL:
        return 3;
    case DLX__ML_STRING:
        return 4;
    default:
        return 7; /* bytes */
    }
}

static void put_numbers(dlx__proto *p, const dlx__ml_tensor *t)
{
    enum { MOST = 16 };
    int64_t numbers[MOST];
    size_t n = 0;
    if (t->type == DLX__ML_INT32)
        for (; n < MOST && (n + 1) * sizeof(int32_t) <= t->n_bytes; n++) {
            int32_t x;
            memcpy(&x, (const uint8_t *)t->bytes + n * sizeof x, sizeof x);
            numbers[n] = x;
        }
    if (t->type == DLX__ML_BOOL)
        for (; n < MOST && n < t->n_bytes; n++)
            numbers[n] = ((const uint8_t *)t->bytes)[n] != 0;
    if (n > 0)
        dlx__proto_ints(p, 1, numbers, n);
    else
        dlx__proto_bytes(p, 1, t->bytes, t->n_bytes);
}

static void put_constant(dlx__proto *p, int field, const dlx__ml_tensor *t)
{
    dlx__proto_begin(p, field); /* Value */
    put_type(p, 2, t);
    dlx__proto_begin(p, 3); /* immediateValue */
    dlx__proto_begin(p, 1); /* tensor */
    dlx__proto_begin(p, values_field(t->type));
    put_numbers(p, t);
    dlx__proto_end(p);
    dlx__proto_end(p);
    dlx__proto_end(p);
    dlx__proto_end(p);
}

static void put_blob(dlx__proto *p, int field, const dlx__ml_blob *b)
{
    dlx__proto_begin(p, field); /* Value */
    dlx__proto_begin(p, 2);
    put_tensor_type(p, b->type, &b->shape);
    dlx__proto_end(p);
    dlx__proto_begin(p, 5); /* blobFileValue */
    dlx__proto_text(p, 1, WEIGHTS);
    dlx__proto_int(p, 2, (int64_t)b->offset);
    dlx__proto_end(p);
    dlx__proto_end(p);
}

/* ---- operations ---------------------------------------------------------------------------- */

static void begin_entry(dlx__proto *p, int field, const char *key)
{
    dlx__proto_begin(p, field);
    dlx__proto_text(p, 1, key);
}

static void put_args(dlx__proto *p, const dlx__ml_graph *g, const dlx__ml_op *op)
{
    for (size_t i = 0; i < op->n_args;) {
        const char *param = op->args[i].param;
        begin_entry(p, 2, param);
        dlx__proto_begin(p, 2); /* Argument */
        for (; i < op->n_args && strcmp(op->args[i].param, param) == 0; i++) {
            dlx__proto_begin(p, 1); /* Binding */
            dlx__proto_text(p, 1, dlx__ml_at(g, op->args[i].value)->name);
            dlx__proto_end(p);
        }
        dlx__proto_end(p);
        dlx__proto_end(p);
    }
}

/* A constexpr has its values where others have names. */
static void put_blob_arg(dlx__proto *p, const char *param, const dlx__ml_blob *b)
{
    begin_entry(p, 2, param);
    dlx__proto_begin(p, 2);
    dlx__proto_begin(p, 1);
    put_blob(p, 2, b);
    dlx__proto_end(p);
    dlx__proto_end(p);
    dlx__proto_end(p);
}

static void put_name(dlx__proto *p, const char *name)
{
    const dlx__ml_tensor text = {
        .type = DLX__ML_STRING, .kind = DLX__ML_CONSTANT, .bytes = name, .n_bytes = strlen(name)};
    begin_entry(p, 5, "name");
    put_constant(p, 2, &text);
    dlx__proto_end(p);
}

static void put_value(dlx__proto *p, const dlx__ml_op *op, const dlx__ml_tensor *t)
{
    begin_entry(p, 5, "val");
    if (op->n_blobs)
        put_blob(p, 2, &op->blobs[0]);
    else
        put_constant(p, 2, t);
    dlx__proto_end(p);
}

static void put_op(dlx__proto *p, const dlx__ml_graph *g, const dlx__ml_op *op)
{
    const dlx__ml_tensor *first = dlx__ml_at(g, op->outputs[0]);
    dlx__proto_begin(p, 3); /* Operation */
    dlx__proto_text(p, 1, op->type);
    put_args(p, g, op);
    if (op->n_blobs == 2) {
        put_blob_arg(p, "data", &op->blobs[0]);
        put_blob_arg(p, "scale", &op->blobs[1]);
    }
    for (size_t i = 0; i < op->n_outputs; i++)
        put_named_type(p, 3, dlx__ml_at(g, op->outputs[i]));
    if (op->n_outputs)
        put_name(p, first->name);
    if (strcmp(op->type, "const") == 0)
        put_value(p, op, first);
    dlx__proto_end(p);
}

static bool is_input(const dlx__ml_tensor *t)
{
    return t->kind == DLX__ML_INPUT || t->kind == DLX__ML_STATE;
}

void dlx__ml_serialize(const dlx__ml_graph *g, const char *opset, int field, dlx__proto *p)
{
    begin_entry(p, field, g->name);
    dlx__proto_begin(p, 2); /* Function */
    for (size_t i = 1; i < g->n_tensors; i++)
        if (is_input(&g->tensors[i]))
            put_named_type(p, 1, &g->tensors[i]);
    dlx__proto_text(p, 2, opset);
    begin_entry(p, 3, opset);
    dlx__proto_begin(p, 2); /* Block */
    for (size_t i = 1; i < g->n_tensors; i++)
        if (g->tensors[i].is_output)
            dlx__proto_text_always(p, 2, g->tensors[i].name);
    for (size_t i = 0; i < g->n_ops; i++)
        put_op(p, g, &g->ops[i]);
    dlx__proto_end(p);
    dlx__proto_end(p);
    dlx__proto_end(p);
    dlx__proto_end(p);
}

/* ---- features ------------------------------------------------------------------------------ */

static int64_t feature_type(dlx__ml_type type)
{
    enum { FLOAT32 = 65568, FLOAT16 = 65552, INT32 = 131104 };
    return type == DLX__ML_INT32 ? INT32 : type == DLX__ML_FLOAT ? FLOAT32 : FLOAT16;
}

static void put_array(dlx__proto *p, int field, const dlx__ml_tensor *t)
{
    int64_t dims[DLX__ML_MAX_DIMS];
    for (int i = 0; i < t->shape.n_dims; i++)
        dims[i] = (int64_t)t->shape.dims[i];
    dlx__proto_begin(p, field);
    dlx__proto_ints(p, 1, dims, (size_t)t->shape.n_dims);
    dlx__proto_int(p, 2, feature_type(t->type));
    dlx__proto_end(p);
}

static void put_feature(dlx__proto *p, int field, const dlx__ml_tensor *t)
{
    dlx__proto_begin(p, field); /* FeatureDescription */
    dlx__proto_text(p, 1, t->name);
    dlx__proto_begin(p, 3); /* FeatureType */
    if (t->kind == DLX__ML_STATE) {
        dlx__proto_begin(p, 8);
        put_array(p, 1, t);
        dlx__proto_end(p);
    } else {
        put_array(p, 5, t);
    }
    dlx__proto_end(p);
    dlx__proto_end(p);
}

void dlx__ml_describe(const dlx__ml_graph *g, int field, dlx__proto *p)
{
    dlx__proto_begin(p, field); /* FunctionDescription */
    dlx__proto_text(p, 1, g->name);
    for (size_t i = 1; i < g->n_tensors; i++)
        if (g->tensors[i].kind == DLX__ML_INPUT)
            put_feature(p, 2, &g->tensors[i]);
    for (size_t i = 1; i < g->n_tensors; i++)
        if (g->tensors[i].is_output)
            put_feature(p, 3, &g->tensors[i]);
    for (size_t i = 1; i < g->n_tensors; i++)
        if (g->tensors[i].kind == DLX__ML_STATE)
            put_feature(p, 6, &g->tensors[i]);
    dlx__proto_end(p);
}
