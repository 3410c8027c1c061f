/* onnx_form.c - what each form is made of. */
#include "export/onnx_form.h"

#include "base/little.h"
#include "dtype/convert.h"

static const struct {
    dlx__packing packing;
    bool scales;
} forms[DLX__ONNX_N_FORMS] = {
    [DLX__ONNX_ROWS_FLOAT] = {DLX__PACK_FP32, false},
    [DLX__ONNX_ROWS_HALF] = {DLX__PACK_FP16, false},
    [DLX__ONNX_ROWS_INT8] = {DLX__PACK_INT8, false},
    [DLX__ONNX_ROWS_INT8_SCALES] = {DLX__PACK_INT8, true},
    [DLX__ONNX_ROWS_INT4] = {DLX__PACK_INT4_HALF, false},
    [DLX__ONNX_ROWS_INT4_SCALES] = {DLX__PACK_INT4_HALF, true},
};

dlx__packing dlx__onnx_form_packing(dlx__onnx_form form)
{
    return forms[form].packing;
}

bool dlx__onnx_form_is_scales(dlx__onnx_form form)
{
    return forms[form].scales;
}

size_t dlx__onnx_form_bytes(dlx__onnx_form form, size_t n)
{
    const size_t n_bytes = dlx__pack_row_bytes(forms[form].packing, forms[form].scales, n);
    return form == DLX__ONNX_ROWS_INT4_SCALES ? dlx__mul(2, n_bytes) : n_bytes;
}

/* out [n] float32, whose second half holds them in fp16. */
static void widen(uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const float x = dlx__f16_to_f32(dlx__le16(out + 2 * n + 2 * i));
        memcpy(out + 4 * i, &x, sizeof x);
    }
}

dlx_result dlx__onnx_form_put(dlx__onnx_form form, const dlx__row_packer *packer, uint8_t *out,
                              size_t n_bytes, size_t first, size_t n, bool *exact, dlx_error *err)
{
    const bool widens = form == DLX__ONNX_ROWS_INT4_SCALES;
    DLX__TRY(dlx__row_packer_put(packer, widens ? out + n_bytes / 2 : out, forms[form].scales,
                                 first, n, exact, err));
    if (widens)
        widen(out, n_bytes / sizeof(float));
    return DLX_OK;
}
