/* gguf_report.h - what quantizing made of each tensor, as JSON; a report that is not wanted
 * (is_wanted false) does nothing. */
#ifndef DLX__GGUF_REPORT_H
#define DLX__GGUF_REPORT_H

#include "model/gguf_rows.h"
#include "quant/quantizer.h"

#include <jansson.h>

typedef struct dlx__gguf_report {
    bool is_wanted;
    const dlx_allocator *mem;
    json_t *types, *fallbacks, *tensors; /* NULL: no memory */
    float *rows;                         /* [2][widest] */
    double error, norm;                  /* sums of squares of the tensor that is being written */
    size_t bytes, bytes_before, bytes_f16;
} dlx__gguf_report;

dlx_result dlx__gguf_report_open(dlx__gguf_report *r, const dlx__model *m, dlx_error *err);
void dlx__gguf_report_release(dlx__gguf_report *r);

/* A tensor, before any data: from what, and to what. */
void dlx__gguf_report_ruling(dlx__gguf_report *r, const dlx__gguf_tensor *from,
                             const dlx__tensor *to, const dlx__ruling *ruling);

/* Its rows [first, first + n), in the order of the model. */
void dlx__gguf_report_rows(dlx__gguf_report *r, const dlx__gguf_tensor *from, const dlx__tensor *to,
                           size_t first, size_t n);

/* It is whole. Scaled weights have nothing to be held against: their error is null. */
void dlx__gguf_report_tensor(dlx__gguf_report *r, const dlx__gguf_tensor *from,
                             const dlx__tensor *to, bool scaled);

/*
 * {"path","bytes","bytes_before","bytes_f16","types":{type: bytes},"fallbacks":[{"tensor","type",
 * "group"}],"tensors":[{"name","type","bytes","error"}]}; NULL: no memory.
 */
json_t *dlx__gguf_report_finish(dlx__gguf_report *r, const char *path);

#endif
