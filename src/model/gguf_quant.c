/* gguf_quant.c - what a file says of its quantization, to and fro. */
#include "model/gguf_put.h"

#include "base/fail.h"
#include "base/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char KEY_SCHEME[] = "dlx.quant.scheme", KEY_METHOD[] = "dlx.quant.method",
                  KEY_NAMES[] = "dlx.quant.range.names", KEY_LARGEST[] = DLX__KEY_RANGE_LARGEST;

dlx_result dlx__gguf_put_quantization(dlx__gguf_writer *w, dlx__scheme scheme, const char *method,
                                      const dlx__gguf_string *names, size_t n_names, dlx_error *err)
{
    float *none = dlx__alloc_zero(NULL, dlx__max(n_names, 1), sizeof *none);
    bool ok = none && dlx__gguf_put_u32(w, "general.quantization_version", 2) == DLX_OK &&
              dlx__gguf_put_text(w, KEY_SCHEME, dlx__scheme_name(scheme)) == DLX_OK &&
              dlx__gguf_put_text(w, KEY_METHOD, method) == DLX_OK;
    if (n_names)
        ok = ok && dlx__gguf_put_texts(w, KEY_NAMES, names, n_names) == DLX_OK &&
             dlx__gguf_put_f32s(w, KEY_LARGEST, none, n_names) == DLX_OK;
    dlx__free(NULL, none);
    return ok ? DLX_OK : dlx__fail_memory(err, "describing a quantization", 1);
}

static dlx_result read_scheme(dlx__model *m, const dlx__gguf *g, dlx_error *err)
{
    char name[32];
    dlx__gguf_string text;
    if (!dlx__gguf_find(g, KEY_SCHEME))
        return DLX_OK;
    DLX__TRY(dlx__gguf_text(g, KEY_SCHEME, &text, err));
    snprintf(name, sizeof name, "%.*s", (int)dlx__min(text.len, sizeof name - 1), text.data);
    m->scheme = text.len < sizeof name ? dlx__scheme_find(name) : DLX__SCHEME_NONE;
    if (m->scheme != DLX__SCHEME_NONE)
        return DLX_OK;
    return dlx__fail(err, DLX_E_FORMAT,
                     "%s: expected %s to be weight-only, dynamic, dynamic-row, static or static16, "
                     "found '%s'; quantize the model again",
                     g->path, KEY_SCHEME, name);
}

/* The linear node whose weights have this name; NULL: none. */
static dlx__node *find_node(dlx__model *m, dlx__gguf_string name)
{
    for (size_t i = 0; i < m->graph.n; i++) {
        dlx__node *node = &m->graph.nodes[i];
        if (node->op == DLX__OP_LINEAR && node->weight->name &&
            strlen(node->weight->name) == name.len &&
            memcmp(node->weight->name, name.data, name.len) == 0)
            return node;
    }
    return NULL;
}

static dlx_result set_range(dlx__model *m, const dlx__gguf *g, dlx__gguf_string name,
                            double largest, dlx_error *err)
{
    dlx__node *node = find_node(m, name);
    if (!node || node->in_largest > 0)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected %s to name each matrix of the model once, found '%.*s' %s; "
                         "quantize the model again",
                         g->path, KEY_NAMES, (int)dlx__min(name.len, 80), name.data,
                         node ? "twice" : "that it does not have");
    if (!(largest > 0) || !isfinite((float)largest))
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected %s to be positive numbers, found %g for '%.*s'; quantize "
                         "the model again",
                         g->path, KEY_LARGEST, largest, (int)dlx__min(name.len, 80), name.data);
    node->in_largest = (float)largest;
    return DLX_OK;
}

static dlx_result read_ranges(dlx__model *m, const dlx__gguf *g, dlx_error *err)
{
    const dlx__gguf_kv *names = dlx__gguf_find(g, KEY_NAMES);
    const dlx__gguf_kv *largest = dlx__gguf_find(g, KEY_LARGEST);
    if (!names && !largest)
        return DLX_OK;
    if (!names || !largest || !names->is_array || !names->strings || !largest->is_array ||
        largest->type != DLX__GGUF_F32 || names->n != largest->n)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected %s to be texts and %s as many float32 numbers, found "
                         "something else; quantize the model again",
                         g->path, KEY_NAMES, KEY_LARGEST);
    for (size_t i = 0; i < names->n; i++)
        DLX__TRY(set_range(m, g, names->strings[i], dlx__gguf_array_number(largest, i), err));
    return DLX_OK;
}

dlx_result dlx__gguf_read_quantization(dlx__model *m, dlx_error *err)
{
    if (m->checkpoint.kind != DLX__CHECKPOINT_GGUF)
        return DLX_OK;
    const dlx__gguf *g = &m->checkpoint.gguf;
    DLX__TRY(read_scheme(m, g, err));
    return read_ranges(m, g, err);
}
