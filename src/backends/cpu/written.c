/* written.c - what the products of a phase wrote, kept apart for a caller that calibrates. */
#include "backends/cpu/session.h"

size_t dlx__cpu_written_bytes(const dlx__cpu_shape *s)
{
    const size_t heads = dlx__add(s->n_heads, dlx__mul(2, s->n_heads_kv));
    const size_t projected = dlx__mul(heads, s->head_dim);
    const size_t most = dlx__max(dlx__max(projected, s->n_embd), dlx__mul(2, s->n_ff));
    return dlx__mul(dlx__mul(DLX__CPU_TILE, most), sizeof(float));
}

void dlx__cpu_keep_products(dlx__cpu_job *j, const dlx__cpu_linear *const products[3])
{
    float *at = j->room;
    for (int k = 0; k < 3; k++) {
        j->written[k] = at && products[k] ? at : NULL;
        if (j->written[k])
            at += j->n_rows * products[k]->w.n_out;
    }
}

void dlx__cpu_show_products(const dlx__cpu_job *j, const dlx__cpu_linear *const products[3])
{
    for (int k = 0; k < 3; k++)
        if (j->written[k])
            j->in->observe_out(j->in->observe_user, products[k]->tensor, j->written[k],
                               products[k]->w.n_out, j->n_rows, products[k]->w.n_out);
}
