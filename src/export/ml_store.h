/*
 * ml_store.h - weights as functions of an ML Program refer to them: blobs of a file in MIL's blob
 * storage, version 2. It begins with a header of 64 bytes; each weight has a record of 64 bytes
 * before its own, all of it in steps of 64.
 */
#ifndef DLX__ML_STORE_H
#define DLX__ML_STORE_H

#include "export/ml_graph.h"
#include "export/weight_store.h"

extern const dlx__weight_layout dlx__ml_layout;

/* The rows of a tensor, of FP16, INT8_HALF or INT4_HALF; or the scales of the last two, [n, 1] or
 * [n, k / 32]. */
dlx__ml_blob dlx__ml_store_rows(dlx__weight_store *s, const dlx__tensor *t, dlx__packing packing,
                                dlx__row_part part);

/* fp16 numbers that were made for a function. */
dlx__ml_blob dlx__ml_store_halves(dlx__weight_store *s, const char *key, dlx__export_part part,
                                  const uint16_t *halves, size_t n);

#endif
