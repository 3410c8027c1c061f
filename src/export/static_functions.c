/* static_functions.c - the list of functions by the way a family decodes. */
#include "export/static_functions.h"

#include "base/fail.h"
#include "base/mem.h"
#include "export/model_exporter.h"
#include "export/weight_bytes.h"

#include <stdio.h>

static void add(dlx__static_functions *f, const dlx__export_opts *o, const char *name,
                size_t n_rows, size_t n_head_rows)
{
    dlx__static_function *one = &f->items[f->n++];
    const bool keeps = o->cache != DLX__EXPORT_NO_CACHE && n_rows > 0;
    *one = (dlx__static_function){.forms = &o->forms,
                                  .n_rows = n_rows,
                                  .n_past = keeps ? o->n_ctx : 0,
                                  .states = keeps && o->cache == DLX__EXPORT_STATE,
                                  .n_head_rows = n_head_rows,
                                  .n_ids = o->n_ids,
                                  .never_id = o->never_id};
    snprintf(one->name, sizeof one->name, "%s", name);
}

/* States belong to one function: nobody has shown yet that two share them on every device. */
static void list_blocks(dlx__static_functions *f, const dlx__model *m, const dlx__export_opts *o)
{
    const size_t block = m->hp.block_length.value > 0 ? (size_t)m->hp.block_length.value : 1;
    const size_t n_head = m->hp.small_block.value > 0 ? (size_t)m->hp.small_block.value : block;
    add(f, o, "denoise", block, n_head);
    if (o->cache != DLX__EXPORT_STATE)
        add(f, o, "prefill", dlx__export_prefill_rows(o, m), 0);
    add(f, o, "logits", 0, n_head);
}

static void list_canvases(dlx__static_functions *f, const dlx__export_opts *o)
{
    char name[32];
    size_t most = 0;
    for (size_t i = 0; i < o->n_canvases; i++) {
        const size_t n_head = dlx__min(o->canvases[i], DLX__MOST_HEAD_ROWS);
        snprintf(name, sizeof name, "denoise_%zu", o->canvases[i]);
        add(f, o, o->cache == DLX__EXPORT_STATE ? "denoise" : name, o->canvases[i], n_head);
        most = dlx__max(most, n_head);
    }
    add(f, o, "logits", 0, most);
}

dlx_result dlx__static_functions_list(dlx__static_functions *f, const dlx__model *m,
                                      const dlx__export_opts *o, dlx_error *err)
{
    const size_t most = o->n_canvases + 3;
    const bool whole = dlx__model_exporter_for(m->family)->whole_canvas;
    *f = (dlx__static_functions){.mem = o->mem};
    if (whole && o->cache == DLX__EXPORT_STATE && o->n_canvases != 1)
        return dlx__fail(err, DLX_E_ARG,
                         "canvas: with states there is one function: expected one length, found "
                         "%zu; take io or none for several",
                         o->n_canvases);
    f->items = dlx__alloc_zero(o->mem, most, sizeof *f->items);
    if (!f->items)
        return dlx__fail_memory(err, "listing functions", most * sizeof *f->items);
    if (whole)
        list_canvases(f, o);
    else
        list_blocks(f, m, o);
    return DLX_OK;
}

void dlx__static_functions_release(dlx__static_functions *f)
{
    dlx__free(f->mem, f->items);
    *f = (dlx__static_functions){.n = 0};
}

dlx_result dlx__static_functions_check(const dlx__export_opts *o, const char *what, dlx_error *err)
{
    if (o->data_path)
        return dlx__fail(err, DLX_E_ARG,
                         "data: %s has its weights in a file of its own already; leave it out",
                         what);
    if (o->n_ids == 0)
        return dlx__fail(err, DLX_E_ARG,
                         "no denoise: the functions of %s choose ids inside; leave it out", what);
    return DLX_OK;
}

void dlx__static_functions_tell(const dlx__static_functions *f, const dlx__model *m,
                                const dlx__export_opts *o, const dlx__weight_store *store,
                                size_t kv_bytes)
{
    dlx__export_written *w = o->written;
    w->data_bytes = w->weight_bytes = store->n_bytes;
    w->has_denoise = true;
    w->n_fallbacks = dlx__export_fallbacks(m, &o->forms);
    w->n_again = store->n_again;
    w->n_methods = f->n;
    if (o->cache != DLX__EXPORT_NO_CACHE)
        w->state_bytes = dlx__mul(o->n_ctx, kv_bytes);
    w->parts.bytes[DLX__PART_VOCABULARY] = o->n_description;
    w->parts.bytes[DLX__PART_PROGRAM] = w->program_bytes;
    dlx__weight_store_weigh(store, o->forms.table, &w->parts);
}
