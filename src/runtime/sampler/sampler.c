/* sampler.c - the registry, and what the samplers share. */
#include "runtime/sampler/sampler.h"

#include <string.h>

static const dlx__sampler *const samplers[] = {
#define SAMPLER_ENTRY(name) &dlx__sampler_##name,
    DLX__SAMPLERS(SAMPLER_ENTRY)
#undef SAMPLER_ENTRY
};

const dlx__sampler *dlx__sampler_find(const char *name)
{
    for (size_t i = 0; i < DLX__LEN(samplers); i++)
        if (strcmp(samplers[i]->name, name) == 0)
            return samplers[i];
    return NULL;
}

static bool outranks(const dlx__selection *s, size_t a, size_t b)
{
    double ra = s->rows[a].rank;
    double rb = s->rows[b].rank;
    return ra > rb || (ra == rb && a < b);
}

static void sift_down(dlx__selection *s, size_t n, size_t at)
{
    for (;;) {
        size_t last = at; /* the worst on top: taking it to the end leaves falling ranks */
        for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < n; child++)
            if (outranks(s, s->order[last], s->order[child]))
                last = child;
        if (last == at)
            return;
        size_t moved = s->order[at];
        s->order[at] = s->order[last];
        s->order[last] = moved;
        at = last;
    }
}

/* Heap sort: no memory, no recursion, and the same order everywhere. */
void dlx__selection_sort(dlx__selection *s)
{
    for (size_t i = 0; i < s->n; i++)
        s->order[i] = i;
    for (size_t i = s->n / 2; i-- > 0;)
        sift_down(s, s->n, i);
    for (size_t n = s->n; n > 1; n--) {
        size_t worst = s->order[0];
        s->order[0] = s->order[n - 1];
        s->order[n - 1] = worst;
        sift_down(s, n - 1, 0);
    }
}

void dlx__selection_take_best(dlx__selection *s, size_t n)
{
    dlx__selection_sort(s);
    for (size_t i = 0; i < n && i < s->n; i++)
        s->take[s->order[i]] = true;
}

size_t dlx__selection_best(const dlx__selection *s)
{
    size_t best = 0;
    for (size_t i = 1; i < s->n; i++)
        if (outranks(s, i, best))
            best = i;
    return best;
}

bool dlx__selection_passes(const dlx__selection *s, size_t row)
{
    double conf = s->rows[row].conf;
    return s->strict ? conf > s->threshold : conf >= s->threshold;
}
