/* recorded_put.c - putting the record of a quantization into a file that is written. */
#include "base/fail.h"
#include "base/mem.h"
#include "model/recorded.h"

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

dlx_result dlx__recorded_put(dlx__gguf_writer *w, dlx__scheme scheme, const char *method,
                             const dlx__gguf_string *names, const float *largest, size_t n,
                             dlx_error *err)
{
    bool ok = scheme == DLX__SCHEME_NONE ||
              dlx__gguf_put_text(w, DLX__QUANT_SCHEME, dlx__scheme_name(scheme)) == DLX_OK;
    ok = ok && (!method || dlx__gguf_put_text(w, DLX__QUANT_METHOD, method) == DLX_OK);
    ok = ok && (n == 0 || put_lists(w, names, largest, n));
    return ok ? DLX_OK : dlx__fail_memory(err, "writing how weights were quantized", 64);
}
