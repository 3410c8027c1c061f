/* plain.c - slabs of rows, each row by one thread. */
#include "quant/plain.h"

#include "base/fail.h"
#include "base/mem.h"
#include "dtype/convert.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>

enum { SLAB_BYTES = 8 << 20 };

typedef struct slab {
    const dlx__tensor *from;
    dlx__ruling ruling;
    size_t n_cols, from_bytes, to_bytes; /* of a row */
    size_t first, n;                     /* rows */
    float *floats;                       /* [shares][n_cols] */
    uint8_t *to;                         /* [n][to_bytes] */
    atomic_size_t broken;                /* the first row that is not finite, and one; 0: none */
    atomic_size_t unfit;                 /* likewise the first that the type cannot hold */
} slab;

static bool is_finite(const float *x, size_t n)
{
    float nothing = 0; /* stays 0, or becomes NaN */
    for (size_t i = 0; i < n; i++)
        nothing += x[i] * 0.0f;
    return nothing == 0;
}

/* The first of all, whichever thread finds one first. */
static void note(atomic_size_t *first, size_t row)
{
    size_t seen = atomic_load(first);
    while ((seen == 0 || row + 1 < seen) && !atomic_compare_exchange_weak(first, &seen, row + 1)) {
    }
}

static void round_row(slab *s, size_t r, float *x)
{
    const uint8_t *from = (const uint8_t *)s->from->data + (s->first + r) * s->from_bytes;
    uint8_t *to = s->to + r * s->to_bytes;
    dlx__to_f32(x, from, s->from->dtype, s->n_cols);
    if (!is_finite(x, s->n_cols)) {
        note(&s->broken, s->first + r);
        return;
    }
    if (s->from->dtype == s->ruling.type && s->ruling.group == DLX__GRID_OWN)
        memcpy(to, from, s->to_bytes);
    else if (s->ruling.group == DLX__GRID_OWN)
        dlx__from_f32(to, s->ruling.type, x, s->n_cols);
    else
        dlx__pack_weighted(to, s->ruling.type, x, NULL, s->ruling.group, s->n_cols);
    dlx__to_f32(x, to, s->ruling.type, s->n_cols);
    if (!is_finite(x, s->n_cols))
        note(&s->unfit, s->first + r);
}

static void round_phase(void *arg, int share, int n_shares)
{
    slab *s = arg;
    size_t begin, end;
    dlx__pool_share(s->n, 1, share, n_shares, &begin, &end);
    for (size_t r = begin; r < end; r++)
        round_row(s, r, s->floats + (size_t)share * s->n_cols);
}

static dlx_result put_slabs(slab *s, const dlx__model *m, dlx__role role, size_t layer,
                            const dlx__quantizer_sink *sink, dlx__pool *pool, dlx__tensor *to,
                            size_t n_rows, dlx_error *err)
{
    const size_t most = dlx__max(1, SLAB_BYTES / s->to_bytes);
    for (s->first = 0; s->first < n_rows; s->first += s->n) {
        s->n = dlx__min(most, n_rows - s->first);
        dlx__pool_run(pool, round_phase, s);
        const size_t broken = atomic_load(&s->broken);
        if (broken)
            return dlx__fail(err, DLX_E_FORMAT,
                             "%s: tensor %s: expected finite numbers, found NaN or infinity in row "
                             "%zu; fetch the model again",
                             m->checkpoint.path, s->from->name, broken - 1);
        if (atomic_load(&s->unfit))
            return dlx__fail(err, DLX_E_ARG,
                             "%s: tensor %s: row %zu has numbers that %s cannot hold; take bf16 or "
                             "f32 for it",
                             m->checkpoint.path, s->from->name, atomic_load(&s->unfit) - 1,
                             dlx__dtype_of(s->ruling.type)->name);
        to->data = s->to;
        DLX__TRY(sink->put(sink->user, role, layer, to, s->first, s->n, err));
        dlx__model_drop_pages(m, (const uint8_t *)s->from->data + s->first * s->from_bytes,
                              s->n * s->from_bytes);
    }
    return DLX_OK;
}

dlx_result dlx__plain_put(const dlx__model *m, dlx__role role, size_t layer, dlx__ruling ruling,
                          const dlx__quantizer_sink *sink, dlx__pool *pool,
                          const dlx_allocator *mem, dlx_error *err)
{
    const dlx__tensor *from = dlx__model_tensor(m, role, layer);
    const size_t n_cols = dlx__tensor_n_cols(from);
    const size_t n_rows = dlx__tensor_n_rows(from);
    slab s = {.from = from,
              .ruling = ruling,
              .n_cols = n_cols,
              .from_bytes = dlx__dtype_bytes(from->dtype, n_cols),
              .to_bytes = dlx__dtype_bytes(ruling.type, n_cols)};
    atomic_init(&s.broken, 0);
    atomic_init(&s.unfit, 0);
    dlx__tensor to = *from;
    to.dtype = ruling.type;
    to.n_bytes = dlx__mul(n_rows, s.to_bytes);
    const size_t slab_bytes = dlx__max(s.to_bytes, dlx__min(to.n_bytes, SLAB_BYTES));
    const size_t floats = dlx__mul((size_t)dlx__pool_size(pool) * sizeof(float), n_cols);
    s.to = dlx__alloc_aligned(mem, slab_bytes);
    s.floats = dlx__alloc(mem, floats);
    dlx_result r = s.to && s.floats ? put_slabs(&s, m, role, layer, sink, pool, &to, n_rows, err)
                                    : dlx__fail_memory(err, "rounding a tensor", slab_bytes);
    dlx__free_aligned(mem, s.to);
    dlx__free(mem, s.floats);
    return r;
}
