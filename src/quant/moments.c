/* moments.c - sums += xT x, a tile of rows at a time. */
#include "quant/moments.h"

#include "base/fail.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

dlx_result dlx__moments_open(dlx__moments *m, size_t n, const dlx_allocator *mem, dlx_error *err)
{
    *m = (dlx__moments){.mem = mem, .n = n};
    const size_t square = dlx__mul(dlx__mul(n, n), sizeof(float));
    const size_t strip = dlx__mul(dlx__mul(n, DLX__MOMENT_ROWS), sizeof(float));
    const size_t sample = dlx__mul(dlx__mul(n, DLX__MOMENT_SAMPLE), sizeof(float));
    m->sums = dlx__alloc_aligned(mem, square);
    m->turned = dlx__alloc_aligned(mem, strip);
    m->sample = dlx__alloc_aligned(mem, sample);
    if (!m->sums || !m->turned || !m->sample) {
        dlx__moments_release(m);
        return dlx__fail_memory(err, "making room for what calibration tells",
                                dlx__add(square, dlx__add(strip, sample)));
    }
    dlx__moments_reset(m);
    return DLX_OK;
}

void dlx__moments_release(dlx__moments *m)
{
    dlx__free_aligned(m->mem, m->sums);
    dlx__free_aligned(m->mem, m->turned);
    dlx__free_aligned(m->mem, m->sample);
    *m = (dlx__moments){0};
}

void dlx__moments_reset(dlx__moments *m)
{
    memset(m->sums, 0, m->n * m->n * sizeof *m->sums);
    m->n_seen = m->n_sample = 0;
    dlx__rng_seed(&m->rng, m->n);
}

/* turned [n][n_rows] = x [n_rows][n]; false: something is not finite. */
static bool turn(dlx__moments *m, const dlx__rows *x, size_t first, size_t n_rows)
{
    float total = 0; /* infinite or NaN if any number is, or if they are too large to be squared */
    for (size_t r = 0; r < n_rows; r++) {
        const float *from = x->x + (first + r) * x->stride;
        for (size_t i = 0; i < m->n; i++) {
            m->turned[i * n_rows + r] = from[i];
            total += from[i] * from[i];
        }
    }
    return isfinite(total);
}

/* Row number n_seen takes a place of the sample with the chance that all rows before it had. */
static void take_sample(dlx__moments *m, const float *row)
{
    size_t place = m->n_sample;
    if (place == DLX__MOMENT_SAMPLE)
        place = (size_t)(dlx__rng_bits(&m->rng) % (m->n_seen + 1));
    else
        m->n_sample++;
    if (place < DLX__MOMENT_SAMPLE)
        memcpy(m->sample + place * m->n, row, m->n * sizeof *row);
    m->n_seen++;
}

dlx_result dlx__moments_add(dlx__moments *m, dlx__dense *d, dlx__rows x, dlx_error *err)
{
    const dlx__rows sums = {m->sums, m->n, m->n, m->n};
    for (size_t r = 0; r < x.n_rows; r += DLX__MOMENT_ROWS) {
        const size_t n_rows = dlx__min(DLX__MOMENT_ROWS, x.n_rows - r);
        if (!turn(m, &x, r, n_rows))
            return dlx__fail(err, DLX_E_FORMAT,
                             "calibration: expected finite numbers inside the model, found others; "
                             "its weights or the calibration text are broken");
        const dlx__rows turned = {m->turned, m->n, n_rows, n_rows};
        DLX__TRY(dlx__dense_add_product(d, sums, 1, turned, turned, true, err));
        for (size_t i = 0; i < n_rows; i++)
            take_sample(m, x.x + (r + i) * x.stride);
    }
    return DLX_OK;
}

void dlx__moments_importance(const dlx__moments *m, float *importance)
{
    const float factor = m->n_seen ? 1.0f / (float)m->n_seen : 0;
    for (size_t i = 0; i < m->n; i++)
        importance[i] = m->sums[i * m->n + i] * factor;
}

void dlx__moments_divide(dlx__moments *m, const float *scales)
{
    for (size_t i = 0; i < m->n; i++)
        for (size_t j = 0; j <= i; j++)
            m->sums[i * m->n + j] /= scales[i] * scales[j];
    for (size_t r = 0; r < m->n_sample; r++)
        for (size_t i = 0; i < m->n; i++)
            m->sample[r * m->n + i] /= scales[i];
}
