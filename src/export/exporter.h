/*
 * exporter.h - what every exporter is asked for: a program of a model for a backend. Backends
 * implement it (backend.h, export_model).
 */
#ifndef DLX__EXPORTER_H
#define DLX__EXPORTER_H

#include "export/lower.h"
#include "export/parts.h"

typedef struct dlx__export_written {
    uint64_t program_bytes, data_bytes; /* of the files; data: of the second, if there is one */
    uint64_t weight_bytes;              /* of all weights in it, each once */
    size_t n_fallbacks; /* matrices whose rows are no whole groups, and which are int8 for int4 */
    size_t n_again;     /* of integers that their form cannot hold, and which are rounded again */
    dlx__export_parts parts;
    /* Where it runs: K and V of all positions, what the methods' own tensors take, and what the
     * delegate lays out anew: once, or once for each of n_methods without a cache of weights. */
    uint64_t state_bytes, planned_bytes, filter_bytes;
    size_t n_methods;
} dlx__export_written;

typedef struct dlx__export_opts dlx__export_opts;
struct dlx__export_opts {
    const char *path;
    const char *data_path;   /* a second file for the weights; NULL: one file */
    dlx__packing packing;    /* of matrices; the head of INT4 is INT8 */
    dlx__scheme scheme;      /* WEIGHT_ONLY, DYNAMIC or STATIC; the head of STATIC is DYNAMIC */
    dlx__export_cache cache; /* where K and V are */
    size_t n_ctx;            /* positions */
    size_t n_rows;           /* of a pass, at most */
    size_t n_ids;            /* 0: no method that chooses ids. Else those below may be chosen ... */
    int64_t never_id;        /* ... but for this one; -1: all of them */
    const void *description; /* [n_description]: the model's keys as a GGUF file without tensors */
    size_t n_description;
    int n_threads; /* that pack weights, the same bytes for any number; 0: the fast cores */
    bool (*on_progress)(void *user, uint64_t n_done, uint64_t n_total); /* false stops; or NULL */
    void *user;
    const dlx_allocator *mem;
    dlx__export_written *written;
};

/* What is asked for, by name; NULL and 0: the usual. */
typedef struct dlx__export_ask {
    const char *dtype, *scheme, *cache;
    size_t n_ctx, n_rows;
} dlx__export_ask;

/* Checks what is asked against the model and fills packing, scheme, cache, n_ctx and n_rows. */
dlx_result dlx__export_resolve(dlx__export_opts *to, const dlx__export_ask *ask,
                               const dlx__model *m, dlx_error *err);

const char *dlx__packing_name(dlx__packing packing);

#endif
