/* reference_head.c - what the head tells of one row of logits. */
#include "backends/reference.h"

#include <math.h>

/* Walks the ids that are allowed, in ascending order; SIZE_MAX at the end. */
typedef struct walk {
    const dlx__head *head;
    size_t next, end, at_suppressed;
} walk;

static walk begin(const dlx__head *head, size_t n_rows_vocab)
{
    size_t end = head->n_ids ? dlx__min(head->n_ids, n_rows_vocab) : n_rows_vocab;
    return (walk){.head = head, .end = end};
}

static size_t next_allowed(walk *w)
{
    const dlx__head *head = w->head;
    for (; w->next < w->end; w->next++) {
        while (w->at_suppressed < head->n_suppress &&
               head->suppress[w->at_suppressed] < (dlx_token)w->next)
            w->at_suppressed++;
        if (w->at_suppressed < head->n_suppress &&
            head->suppress[w->at_suppressed] == (dlx_token)w->next)
            continue;
        return w->next++;
    }
    return SIZE_MAX;
}

void dlx__ref_row_stat(dlx__row_stat *stat, const float *logits, size_t n_rows_vocab,
                       const dlx__head *head)
{
    size_t best = SIZE_MAX;
    float second = -INFINITY;
    bool finite = true;
    walk w = begin(head, n_rows_vocab);
    for (size_t i = next_allowed(&w); i != SIZE_MAX; i = next_allowed(&w)) {
        finite = finite && !isnan(logits[i]) && logits[i] < INFINITY;
        if (best == SIZE_MAX || logits[i] > logits[best]) {
            second = best == SIZE_MAX ? second : logits[best];
            best = i;
        } else if (logits[i] > second) {
            second = logits[i];
        }
    }
    *stat = (dlx__row_stat){0};
    if (!finite || best == SIZE_MAX || isinf(logits[best]))
        return;

    double top = (double)logits[best];
    double sum = 0.0;      /* of exp(l - top) */
    double weighted = 0.0; /* of exp(l - top) (l - top) */
    w = begin(head, n_rows_vocab);
    for (size_t i = next_allowed(&w); i != SIZE_MAX; i = next_allowed(&w)) {
        double l = (double)logits[i] - top;
        double e = exp(l);
        sum += e;
        weighted += e > 0.0 ? e * l : 0.0;
    }
    *stat = (dlx__row_stat){
        .best = (dlx_token)best,
        .logit = logits[best],
        .prob = (float)(1.0 / sum),
        .margin = (float)((1.0 - exp((double)second - top)) / sum),
        .neg_entropy = (float)(weighted / sum - log(sum)),
        .finite = true,
    };
}
