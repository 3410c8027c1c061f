/*
 * coreml.h - one session's state of the coreml backend; for the files of this folder only.
 *
 * Every function of a package has fixed shapes: T rows of a pass, P kept positions, R rows for the
 * head (export/ml_lower.h). What they read and write is memory of the session in fp16, which all of
 * them share; the K and V that come in are the store itself, or a state of Core ML's.
 */
#ifndef DLX__COREML_H
#define DLX__COREML_H

#include "backends/coreml/coreml_ports.h"
#include "backends/program_calls.h"
#include "export/exporter.h"

enum { DLX__COREML_FUNCTIONS = 64 }; /* of a package at most */

/* What a package says of itself. */
typedef struct dlx__coreml_facts {
    char family[DLX__COREML_NAME], unit[DLX__COREML_NAME];
    dlx__export_cache cache;
    size_t n_ctx, n_ids;
    int64_t never_id;
    char functions[DLX__COREML_FUNCTIONS * DLX__COREML_NAME]; /* "denoise,prefill,logits" */
} dlx__coreml_facts;

/* A function that is loaded. */
typedef struct dlx__coreml_function {
    void *handle;
    dlx__coreml_sizes size;
    dlx__coreml_ports ports;
    dlx__coreml_array *arrays[DLX__PROGRAM_STREAMS]; /* [ports.n_in + n_out]; they differ in K, V */
} dlx__coreml_function;

typedef struct dlx__coreml_pass {
    dlx__program_pass pass;
    uint16_t *hidden; /* [n, n_embd] of the final norm */
    size_t hidden_capacity;
    bool has_hidden;
} dlx__coreml_pass;

/* What functions read and write: T, P, R the largest of them. Halves but for ids and what is told
 * of rows. */
typedef struct dlx__coreml_memory {
    int32_t *ids;                         /* [T] */
    int32_t *position;                    /* [1] */
    uint16_t *cos, *sin;                  /* [T, c] */
    uint16_t *mask;                       /* [T, P + T] */
    int32_t *head_rows;                   /* [R] */
    uint16_t *rows;                       /* [R, d] */
    uint16_t *hidden;                     /* [T, d] */
    int32_t *best;                        /* [R] */
    float *logit, *lse;                   /* [R] */
    uint16_t *logits;                     /* [R, V] */
    uint16_t *fresh;                      /* [2 L][kv, T, c]: K and V of a call */
    uint16_t *past[DLX__PROGRAM_STREAMS]; /* [2 L][kv, P, c] */
} dlx__coreml_memory;

struct dlx__backend {
    const dlx__model *model;
    dlx__backend_opts opts;
    const struct dlx__kernels *kernels; /* for statistics of logits */
    const dlx__coreml_runtime *runtime;
    void *package;
    dlx__coreml_facts facts;
    dlx__coreml_function *functions; /* [n_functions], those of rows by their number, ascending */
    size_t n_functions;
    const dlx__coreml_function *logits;
    void *states[DLX__PROGRAM_STREAMS]; /* where K and V are inside */
    size_t n_rows, n_head_rows;         /* the largest T and R */
    dlx__coreml_memory m;
    dlx__coreml_pass passes[DLX__PROGRAM_STREAMS];
    size_t *places; /* [R] of head_rows among those of the head */
    float *row[2];  /* [V]: logits of a row, and of its other stream */
};

/* ---- loading: coreml_load.c, coreml_facts.c, coreml_memory.c --------------------------------- */

dlx_result dlx__coreml_probe(dlx_error *err);
dlx_result dlx__coreml_load(dlx__backend **out, const dlx__model *m, const dlx__backend_opts *o,
                            dlx_error *err);
/* The same by this runtime. */
dlx_result dlx__coreml_load_by(dlx__backend **out, const dlx__coreml_runtime *runtime,
                               const dlx__model *m, const dlx__backend_opts *o, dlx_error *err);
void dlx__coreml_close(dlx__backend *b);

/* What the package says, held against the model and the options. */
dlx_result dlx__coreml_facts_read(dlx__backend *b, dlx_error *err);

/* Allocates what the functions need, and says to each where its arrays are. */
dlx_result dlx__coreml_memory_open(dlx__backend *b, dlx_error *err);
void dlx__coreml_memory_close(dlx__backend *b);

/* What the runtime said, with the package's path in front of a failure. */
dlx_result dlx__coreml_of(const dlx__backend *b, dlx_result r, dlx_error *err);

/* ---- passes: coreml_step.c, coreml_head.c ---------------------------------------------------- */

dlx_result dlx__coreml_step(dlx__backend *b, const dlx__step *in, dlx_error *err);
dlx_result dlx__coreml_head(dlx__backend *b, const dlx__head *in, dlx_error *err);

/* Runs the stream's pass, keeps K and V and what its rows are at the end. `in` not NULL: of its
 * rows the functions tell the best ids, as dlx__coreml_tells says that they can. */
dlx_result dlx__coreml_run(dlx__backend *b, int stream, const dlx__head *in, dlx_error *err);
bool dlx__coreml_tells(const dlx__backend *b, const dlx__head *in);

#endif
