/* exporter.c - what is asked for, checked against the model before anything is written. */
#include "export/exporter.h"

#include "base/fail.h"
#include "export/compat_sizes.h"
#include "export/model_exporter.h"
#include "export/soc.h"

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
    name = name ? name : to->rules->plain_dtype;
    for (int i = 0; i <= DLX__PACK_INT4; i++)
        if (!name || strcmp(packing_names[i], name) == 0) {
            to->packing = (dlx__packing)i;
            return DLX_OK;
        }
    return dlx__fail(err, DLX_E_ARG, "dtype: expected fp32, fp16, int8 or int4, found %s", name);
}

/* ---- profiles ------------------------------------------------------------------------------ */

static const dlx__export_profile *find_profile(const dlx__export_rules *rules, const char *name)
{
    for (size_t i = 0; i < rules->n_profiles; i++)
        if (strcmp(rules->profiles[i].name, name) == 0)
            return &rules->profiles[i];
    return NULL;
}

/* "nb4, f32 or f16" */
static void list_profiles(char *out, size_t capacity, const dlx__export_rules *rules)
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < rules->n_profiles && at < capacity; i++)
        at += (size_t)snprintf(out + at, capacity - at, "%s%s",
                               i == 0                       ? ""
                               : i + 1 == rules->n_profiles ? " or "
                                                            : ", ",
                               rules->profiles[i].name);
}

/* A profile says the type and the scheme; where nobody says either, the usual one does. */
static dlx_result take_profile(dlx__export_ask *ask, const dlx__export_rules *rules, dlx_error *err)
{
    char names[128];
    const dlx__export_profile *profile = ask->profile ? find_profile(rules, ask->profile) : NULL;
    if (ask->profile && rules->n_profiles == 0)
        return dlx__fail(err, DLX_E_ARG,
                         "profile: expected none for this backend, found %s: take dtype and scheme",
                         ask->profile);
    list_profiles(names, sizeof names, rules);
    if (ask->profile && !profile)
        return dlx__fail(err, DLX_E_ARG, "profile: expected %s, found %s", names, ask->profile);
    if (profile && ask->dtype && strcmp(ask->dtype, profile->dtype) != 0)
        return dlx__fail(err, DLX_E_ARG, "profile %s: its dtype is %s, found %s: give one of them",
                         profile->name, profile->dtype, ask->dtype);
    if (profile && profile->scheme && ask->scheme && strcmp(ask->scheme, profile->scheme) != 0)
        return dlx__fail(err, DLX_E_ARG, "profile %s: its scheme is %s, found %s: give one of them",
                         profile->name, profile->scheme, ask->scheme);
    if (!ask->profile && !ask->dtype && rules->n_profiles > 0)
        profile = &rules->profiles[0];
    if (profile)
        ask->dtype = profile->dtype;
    if (profile && !ask->scheme)
        ask->scheme = profile->scheme;
    return DLX_OK;
}

/* The one that the type and the scheme are. */
static const char *profile_of(const dlx__export_opts *to)
{
    for (size_t i = 0; i < to->rules->n_profiles; i++) {
        const dlx__export_profile *p = &to->rules->profiles[i];
        const dlx__scheme scheme =
            p->scheme ? dlx__scheme_find(p->scheme) : to->rules->usual_scheme(to->packing);
        if (strcmp(p->dtype, packing_names[to->packing]) == 0 && scheme == to->scheme)
            return p->name;
    }
    return NULL;
}

/* ---- rows ---------------------------------------------------------------------------------- */

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
    to->profile = profile_of(to);
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

static dlx_result resolve_cache(dlx__export_opts *to, const dlx__export_ask *ask,
                                const dlx__model *m, dlx_error *err)
{
    const char *name = ask->cache;
    const dlx__model_exporter *exporter = dlx__model_exporter_for(m->family);
    char names[64];
    list_caches(names, sizeof names, to->rules->caches);
    const bool keeps = exporter->keeps || ask->keeps;
    const dlx__export_cache usual = keeps ? DLX__EXPORT_STATE : exporter->usual;
    const bool io = keeps && to->rules->usual_io;
    to->cache = has_cache(to, usual) && !io ? usual : DLX__EXPORT_IO;
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

/* Static graphs have all rows of a block, of a piece of a prompt or of a canvas, or none. */
static dlx_result resolve_static_rows(dlx__export_opts *to, const dlx__export_ask *ask,
                                      const dlx__model *m, dlx_error *err)
{
    const bool states = to->cache == DLX__EXPORT_STATE;
    if (dlx__model_exporter_for(m->family)->whole_canvas)
        return DLX_OK;
    if (states && ask->n_rows)
        return dlx__fail(err, DLX_E_ARG,
                         "rows: with states there is one function, of a block, and none for "
                         "prompts: leave it out, or take io");
    if (states)
        to->n_rows = m->hp.block_length.value > 0 ? (size_t)m->hp.block_length.value : 1;
    else
        to->n_rows = dlx__export_prefill_rows(to, m);
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
    if (to->rules->has_canvases)
        return resolve_static_rows(to, ask, m, err);
    return to->cache == DLX__EXPORT_COMPAT ? dlx__compat_check(hp, n_rows, n_ctx, err) : DLX_OK;
}

/* Each once, within the context. */
static dlx_result check_canvases(const dlx__export_ask *ask, size_t n_ctx, dlx_error *err)
{
    if (ask->n_canvases > 0 && !ask->canvases)
        return dlx__fail(err, DLX_E_ARG, "canvas: expected a list of %zu lengths, found none",
                         ask->n_canvases);
    if (ask->n_canvases > 0 && ask->n_rows)
        return dlx__fail(err, DLX_E_ARG,
                         "rows: a pass has the rows of its canvas, and lengths of it are given: "
                         "leave one of the two out");
    for (size_t i = 0; i < ask->n_canvases; i++) {
        if (ask->canvases[i] < 1 || ask->canvases[i] > n_ctx)
            return dlx__fail(err, DLX_E_ARG,
                             "canvas: expected lengths from 1 to the context of %zu, found %zu",
                             n_ctx, ask->canvases[i]);
        for (size_t k = 0; k < i; k++)
            if (ask->canvases[k] == ask->canvases[i])
                return dlx__fail(err, DLX_E_ARG,
                                 "canvas: expected each length once, found %zu "
                                 "twice",
                                 ask->canvases[i]);
    }
    return DLX_OK;
}

/* Lengths of canvases, of families that see a whole one. Without K and V there are no positions
 * beyond the longest. */
static dlx_result resolve_canvases(dlx__export_opts *to, const dlx__export_ask *ask,
                                   const dlx__model *m, dlx_error *err)
{
    const bool whole = dlx__model_exporter_for(m->family)->whole_canvas;
    to->canvases = ask->canvases;
    to->n_canvases = ask->n_canvases;
    if (ask->n_canvases > 0 && (!to->rules->has_canvases || !whole))
        return dlx__fail(err, DLX_E_ARG,
                         "canvas: only static graphs of families that see a whole canvas have "
                         "lengths of it; leave it out");
    DLX__TRY(check_canvases(ask, to->n_ctx, err));
    if (!to->rules->has_canvases || !whole)
        return DLX_OK;
    if (to->n_canvases == 0) {
        to->canvases = &to->n_rows;
        to->n_canvases = 1;
    }
    size_t longest = 0;
    for (size_t i = 0; i < to->n_canvases; i++)
        longest = dlx__max(longest, to->canvases[i]);
    to->n_rows = longest;
    if (to->cache == DLX__EXPORT_NO_CACHE && !ask->n_ctx)
        to->n_ctx = longest;
    return DLX_OK;
}

static dlx_result resolve_soc(dlx__export_opts *to, const char *name, bool compile, dlx_error *err)
{
    const dlx__soc *soc;
    if (compile && !name)
        return dlx__fail(err, DLX_E_ARG,
                         "compile: expected the chip that it is for, found none: name it with soc, "
                         "or leave it out");
    to->compile = compile;
    if (!name)
        return DLX_OK;
    if (!to->rules->names_chips)
        return dlx__fail(err, DLX_E_ARG,
                         "soc: expected none for this backend, whose files run on "
                         "any chip, found %s: leave it out",
                         name);
    DLX__TRY(dlx__soc_find(&soc, name, err));
    to->soc = soc;
    return DLX_OK;
}

static dlx_result refuse_of_apple(const char *what, const char *found, dlx_error *err)
{
    return dlx__fail(err, DLX_E_ARG,
                     "%s: only packages for Core ML have one, found %s: leave it out, or take the "
                     "backend coreml",
                     what, found);
}

static dlx_result resolve_target(dlx__export_opts *to, const char *name, dlx_error *err)
{
    if (to->rules->is_apple)
        return dlx__ml_target_find(&to->target, name, err);
    return name ? refuse_of_apple("target", name, err) : DLX_OK;
}

static dlx_result resolve_unit(dlx__export_opts *to, const char *name, dlx_error *err)
{
    if (to->rules->is_apple)
        return dlx__ml_unit_find(&to->unit, name, err);
    return name ? refuse_of_apple("compute unit", name, err) : DLX_OK;
}

size_t dlx__export_prefill_rows(const dlx__export_opts *o, const dlx__model *m)
{
    const size_t block = m->hp.block_length.value > 0 ? (size_t)m->hp.block_length.value : 1;
    const size_t up = dlx__add(o->n_rows, block - 1) / block * block;
    return up <= o->n_ctx ? up : o->n_ctx / block * block;
}

static dlx_result resolve_type(dlx__export_opts *to, dlx__export_ask *ask, const dlx__model *m,
                               dlx_error *err)
{
    DLX__TRY(take_profile(ask, to->rules, err));
    DLX__TRY(resolve_dtype(to, ask->dtype, err));
    return resolve_scheme(to, ask->scheme, m, err);
}

/* A refusal of what a file says names the file and its word. */
static dlx_result placed(dlx_result r, const char *file, const char *key, dlx_error *err)
{
    if (r == DLX_OK || !key || !err)
        return r;
    const dlx_error found = *err;
    return dlx__fail(err, r, "%s: %s: %s", file, key, found.text);
}

dlx_result dlx__export_resolve(dlx__export_opts *to, const dlx__export_ask *ask,
                               const dlx__model *m, dlx_error *err)
{
    dlx__export_ask asked = *ask;
    const dlx__export_keys *k = &ask->keys;
    DLX__TRY(placed(resolve_type(to, &asked, m, err), k->file, k->type, err));
    DLX__TRY(placed(resolve_cache(to, &asked, m, err), k->file, k->cache, err));
    DLX__TRY(placed(resolve_sizes(to, &asked, m, err), k->file, k->n_ctx, err));
    DLX__TRY(placed(resolve_canvases(to, &asked, m, err), k->file, k->n_ctx, err));
    DLX__TRY(resolve_soc(to, asked.soc, asked.compile, err));
    DLX__TRY(placed(resolve_target(to, asked.target, err), k->file, k->target, err));
    return placed(resolve_unit(to, asked.unit, err), k->file, k->unit, err);
}
