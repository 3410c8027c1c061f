/* onnx_functions.c - one after the other, over one file of weights. */
#include "export/onnx_functions.h"

#include "base/fail.h"
#include "base/mem.h"

static dlx_result lower_all(dlx__onnx_functions *f, const dlx__model *m, dlx__weight_store *store,
                            dlx_error *err)
{
    const size_t n = f->list.n;
    f->items = dlx__alloc_zero(f->list.mem, n, sizeof *f->items);
    if (!f->items)
        return dlx__fail_memory(err, "lowering functions", n * sizeof *f->items);
    for (size_t i = 0; i < n; i++)
        DLX__TRY(dlx__onnx_lower(&f->items[i].graph, &m->graph, &f->list.items[i], store,
                                 f->list.mem, err));
    return DLX_OK;
}

dlx_result dlx__onnx_functions_lower(dlx__onnx_functions *f, const dlx__model *m,
                                     const dlx__export_opts *o, dlx__weight_store *store,
                                     dlx_error *err)
{
    *f = (dlx__onnx_functions){.items = NULL};
    DLX__TRY(dlx__static_functions_list(&f->list, m, o, err));
    const dlx_result r = lower_all(f, m, store, err);
    if (r != DLX_OK)
        dlx__onnx_functions_release(f);
    return r;
}

void dlx__onnx_functions_release(dlx__onnx_functions *f)
{
    for (size_t i = 0; f->items && i < f->list.n; i++)
        dlx__onnx_release(&f->items[i].graph);
    dlx__free(f->list.mem, f->items);
    dlx__static_functions_release(&f->list);
    f->items = NULL;
}
