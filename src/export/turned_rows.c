/* turned_rows.c - all rows, then pieces of columns. */
#include "export/turned_rows.h"

#include "base/fail.h"
#include "base/mem.h"

#include <string.h>

enum { SOME = 64 }; /* columns at a time: so many of four bits begin and end with a byte */

bool dlx__packing_is_turned(dlx__packing packing, dlx__row_part part)
{
    return packing == DLX__PACK_INT4_LPBQ && part != DLX__ROW_SCALES;
}

typedef struct turning {
    size_t n_rows, row_bytes, n_cols;
    bool nibbles;
    uint8_t *rows; /* [n_rows][row_bytes] */
    size_t n_done; /* bytes of them that are there */
    uint8_t *cols; /* [SOME][n_rows] elements */
} turning;

static dlx_result keep(void *user, const void *bytes, size_t n, dlx_error *err)
{
    turning *t = user;
    (void)err;
    memcpy(t->rows + t->n_done, bytes, n);
    t->n_done += n;
    return DLX_OK;
}

/* cols = the columns [first, first + n) */
static void turn(const turning *t, size_t first, size_t n)
{
    memset(t->cols, 0, (size_t)SOME * t->n_rows);
    for (size_t row = 0; row < t->n_rows; row++) {
        const uint8_t *from = t->rows + row * t->row_bytes;
        for (size_t i = 0; i < n; i++) {
            const size_t col = first + i, to = i * t->n_rows + row;
            if (t->nibbles)
                t->cols[to / 2] |= (uint8_t)((from[col / 2] >> col % 2 * 4 & 15) << to % 2 * 4);
            else
                t->cols[to] = from[col];
        }
    }
}

static dlx_result turn_all(const dlx__tensor_rows *r, turning *t, dlx__emit_fn emit, void *user,
                           bool *exact, dlx_error *err)
{
    DLX__TRY(dlx__tensor_rows_make(r, keep, t, exact, err));
    for (size_t first = 0; first < t->n_cols; first += SOME) {
        const size_t n = dlx__min(SOME, t->n_cols - first), n_elems = n * t->n_rows;
        turn(t, first, n);
        DLX__TRY(emit(user, t->cols, t->nibbles ? (n_elems + 1) / 2 : n_elems, err));
    }
    return DLX_OK;
}

dlx_result dlx__turned_rows_make(const dlx__tensor_rows *r, dlx__emit_fn emit, void *user,
                                 bool *exact, dlx_error *err)
{
    const size_t n_cols = dlx__tensor_n_cols(r->tensor), n_rows = dlx__tensor_n_rows(r->tensor);
    turning t = {.n_rows = n_rows,
                 .row_bytes = dlx__pack_row_bytes(r->packing, r->part, n_cols),
                 .nibbles = r->part == DLX__ROW_NUMBERS};
    t.n_cols = t.nibbles ? n_cols : t.row_bytes;
    const size_t n_bytes = dlx__mul(n_rows, t.row_bytes);
    t.rows = dlx__alloc(r->mem, n_bytes);
    t.cols = dlx__alloc(r->mem, dlx__mul(SOME, n_rows));
    const dlx_result made = t.rows && t.cols ? turn_all(r, &t, emit, user, exact, err)
                                             : dlx__fail_memory(err, "turning weights", n_bytes);
    dlx__free(r->mem, t.rows);
    dlx__free(r->mem, t.cols);
    return made;
}
