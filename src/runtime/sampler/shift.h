/*
 * shift.h - shift_logits: families trained from autoregressive models predict position i with the
 * logits of row i - 1. Row 0 of the sequence has no predecessor and keeps its own, as in the
 * reference generators of Dream and Fast-dLLM v2. Nothing is moved: the shift is a choice of rows,
 * so that the head runs only on rows that are read.
 */
#ifndef DLX__SHIFT_H
#define DLX__SHIFT_H

#include "base/base.h"

/* The row whose logits predict row i. */
size_t dlx__shift_row(bool shift, size_t i);

/*
 * Replaces each of the absolute positions by the row, in a forward that begins at position `start`,
 * whose logits predict it.
 */
void dlx__shift_logits(bool shift, size_t *positions, size_t n, size_t start);

#endif
