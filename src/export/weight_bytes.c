/* weight_bytes.c - the graph has every weight where it is used. */
#include "export/weight_bytes.h"

#include "export/pack_row.h"

static uint64_t rows_bytes(size_t n, size_t k, dlx__packing form)
{
    return dlx__mul(n, dlx__add(dlx__pack_row_bytes(form, DLX__ROW_NUMBERS, k),
                                dlx__pack_row_bytes(form, DLX__ROW_SCALES, k)));
}

static uint64_t matrix_bytes(const dlx__tensor *w, dlx__packing form)
{
    return rows_bytes(w->shape[0], w->shape[1], form);
}

/* Of a static product: whole numbers and their units. */
static uint64_t whole_bytes(const dlx__tensor *bias)
{
    return dlx__mul(bias->shape[0], sizeof(int32_t) + sizeof(float));
}

uint64_t dlx__weight_bytes(const dlx__model *m, const dlx__export_forms *forms, dlx__scheme scheme)
{
    const dlx__graph *g = &m->graph;
    uint64_t n = 0;
    for (size_t i = 0; i < g->n; i++) {
        const dlx__node *node = &g->nodes[i];
        const bool is_head = i == g->logits;
        if (node->op == DLX__OP_EMBED)
            n += matrix_bytes(node->weight, forms->table);
        else if (node->op == DLX__OP_LINEAR)
            n += matrix_bytes(node->weight, dlx__export_form(forms, node->weight, is_head));
        else if (node->op == DLX__OP_RMSNORM)
            n += rows_bytes(1, node->weight->shape[0], forms->vector);
        if (node->bias)
            n += scheme == DLX__SCHEME_STATIC && !is_head
                     ? whole_bytes(node->bias)
                     : rows_bytes(1, node->bias->shape[0], forms->vector);
    }
    return n;
}

size_t dlx__export_fallbacks(const dlx__model *m, const dlx__export_forms *forms)
{
    const dlx__graph *g = &m->graph;
    size_t n = 0;
    for (size_t i = 0; i < g->n; i++)
        if (g->nodes[i].op == DLX__OP_LINEAR)
            n += dlx__export_form(forms, g->nodes[i].weight, i == g->logits) !=
                 (i == g->logits ? forms->head : forms->matrix);
    return n;
}
