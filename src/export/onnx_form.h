/*
 * onnx_form.h - rows of weights as ONNX graphs read them. A matrix keeps the order of the model,
 * [outputs, inputs]: Gemm reads it turned, a table is gathered from it as it is.
 */
#ifndef DLX__ONNX_FORM_H
#define DLX__ONNX_FORM_H

#include "export/onnx_graph.h"
#include "export/row_packer.h"

typedef enum dlx__onnx_form {
    DLX__ONNX_ROWS_FLOAT,
    DLX__ONNX_ROWS_HALF,
    DLX__ONNX_ROWS_INT8,
    DLX__ONNX_ROWS_INT8_SCALES, /* float32, one a row */
    DLX__ONNX_ROWS_INT4,        /* two a byte, the even column low, stored + 8 */
    DLX__ONNX_ROWS_INT4_SCALES, /* float32, of 32 columns each, which fp16 holds */
    DLX__ONNX_N_FORMS
} dlx__onnx_form;

/* Bytes of a row of n numbers. */
size_t dlx__onnx_form_bytes(dlx__onnx_form form, size_t n);

/* How its rows are packed, and whether these are the scales. */
dlx__packing dlx__onnx_form_packing(dlx__onnx_form form);
bool dlx__onnx_form_is_scales(dlx__onnx_form form);

/* out [n_bytes] = the rows [first, first + n) that the packer is for. *exact becomes false where
 * integers of the file are rounded again. */
dlx_result dlx__onnx_form_put(dlx__onnx_form form, const dlx__row_packer *packer, uint8_t *out,
                              size_t n_bytes, size_t first, size_t n, bool *exact, dlx_error *err);

#endif
