/*
 * decoder.c - the shared decoder, written once over graph nodes. Where families differ (biases,
 * norms of q and k, a tied head) the tensor bound to the role says so.
 */
#include "model/decoder.h"

#include <math.h>

/* A place in the model that is being built. */
typedef struct place {
    dlx__graph *g;
    const dlx__model *m;
    size_t layer;
} place;

static const dlx__tensor *weight(place p, dlx__role role)
{
    return dlx__model_tensor(p.m, role, p.layer);
}

static dlx__value norm(place p, dlx__value x, dlx__role w)
{
    return dlx__graph_rmsnorm(p.g, x, weight(p, w), (float)p.m->hp.rms_eps);
}

static dlx__value linear(place p, dlx__value x, dlx__role w)
{
    return dlx__graph_linear(p.g, x, weight(p, w), NULL);
}

/* The projection x wT + b (no b where the family has none), split into heads: [n, heads, c]. */
static dlx__value heads(place p, dlx__value x, dlx__role w, dlx__role bias, size_t n_heads)
{
    dlx__value y = dlx__graph_linear(p.g, x, weight(p, w), weight(p, bias));
    return dlx__graph_split_heads(p.g, y, n_heads);
}

dlx__value dlx__decoder_attention(dlx__graph *g, const dlx__model *m, size_t layer, dlx__value x)
{
    const dlx__hparams *hp = &m->hp;
    place p = {g, m, layer};
    float scale = (float)(1.0 / sqrt((double)hp->head_dim));

    dlx__value h = norm(p, x, DLX__ROLE_ATTN_NORM);                            /* [n, 1, d] */
    dlx__value q = heads(p, h, DLX__ROLE_Q, DLX__ROLE_Q_BIAS, hp->n_heads);    /* [n, h, c] */
    dlx__value k = heads(p, h, DLX__ROLE_K, DLX__ROLE_K_BIAS, hp->n_heads_kv); /* [n, kv, c] */
    dlx__value v = heads(p, h, DLX__ROLE_V, DLX__ROLE_V_BIAS, hp->n_heads_kv); /* [n, kv, c] */
    if (hp->qk_norm) {
        q = norm(p, q, DLX__ROLE_Q_NORM);
        k = norm(p, k, DLX__ROLE_K_NORM);
    }
    q = dlx__graph_rope(g, q, hp->rope_theta);
    k = dlx__graph_rope(g, k, hp->rope_theta);
    dlx__value a = dlx__graph_attend(g, q, k, v, scale);         /* [n, h, c] */
    return linear(p, dlx__graph_merge_heads(g, a), DLX__ROLE_O); /* [n, 1, d] */
}

dlx__value dlx__decoder_mlp(dlx__graph *g, const dlx__model *m, size_t layer, dlx__value x)
{
    place p = {g, m, layer};
    dlx__value h = norm(p, x, DLX__ROLE_MLP_NORM);   /* [n, 1, d] */
    dlx__value gate = linear(p, h, DLX__ROLE_GATE);  /* [n, 1, ff] */
    dlx__value up = linear(p, h, DLX__ROLE_UP);      /* [n, 1, ff] */
    dlx__value f = dlx__graph_silu_mul(g, gate, up); /* [n, 1, ff] */
    return linear(p, f, DLX__ROLE_DOWN);             /* [n, 1, d] */
}

void dlx__decoder_build(dlx__graph *g, const dlx__model *m)
{
    place p = {g, m, 0};
    dlx__value x = dlx__graph_embed(g, weight(p, DLX__ROLE_EMBED)); /* [n, 1, d] */
    for (size_t layer = 0; layer < m->hp.n_layers; layer++) {
        x = dlx__graph_add(g, x, dlx__decoder_attention(g, m, layer, x));
        x = dlx__graph_add(g, x, dlx__decoder_mlp(g, m, layer, x));
        dlx__graph_end_layer(g, x);
    }
    dlx__value hidden = norm(p, x, DLX__ROLE_FINAL_NORM);            /* [n, 1, d] */
    dlx__graph_finish(g, hidden, linear(p, hidden, DLX__ROLE_HEAD)); /* [n, 1, vocab] */
}
