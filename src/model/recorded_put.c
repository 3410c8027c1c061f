/* recorded_put.c - putting the record of a quantization into a file that is written. */
#include "base/fail.h"
#include "model/recorded.h"

/* Pairs of numbers as a list of numbers. */
_Static_assert(sizeof(dlx__range) == 2 * sizeof(float), "a range is two floats");

static const float *floats(const dlx__range *ranges)
{
    return (const float *)ranges;
}

static bool put_lists(dlx__gguf_writer *w, const dlx__recorded_ranges *r)
{
    return dlx__gguf_put_texts(w, DLX__QUANT_RANGE_NAMES, r->names, r->n) == DLX_OK &&
           dlx__gguf_put_f32s(w, DLX__QUANT_RANGE_LARGEST, r->largest, r->n) == DLX_OK &&
           (!r->in ||
            (dlx__gguf_put_f32s(w, DLX__QUANT_RANGE_IN, floats(r->in), 2 * r->n) == DLX_OK &&
             dlx__gguf_put_f32s(w, DLX__QUANT_RANGE_OUT, floats(r->out), 2 * r->n) == DLX_OK));
}

dlx_result dlx__recorded_put(dlx__gguf_writer *w, dlx__scheme scheme, const char *method,
                             const dlx__recorded_ranges *ranges, dlx_error *err)
{
    bool ok = scheme == DLX__SCHEME_NONE ||
              dlx__gguf_put_text(w, DLX__QUANT_SCHEME, dlx__scheme_name(scheme)) == DLX_OK;
    ok = ok && (!method || dlx__gguf_put_text(w, DLX__QUANT_METHOD, method) == DLX_OK);
    ok = ok && (ranges->n == 0 || put_lists(w, ranges));
    return ok ? DLX_OK : dlx__fail_memory(err, "writing how weights were quantized", 64);
}

dlx_result dlx__recorded_change(dlx__gguf_writer *w, const dlx__recorded_ranges *r, dlx_error *err)
{
    if (r->n == 0)
        return DLX_OK;
    DLX__TRY(dlx__gguf_change_f32s(w, DLX__QUANT_RANGE_LARGEST, r->largest, r->n, err));
    if (!r->in)
        return DLX_OK;
    DLX__TRY(dlx__gguf_change_f32s(w, DLX__QUANT_RANGE_IN, floats(r->in), 2 * r->n, err));
    return dlx__gguf_change_f32s(w, DLX__QUANT_RANGE_OUT, floats(r->out), 2 * r->n, err);
}
