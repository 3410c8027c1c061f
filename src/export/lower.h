/*
 * lower.h - a model's graph as one XNNPACK graph: everything of a pass but the rows of the
 * embedding and the rotation, which come in, and the keeping of K and V, which go out.
 *
 * T rows, kv heads of K and V, c numbers of a head, P positions kept before them. Rows attend to
 * the P positions and to all T, unless a mask is added to the scores.
 */
#ifndef DLX__LOWER_H
#define DLX__LOWER_H

#include "export/packed.h"
#include "export/xnn_graph.h"
#include "graph/graph.h"

/* Where K and V of earlier passes are: name, text */
#define DLX__EXPORT_CACHES(X)                                                                      \
    X(NO_CACHE, "none") /* nowhere: every pass is a whole canvas */                                \
    X(STATE, "state")   /* in the program; inputs [P, c], one for each head */                     \
    X(IO, "io")         /* with the caller; inputs [kv, P, c], one for each layer */               \
    X(COMPAT, "compat") /* likewise, in one tensor for all layers, of fixed sizes, with masks */

typedef enum dlx__export_cache {
#define DLX__EXPORT_CACHE_ENUM(name, text) DLX__EXPORT_##name,
    DLX__EXPORT_CACHES(DLX__EXPORT_CACHE_ENUM)
#undef DLX__EXPORT_CACHE_ENUM
        DLX__N_EXPORT_CACHES
} dlx__export_cache;

const char *dlx__export_cache_name(dlx__export_cache cache);
bool dlx__export_cache_find(dlx__export_cache *out, const char *name);

typedef enum dlx__lower_part {
    DLX__LOWER_ALL,  /* logits of every row */
    DLX__LOWER_BODY, /* without the head: rows of the final norm go out */
    DLX__LOWER_HEAD  /* the head alone, on R rows of the final norm that come in */
} dlx__lower_part;

typedef struct dlx__lower_opts {
    dlx__lower_part part;
    dlx__export_cache cache;
    bool masked;         /* a mask [T, P + T] is an input */
    bool half_embedding; /* the embedding's rows come in fp16 */
    size_t n_rows;       /* T at most; R of the head alone */
    size_t n_ctx;        /* P at most */
} dlx__lower_opts;

/* What an argument of the delegate is. */
typedef enum dlx__extern_kind {
    DLX__EXTERN_EMBEDDED, /* in: [T, d] rows of the embedding */
    DLX__EXTERN_COS,      /* in: [T, c] of the rows' positions */
    DLX__EXTERN_SIN,      /* in: [T, c] */
    DLX__EXTERN_SCALE,    /* in: [1] of the scores */
    DLX__EXTERN_MASK,     /* in: [T, P + T]; COMPAT: [L, 1, 1, T, P + T] */
    DLX__EXTERN_GAIN,     /* in: [n] of a norm, or a bias, `tensor` */
    DLX__EXTERN_PAST,     /* in: K (side 0) or V (1) of `layer`, of `head` where they are apart */
    DLX__EXTERN_NEW,      /* out: [kv, T, c] K or V of `layer` */
    DLX__EXTERN_LOGITS,   /* out: [1, T, vocabulary]; the head alone: [R, vocabulary] */
    /* COMPAT */
    DLX__EXTERN_CACHE,   /* in: [L, 2, 1, kv, P, c] */
    DLX__EXTERN_INSERT,  /* in: [L, 1, 1, P, T] of row t that goes to position p 1, else 0 */
    DLX__EXTERN_KEEP,    /* in: [L, 1, 1, P, 1] of positions that stay 1, else 0 */
    DLX__EXTERN_UPDATED, /* out: [L, 2, 1, kv, P, c] */
    /* BODY and HEAD */
    DLX__EXTERN_FINAL,  /* out: [T, d] of the final norm */
    DLX__EXTERN_PICKED, /* in: [R, d] of them */
    DLX__EXTERN_NEVER,  /* in: [vocabulary] that is added to the logits */
    DLX__EXTERN_PROBS   /* out: [R, vocabulary] their softmax */
} dlx__extern_kind;

typedef struct dlx__extern {
    dlx__extern_kind kind;
    const dlx__tensor *tensor;
    size_t layer, head;
    int side;
} dlx__extern;

typedef struct dlx__lowered {
    dlx__xnn_graph xnn;
    dlx__extern *externs; /* [n] in the order of the delegate's arguments */
    size_t n, capacity;
    float scale;  /* of the scores */
    double theta; /* of the rotation */
} dlx__lowered;

/*
 * Weights are named by `packed`, which gets those that it does not know yet. Nodes that XNNPACK
 * cannot express are refused by name. On failure nothing is to be released.
 */
dlx_result dlx__lower(dlx__lowered *to, const dlx__graph *g, const dlx__lower_opts *opts,
                      dlx__packed *packed, const dlx_allocator *mem, dlx_error *err);
void dlx__lowered_release(dlx__lowered *l);

/* What the delegate gets and gives in the order of its arguments, then its nodes. false: no memory.
 */
bool dlx__lowered_print(const dlx__lowered *l, dlx__buf *out);

#endif
