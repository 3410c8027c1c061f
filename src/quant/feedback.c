/*
 * feedback.c - the triangle is made from its last block to its first; matrices are rounded from
 * their first block of inputs to their last, rows apart from one another.
 */
#include "quant/feedback.h"

#include "base/fail.h"
#include "base/mem.h"

#include <math.h>
#include <string.h>

enum { BLOCK = 256 }; /* inputs: whole blocks of every type, whole groups up to 256 */

/* ---- the triangle -------------------------------------------------------------------------- */

typedef struct triangle {
    float *x; /* [n, n] */
    size_t n;
    size_t begin, end; /* of the block */
    double floor;      /* the least pivot */
} triangle;

static float *row_of(const triangle *t, size_t k)
{
    return t->x + k * t->n;
}

static void damp(triangle *t, float damping)
{
    double mean = 0;
    for (size_t k = 0; k < t->n; k++)
        mean += (double)row_of(t, k)[k] / (double)t->n;
    mean = mean > 0 ? mean : 1;
    t->floor = 1e-6 * mean;
    for (size_t k = 0; k < t->n; k++) {
        float *pivot = row_of(t, k) + k;
        *pivot = (float)((*pivot > 0 ? (double)*pivot : mean) + (double)damping * mean);
    }
}

/* The block on the diagonal: B = MT M, M lower triangular. */
static void factor_block(const triangle *t)
{
    for (size_t k = t->end; k-- > t->begin;) {
        float *row = row_of(t, k);
        const float pivot = sqrtf((float)fmax((double)row[k], t->floor)); /* fmax passes NaN over */
        row[k] = pivot;
        for (size_t i = t->begin; i < k; i++)
            row[i] /= pivot;
        for (size_t j = t->begin; j < k; j++) {
            float *above = row_of(t, j);
            for (size_t i = t->begin; i <= j; i++)
                above[i] -= row[j] * row[i];
        }
    }
}

/* What is left of the block: H[block, rest] = BT M[block, rest]; a thread has some columns. */
static void solve_phase(void *arg, int share, int n_shares)
{
    const triangle *t = arg;
    size_t begin, end;
    dlx__pool_share(t->begin, 16, share, n_shares, &begin, &end);
    for (size_t k = t->end; k-- > t->begin;) {
        float *row = row_of(t, k);
        for (size_t j = k + 1; j < t->end; j++) {
            const float *below = row_of(t, j);
            const float factor = below[k];
            for (size_t i = begin; i < end; i++)
                row[i] -= factor * below[i];
        }
        for (size_t i = begin; i < end; i++)
            row[i] /= row[k];
    }
}

/* H[rest, rest] -= MT M of the block's rows. */
static dlx_result subtract_block(const triangle *t, dlx__moments *m, dlx__dense *d, dlx_error *err)
{
    const size_t n_rows = t->end - t->begin;
    for (size_t i = 0; i < t->begin; i++)
        for (size_t r = 0; r < n_rows; r++)
            m->turned[i * n_rows + r] = row_of(t, t->begin + r)[i];
    const dlx__rows rest = {t->x, t->begin, t->begin, t->n};
    const dlx__rows turned = {m->turned, t->begin, n_rows, n_rows};
    return dlx__dense_add_product(d, rest, -1, turned, turned, true, err);
}

dlx_result dlx__feedback_prepare(dlx__moments *m, dlx__dense *d, float damping, dlx_error *err)
{
    enum { PIVOTS = DLX__MOMENT_ROWS };
    triangle t = {.x = m->sums, .n = m->n};
    damp(&t, damping);
    for (t.end = t.n; t.end > 0; t.end = t.begin) {
        t.begin = t.end > PIVOTS ? t.end - PIVOTS : 0;
        factor_block(&t);
        dlx__pool_run(d->pool, solve_phase, &t);
        DLX__TRY(subtract_block(&t, m, d, err));
    }
    for (size_t k = 0; k < t.n; k++) {
        float *row = row_of(&t, k);
        for (size_t i = 0; i < k; i++)
            row[i] /= row[k];
        row[k] = 1;
    }
    return DLX_OK;
}

/* ---- a matrix ------------------------------------------------------------------------------ */

typedef struct rounding {
    const dlx__feedback_form *form;
    dlx__rows w;       /* behind the block: as they were; before it: what rounding changed */
    float *target;     /* [n_out][BLOCK] */
    float *factors;    /* [BLOCK][BLOCK]: row i is what input i hands on to those behind it */
    int8_t *levels;    /* [n_out][n_in] */
    dlx__grid *grids;  /* [n_out][n_grids] */
    size_t n_grids;    /* of a row */
    size_t width;      /* inputs of a grid */
    size_t unit;       /* inputs whose grids are chosen at once; 0: of the whole row, in advance */
    size_t begin, end; /* of the block */
    uint8_t *to;
    size_t row_bytes;
    const dlx_allocator *mem;
} rounding;

static void round_input(const rounding *r, size_t row, size_t k)
{
    float *target = r->target + row * BLOCK, *w = r->w.x + row * r->w.stride + k;
    const dlx__grid *grid = r->grids + row * r->n_grids + k / r->width;
    const size_t at = k - r->begin, n = r->end - r->begin;
    const int level = dlx__grid_level(grid, target[at]);
    const float changed = *w - dlx__grid_value(grid, level);
    const float *factor = r->factors + at * BLOCK;
    r->levels[row * r->w.n_cols + k] = (int8_t)level;
    *w = changed;
    for (size_t i = at + 1; i < n; i++)
        target[i] += changed * factor[i];
}

/* Grids for the inputs [k, k + n), from what their targets will be if no rounding comes between. */
static void choose_grids(const rounding *r, size_t row, size_t k, size_t n)
{
    float expected[BLOCK];
    const size_t at = k - r->begin;
    memcpy(expected, r->target + row * BLOCK + at, n * sizeof *expected);
    for (size_t i = 0; i < n; i++) {
        const float *factor = r->factors + (at + i) * BLOCK + at;
        const float changed = r->w.x[row * r->w.stride + k + i] - expected[i];
        for (size_t j = i + 1; j < n; j++)
            expected[j] += changed * factor[j];
    }
    dlx__grids_choose(r->grids + row * r->n_grids + k / r->width, r->form->dtype, expected,
                      r->form->importance + k, r->form->group, n);
}

static void round_phase(void *arg, int share, int n_shares)
{
    const rounding *r = arg;
    size_t begin, end;
    dlx__pool_share(r->w.n_rows, 1, share, n_shares, &begin, &end);
    for (size_t row = begin; row < end; row++)
        for (size_t k = r->begin; k < r->end; k++) {
            if (r->unit && (k - r->begin) % r->unit == 0)
                choose_grids(r, row, k, dlx__min(r->unit, r->end - k));
            round_input(r, row, k);
        }
}

/* Grids of whole rows, from the weights as they were. */
static void choose_phase(void *arg, int share, int n_shares)
{
    const rounding *r = arg;
    size_t begin, end;
    dlx__pool_share(r->w.n_rows, 1, share, n_shares, &begin, &end);
    for (size_t row = begin; row < end; row++)
        dlx__grids_choose(r->grids + row * r->n_grids, r->form->dtype, r->w.x + row * r->w.stride,
                          r->form->importance, r->form->group, r->w.n_cols);
}

static void pack_phase(void *arg, int share, int n_shares)
{
    const rounding *r = arg;
    size_t begin, end;
    dlx__pool_share(r->w.n_rows, 1, share, n_shares, &begin, &end);
    for (size_t row = begin; row < end; row++)
        dlx__grids_pack(r->to + row * r->row_bytes, r->form->dtype, r->levels + row * r->w.n_cols,
                        r->grids + row * r->n_grids, r->w.n_cols);
}

/* The targets of the block: the weights, and what the inputs before it hand on. */
static dlx_result set_targets(const rounding *r, const dlx__moments *m, dlx__dense *d,
                              dlx_error *err)
{
    const size_t n = r->end - r->begin;
    for (size_t row = 0; row < r->w.n_rows; row++)
        memcpy(r->target + row * BLOCK, r->w.x + row * r->w.stride + r->begin, n * sizeof(float));
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++)
            r->factors[i * BLOCK + k] = m->sums[(r->begin + k) * m->n + r->begin + i];
    const dlx__rows target = {r->target, r->w.n_rows, n, BLOCK};
    const dlx__rows before = {r->w.x, r->w.n_rows, r->begin, r->w.stride};
    const dlx__rows handed = {m->sums + r->begin * m->n, n, r->begin, m->n};
    return dlx__dense_add_product(d, target, 1, before, handed, false, err);
}

static dlx_result round_blocks(rounding *r, const dlx__moments *m, dlx__dense *d, dlx_error *err)
{
    if (r->unit == 0)
        dlx__pool_run(d->pool, choose_phase, r);
    for (r->begin = 0; r->begin < r->w.n_cols; r->begin = r->end) {
        r->end = dlx__min(r->begin + BLOCK, r->w.n_cols);
        DLX__TRY(set_targets(r, m, d, err));
        dlx__pool_run(d->pool, round_phase, r);
    }
    dlx__pool_run(d->pool, pack_phase, r);
    return DLX_OK;
}

/* Inputs whose grids are chosen together; 0: those of a whole row. */
static size_t unit_of(const dlx__feedback_form *form)
{
    const size_t block = dlx__dtype_of(form->dtype)->block_elems;
    if (form->group == DLX__GRID_PORTABLE)
        return block;
    return form->group == DLX__GRID_ROW || BLOCK % form->group != 0 ? 0
                                                                    : dlx__max(block, form->group);
}

static dlx_result take_room(rounding *r, dlx_error *err)
{
    const size_t n = dlx__mul(r->w.n_rows, r->w.n_cols);
    const size_t targets = dlx__mul(dlx__mul(r->w.n_rows, BLOCK), sizeof *r->target);
    const size_t grids = dlx__mul(dlx__mul(r->w.n_rows, r->n_grids), sizeof *r->grids);
    r->target = dlx__alloc_aligned(r->mem, targets);
    r->factors = dlx__alloc_aligned(r->mem, BLOCK * BLOCK * sizeof *r->factors);
    r->levels = dlx__alloc(r->mem, n);
    r->grids = dlx__alloc(r->mem, grids);
    if (r->target && r->factors && r->levels && r->grids)
        return DLX_OK;
    return dlx__fail_memory(err, "rounding a matrix", dlx__add(n, dlx__add(targets, grids)));
}

static void give_room(rounding *r)
{
    dlx__free_aligned(r->mem, r->target);
    dlx__free_aligned(r->mem, r->factors);
    dlx__free(r->mem, r->levels);
    dlx__free(r->mem, r->grids);
}

dlx_result dlx__feedback_round(uint8_t *to, dlx__rows w, const dlx__feedback_form *form,
                               const dlx__moments *m, dlx__dense *d, dlx_error *err)
{
    rounding r = {.form = form,
                  .w = w,
                  .width = dlx__grid_width(form->dtype),
                  .unit = unit_of(form),
                  .to = to,
                  .row_bytes = dlx__dtype_bytes(form->dtype, w.n_cols),
                  .mem = d->mem};
    if (r.width == 0 || r.row_bytes == SIZE_MAX || m->n != w.n_cols)
        return dlx__fail(err, DLX_E_ARG, "type %s: expected one whose blocks divide %zu inputs",
                         dlx__dtype_of(form->dtype)->name, w.n_cols);
    r.n_grids = w.n_cols / r.width;
    dlx_result result = take_room(&r, err);
    if (result == DLX_OK)
        result = round_blocks(&r, m, d, err);
    give_room(&r);
    return result;
}
