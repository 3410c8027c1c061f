/* shift.c - which row of the logits speaks for which position. */
#include "runtime/sampler/shift.h"

size_t dlx__shift_row(bool shift, size_t i)
{
    return shift && i > 0 ? i - 1 : i;
}

void dlx__shift_logits(bool shift, size_t *positions, size_t n, size_t start)
{
    for (size_t i = 0; i < n; i++)
        positions[i] = dlx__shift_row(shift, positions[i] - start);
}
