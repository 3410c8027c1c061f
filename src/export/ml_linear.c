/* ml_linear.c - products with matrices of the model: fp16, or fp16 of integers under scales. */
#include "export/ml_build.h"

#include "base/fail.h"
#include "base/mem.h"

#include <stdio.h>

dlx__ml_value dlx__ml_matrix(dlx__ml_pass *p, const dlx__tensor *w, dlx__packing packing)
{
    char name[160];
    if (!dlx__packing_is_integer(packing))
        return dlx__ml_weight(p->x, w->name,
                              dlx__ml_store_rows(p->store, w, packing, DLX__ROW_NUMBERS));
    snprintf(name, sizeof name, "%s_%s", w->name, dlx__packing_has_groups(packing) ? "i4" : "i8");
    const dlx__ml_blob data = dlx__ml_store_rows(p->store, w, packing, DLX__ROW_NUMBERS);
    return dlx__ml_scaled(p->x, name, data,
                          dlx__ml_store_rows(p->store, w, packing, DLX__ROW_SCALES));
}

/* Core ML's own exporter writes a bias where there is none, so one of zeros stands here too. */
static dlx__ml_value zeros(dlx__ml_pass *p, size_t n)
{
    char key[48];
    const dlx_allocator *mem = p->store->arena.mem;
    snprintf(key, sizeof key, "zeros_%zu", n);
    uint16_t *halves = dlx__alloc_zero(mem, n, sizeof *halves);
    if (!halves) {
        if (p->x->failure.code == DLX_OK)
            dlx__fail_memory(&p->x->failure, "lowering a model", n * sizeof *halves);
        return DLX__ML_NONE;
    }
    const dlx__ml_blob blob = dlx__ml_store_halves(p->store, key, DLX__PART_BIASES, halves, n);
    dlx__free(mem, halves);
    return dlx__ml_weight(p->x, key, blob);
}

dlx__ml_value dlx__ml_linear(dlx__ml_pass *p, const dlx__node *node, dlx__ml_value x)
{
    const bool is_head = node == &p->g->nodes[p->g->logits];
    const size_t n = node->weight->shape[0];
    dlx__ml_shape shape = dlx__ml_at(p->x, x)->shape;
    const dlx__ml_value w =
        dlx__ml_matrix(p, node->weight, dlx__export_form(p->o->forms, node->weight, is_head));
    const dlx__ml_value b =
        node->bias ? dlx__ml_matrix(p, node->bias, p->o->forms->vector) : zeros(p, n);
    if (shape.n_dims > 0)
        shape.dims[shape.n_dims - 1] = n;
    return DLX__ML_OP(p->x, "linear", DLX__ML_HALF, shape, {"x", x}, {"weight", w}, {"bias", b});
}
