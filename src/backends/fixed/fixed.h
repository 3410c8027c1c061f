/*
 * fixed.h - a session by functions of fixed shapes, as phones' runtimes have them: T rows of a
 * pass, P kept positions, R rows for the head (export/ml_lower.h, export/onnx_lower.h). What they
 * read and write is memory that all of them share, in the type that they compute in; the K and V
 * that come in are the store itself, so that nothing is copied but the rows that a call adds, or
 * states inside. How a function is run is its backend's.
 */
#ifndef DLX__FIXED_H
#define DLX__FIXED_H

#include "backends/program_calls.h"
#include "export/static_ports.h"

typedef enum dlx__fixed_type { DLX__FIXED_FLOAT, DLX__FIXED_HALF } dlx__fixed_type;

/* What functions read and write: T, P, R the largest of them. `void` is of the session's type. */
typedef struct dlx__fixed_memory {
    int32_t *ids;                     /* [T] */
    int32_t *position;                /* [1] */
    void *cos, *sin;                  /* [T, c] */
    void *mask;                       /* [T, P + T] */
    int32_t *head_rows;               /* [R] */
    void *rows;                       /* [R, d] */
    void *hidden;                     /* [T, d] */
    int32_t *best;                    /* [R] */
    float *logit, *lse;               /* [R] */
    void *logits;                     /* [R, V] */
    void *fresh;                      /* [2 L][kv, T, c]: K and V of a call */
    void *past[DLX__PROGRAM_STREAMS]; /* [2 L][kv, P, c] */
} dlx__fixed_memory;

typedef struct dlx__fixed_pass {
    dlx__program_pass pass;
    void *hidden; /* [n, d] of the final norm */
    size_t hidden_capacity;
    bool has_hidden;
} dlx__fixed_pass;

/* Filled by the backend up to `run`, and closed by it whether opening it failed or not. */
typedef struct dlx__fixed {
    const dlx__model *model;
    const char *path; /* for sentences */
    const dlx_allocator *mem;
    int n_streams;
    dlx__fixed_type type;
    dlx__export_cache cache; /* NO_CACHE, IO or STATE */
    size_t n_ctx, n_ids;     /* P; ids below may be chosen ... */
    int64_t never_id;        /* ... but for this one; -1: all of them */
    float unseen;            /* what the mask adds to scores of what is not seen */
    const dlx__static_shape
        *functions; /* [n_functions], those of rows by their number, ascending */
    size_t n_functions;
    /* Runs a function on the memory; its K and V are those of the stream. */
    dlx_result (*run)(void *user, size_t function, int stream, dlx_error *err);
    void *user;

    const struct dlx__kernels *kernels; /* for statistics of logits */
    size_t logits;                      /* the function of the head alone */
    size_t n_rows, n_head_rows;         /* the largest T and R */
    dlx__fixed_memory m;
    dlx__fixed_pass passes[DLX__PROGRAM_STREAMS];
    size_t *places; /* [R] of head_rows among those of the head */
    float *row[2];  /* [V]: logits of a row, and of its other stream */
} dlx__fixed;

/* Allocates what the functions need. One of them must be the head alone, and one of rows. */
dlx_result dlx__fixed_open(dlx__fixed *f, dlx_error *err);
void dlx__fixed_close(dlx__fixed *f);

/* Where the tensor of a function is; NULL: nobody wants it, or the function has none. */
void *dlx__fixed_place(const dlx__fixed *f, size_t function, const char *name, int stream);

/* As those of a backend. A pass waits until the head says which rows it is to tell of. */
dlx_result dlx__fixed_step(dlx__fixed *f, const dlx__step *in, dlx_error *err);
dlx_result dlx__fixed_head(dlx__fixed *f, const dlx__head *in, dlx_error *err);

/* ---- for the files of this folder ------------------------------------------------------------ */

static inline size_t dlx__fixed_bytes(const dlx__fixed *f)
{
    return f->type == DLX__FIXED_HALF ? sizeof(uint16_t) : sizeof(float);
}

/* Number i of `x`, and bytes from it on. */
static inline void *dlx__fixed_at(const dlx__fixed *f, void *x, size_t i)
{
    return (char *)x + i * dlx__fixed_bytes(f);
}

/* Runs the stream's pass, keeps K and V and what its rows are at the end. `in` not NULL: of its
 * rows the functions tell the best ids, as dlx__fixed_tells says that they can. */
dlx_result dlx__fixed_run(dlx__fixed *f, int stream, const dlx__head *in, dlx_error *err);
bool dlx__fixed_tells(const dlx__fixed *f, const dlx__head *in);

#endif
