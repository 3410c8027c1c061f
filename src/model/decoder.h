/* decoder.h - the decoder that all families share: pre-norm attention and a gated MLP. */
#ifndef DLX__DECODER_H
#define DLX__DECODER_H

#include "model/model.h"

/* softmax(rope(q) rope(k)T / sqrt(c)) v, projected: what attention adds to the residual stream x.
 */
dlx__value dlx__decoder_attention(dlx__graph *g, const dlx__model *m, size_t layer, dlx__value x);

/* down(silu(gate x) * up x): what the MLP adds to the residual stream x. */
dlx__value dlx__decoder_mlp(dlx__graph *g, const dlx__model *m, size_t layer, dlx__value x);

/* The whole: embedding, layers, final norm, head. A family's `build` when it deviates in nothing.
 */
void dlx__decoder_build(dlx__graph *g, const dlx__model *m);

#endif
