/* lower_build.h - what the files that lower a graph share. */
#ifndef DLX__LOWER_BUILD_H
#define DLX__LOWER_BUILD_H

#include "export/lower.h"
#include "export/lower_linear.h"

typedef struct dlx__lowering {
    const dlx__graph *g;
    const dlx__lower_opts *o;
    dlx__packed *packed;
    dlx__lowered *to;
    dlx__xnn_graph *x;       /* of `to` */
    dlx__xnn_value *values;  /* [g->n] of the graph's */
    dlx__products products;  /* which round some of them */
    dlx__xnn_value *fresh;   /* [2 * n_layers] K and V of the pass: [kv, T, c] */
    dlx__xnn_value cos, sin; /* [T, 1, c] */
    dlx__xnn_value scale;    /* [1] */
    dlx__xnn_value mask;     /* [T, P + T], in COMPAT that of the layer; NONE: all see all */
    dlx__xnn_value never;    /* [vocabulary] */
    /* COMPAT: */
    dlx__xnn_value cache, masks, insert, keep; /* as the caller gives them */
    dlx__xnn_value *updated; /* [2 * n_layers]: [kv, P, c] what the caller is to keep */
    dlx_error *err;
} dlx__lowering;

/* An argument of the delegate: noted, and an input of dims. */
void dlx__lower_note(dlx__lowering *l, dlx__extern e);
dlx__xnn_value dlx__lower_input(dlx__lowering *l, dlx__extern e, const size_t *dims, int n_dims);

/* Joined along the first axis two to five at a time, in order. */
dlx__xnn_value dlx__lower_join(dlx__lowering *l, dlx__xnn_value *parts, size_t n);

/* lower_attend.c: rows q, k, v [T, h, c] -> [T, h, c] */
dlx__xnn_value dlx__lower_attend(dlx__lowering *l, const dlx__node *node);

/* lower_compat.c: the caller's cache, masks and how rows go into the cache, for all layers at once.
 */
void dlx__compat_inputs(dlx__lowering *l);
dlx__xnn_value dlx__compat_mask(dlx__lowering *l, size_t layer);           /* [1, T, P + T] */
dlx__xnn_value dlx__compat_kept(dlx__lowering *l, size_t layer, int side); /* [kv, P, c] */
/* A side of a layer, kept * keep + insert * fresh; and all of them: [L, 2, 1, kv, P, c] */
void dlx__compat_update(dlx__lowering *l, size_t layer, int side, dlx__xnn_value kept);
dlx__xnn_value dlx__compat_updated(dlx__lowering *l);

#endif
