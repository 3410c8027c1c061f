/* exporter.c - what is asked for, checked against the model before anything is written. */
#include "export/exporter.h"

#include "base/fail.h"
#include "export/compat_sizes.h"
#include "export/model_exporter.h"

#include <stdio.h>
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
    for (int i = 0; i <= DLX__PACK_INT4; i++)
        if (!name || strcmp(packing_names[i], name) == 0) {
            to->packing = (dlx__packing)i;
            return DLX_OK;
        }
    return dlx__fail(err, DLX_E_ARG, "dtype: expected fp32, fp16, int8 or int4, found %s", name);
}

static dlx_result resolve_scheme(dlx__export_opts *to, const char *name, const dlx__model *m,
                                 dlx_error *err)
{
    to->scheme = name ? dlx__scheme_find(name) : to->rules->usual_scheme(to->packing);
    if (to->scheme != DLX__SCHEME_WEIGHT_ONLY && to->scheme != DLX__SCHEME_DYNAMIC &&
        to->scheme != DLX__SCHEME_STATIC)
        return dlx__fail(err, DLX_E_ARG,
                         "scheme: expected weight-only, dynamic or static, found %s", name);
    const char *why = to->rules->refusal(to->packing, to->scheme);
    if (why)
        return dlx__fail(err, DLX_E_UNSUPPORTED, "scheme %s with dtype %s: %s",
                         dlx__scheme_name(to->scheme), dlx__packing_name(to->packing), why);
    to->forms = to->rules->forms(to->packing, to->scheme);
    return to->scheme == DLX__SCHEME_STATIC
               ? dlx__scheme_check(DLX__SCHEME_STATIC_AFFINE, &m->graph, err)
               : DLX_OK;
}

static bool has_cache(const dlx__export_opts *to, dlx__export_cache cache)
{
    return to->rules->caches >> cache & 1u;
}

/* "none, state or io" */
static void list_caches(char *out, size_t capacity, unsigned caches)
{
    size_t at = 0;
    out[0] = '\0';
    for (int i = 0; i < DLX__N_EXPORT_CACHES && at < capacity; i++) {
        if (!(caches & 1u << i))
            continue;
        const bool last = caches >> i == 1;
        at += (size_t)snprintf(out + at, capacity - at, "%s%s",
                               at == 0 ? ""
                               : last  ? " or "
                                       : ", ",
                               dlx__export_cache_name((dlx__export_cache)i));
    }
}

static dlx_result resolve_cache(dlx__export_opts *to, const char *name, const dlx__model *m,
                                dlx_error *err)
{
    const dlx__model_exporter *exporter = dlx__model_exporter_for(m->family);
    char names[64];
    list_caches(names, sizeof names, to->rules->caches);
    to->cache = has_cache(to, exporter->usual) ? exporter->usual : DLX__EXPORT_IO;
    if (name && (!dlx__export_cache_find(&to->cache, name) || !has_cache(to, to->cache)))
        return dlx__fail(err, DLX_E_ARG, "cache: expected %s, found %s", names, name);
    if (to->cache == DLX__EXPORT_NO_CACHE && exporter->keeps)
        return dlx__fail(err, DLX_E_UNSUPPORTED, "cache: %s decodes %s: take %sio", m->family->name,
                         exporter->decodes, has_cache(to, DLX__EXPORT_STATE) ? "state or " : "");
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

/* A pass holds a block, and no more than the context. */
static dlx_result check_block(size_t block, size_t n_rows, size_t n_ctx, size_t n_known,
                              dlx_error *err)
{
    if (block > n_ctx)
        return dlx__fail(err, DLX_E_ARG,
                         "block length: expected at most %zu, the positions of the context, found "
                         "%zu: give a smaller one%s",
                         n_ctx, block, block <= n_known ? ", or a longer context" : "");
    if (n_rows < block)
        return dlx__fail(err, DLX_E_ARG,
                         "rows: expected at least %zu, which a block has, found %zu: give more",
                         block, n_rows);
    if (n_rows > n_ctx)
        return dlx__fail(err, DLX_E_ARG,
                         "rows: expected at most %zu, the positions of the context, found %zu: "
                         "give fewer%s",
                         n_ctx, n_rows, n_rows <= n_known ? ", or a longer context" : "");
    return DLX_OK;
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
    DLX__TRY(check_block(block, n_rows, n_ctx, hp->n_ctx_train, err));
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
