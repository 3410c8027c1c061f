/*
 * decoder.c - the shared decoder, written once over graph nodes. Where families differ (biases,
 * norms of q and k, a tied head) the tensor bound to the role says so.
 */
#include "model/decoder.h"

#include <math.h>

/* The projection x wT (+ b), split into heads, normed where the family does so: [n, heads, c]. */
static dlx__value heads(dlx__graph *g, const dlx__model *m, size_t layer, dlx__value x, dlx__role w,
                        dlx__role bias, size_t n_heads)
{
    return dlx__graph_split_heads(
        g,
        dlx__graph_linear(g, x, dlx__model_tensor(m, w, layer), dlx__model_tensor(m, bias, layer)),
        n_heads);
}

static dlx__value norm(dlx__graph *g, const dlx__model *m, size_t layer, dlx__value x, dlx__role w)
{
    return dlx__graph_rmsnorm(g, x, dlx__model_tensor(m, w, layer), (float)m->hp.rms_eps);
}

dlx__value dlx__decoder_attention(dlx__graph *g, const dlx__model *m, size_t layer, dlx__value x)
{
    const dlx__hparams *hp = &m->hp;
    float scale = (float)(1.0 / sqrt((double)hp->head_dim));

    dlx__value h = norm(g, m, layer, x, DLX__ROLE_ATTN_NORM); /* [n, 1, d] */
    dlx__value q =
        heads(g, m, layer, h, DLX__ROLE_Q, DLX__ROLE_Q_BIAS, hp->n_heads); /* [n, h, c] */
    dlx__value k =
        heads(g, m, layer, h, DLX__ROLE_K, DLX__ROLE_K_BIAS, hp->n_heads_kv); /* [n, kv, c] */
    dlx__value v =
        heads(g, m, layer, h, DLX__ROLE_V, DLX__ROLE_V_BIAS, hp->n_heads_kv); /* [n, kv, c] */
    if (hp->qk_norm) {
        q = norm(g, m, layer, q, DLX__ROLE_Q_NORM);
        k = norm(g, m, layer, k, DLX__ROLE_K_NORM);
    }
    q = dlx__graph_rope(g, q, hp->rope_theta);
    k = dlx__graph_rope(g, k, hp->rope_theta);
    dlx__value a =
        dlx__graph_merge_heads(g, dlx__graph_attend(g, q, k, v, scale)); /* [n, 1, h*c] */
    return dlx__graph_linear(g, a, dlx__model_tensor(m, DLX__ROLE_O, layer), NULL); /* [n, 1, d] */
}

dlx__value dlx__decoder_mlp(dlx__graph *g, const dlx__model *m, size_t layer, dlx__value x)
{
    dlx__value h = norm(g, m, layer, x, DLX__ROLE_MLP_NORM); /* [n, 1, d] */
    dlx__value gate = dlx__graph_linear(g, h, dlx__model_tensor(m, DLX__ROLE_GATE, layer), NULL);
    dlx__value up = dlx__graph_linear(g, h, dlx__model_tensor(m, DLX__ROLE_UP, layer), NULL);
    dlx__value f = dlx__graph_silu_mul(g, gate, up); /* [n, 1, ff] */
    return dlx__graph_linear(g, f, dlx__model_tensor(m, DLX__ROLE_DOWN, layer),
                             NULL); /* [n, 1, d] */
}

void dlx__decoder_build(dlx__graph *g, const dlx__model *m)
{
    dlx__value x = dlx__graph_embed(g, dlx__model_tensor(m, DLX__ROLE_EMBED, 0)); /* [n, 1, d] */
    for (size_t layer = 0; layer < m->hp.n_layers; layer++) {
        x = dlx__graph_add(g, x, dlx__decoder_attention(g, m, layer, x));
        x = dlx__graph_add(g, x, dlx__decoder_mlp(g, m, layer, x));
        dlx__graph_end_layer(g, x);
    }
    dlx__value hidden = norm(g, m, 0, x, DLX__ROLE_FINAL_NORM);
    dlx__value logits = dlx__graph_linear(g, hidden, dlx__model_tensor(m, DLX__ROLE_HEAD, 0), NULL);
    dlx__graph_finish(g, hidden, logits); /* [n, 1, d], [n, 1, vocab] */
}
