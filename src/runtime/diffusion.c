/* diffusion.c - blocks as windows of the canvas, and the families' schedules. */
#include "runtime/diffusion.h"

#include <math.h>

#include "base/fail.h"

void dlx__block_manager_init(dlx__block_manager *m, dlx_token *canvas, size_t n_canvas,
                             dlx_token mask_id, dlx__block *storage, size_t capacity)
{
    *m = (dlx__block_manager){.canvas = canvas,
                              .n_canvas = n_canvas,
                              .mask_id = mask_id,
                              .blocks = storage,
                              .capacity = capacity};
}

void dlx__block_manager_reset(dlx__block_manager *m)
{
    m->n = 0;
}

dlx_result dlx__block_create(dlx__block_manager *m, size_t start, size_t n, size_t *id,
                             dlx_error *err)
{
    if (n == 0)
        return dlx__fail(err, DLX_E_ARG, "a diffusion block needs at least one position");
    if (start > m->n_canvas || n > m->n_canvas - start)
        return dlx__fail(err, DLX_E_ARG,
                         "a diffusion block of %zu positions from %zu leaves the canvas of %zu", n,
                         start, m->n_canvas);
    if (m->n == m->capacity)
        return dlx__fail(err, DLX_E_FULL, "no room for another diffusion block: there are %zu",
                         m->n);
    dlx__block *b = &m->blocks[m->n];
    *b = (dlx__block){.id = m->n, .start = start, .n = n};
    b->n_masked = dlx__block_masks(m, b, 0, n, NULL, 0);
    b->is_active = b->n_masked > 0;
    *id = m->n++;
    return DLX_OK;
}

const dlx__block *dlx__block_get(const dlx__block_manager *m, size_t id)
{
    return id < m->n ? &m->blocks[id] : NULL;
}

const dlx__block *dlx__block_next_active(const dlx__block_manager *m, size_t from)
{
    for (size_t i = from; i < m->n; i++)
        if (m->blocks[i].is_active)
            return &m->blocks[i];
    return NULL;
}

bool dlx__block_any_active(const dlx__block_manager *m)
{
    return dlx__block_next_active(m, 0) != NULL;
}

dlx_result dlx__block_accept(dlx__block_manager *m, size_t id, size_t local, dlx_token token,
                             dlx_error *err)
{
    if (id >= m->n)
        return dlx__fail(err, DLX_E_ARG, "there is no diffusion block %zu: there are %zu", id,
                         m->n);
    dlx__block *b = &m->blocks[id];
    if (local >= b->n)
        return dlx__fail(err, DLX_E_ARG,
                         "position %zu is outside diffusion block %zu of %zu positions", local, id,
                         b->n);
    dlx_token *at = &m->canvas[b->start + local];
    if (*at != m->mask_id)
        return dlx__fail(err, DLX_E_ARG, "position %zu of diffusion block %zu is revealed already",
                         local, id);
    if (token == m->mask_id)
        return dlx__fail(err, DLX_E_ARG, "the mask id %d reveals nothing", (int)token);
    *at = token;
    b->n_masked--;
    b->is_active = b->n_masked > 0;
    return DLX_OK;
}

size_t dlx__block_masks(const dlx__block_manager *m, const dlx__block *b, size_t from, size_t to,
                        size_t *out, size_t capacity)
{
    size_t n = 0;
    for (size_t i = from; i < to && i < b->n; i++) {
        if (m->canvas[b->start + i] != m->mask_id)
            continue;
        if (n < capacity)
            out[n] = b->start + i;
        n++;
    }
    return n;
}

size_t dlx__block_all_masks(const dlx__block_manager *m, size_t *out, size_t capacity)
{
    size_t n = 0;
    for (const dlx__block *b = dlx__block_next_active(m, 0); b;
         b = dlx__block_next_active(m, b->id + 1)) {
        size_t room = n < capacity ? capacity - n : 0;
        n += dlx__block_masks(m, b, 0, b->n, room ? out + n : NULL, room);
    }
    return n;
}

size_t dlx__quota_even(size_t n, size_t n_steps, size_t step)
{
    return step < n_steps ? n / n_steps + (step < n % n_steps) : 0;
}

/*
 * Entry i of torch.linspace(1, eps, n_steps + 1) in float32: computed from the nearer end, with a
 * fused multiply-add (aten/src/ATen/native/cpu/RangeFactoriesKernel.cpp of pytorch).
 */
static float dream_time(size_t n_steps, double eps, size_t i)
{
    float last = (float)eps;
    float step = (last - 1.0f) / (float)n_steps;
    if (i < (n_steps + 1) / 2)
        return fmaf(step, (float)i, 1.0f);
    return fmaf(-step, (float)(n_steps - i), last);
}

float dlx__dream_share(size_t n_steps, double eps, size_t step)
{
    if (step + 1 >= n_steps)
        return 1.0f;
    return 1.0f - dream_time(n_steps, eps, step + 1) / dream_time(n_steps, eps, step);
}

size_t dlx__quota_dream(size_t n_masked, size_t n_steps, double eps, size_t step)
{
    if (step + 1 >= n_steps)
        return n_masked;
    return (size_t)((float)n_masked * dlx__dream_share(n_steps, eps, step));
}
