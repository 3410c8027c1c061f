/*
 * site.h - the four places of a layer where products read rows: who reads them, and who makes them.
 * Feature i of such rows may be divided by any number if the readers' column i is multiplied by it:
 * the maker takes the division, and the model stays what it was.
 */
#ifndef DLX__SITE_H
#define DLX__SITE_H

#include "quant/layer.h"

typedef enum dlx__site_index {
    DLX__SITE_ATTN, /* normed, read by q, k and v */
    DLX__SITE_O,    /* what attention gave */
    DLX__SITE_MLP,  /* normed, read by gate and up */
    DLX__SITE_DOWN, /* silu(gate) * up */
    DLX__N_SITES
} dlx__site_index;

typedef struct dlx__site {
    dlx__role readers[3]; /* [n_readers] */
    size_t n_readers;
    dlx__role maker; /* a norm's weights, or the matrix whose outputs they are */
} dlx__site;

extern const dlx__site dlx__sites[DLX__N_SITES];

/* The site that a matrix reads; DLX__N_SITES: no matrix of a layer. */
dlx__site_index dlx__site_of(dlx__role role);

/*
 * Divides the features of a site by scales [n_in] and multiplies the readers' columns. Heads that
 * share a value head share its scales: see dlx__site_share.
 */
void dlx__site_scale(dlx__layer *l, dlx__site_index site, const float *scales,
                     const dlx__hparams *hp);

/* x [n_in] >= 0: where features have one maker's row in common, each becomes their root mean
 * square. */
void dlx__site_share(float *x, dlx__site_index site, const dlx__hparams *hp);

#endif
