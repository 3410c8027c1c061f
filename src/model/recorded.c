/*
 * recorded.c - the record of a quantization in GGUF keys, there and back. A file is not trusted:
 * a range that is no range, or of nothing in this model, is refused before a kernel scales by it.
 */
#include "model/recorded.h"

#include "base/fail.h"
#include "base/mem.h"
#include "model/gguf_rows.h"

#include <math.h>
#include <string.h>

static const char scheme_key[] = "dlx.quant.scheme";
static const char method_key[] = "dlx.quant.method";
static const char names_key[] = "dlx.quant.range.names";
static const char largest_key[] = "dlx.quant.range.largest";

enum { LONGEST_METHOD = 32 };

static dlx_result read_scheme(dlx__model *m, const dlx__gguf *g, dlx_error *err)
{
    char name[32] = "";
    dlx__gguf_string text;
    if (!dlx__gguf_find(g, scheme_key))
        return DLX_OK;
    DLX__TRY(dlx__gguf_text(g, scheme_key, &text, err));
    if (text.len < sizeof name && !memchr(text.data, '\0', text.len))
        memcpy(name, text.data, text.len);
    m->scheme = dlx__scheme_find(name);
    if (m->scheme != DLX__SCHEME_NONE)
        return DLX_OK;
    return dlx__fail(err, DLX_E_UNSUPPORTED,
                     "%s: expected %s to be one of weight-only, dynamic, dynamic-row, static and "
                     "static16, found '%.*s'; quantize the model again, or use a newer dlx",
                     g->path, scheme_key, (int)dlx__min(text.len, 40), text.data);
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
    if (!dlx__gguf_find(g, method_key))
        return DLX_OK;
    DLX__TRY(dlx__gguf_text(g, method_key, &text, err));
    if (!is_word(text))
        return dlx__fail(
            err, DLX_E_FORMAT,
            "%s: expected %s to be a word of at most %d small letters, found something "
            "else; quantize the model again",
            g->path, method_key, LONGEST_METHOD);
    m->quant_method = dlx__arena_strndup(&m->arena, text.data, text.len);
    return m->quant_method ? DLX_OK : dlx__fail_memory(err, "opening a model", text.len);
}

/* The two lists, NULL when there is neither: of their types and of one length. */
static dlx_result find_lists(const dlx__gguf *g, const dlx__gguf_kv **names,
                             const dlx__gguf_kv **largest, dlx_error *err)
{
    *names = dlx__gguf_find(g, names_key);
    *largest = dlx__gguf_find(g, largest_key);
    if (!*names && !*largest)
        return DLX_OK;
    const char *bad = NULL;
    if (!*names || !(*names)->is_array || (*names)->type != DLX__GGUF_STRING)
        bad = names_key;
    else if (!*largest || !(*largest)->is_array || (*largest)->type != DLX__GGUF_F32)
        bad = largest_key;
    if (bad)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected %s as a list of %s, found %s; quantize the model again",
                         g->path, bad, bad == names_key ? "texts" : "f32 numbers",
                         dlx__gguf_find(g, bad) ? "something else" : "none");
    if ((*names)->n == (*largest)->n)
        return DLX_OK;
    return dlx__fail(err, DLX_E_FORMAT,
                     "%s: expected as many numbers in %s as texts in %s, found %zu and %zu; "
                     "quantize the model again",
                     g->path, largest_key, names_key, (*largest)->n, (*names)->n);
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

static dlx_result read_range(dlx__model *m, const dlx__gguf *g, dlx__gguf_string name,
                             double largest, dlx_error *err)
{
    dlx__node *node = find_node(&m->graph, name);
    if (!node)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected only weights of products in %s, found '%.*s'; quantize the "
                         "model again",
                         g->path, names_key, (int)dlx__min(name.len, 80), name.data);
    if (node->in_largest > 0)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected each weight once in %s, found %s twice; quantize the model "
                         "again",
                         g->path, names_key, node->weight->name);
    if (!(largest > 0 && isfinite(largest)))
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected numbers above zero in %s, found %g for %s; quantize the "
                         "model again",
                         g->path, largest_key, largest, node->weight->name);
    node->in_largest = (float)largest;
    return DLX_OK;
}

static dlx_result read_ranges(dlx__model *m, const dlx__gguf *g, dlx_error *err)
{
    const dlx__gguf_kv *names = NULL;
    const dlx__gguf_kv *largest = NULL;
    DLX__TRY(find_lists(g, &names, &largest, err));
    for (size_t i = 0; names && i < names->n; i++) /* ends at the first name too many */
        DLX__TRY(read_range(m, g, names->strings[i], dlx__gguf_array_number(largest, i), err));
    return DLX_OK;
}

dlx_result dlx__recorded_read(dlx__model *m, dlx_error *err)
{
    const dlx__gguf *g = &m->checkpoint.gguf;
    DLX__TRY(read_scheme(m, g, err));
    DLX__TRY(read_method(m, g, err));
    return read_ranges(m, g, err);
}

/* What calibration recorded for products with this weight; 0: nothing. */
static float largest_of(const dlx__graph *g, const dlx__tensor *weight)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->nodes[i].op == DLX__OP_LINEAR && g->nodes[i].weight == weight)
            return g->nodes[i].in_largest;
    return 0;
}

static bool put_lists(dlx__gguf_writer *w, const dlx__gguf_string *names, const float *largest,
                      size_t n)
{
    float *none = largest ? NULL : dlx__alloc_zero(NULL, n, sizeof *none);
    const float *values = largest ? largest : none;
    const bool ok = values && dlx__gguf_put_texts(w, names_key, names, n) == DLX_OK &&
                    dlx__gguf_put_f32s(w, largest_key, values, n) == DLX_OK;
    dlx__free(NULL, none);
    return ok;
}

dlx_result dlx__recorded_put_ranges(dlx__gguf_writer *w, dlx__scheme scheme, const char *method,
                                    const dlx__gguf_string *names, const float *largest, size_t n,
                                    dlx_error *err)
{
    bool ok = scheme == DLX__SCHEME_NONE ||
              dlx__gguf_put_text(w, scheme_key, dlx__scheme_name(scheme)) == DLX_OK;
    ok = ok && (!method || dlx__gguf_put_text(w, method_key, method) == DLX_OK);
    ok = ok && (n == 0 || put_lists(w, names, largest, n));
    return ok ? DLX_OK : dlx__fail_memory(err, "writing how weights were quantized", 64);
}

dlx_result dlx__recorded_put(dlx__gguf_writer *w, const dlx__model *m, dlx__scheme scheme,
                             const char *method, dlx_error *err)
{
    dlx__gguf_tensors list;
    DLX__TRY(dlx__gguf_tensors_init(&list, m, err));
    dlx__gguf_string *names = dlx__alloc_zero(m->mem, list.n, sizeof *names);
    float *largest = dlx__alloc_zero(m->mem, list.n, sizeof *largest);
    size_t n = 0;
    for (size_t i = 0; names && largest && i < list.n; i++) {
        largest[n] = largest_of(&m->graph, list.items[i].tensor);
        names[n] = (dlx__gguf_string){list.items[i].name, strlen(list.items[i].name)};
        n += largest[n] > 0;
    }
    const dlx_result r = names && largest
                             ? dlx__recorded_put_ranges(w, scheme, method, names, largest, n, err)
                             : dlx__fail_memory(err, "listing recorded ranges", list.n);
    dlx__free(m->mem, names);
    dlx__free(m->mem, largest);
    dlx__gguf_tensors_release(&list);
    return r;
}
