/*
 * shape_weights.c - random weights, made in the form they are stored in, by all threads together. A
 * row depends on the seed, its tensor and its number alone, so the threads do not matter.
 *
 * A quantized block is random bits with the scales that fit: quantizing floats instead would take
 * most of the time.
 */
#include "api/shapes.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/rng.h"
#include "dtype/convert.h"

#include <math.h>
#include <string.h>

/*
 * Where a block keeps its f16 scale and, if it has one, its f16 minimum; the root mean square of
 * its random levels at scale 1; and the minimum at scale 1 that centres them. K types: the scales
 * of the groups are random bits too, uniform over their range.
 */
typedef struct scales {
    int scale_at, minimum_at; /* -1: none */
    double rms, centre;
} scales;

static const scales block_scales[DLX__N_DTYPES] = {
    [DLX__Q4_0] = {0, -1, 4.6, 0},       /* -8 .. 7 */
    [DLX__Q4_1] = {0, 2, 4.6, -7.5},     /* 0 .. 15 */
    [DLX__Q5_0] = {0, -1, 9.2, 0},       /* -16 .. 15 */
    [DLX__Q5_1] = {0, 2, 9.2, -15.5},    /* 0 .. 31 */
    [DLX__Q8_0] = {0, -1, 73.9, 0},      /* -128 .. 127 */
    [DLX__Q4_K] = {0, 2, 258.0, 7.5},    /* 0 .. 63 times 0 .. 15, minimum subtracted */
    [DLX__Q5_K] = {0, 2, 526.0, 15.5},   /* 0 .. 63 times 0 .. 31, likewise */
    [DLX__Q6_K] = {208, -1, 1366.0, 0.0} /* -128 .. 127 times -32 .. 31 */
};

static void put_f16(uint8_t *block, int at, double x)
{
    uint16_t bits = dlx__f32_to_f16((float)x);
    if (at >= 0)
        memcpy(block + at, &bits, sizeof bits);
}

static void random_bytes(uint8_t *bytes, size_t n, dlx__rng *rng)
{
    for (size_t i = 0; i < n; i += sizeof(uint64_t)) {
        uint64_t bits = dlx__rng_bits(rng);
        memcpy(bytes + i, &bits, dlx__min(sizeof bits, n - i));
    }
}

static void random_blocks(uint8_t *row, dlx__dtype dtype, size_t n_bytes, double rms, dlx__rng *rng)
{
    const scales *s = &block_scales[dtype];
    const double scale = rms / s->rms;
    random_bytes(row, n_bytes, rng);
    for (size_t at = 0; at < n_bytes; at += dlx__dtype_of(dtype)->block_bytes) {
        put_f16(row + at, s->scale_at, scale);
        put_f16(row + at, s->minimum_at, scale * s->centre);
    }
}

/* n numbers, uniform within `spread` around the centre. */
static void random_floats(uint8_t *row, dlx__dtype dtype, size_t n, float centre, float spread,
                          dlx__rng *rng)
{
    enum { PART = 256 };
    float part[PART];
    const float unit = spread / 2147483648.0f;
    const size_t each = dlx__dtype_of(dtype)->block_bytes;
    for (size_t at = 0; at < n; at += PART) {
        size_t n_part = dlx__min(PART, n - at);
        for (size_t i = 0; i < PART; i += 2) {
            uint64_t bits = dlx__rng_bits(rng);
            part[i] = centre + unit * (float)(int32_t)(uint32_t)bits;
            part[i + 1] = centre + unit * (float)(int32_t)(uint32_t)(bits >> 32);
        }
        dlx__from_f32(row + at * each, dtype, part, n_part);
    }
}

void dlx__random_row(uint8_t *row, dlx__dtype dtype, size_t n_cols, float spread, uint64_t seed)
{
    dlx__rng rng;
    dlx__rng_seed(&rng, seed);
    if (dlx__dtype_of(dtype)->block_elems == 1)
        random_floats(row, dtype, n_cols, 0, spread, &rng);
    else /* the root mean square of a uniform number is its spread by the root of 3 */
        random_blocks(row, dtype, dlx__dtype_bytes(dtype, n_cols), (double)spread / sqrt(3.0),
                      &rng);
}

/* ---- the tensors of a model ------------------------------------------------------------------ */

typedef struct filler {
    const dlx__model *m;
    uint8_t *block;        /* all tensors */
    const size_t *offsets; /* [tensors], in the block */
    uint64_t seed;
} filler;

static uint64_t row_seed(const filler *f, size_t tensor, size_t row)
{
    return f->seed + ((uint64_t)tensor << 32) + row;
}

/* Norms scale around 1, biases shift around 0. */
static void fill_vector(const filler *f, size_t i, const dlx__tensor *t)
{
    dlx__rng rng;
    dlx__rng_seed(&rng, row_seed(f, i, 0));
    size_t n = strlen(t->name);
    bool bias = n > 4 && strcmp(t->name + n - 4, "bias") == 0;
    random_floats(f->block + f->offsets[i], t->dtype, t->shape[0], bias ? 0.0f : 1.0f, 0.3f, &rng);
}

static void fill_part(void *arg, int thread, int n_threads)
{
    const filler *f = arg;
    const dlx__weights *w = dlx__checkpoint_weights(&f->m->checkpoint);
    const dlx__tensor *embedding = dlx__model_tensor(f->m, DLX__ROLE_EMBED, 0);
    for (size_t i = 0; i < w->n; i++) {
        const dlx__tensor *t = &w->tensors[i];
        if (t->n_dims == 1) {
            if (thread == 0)
                fill_vector(f, i, t);
            continue;
        }
        const size_t row_bytes = t->n_bytes / t->shape[0];
        float spread = t == embedding && !f->m->hp.tied ? 1.0f : sqrtf(3.0f / (float)t->shape[1]);
        size_t begin, end;
        dlx__pool_share(t->shape[0], 16, thread, n_threads, &begin, &end);
        for (size_t row = begin; row < end; row++)
            dlx__random_row(f->block + f->offsets[i] + row * row_bytes, t->dtype, t->shape[1],
                            spread, row_seed(f, i, row));
    }
}

/* Where each tensor lies in the block; returns the block's bytes. */
static size_t arrange(const dlx__weights *w, size_t *offsets)
{
    size_t n_bytes = 0;
    for (size_t i = 0; i < w->n; i++) {
        offsets[i] = n_bytes;
        n_bytes = dlx__add(n_bytes, dlx__align(w->tensors[i].n_bytes, 64));
    }
    return n_bytes;
}

dlx_result dlx__shape_fill(dlx__model *m, uint64_t seed, dlx_error *err)
{
    dlx__weights *w = &m->checkpoint.hf_weights;
    size_t *offsets = dlx__arena_alloc(&m->arena, w->n, sizeof *offsets);
    m->copies = dlx__arena_alloc(&m->arena, 1, sizeof *m->copies);
    if (!offsets || !m->copies)
        return dlx__fail_memory(err, "making random weights", w->n * sizeof *offsets);
    filler f = {.m = m, .offsets = offsets, .seed = seed};
    size_t n_bytes = arrange(w, offsets);
    f.block = dlx__alloc_aligned(m->mem, n_bytes);
    if (!f.block)
        return dlx__fail_memory(err, "making random weights; a smaller type needs less", n_bytes);
    m->copies[m->n_copies++] = f.block; /* the model frees it */
    dlx__pool *pool;
    DLX__TRY(dlx__pool_open(&pool, 0, m->mem, err));
    dlx__pool_run(pool, fill_part, &f);
    dlx__pool_free(pool);
    for (size_t i = 0; i < w->n; i++)
        w->tensors[i].data = f.block + offsets[i];
    return DLX_OK;
}
