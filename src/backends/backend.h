/*
 * backend.h - the one interface between the decoding runtime and whatever computes: the scalar
 * reference, the fast CPU code, an exported program on a phone's runtime.
 * Adding a backend is one file plus one word in DLX__BACKENDS (registry.c).
 */
#ifndef DLX__BACKEND_H
#define DLX__BACKEND_H

#include "base/base.h"
#include "base/buf.h"
#include "dtype/kv_type.h"
#include "model/model.h"

/*
 * One forward pass: rows at the positions start .. start + n - 1 of a stream. Their K/V take the
 * slots of their positions (overwriting what was there); then row i attends to the slots
 *   FULL:          [0, max(n_kv, start + n))
 *   BLOCK_CAUSAL:  those j of the same range with j / block <= pos_i / block
 * where [0, n_kv) holds what earlier passes left. The first n_keep rows' K/V must survive this
 * pass (commit: n_keep rows; cached block refinement: all rows; denoising: 0); what the slots of
 * the other rows hold afterwards is undefined. Of the first n_unread rows and the last n_unread_end
 * nothing but K/V is wanted: heads refuse them. A tap and observers see all rows all the same.
 */
typedef struct dlx__step {
    const dlx_token *ids; /* [n] */
    size_t n;
    size_t start;
    size_t n_kv;
    size_t n_keep;
    size_t n_unread, n_unread_end; /* together at most n */
    dlx__visibility visibility;
    size_t block; /* width of BLOCK_CAUSAL; 1 is plain causal */
    int stream;   /* 0; 1 for the unconditional stream of classifier-free guidance */
    /* Debugging and tests: called with the residual stream [n, n_embd] after the embedding (0),
     * after each layer (1 ..) and with the final norm (n_layers + 1). May be NULL. */
    void (*tap)(void *user, size_t index, const float *x, size_t n, size_t n_embd);
    void *tap_user;
    /*
     * Calibration: called on the calling thread with rows [n] of n_in numbers, `stride` apart, that
     * products read; `weight` is the first matrix of those that read them. All rows of the step
     * come, in order, some at a time, for each layer. May be NULL.
     */
    void (*observe)(void *user, const dlx__tensor *weight, const float *x, size_t stride, size_t n,
                    size_t n_in);
    /*
     * The same of rows [n] of n_out numbers that products write, their bias added; `weight` is the
     * product's matrix. Of every product but the head. May be NULL.
     */
    void (*observe_out)(void *user, const dlx__tensor *weight, const float *y, size_t stride,
                        size_t n, size_t n_out);
    void *observe_user;
    /*
     * Polled between pieces of work (a layer, a tile), on the calling thread. True: the pass ends
     * with DLX_CANCELLED; K/V before `start` are as they were, the slots of the pass and its rows
     * hold nothing. NULL: never.
     */
    bool (*stop)(void *user);
    void *stop_user;
} dlx__step;

/* Rows [begin, end) of a step. */
typedef struct dlx__row_span {
    size_t begin, end;
} dlx__row_span;

/* Those that the head may read; of a step whose unread rows are no more than it has. */
static inline dlx__row_span dlx__read_rows(const dlx__step *in)
{
    return (dlx__row_span){in->n_unread, in->n - in->n_unread_end};
}

static inline bool dlx__unread_fit(const dlx__step *in)
{
    return in->n_unread <= in->n && in->n_unread_end <= in->n - in->n_unread;
}

/* What the head says of one row, over the ids that are allowed. */
typedef struct dlx__row_stat {
    dlx_token best;    /* arg-max; ties to the lower id */
    float logit;       /* its logit */
    float prob;        /* its softmax probability */
    float margin;      /* prob minus that of the second best */
    float neg_entropy; /* sum p ln p, <= 0 */
    bool finite;       /* false: NaN or +infinity among the logits, or nothing allowed */
} dlx__row_stat;

/*
 * The LM head on chosen rows of the last step (not its unread ones), fused with arg-max,
 * log-sum-exp, second best and entropy. Ids >= n_ids and the ids in `suppress` count as minus
 * infinity.
 */
typedef struct dlx__head {
    const size_t *rows; /* [n], indices into the rows of the last step */
    size_t n;
    int stream;
    float cfg_scale; /* 0: plain. Else logits = u + (s + 1)(c - u), c stream 0, u stream 1 */
    size_t n_ids;    /* 0: all rows of the head are ids */
    const dlx_token *suppress; /* [n_suppress], ascending */
    size_t n_suppress;
    bool best_only;       /* of the stats `margin` and `neg_entropy` are not wanted, and may be 0 */
    dlx__row_stat *stats; /* [n], or NULL */
    float *logits;        /* [n, n_vocab_rows] raw (nothing suppressed), or NULL */
} dlx__head;

/* Where the runtime of programs is, for backends that load one; each may be NULL. */
typedef struct dlx__runtime_paths {
    const char *onnxruntime; /* its library; NULL: beside this one, then where the loader looks */
    const char *onnxruntime_else; /* ... and then this one */
    const char *qnn_provider;     /* of ONNX Runtime; NULL: beside it; "none": the CPU computes */
} dlx__runtime_paths;

typedef struct dlx__backend_opts {
    size_t n_ctx;  /* slots of a stream */
    size_t n_rows; /* the most rows of one step */
    int n_streams; /* 1 or 2 */
    int n_threads; /* 0: the fast cores */
    bool int8;     /* float matrices become int8 while loading, one scale an output */
    bool bf16;     /* cpu: products of bf16 weights, and of K and V in bf16, read numbers rounded
                      to bf16 */
    dlx__kv_type kv_type; /* NONE: float32; on cpu bf16 where `bf16` is in force */
    const char *kernels;  /* cpu: a table by its name; NULL: the fastest that runs here */
    dlx__scheme scheme;   /* how rows are rounded that products of integer weights read */
    const char *path;     /* of an exported program; NULL for backends that run the graph */
    const dlx__runtime_paths *runtimes; /* lent while loading; NULL: the usual places */
    const dlx_allocator *mem;
} dlx__backend_opts;

/* Bytes; SIZE_MAX: more than can be counted. */
typedef struct dlx__backend_plan {
    size_t mapped;  /* of the checkpoint's weights that every pass reads where they are mapped */
    size_t packed;  /* of weights in the backend's own layout, one copy a model */
    size_t kv;      /* all streams */
    size_t scratch; /* everything else of a session */
} dlx__backend_plan;

typedef struct dlx__backend dlx__backend;         /* one session's state; one thread at a time */
typedef struct dlx__export_opts dlx__export_opts; /* export/exporter.h */
typedef struct dlx__export_rules dlx__export_rules;

typedef struct dlx__backend_class {
    const char *name;
    const char *about;  /* one line for `dlx doctor` */
    bool programs;      /* runs exported programs (opts.path), not graphs */
    bool plain;         /* float32 alone, no kernels to choose from: bf16 and kernels are refused */
    dlx__scheme scheme; /* of rows where nobody names one; NONE: rows are left as they are */
    unsigned kv_types;  /* a bit 1 << dlx__kv_type for each that it can keep; 0: float32 alone */
    /* Can it run here? On failure the sentence says what is missing and how to get it. NULL: yes,
     * or loading will say it. */
    dlx_result (*probe)(dlx_error *err);
    /* The same of a runtime in these places (NULL: the usual ones), and appends what is found;
     * NULL: the backend has no runtime of others. */
    dlx_result (*probe_runtime)(const dlx__runtime_paths *paths, dlx__buf *found, dlx_error *err);
    /* What load will take. NULL: unknown. */
    dlx__backend_plan (*plan)(const dlx__model *m, const dlx__backend_opts *o);
    /* Appends to `out`, in lines, what a pass does; false: no memory. NULL: nothing to tell. */
    bool (*describe)(const dlx__model *m, const dlx__backend_opts *o, dlx__buf *out);
    dlx_result (*load)(dlx__backend **out, const dlx__model *m, const dlx__backend_opts *o,
                       dlx_error *err);
    dlx_result (*step)(dlx__backend *b, const dlx__step *in, dlx_error *err);
    dlx_result (*head)(dlx__backend *b, const dlx__head *in, dlx_error *err);
    void (*close)(dlx__backend *b);
    /* The runtime of others that computes, as people name it; NULL: there is none to choose. */
    const char *(*runtime)(const dlx__backend *b);
    /* What its programs can hold; NULL: it writes none. */
    const dlx__export_rules *exports;
    /* Writes the model as a program for this backend. */
    dlx_result (*export_model)(const dlx__model *m, const dlx__export_opts *o, dlx_error *err);
    /* Appends, in lines, the program that export_model would write; weights are not read. */
    dlx_result (*export_graph)(const dlx__model *m, const dlx__export_opts *o, dlx__buf *out,
                               dlx_error *err);
} dlx__backend_class;

/* Every type of keys and values, for `kv_types`. */
enum { DLX__ALL_KV_TYPES = (1 << DLX__N_KV_TYPES) - (1 << DLX__KV_F32) };

#define DLX__BACKENDS(X) X(xnnpack) X(qnn) X(coreml) X(reference) X(cpu)

const dlx__backend_class *dlx__backend_find(const char *name); /* NULL when unknown */
const dlx__backend_class *const *dlx__backend_list(void);      /* NULL-terminated; default last */

#endif
