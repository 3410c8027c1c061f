/*
 * exporter.h - what every exporter is asked for: a program of a model for a backend. Backends
 * implement it (backend.h, export_model).
 */
#ifndef DLX__EXPORTER_H
#define DLX__EXPORTER_H

#include "export/lower.h"
#include "export/ml_target.h"
#include "export/parts.h"
#include "export/soc.h"

typedef struct dlx__export_written {
    uint64_t program_bytes, data_bytes; /* of the files; data: of the second, if there is one */
    uint64_t weight_bytes;              /* weight_bytes.h */
    bool has_denoise;                   /* methods that choose ids */
    size_t n_fallbacks; /* matrices whose rows are no whole groups, and which are int8 for int4 */
    size_t n_again;     /* of integers that their form cannot hold, and which are rounded again */
    dlx__export_parts parts;
    size_t n_compiled;      /* functions that are ready for the chip */
    dlx_error not_compiled; /* why none is that should be; DLX_OK: it is, or nobody asked */
    /* Where it runs: K and V of all positions, what the methods' own tensors take, and what the
     * delegate lays out anew: once, or once for each of n_methods without a cache of weights. */
    uint64_t state_bytes, planned_bytes, filter_bytes;
    size_t n_methods;
} dlx__export_written;

/* A name for a form of the weights and what is done with rows. */
typedef struct dlx__export_profile {
    const char *name, *dtype, *scheme; /* scheme NULL: the type's usual one */
} dlx__export_profile;

/* What a backend's files can hold. Of the packings those that a dtype names: up to INT4. */
typedef struct dlx__export_rules {
    unsigned caches;                     /* a bit 1 << dlx__export_cache for each */
    const dlx__export_profile *profiles; /* [n_profiles], the first is the usual one; NULL: none */
    size_t n_profiles;
    bool has_canvases; /* a graph for each length of a canvas; else passes take fewer rows too */
    bool names_chips;  /* files may be meant for a chip */
    bool is_apple;     /* files have an oldest system, and say where they are computed */
    bool usual_io;     /* K and V that are kept are with the caller where nobody says */
    const char *plain_dtype; /* of weights that nobody rounds; NULL: fp32 */
    /* Of rows, where nobody names one. */
    dlx__scheme (*usual_scheme)(dlx__packing packing);
    /* Why the two do not go together here, as the second half of a sentence; NULL: they do. */
    const char *(*refusal)(dlx__packing packing, dlx__scheme scheme);
    dlx__export_forms (*forms)(dlx__packing packing, dlx__scheme scheme);
    /* How the reference rounds rows to compute the same with the same weights. */
    dlx__scheme (*same_scheme)(dlx__packing packing, dlx__scheme scheme);
} dlx__export_rules;

typedef struct dlx__export_opts dlx__export_opts;
typedef struct dlx__runtime_paths dlx__runtime_paths; /* backends/backend.h */
struct dlx__export_opts {
    const char *path;
    const char *data_path; /* a second file for the weights; NULL: one file */
    const dlx__export_rules *rules;
    dlx__packing packing;    /* that was asked for */
    dlx__export_forms forms; /* that it has by the rules */
    dlx__scheme scheme;      /* WEIGHT_ONLY, DYNAMIC or STATIC; the head of STATIC is DYNAMIC */
    dlx__export_cache cache; /* where K and V are */
    size_t n_ctx;            /* positions */
    size_t n_rows;           /* of a pass, at most */
    const char *profile;     /* its name by the rules; NULL: they have none */
    const dlx__soc *soc;     /* the chip; NULL: none is named */
    const dlx__ml_target *target; /* with rules that are Apple's */
    const char *unit;             /* likewise, "cpu-and-ne" */
    const size_t *canvases;       /* [n_canvases] lengths, with rules that have them */
    size_t n_canvases;
    bool compile;                       /* for `soc`, where there is something to do it with */
    const dlx__runtime_paths *runtimes; /* which that may be; NULL: the usual places */
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

/* What a file of settings calls that which is asked for; NULL: it does not say it. */
typedef struct dlx__export_keys {
    const char *file; /* its own name, for sentences */
    const char *type, *cache, *n_ctx, *target, *unit;
} dlx__export_keys;

/* What is asked for, by name; NULL and 0: the usual. */
typedef struct dlx__export_ask {
    const char *dtype, *scheme, *cache, *profile, *soc, *target, *unit;
    size_t n_ctx, n_rows;
    const size_t *canvases; /* [n_canvases] */
    size_t n_canvases;
    bool compile;
    bool keeps; /* K and V, of families too that need none, where no cache is named */
    dlx__export_keys keys;
} dlx__export_ask;

/* Checks what is asked against to->rules and the model, and fills packing, forms, scheme, profile,
 * cache, n_ctx, n_rows and canvases, whose list is the one asked for. n_rows are those that a pass
 * gets: of static graphs whole blocks of prompts, or the longest canvas. */
dlx_result dlx__export_resolve(dlx__export_opts *to, const dlx__export_ask *ask,
                               const dlx__model *m, dlx_error *err);

const char *dlx__packing_name(dlx__packing packing);

/* Rows of a static graph that takes prompts, which come in whole blocks: n_rows up to the next one,
 * or down where the context ends. */
size_t dlx__export_prefill_rows(const dlx__export_opts *o, const dlx__model *m);

#endif
