/* exporter.c - what is asked for, checked against the model before anything is written. */
#include "export/exporter.h"

#include "base/fail.h"
#include "export/compat_sizes.h"
#include "export/model_exporter.h"

#include <string.h>

enum { DEFAULT_CTX = 2048, DEFAULT_ROWS = 32 };

static const char *const packing_names[DLX__N_PACKINGS] = {
#define PACKING_NAME(name, text) text,
    DLX__PACKINGS(PACKING_NAME)
#undef PACKING_NAME
};

const char *dlx__packing_name(dlx__packing packing)
{
    return packing_names[packing];
}

static dlx_result resolve_dtype(dlx__export_opts *to, const char *name, dlx_error *err)
{
    for (int i = 0; i < DLX__N_PACKINGS; i++)
        if (!name || strcmp(packing_names[i], name) == 0) {
            to->packing = (dlx__packing)i;
            return DLX_OK;
        }
    return dlx__fail(err, DLX_E_ARG, "dtype: expected fp32, fp16, int8 or int4, found %s", name);
}

/* What XNNPACK has nothing for; NULL: it has. */
static const char *refusal(dlx__packing packing, dlx__scheme scheme)
{
    if (!dlx__packing_rounds_rows(packing) && scheme != DLX__SCHEME_WEIGHT_ONLY)
        return "float weights are multiplied by rows as they are: take int8, or weight-only";
    if (packing == DLX__PACK_INT4 && scheme == DLX__SCHEME_STATIC)
        return "four-bit weights are multiplied by rows that are rounded as they come: take int8, "
               "or dynamic";
    if (packing == DLX__PACK_INT4 && scheme == DLX__SCHEME_WEIGHT_ONLY)
        return "four-bit weights are multiplied by int8 rows alone: take int8, or dynamic";
    return NULL;
}

static dlx_result resolve_scheme(dlx__export_opts *to, const char *name, const dlx__model *m,
                                 dlx_error *err)
{
    const bool integers = dlx__packing_rounds_rows(to->packing);
    to->scheme = integers ? DLX__SCHEME_DYNAMIC : DLX__SCHEME_WEIGHT_ONLY;
    if (name)
        to->scheme = dlx__scheme_find(name);
    if (to->scheme != DLX__SCHEME_WEIGHT_ONLY && to->scheme != DLX__SCHEME_DYNAMIC &&
        to->scheme != DLX__SCHEME_STATIC)
        return dlx__fail(err, DLX_E_ARG,
                         "scheme: expected weight-only, dynamic or static, found %s", name);
    const char *why = refusal(to->packing, to->scheme);
    if (why)
        return dlx__fail(err, DLX_E_UNSUPPORTED, "scheme %s with dtype %s: %s",
                         dlx__scheme_name(to->scheme), dlx__packing_name(to->packing), why);
    return to->scheme == DLX__SCHEME_STATIC
               ? dlx__scheme_check(DLX__SCHEME_STATIC_AFFINE, &m->graph, err)
               : DLX_OK;
}

static dlx_result resolve_cache(dlx__export_opts *to, const char *name, const dlx__model *m,
                                dlx_error *err)
{
    const dlx__model_exporter *exporter = dlx__model_exporter_for(m->family);
    to->cache = exporter->usual;
    if (name && !dlx__export_cache_find(&to->cache, name))
        return dlx__fail(err, DLX_E_ARG, "cache: expected state, io, none or compat, found %s",
                         name);
    if (to->cache == DLX__EXPORT_NO_CACHE && exporter->keeps)
        return dlx__fail(err, DLX_E_UNSUPPORTED, "cache: %s decodes %s: take state or io",
                         m->family->name, exporter->decodes);
    return DLX_OK;
}

static size_t usual_rows(const dlx__export_opts *to, const dlx__model *m, size_t n_ctx)
{
    const size_t block = m->hp.block_length.value > 0 ? (size_t)m->hp.block_length.value : 0;
    if (to->cache == DLX__EXPORT_COMPAT) /* every pass has as many */
        return dlx__min(n_ctx, block ? block : DEFAULT_ROWS);
    return dlx__model_exporter_for(m->family)->whole_canvas
               ? n_ctx
               : dlx__min(n_ctx, dlx__max(DEFAULT_ROWS, block));
}

static dlx_result resolve_sizes(dlx__export_opts *to, const dlx__export_ask *ask,
                                const dlx__model *m, dlx_error *err)
{
    const dlx__hparams *hp = &m->hp;
    const size_t block = hp->block_length.value > 0 ? (size_t)hp->block_length.value : 1;
    const size_t n_ctx = ask->n_ctx ? ask->n_ctx : dlx__min(DEFAULT_CTX, hp->n_ctx_train);
    const size_t n_rows = ask->n_rows ? ask->n_rows : usual_rows(to, m, n_ctx);
    if (n_ctx > hp->n_ctx_train)
        return dlx__fail(err, DLX_E_ARG,
                         "context: expected at most %zu positions, which %s knows, found %zu: "
                         "give a smaller one",
                         hp->n_ctx_train, m->checkpoint.path, n_ctx);
    if (n_ctx < block || n_rows < block || n_rows > n_ctx)
        return dlx__fail(err, DLX_E_ARG,
                         "context %zu and rows %zu: expected a block of %zu or more in a pass, and "
                         "no more than the context",
                         n_ctx, n_rows, block);
    to->n_ctx = n_ctx;
    to->n_rows = n_rows;
    return to->cache == DLX__EXPORT_COMPAT ? dlx__compat_check(hp, n_rows, n_ctx, err) : DLX_OK;
}

dlx_result dlx__export_resolve(dlx__export_opts *to, const dlx__export_ask *ask,
                               const dlx__model *m, dlx_error *err)
{
    DLX__TRY(resolve_dtype(to, ask->dtype, err));
    DLX__TRY(resolve_scheme(to, ask->scheme, m, err));
    DLX__TRY(resolve_cache(to, ask->cache, m, err));
    return resolve_sizes(to, ask, m, err);
}
