/*
 * recorded.c - reading the record of a quantization. A file is not trusted: a range that is no
 * range, or of nothing in this model, is refused before a kernel scales by it.
 */
#include "model/recorded.h"

#include "base/fail.h"

#include <math.h>
#include <string.h>

enum { LONGEST_METHOD = 32 };

static dlx_result read_scheme(dlx__model *m, const dlx__gguf *g, dlx_error *err)
{
    char name[32] = "";
    dlx__gguf_string text;
    if (!dlx__gguf_find(g, DLX__QUANT_SCHEME))
        return DLX_OK;
    DLX__TRY(dlx__gguf_text(g, DLX__QUANT_SCHEME, &text, err));
    if (text.len < sizeof name && !memchr(text.data, '\0', text.len))
        memcpy(name, text.data, text.len);
    m->scheme = dlx__scheme_find(name);
    if (m->scheme != DLX__SCHEME_NONE)
        return DLX_OK;
    return dlx__fail(
        err, DLX_E_UNSUPPORTED,
        "%s: expected %s to be one of weight-only, dynamic, dynamic-row, "
        "dynamic-affine, static, static16 and static-affine, found '%.*s'; quantize the "
        "model again, or use a newer dlx",
        g->path, DLX__QUANT_SCHEME, (int)dlx__min(text.len, 40), text.data);
}

static bool is_word(dlx__gguf_string text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_'))
            return false;
    }
    return text.len > 0 && text.len <= LONGEST_METHOD;
}

static dlx_result read_method(dlx__model *m, const dlx__gguf *g, dlx_error *err)
{
    dlx__gguf_string text;
    if (!dlx__gguf_find(g, DLX__QUANT_METHOD))
        return DLX_OK;
    DLX__TRY(dlx__gguf_text(g, DLX__QUANT_METHOD, &text, err));
    if (!is_word(text))
        return dlx__fail(
            err, DLX_E_FORMAT,
            "%s: expected %s to be a word of at most %d small letters, found something "
            "else; quantize the model again",
            g->path, DLX__QUANT_METHOD, LONGEST_METHOD);
    m->quant_method = dlx__arena_strndup(&m->arena, text.data, text.len);
    return m->quant_method ? DLX_OK : dlx__fail_memory(err, "opening a model", text.len);
}

static bool is_list(const dlx__gguf_kv *kv, dlx__gguf_type type)
{
    return kv && kv->is_array && kv->type == type;
}

static dlx_result no_list(const dlx__gguf *g, const char *key, const char *kind, dlx_error *err)
{
    return dlx__fail(err, DLX_E_FORMAT,
                     "%s: expected %s as a list of %s, found %s; quantize the model again", g->path,
                     key, kind, dlx__gguf_find(g, key) ? "something else" : "none");
}

/* The lists of the file; names NULL: there are none. */
typedef struct lists {
    const dlx__gguf_kv *names, *largest;
    const dlx__gguf_kv *in, *out; /* NULL: neither */
} lists;

static dlx_result check_length(const dlx__gguf *g, const lists *l, const char *key,
                               const dlx__gguf_kv *list, size_t each, dlx_error *err)
{
    if (!is_list(list, DLX__GGUF_F32))
        return no_list(g, key, "f32 numbers", err);
    if (list->n / each == l->names->n && list->n % each == 0)
        return DLX_OK;
    return dlx__fail(err, DLX_E_FORMAT,
                     "%s: expected %zu numbers in %s for each text in %s, found %zu for %zu; "
                     "quantize the model again",
                     g->path, each, key, DLX__QUANT_RANGE_NAMES, list->n, l->names->n);
}

static dlx_result find_lists(const dlx__gguf *g, lists *l, dlx_error *err)
{
    *l = (lists){dlx__gguf_find(g, DLX__QUANT_RANGE_NAMES),
                 dlx__gguf_find(g, DLX__QUANT_RANGE_LARGEST),
                 dlx__gguf_find(g, DLX__QUANT_RANGE_IN), dlx__gguf_find(g, DLX__QUANT_RANGE_OUT)};
    if (!l->names && !l->largest && !l->in && !l->out)
        return DLX_OK;
    if (!is_list(l->names, DLX__GGUF_STRING))
        return no_list(g, DLX__QUANT_RANGE_NAMES, "texts", err);
    DLX__TRY(check_length(g, l, DLX__QUANT_RANGE_LARGEST, l->largest, 1, err));
    if (!l->in && !l->out)
        return DLX_OK;
    DLX__TRY(check_length(g, l, DLX__QUANT_RANGE_IN, l->in, 2, err));
    return check_length(g, l, DLX__QUANT_RANGE_OUT, l->out, 2, err);
}

/* The linear node whose weight has this name; NULL when there is none. */
static dlx__node *find_node(dlx__graph *graph, dlx__gguf_string name)
{
    for (size_t i = 0; i < graph->n; i++) {
        dlx__node *node = &graph->nodes[i];
        if (node->op == DLX__OP_LINEAR && strlen(node->weight->name) == name.len &&
            memcmp(node->weight->name, name.data, name.len) == 0)
            return node;
    }
    return NULL;
}

static dlx_result read_largest(dlx__node *node, const dlx__gguf *g, double largest, dlx_error *err)
{
    if (node->in_largest > 0)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected each weight once in %s, found %s twice; quantize the model "
                         "again",
                         g->path, DLX__QUANT_RANGE_NAMES, node->weight->name);
    if (!(largest > 0 && isfinite(largest)))
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected numbers above zero in %s, found %g for %s; quantize the "
                         "model again",
                         g->path, DLX__QUANT_RANGE_LARGEST, largest, node->weight->name);
    node->in_largest = (float)largest;
    return DLX_OK;
}

/* The pair number i of a list. */
static dlx_result read_pair(dlx__range *out, const dlx__gguf *g, const char *key,
                            const dlx__gguf_kv *list, size_t i, const char *name, dlx_error *err)
{
    const double min = dlx__gguf_array_number(list, 2 * i);
    const double max = dlx__gguf_array_number(list, 2 * i + 1);
    if (!(isfinite(min) && isfinite(max) && min <= max))
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected finite numbers in %s, the lesser first, found %g and %g for "
                         "%s; quantize the model again",
                         g->path, key, min, max, name);
    *out = (dlx__range){(float)min, (float)max};
    return DLX_OK;
}

static dlx_result read_range(dlx__model *m, const dlx__gguf *g, const lists *l, size_t i,
                             dlx_error *err)
{
    const dlx__gguf_string name = l->names->strings[i];
    dlx__node *node = find_node(&m->graph, name);
    if (!node)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected only weights of products in %s, found '%.*s'; quantize the "
                         "model again",
                         g->path, DLX__QUANT_RANGE_NAMES, (int)dlx__min(name.len, 80), name.data);
    DLX__TRY(read_largest(node, g, dlx__gguf_array_number(l->largest, i), err));
    if (!l->in)
        return DLX_OK;
    node->has_ranges = true;
    DLX__TRY(read_pair(&node->in_range, g, DLX__QUANT_RANGE_IN, l->in, i, node->weight->name, err));
    return read_pair(&node->out_range, g, DLX__QUANT_RANGE_OUT, l->out, i, node->weight->name, err);
}

static dlx_result read_ranges(dlx__model *m, const dlx__gguf *g, dlx_error *err)
{
    lists l;
    DLX__TRY(find_lists(g, &l, err));
    for (size_t i = 0; l.names && i < l.names->n; i++) /* ends at the first name too many */
        DLX__TRY(read_range(m, g, &l, i, err));
    return DLX_OK;
}

dlx_result dlx__recorded_read(dlx__model *m, dlx_error *err)
{
    const dlx__gguf *g = &m->checkpoint.gguf;
    DLX__TRY(read_scheme(m, g, err));
    DLX__TRY(read_method(m, g, err));
    return read_ranges(m, g, err);
}
