/*
 * pte_program.h - an ExecuTorch program in memory. It holds what is small: values, instructions,
 * names, delegate payloads. What is large - constants, initial values, named data - is a size and a
 * function that writes the bytes when the file is written, so a program of any size is built in
 * little memory. The first misfit is kept in `failure`, as in graph.h; dlx__pte_write returns it.
 *
 * Order: a value that refers to others (a list) comes after them. A value belongs to its method.
 */
#ifndef DLX__PTE_PROGRAM_H
#define DLX__PTE_PROGRAM_H

#include "base/arena.h"
#include "export/pte_types.h"

/* ---- bytes that are written later ------------------------------------------------------------ */

typedef struct dlx__pte_sink dlx__pte_sink; /* where they go (pte_write.h) */

typedef struct dlx__pte_blob {
    uint64_t n_bytes;
    const void *bytes; /* borrowed until the file is written; NULL: `produce` */
    /* Hands exactly n_bytes to dlx__pte_sink_put, in pieces of any size. May be called again. */
    dlx_result (*produce)(void *user, dlx__pte_sink *sink, dlx_error *err);
    void *user;
} dlx__pte_blob;

typedef struct dlx__pte_named_blob {
    const char *key;
    dlx__pte_blob blob;
} dlx__pte_named_blob;

/* ---- a method -------------------------------------------------------------------------------- */

typedef uint32_t dlx__pte_value; /* index in its method */
#define DLX__PTE_NONE UINT32_MAX /* in an optional tensor list: no tensor */

typedef enum dlx__pte_storage {
    DLX__PTE_CALLER,   /* the caller supplies the pointer: an input, shared without a copy */
    DLX__PTE_PLANNED,  /* in arena `arena` at `offset` */
    DLX__PTE_CONSTANT, /* constant `data` of the program */
    DLX__PTE_INITIAL   /* as PLANNED, and begins with initial value `data` */
} dlx__pte_storage;

typedef struct dlx__pte_tensor {
    dlx__pte_type type;
    int n_dims;
    size_t dims[DLX__PTE_MAX_DIMS]; /* the largest, if dynamic */
    bool dynamic;                   /* may be smaller at run time, up to dims */
    dlx__pte_storage storage;
    uint32_t data;    /* of dlx__pte_constant or dlx__pte_initial */
    uint32_t arena;   /* 1, or 2 for state that methods share: there the offsets must agree */
    uint64_t offset;  /* a multiple of 16 */
    const char *name; /* by which the host finds state; NULL: none */
} dlx__pte_tensor;

enum { DLX__PTE_MAX_ARENAS = 8 };

typedef struct dlx__pte_value_info {
    dlx__pte_kind kind;
    int64_t i; /* INT, BOOL */
    double d;
    const char *text;
    const dlx__pte_tensor *tensor;
    const int32_t *items; /* [n_items] lists: values, -1 for none */
    size_t n_items;
} dlx__pte_value_info;

typedef struct dlx__pte_step {
    dlx__pte_step_kind kind;
    uint32_t a;          /* operator, delegate; moved from; condition; freed */
    uint32_t b;          /* moved to; step that is jumped to */
    const int32_t *args; /* [n_args] values */
    size_t n_args;
} dlx__pte_step;

typedef struct dlx__pte_operator {
    const char *name, *overload;
} dlx__pte_operator;

typedef struct dlx__pte_delegate_info {
    const char *id;
    uint32_t payload; /* of the program */
} dlx__pte_delegate_info;

typedef struct dlx__pte_method {
    struct dlx__pte *program;
    const char *name;
    dlx__pte_value_info *values;
    int32_t *inputs, *outputs;
    dlx__pte_operator *operators;
    dlx__pte_delegate_info *delegates;
    dlx__pte_step *steps;
    size_t n_values, n_inputs, n_outputs, n_operators, n_delegates, n_steps;
    size_t value_capacity, input_capacity, output_capacity, operator_capacity, delegate_capacity,
        step_capacity;
    uint64_t arena_bytes[DLX__PTE_MAX_ARENAS]; /* 0 is reserved */
} dlx__pte_method;

/* ---- a program ------------------------------------------------------------------------------- */

typedef struct dlx__pte {
    dlx__arena arena;
    dlx__pte_method **methods;
    dlx__pte_blob *constants, *initials, *payloads; /* constants[0], initials[0]: placeholders */
    dlx__pte_named_blob *named;
    size_t n_methods, n_constants, n_initials, n_payloads, n_named;
    size_t method_capacity, constant_capacity, initial_capacity, payload_capacity, named_capacity;
    dlx_error failure; /* the first failure while building; later calls do nothing */
} dlx__pte;

void dlx__pte_init(dlx__pte *p, const dlx_allocator *mem);
void dlx__pte_release(dlx__pte *p);

/* The method lives as long as the program; NULL after a failure, which every call below accepts. */
dlx__pte_method *dlx__pte_add_method(dlx__pte *p, const char *name);

/* Methods that return constants: what runners ask a program about itself. */
void dlx__pte_tell_int(dlx__pte *p, const char *name, int64_t value);
void dlx__pte_tell_bool(dlx__pte *p, const char *name, bool value);
void dlx__pte_tell_double(dlx__pte *p, const char *name, double value);
void dlx__pte_tell_text(dlx__pte *p, const char *name, const char *value);
void dlx__pte_tell_ints(dlx__pte *p, const char *name, const int64_t *values, size_t n);

/* Numbers for dlx__pte_tensor.data: constants, and first values of mutable tensors. */
uint32_t dlx__pte_constant(dlx__pte *p, dlx__pte_blob blob);
uint32_t dlx__pte_initial(dlx__pte *p, dlx__pte_blob blob);

/* Data that delegates ask for by key. A key that is there already, of the same size, is shared. */
void dlx__pte_name(dlx__pte *p, const char *key, dlx__pte_blob blob);

/* ---- values of a method ---------------------------------------------------------------------- */

dlx__pte_value dlx__pte_null(dlx__pte_method *m);
dlx__pte_value dlx__pte_int(dlx__pte_method *m, int64_t value);
dlx__pte_value dlx__pte_bool(dlx__pte_method *m, bool value);
dlx__pte_value dlx__pte_double(dlx__pte_method *m, double value);
dlx__pte_value dlx__pte_string(dlx__pte_method *m, const char *value);
/* Copies *t. An arena grows to hold what is placed in it. */
dlx__pte_value dlx__pte_add_tensor(dlx__pte_method *m, const dlx__pte_tensor *t);
/* Of INT values: what they hold when the list is used. */
dlx__pte_value dlx__pte_int_list(dlx__pte_method *m, const dlx__pte_value *items, size_t n);
dlx__pte_value dlx__pte_tensor_list(dlx__pte_method *m, const dlx__pte_value *items, size_t n);
/* Items may be DLX__PTE_NONE. */
dlx__pte_value dlx__pte_optional_list(dlx__pte_method *m, const dlx__pte_value *items, size_t n);

/* A place for n_bytes at the end of an arena: the offset. 16 bytes stay free behind it, because
 * XNNPACK reads ahead. */
uint64_t dlx__pte_take(dlx__pte_method *m, uint32_t arena, uint64_t n_bytes);

void dlx__pte_input(dlx__pte_method *m, dlx__pte_value v);
void dlx__pte_output(dlx__pte_method *m, dlx__pte_value v);

/* ---- steps of a method, in order ------------------------------------------------------------- */

/*
 * "aten::embedding", "out": every argument of the schema in order, those with a default too;
 * kernels with an `out` argument name it twice at the end.
 */
void dlx__pte_call(dlx__pte_method *m, const char *name, const char *overload,
                   const dlx__pte_value *args, size_t n);

/* A delegate of the method; the payload is copied. Arguments stand in the order it wants. */
uint32_t dlx__pte_delegate(dlx__pte_method *m, const char *backend, const void *payload, size_t n);
void dlx__pte_call_delegate(dlx__pte_method *m, uint32_t delegate, const dlx__pte_value *args,
                            size_t n);

void dlx__pte_move(dlx__pte_method *m, dlx__pte_value from, dlx__pte_value to);
void dlx__pte_free(dlx__pte_method *m, dlx__pte_value v);
/* Jumps to step `target` if the condition is false; the step's number, to set the target later. */
uint32_t dlx__pte_jump_false(dlx__pte_method *m, dlx__pte_value condition, uint32_t target);
void dlx__pte_set_target(dlx__pte_method *m, uint32_t jump, uint32_t target);

/* ---- the whole ------------------------------------------------------------------------------- */

/* Bytes of a tensor; SIZE_MAX on overflow. */
size_t dlx__pte_tensor_bytes(const dlx__pte_tensor *t);

/* Sound as a whole: names once, state of one name at one place, jumps inside their methods. */
dlx_result dlx__pte_check(const dlx__pte *p, dlx_error *err);

#endif
