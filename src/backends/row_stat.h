/* row_stat.h - what the head tells of a row: from running statistics, or from its logits. */
#ifndef DLX__ROW_STAT_H
#define DLX__ROW_STAT_H

#include "backends/backend.h"

struct dlx__kernels; /* kernel/kernel.h */
struct dlx__stats;

dlx__row_stat dlx__row_stat_of(const struct dlx__stats *s);

/* The same of logits x [n_vocab], by these kernels; ids that the head leaves out do not count. */
dlx__row_stat dlx__row_stat_of_logits(const struct dlx__kernels *kernels, const float *x,
                                      size_t n_vocab, const dlx__head *in);

/* The fastest kernels that run here. */
const struct dlx__kernels *dlx__row_stat_kernels(void);

#endif
