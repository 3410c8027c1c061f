/*
 * filter.c - top-k and top-p without sorting a vocabulary: a heap gives ids by falling logit, and
 * only as many as are kept are ever taken out.
 */
#include "runtime/sampler/filter.h"

#include <math.h>

/* true when id a comes before id b: larger logit, then lower id. */
static bool before(const float *logits, uint32_t a, uint32_t b)
{
    return logits[a] > logits[b] || (logits[a] == logits[b] && a < b);
}

static void sift_down(const float *logits, uint32_t *heap, size_t n, size_t at)
{
    for (;;) {
        size_t first = at;
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < n; child++)
            if (before(logits, heap[child], heap[first]))
                first = child;
        if (first == at)
            return;
        uint32_t moved = heap[at];
        heap[at] = heap[first];
        heap[first] = moved;
        at = first;
    }
}

static void heapify(const float *logits, uint32_t *heap, size_t n)
{
    for (size_t i = 0; i < n; i++)
        heap[i] = (uint32_t)i;
    for (size_t i = n / 2; i-- > 0;)
        sift_down(logits, heap, n, i);
}

/* Takes the first id out of a heap of *n, n > 0. */
static uint32_t pop(const float *logits, uint32_t *heap, size_t *n)
{
    uint32_t first = heap[0];
    heap[0] = heap[--*n];
    sift_down(logits, heap, *n, 0);
    return first;
}

void dlx__filter_temperature(float *logits, size_t n, double temperature)
{
    float top = -INFINITY;
    for (size_t i = 0; i < n; i++)
        top = logits[i] > top ? logits[i] : top;
    for (size_t i = 0; i < n; i++)
        logits[i] = (float)(((double)logits[i] - top) / temperature);
}

void dlx__filter_top_k(float *logits, size_t n, size_t k, uint32_t *scratch)
{
    if (k == 0 || k >= n)
        return;
    heapify(logits, scratch, n);
    size_t left = n;
    uint32_t last = 0;
    for (size_t i = 0; i < k; i++)
        last = pop(logits, scratch, &left);
    float limit = logits[last];
    for (size_t i = 0; i < n; i++)
        if (logits[i] < limit)
            logits[i] = -INFINITY;
}

void dlx__filter_top_p(float *logits, size_t n, double p, uint32_t *scratch)
{
    if (!(p < 1.0) || n == 0)
        return;
    heapify(logits, scratch, n);
    double top = logits[scratch[0]];
    double sum = 0.0;
    for (size_t i = 0; i < n; i++)
        sum += exp((double)logits[i] - top);
    double mass = 0.0;
    size_t left = n;
    while (left > 0 && mass <= p * sum)
        mass += exp((double)logits[pop(logits, scratch, &left)] - top);
    for (size_t i = 0; i < left; i++)
        logits[scratch[i]] = -INFINITY;
}

void dlx__filter_apply(const dlx__filter *f, float *logits, size_t n, uint32_t *scratch)
{
    if (f->temperature > 0.0)
        dlx__filter_temperature(logits, n, f->temperature);
    if (f->order == DLX__TOP_K_FIRST)
        dlx__filter_top_k(logits, n, f->top_k, scratch);
    dlx__filter_top_p(logits, n, f->top_p, scratch);
    if (f->order == DLX__TOP_P_FIRST)
        dlx__filter_top_k(logits, n, f->top_k, scratch);
}
