/* ml_functions.c - one after the other, over one file of weights. */
#include "export/ml_functions.h"

#include "base/fail.h"
#include "base/mem.h"

static dlx_result lower_all(dlx__ml_functions *f, const dlx__model *m, dlx__weight_store *store,
                            dlx_error *err)
{
    const size_t n = f->list.n;
    f->graphs = dlx__alloc_zero(f->list.mem, n, sizeof *f->graphs);
    if (!f->graphs)
        return dlx__fail_memory(err, "lowering functions", n * sizeof *f->graphs);
    for (size_t i = 0; i < n; i++)
        DLX__TRY(
            dlx__ml_lower(&f->graphs[i], &m->graph, &f->list.items[i], store, f->list.mem, err));
    return DLX_OK;
}

dlx_result dlx__ml_functions_lower(dlx__ml_functions *f, const dlx__model *m,
                                   const dlx__export_opts *o, dlx__weight_store *store,
                                   dlx_error *err)
{
    *f = (dlx__ml_functions){.graphs = NULL};
    DLX__TRY(dlx__static_functions_list(&f->list, m, o, err));
    const dlx_result r = lower_all(f, m, store, err);
    if (r != DLX_OK)
        dlx__ml_functions_release(f);
    return r;
}

void dlx__ml_functions_release(dlx__ml_functions *f)
{
    for (size_t i = 0; f->graphs && i < f->list.n; i++)
        dlx__ml_release(&f->graphs[i]);
    dlx__free(f->list.mem, f->graphs);
    dlx__static_functions_release(&f->list);
    f->graphs = NULL;
}
