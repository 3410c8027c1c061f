/* plain.h - a tensor of a model in another type, row by row, without calibration. */
#ifndef DLX__PLAIN_H
#define DLX__PLAIN_H

#include "quant/quantizer.h"

/* Reads, rounds and hands on in slabs; the pages that were read are given back. */
dlx_result dlx__plain_put(const dlx__model *m, dlx__role role, size_t layer, dlx__ruling ruling,
                          const dlx__quantizer_sink *sink, dlx__pool *pool,
                          const dlx_allocator *mem, dlx_error *err);

#endif
