/* rotation.c - a position at a time. */
#include "export/rotation.h"

#include "base/fail.h"
#include "base/mem.h"
#include "export/pte_write.h"

#include <math.h>

static void fill(float *row, const dlx__rotation *r, size_t position)
{
    const size_t half = r->head_dim / 2;
    for (size_t j = 0; j < half; j++) {
        const float inverse = 1.0f / powf((float)r->theta, (float)(2 * j) / (float)r->head_dim);
        const float angle = (float)position * inverse;
        row[half + j] = r->is_sine ? sinf(angle) : cosf(angle);
        row[j] = r->is_sine ? -row[half + j] : row[half + j];
    }
}

static dlx_result produce(void *user, dlx__pte_sink *sink, dlx_error *err)
{
    const dlx__rotation *r = user;
    float *row = dlx__alloc(r->mem, dlx__mul(r->head_dim, sizeof *row));
    if (!row)
        return dlx__fail_memory(err, "making tables of positions", r->head_dim * sizeof *row);
    dlx_result result = DLX_OK;
    for (size_t p = 0; p < r->n_positions && result == DLX_OK; p++) {
        fill(row, r, p);
        result = dlx__pte_sink_put(sink, row, r->head_dim * sizeof *row, err);
    }
    dlx__free(r->mem, row);
    return result;
}

dlx__pte_blob dlx__rotation_blob(dlx__rotation *r)
{
    return (dlx__pte_blob){.n_bytes =
                               dlx__mul(dlx__mul(r->n_positions, r->head_dim), sizeof(float)),
                           .produce = produce,
                           .user = r};
}
