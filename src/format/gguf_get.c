/* gguf_get.c - typed access to GGUF metadata: what is missing or of another kind is a sentence. */
#include "base/fail.h"
#include "format/gguf.h"

static const char *kind_of(const dlx__gguf_kv *kv)
{
    if (kv->is_array)
        return "a list";
    switch (kv->type) {
    case DLX__GGUF_STRING:
        return "a text";
    case DLX__GGUF_BOOL:
        return "true or false";
    case DLX__GGUF_F32:
    case DLX__GGUF_F64:
        return "a number with a fraction";
    default:
        return "a whole number";
    }
}

static bool is_integer(const dlx__gguf_kv *kv)
{
    return !kv->is_array && kv->type != DLX__GGUF_STRING && kv->type != DLX__GGUF_BOOL &&
           kv->type != DLX__GGUF_F32 && kv->type != DLX__GGUF_F64;
}

bool dlx__gguf_is_ints(const dlx__gguf_kv *kv)
{
    return kv && kv->is_array && kv->type != DLX__GGUF_STRING && kv->type != DLX__GGUF_F32 &&
           kv->type != DLX__GGUF_F64;
}

static bool is_number(const dlx__gguf_kv *kv)
{
    return is_integer(kv) ||
           (!kv->is_array && (kv->type == DLX__GGUF_F32 || kv->type == DLX__GGUF_F64));
}

static dlx_result fail_kind(const dlx__gguf *g, const char *key, const char *expected,
                            const dlx__gguf_kv *kv, dlx_error *err)
{
    return dlx__fail(err, DLX_E_FORMAT,
                     "%s: key %.200s: expected %s, found %s; convert the model again", g->path, key,
                     expected, kv ? kind_of(kv) : "no such key");
}

dlx_result dlx__gguf_size(const dlx__gguf *g, const char *key, size_t min, size_t max, size_t *out,
                          dlx_error *err)
{
    const dlx__gguf_kv *kv = dlx__gguf_find(g, key);
    if (!kv || !is_integer(kv))
        return fail_kind(g, key, "a whole number", kv, err);
    if (kv->f < 0 || kv->u < min || kv->u > max)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: key %.200s: expected from %zu to %zu, found %.17g; convert the model "
                         "again",
                         g->path, key, min, max, kv->f);
    *out = (size_t)kv->u;
    return DLX_OK;
}

dlx_result dlx__gguf_number(const dlx__gguf *g, const char *key, double *out, dlx_error *err)
{
    const dlx__gguf_kv *kv = dlx__gguf_find(g, key);
    if (!kv || !is_number(kv))
        return fail_kind(g, key, "a number", kv, err);
    *out = kv->f;
    return DLX_OK;
}

dlx_result dlx__gguf_text(const dlx__gguf *g, const char *key, dlx__gguf_string *out,
                          dlx_error *err)
{
    const dlx__gguf_kv *kv = dlx__gguf_find(g, key);
    if (!kv || kv->is_array || kv->type != DLX__GGUF_STRING)
        return fail_kind(g, key, "a text", kv, err);
    *out = kv->s;
    return DLX_OK;
}
