/*
 * filter.h - temperature, top-k, top-p: what may be drawn, and with which weight. What is removed
 * becomes -infinity.
 */
#ifndef DLX__FILTER_H
#define DLX__FILTER_H

#include "base/base.h"

/* Dream (sample_tokens): temperature, top-p, top-k. SDAR: temperature, top-k, top-p. */
typedef enum { DLX__TOP_P_FIRST, DLX__TOP_K_FIRST } dlx__filter_order;

typedef struct dlx__filter {
    double temperature; /* 0: logits stay as they are */
    size_t top_k;       /* 0: off */
    double top_p;       /* 1: off */
    dlx__filter_order order;
} dlx__filter;

/* (logits - largest) / temperature: the same softmax, and no temperature is small enough to
 * overflow. */
void dlx__filter_temperature(float *logits, size_t n, double temperature);

/* Keeps the k largest and every tie of the k-th. scratch [n]. */
void dlx__filter_top_k(float *logits, size_t n, size_t k, uint32_t *scratch);

/*
 * Keeps ids by falling probability while the mass before them does not exceed p: the id that
 * crosses the limit stays, the first always does. Ties fall by ascending id. scratch [n].
 */
void dlx__filter_top_p(float *logits, size_t n, double p, uint32_t *scratch);

void dlx__filter_apply(const dlx__filter *f, float *logits, size_t n, uint32_t *scratch);

#endif
