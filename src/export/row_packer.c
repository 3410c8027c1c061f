/* row_packer.c - a share of the rows for each thread. */
#include "export/row_packer.h"

#include "base/fail.h"
#include "base/mem.h"

#include <stdatomic.h>

dlx_result dlx__row_packer_open(dlx__row_packer *p, const dlx__tensor *t, dlx__packing packing,
                                dlx__pool *pool, const dlx_allocator *mem, dlx_error *err)
{
    *p = (dlx__row_packer){.pool = pool, .mem = mem, .tensor = t, .packing = packing};
    const size_t n = dlx__mul((size_t)dlx__pool_size(pool), dlx__tensor_n_cols(t));
    p->floats = dlx__alloc(mem, dlx__mul(n, sizeof *p->floats));
    return p->floats ? DLX_OK : dlx__fail_memory(err, "packing weights", n * sizeof *p->floats);
}

void dlx__row_packer_close(dlx__row_packer *p)
{
    dlx__free(p->mem, p->floats);
    p->floats = NULL;
}

typedef struct piece {
    const dlx__row_packer *p;
    uint8_t *out;
    size_t row_bytes, first, n;
    dlx__row_part part;
    atomic_bool again;
    atomic_size_t refused; /* the first row that is refused, and one; 0: none */
} piece;

static void note(atomic_size_t *first, size_t row)
{
    size_t seen = atomic_load(first);
    while ((seen == 0 || row + 1 < seen) && !atomic_compare_exchange_weak(first, &seen, row + 1)) {
    }
}

static void pack_share(void *arg, int share, int n_shares)
{
    piece *s = arg;
    const dlx__row_packer *p = s->p;
    float *x = p->floats + (size_t)share * dlx__tensor_n_cols(p->tensor);
    size_t begin, end;
    dlx__pool_share(s->n, 1, share, n_shares, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        const size_t row = s->first + i;
        if (dlx__stored_row_read(x, p->tensor, row, p->packing, NULL) != DLX_OK) {
            note(&s->refused, row);
            return;
        }
        uint8_t *out = s->out + i * s->row_bytes;
        if (p->row_scales)
            dlx__pack_int8((int8_t *)out, x, dlx__tensor_n_cols(p->tensor), p->row_scales[row]);
        else if (!dlx__stored_row_pack(out, p->packing, s->part, p->tensor, row, x))
            atomic_store(&s->again, true);
    }
}

dlx_result dlx__row_packer_put(const dlx__row_packer *p, uint8_t *out, dlx__row_part part,
                               size_t first, size_t n, bool *exact, dlx_error *err)
{
    const size_t row_bytes = dlx__pack_row_bytes(p->packing, part, dlx__tensor_n_cols(p->tensor));
    piece s = {.p = p, .out = out, .row_bytes = row_bytes, .first = first, .n = n, .part = part};
    atomic_init(&s.again, false);
    atomic_init(&s.refused, 0);
    dlx__pool_run(p->pool, pack_share, &s);
    const size_t refused = atomic_load(&s.refused);
    if (refused) /* once more, for its sentence */
        return dlx__stored_row_read(p->floats, p->tensor, refused - 1, p->packing, err);
    *exact = *exact && !atomic_load(&s.again);
    return DLX_OK;
}
