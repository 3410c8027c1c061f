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

static bool put_lists(dlx__gguf_writer *w, const dlx__gguf_string *names, const float *largest,
                      size_t n)
{
    float *none = largest ? NULL : dlx__alloc_zero(NULL, n, sizeof *none);
    const float *values = largest ? largest : none;
    const bool ok = values && dlx__gguf_put_texts(w, DLX__QUANT_RANGE_NAMES, names, n) == DLX_OK &&
                    dlx__gguf_put_f32s(w, DLX__QUANT_RANGE_LARGEST, values, n) == DLX_OK;
    dlx__free(NULL, none);
    return ok;
}

dlx_result dlx__recorded_put_ranges(dlx__gguf_writer *w, dlx__scheme scheme, const char *method,
                                    const dlx__gguf_string *names, const float *largest, size_t n,
                                    dlx_error *err)
{
    bool ok = scheme == DLX__SCHEME_NONE ||
              dlx__gguf_put_text(w, DLX__QUANT_SCHEME, dlx__scheme_name(scheme)) == DLX_OK;
    ok = ok && (!method || dlx__gguf_put_text(w, DLX__QUANT_METHOD, method) == DLX_OK);
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
