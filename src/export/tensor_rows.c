/* tensor_rows.c - a piece of memory, filled and given away until there are no more rows. */
#include "export/tensor_rows.h"

#include "base/fail.h"
#include "base/mem.h"

/* Of what is made and of what it is made of, at a time. */
enum { PIECE_BYTES = 1 << 20, SOURCE_BYTES = 16 << 20 };

uint64_t dlx__tensor_rows_bytes(const dlx__tensor *t, dlx__packing packing, dlx__row_part part)
{
    return dlx__mul(dlx__tensor_n_rows(t),
                    dlx__pack_row_bytes(packing, part, dlx__tensor_n_cols(t)));
}

typedef struct piece {
    uint8_t *bytes;
    size_t most, row_bytes, from_bytes; /* rows; bytes of one, and of what it is made of */
} piece;

static piece piece_for(const dlx__tensor_rows *r)
{
    const size_t n_rows = dlx__tensor_n_rows(r->tensor);
    piece p = {.row_bytes = dlx__pack_row_bytes(r->packing, r->part, dlx__tensor_n_cols(r->tensor)),
               .from_bytes = r->tensor->n_bytes / n_rows};
    p.most =
        dlx__max(1, dlx__min(PIECE_BYTES / p.row_bytes, SOURCE_BYTES / dlx__max(1, p.from_bytes)));
    p.most = dlx__min(p.most, n_rows);
    p.bytes = dlx__alloc(r->mem, dlx__mul(p.most, p.row_bytes));
    return p;
}

static dlx_result make(const dlx__tensor_rows *r, const dlx__row_packer *packer, const piece *p,
                       dlx__emit_fn emit, void *user, bool *exact, dlx_error *err)
{
    const dlx__tensor *t = r->tensor;
    const size_t n_rows = dlx__tensor_n_rows(t);
    for (size_t row = 0; row < n_rows;) {
        const size_t n = dlx__min(p->most, n_rows - row);
        DLX__TRY(dlx__row_packer_put(packer, p->bytes, r->part, row, n, exact, err));
        DLX__TRY(emit(user, p->bytes, n * p->row_bytes, err));
        dlx__model_drop_pages(r->model, (const uint8_t *)t->data + row * p->from_bytes,
                              n * p->from_bytes);
        row += n;
    }
    return DLX_OK;
}

dlx_result dlx__tensor_rows_make(const dlx__tensor_rows *r, dlx__emit_fn emit, void *user,
                                 bool *exact, dlx_error *err)
{
    dlx__row_packer packer;
    DLX__TRY(dlx__row_packer_open(&packer, r->tensor, r->packing, r->pool, r->mem, err));
    packer.row_scales = r->row_scales;
    const piece p = piece_for(r);
    const dlx_result made = p.bytes
                                ? make(r, &packer, &p, emit, user, exact, err)
                                : dlx__fail_memory(err, "packing weights", p.most * p.row_bytes);
    dlx__model_drop_pages(r->model, r->tensor->data, r->tensor->n_bytes);
    dlx__row_packer_close(&packer);
    dlx__free(r->mem, p.bytes);
    return made;
}
