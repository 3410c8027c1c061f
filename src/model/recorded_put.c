/* recorded_put.c - putting the record of a quantization into a file that is written. */
#include "base/fail.h"
#include "base/mem.h"
#include "model/gguf_rows.h"
#include "model/recorded.h"

#include <string.h>

/* What calibration recorded for products with this weight; 0: nothing. */
static float largest_of(const dlx__graph *g, const dlx__tensor *weight)
{
    for (size_t i = 0; i < g->n; i++)
        if (g->nodes[i].op == DLX__OP_LINEAR && g->nodes[i].weight == weight)
            return g->nodes[i].in_largest;
    return 0;
}

static dlx_result put_ranges(dlx__gguf_writer *w, const dlx__model *m,
                             const dlx__gguf_tensors *list, dlx_error *err)
{
    dlx__gguf_string *names = dlx__alloc_zero(m->mem, list->n, sizeof *names);
    float *largest = dlx__alloc_zero(m->mem, list->n, sizeof *largest);
    dlx_result r = names && largest ? DLX_OK : DLX_E_NOMEM;
    size_t n = 0;
    for (size_t i = 0; r == DLX_OK && i < list->n; i++) {
        largest[n] = largest_of(&m->graph, list->items[i].tensor);
        names[n] = (dlx__gguf_string){list->items[i].name, strlen(list->items[i].name)};
        n += largest[n] > 0;
    }
    if (r == DLX_OK && n > 0)
        r = dlx__gguf_put_texts(w, DLX__QUANT_RANGE_NAMES, names, n);
    if (r == DLX_OK && n > 0)
        r = dlx__gguf_put_f32s(w, DLX__QUANT_RANGE_LARGEST, largest, n);
    dlx__free(m->mem, names);
    dlx__free(m->mem, largest);
    return r == DLX_OK ? r : dlx__fail_memory(err, "listing recorded ranges", list->n);
}

dlx_result dlx__recorded_put(dlx__gguf_writer *w, const dlx__model *m, dlx__scheme scheme,
                             const char *method, dlx_error *err)
{
    dlx_result r = DLX_OK;
    if (scheme != DLX__SCHEME_NONE)
        r = dlx__gguf_put_text(w, DLX__QUANT_SCHEME, dlx__scheme_name(scheme));
    if (r == DLX_OK && method)
        r = dlx__gguf_put_text(w, DLX__QUANT_METHOD, method);
    if (r != DLX_OK)
        return dlx__fail_memory(err, "writing how weights were quantized", 64);
    dlx__gguf_tensors list;
    DLX__TRY(dlx__gguf_tensors_init(&list, m, err));
    r = put_ranges(w, m, &list, err);
    dlx__gguf_tensors_release(&list);
    return r;
}
