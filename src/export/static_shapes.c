/* static_shapes.c - which functions a family has, and how many rows they take. */
#include "export/static_ports.h"

#include "base/fail.h"
#include "export/model_exporter.h"
#include "export/static_functions.h"

#include <stdio.h>
#include <string.h>

typedef struct checker {
    const dlx__static_shapes *all;
    const char *path;
    dlx_error *err;
} checker;

static const dlx__static_shape *find(const dlx__static_shapes *all, const char *name)
{
    for (size_t i = 0; i < all->n; i++)
        if (strcmp(all->items[i].name, name) == 0)
            return &all->items[i];
    return NULL;
}

/* Rows of the head, and how many positions it keeps. */
static dlx_result check_one(const checker *c, const dlx__static_shape *f, size_t n_rows,
                            size_t n_head_rows)
{
    const size_t n_past = f->n_rows ? c->all->n_ctx : 0;
    if (f->n_rows != n_rows || f->n_head_rows != n_head_rows)
        return dlx__fail(c->err, DLX_E_MISMATCH,
                         "%s: expected the function %s to take %zu rows and %zu of the head, as "
                         "its model decodes, found %zu and %zu; export it again",
                         c->path, f->name, n_rows, n_head_rows, f->n_rows, f->n_head_rows);
    if (f->n_past == n_past)
        return DLX_OK;
    return dlx__fail(c->err, DLX_E_MISMATCH,
                     "%s: expected the function %s to keep %zu positions, found %zu; export it "
                     "again",
                     c->path, f->name, n_past, f->n_past);
}

static dlx_result expect(const checker *c, const char *name, size_t n_rows, size_t n_head_rows)
{
    const dlx__static_shape *f = find(c->all, name);
    if (f)
        return check_one(c, f, n_rows, n_head_rows);
    return dlx__fail(c->err, DLX_E_MISMATCH,
                     "%s: expected a function %s, as its model needs, found none; export it again",
                     c->path, name);
}

static dlx_result expect_number(const checker *c, size_t n)
{
    if (c->all->n == n)
        return DLX_OK;
    return dlx__fail(c->err, DLX_E_MISMATCH,
                     "%s: expected the %zu functions that its model needs, found %zu; export it "
                     "again",
                     c->path, n, c->all->n);
}

/* Families that decode in blocks or tokens: prefill takes whole blocks. */
static dlx_result check_blocks(const checker *c, const dlx__model *m)
{
    const size_t block = m->hp.block_length.value > 0 ? (size_t)m->hp.block_length.value : 1;
    const size_t n_head = m->hp.small_block.value > 0 ? (size_t)m->hp.small_block.value : block;
    const dlx__static_shape *prefill = find(c->all, "prefill");
    DLX__TRY(expect(c, "denoise", block, n_head));
    DLX__TRY(expect(c, "logits", 0, n_head));
    if (!c->all->states) {
        const size_t n = prefill ? prefill->n_rows / block * block : block;
        DLX__TRY(expect(c, "prefill", dlx__max(n, block), 0));
    }
    return expect_number(c, c->all->states ? 2 : 3);
}

/* Families that see a whole canvas: one function for each length, which is in its name. */
static dlx_result check_canvases(const checker *c)
{
    char name[32];
    size_t n = 0, most = 0;
    for (size_t i = 0; i < c->all->n; i++) {
        const dlx__static_shape *f = &c->all->items[i];
        const size_t n_head = dlx__min(f->n_rows, DLX__MOST_HEAD_ROWS);
        if (strcmp(f->name, "logits") == 0)
            continue;
        if (c->all->states)
            snprintf(name, sizeof name, "denoise");
        else
            snprintf(name, sizeof name, "denoise_%zu", f->n_rows);
        if (f->n_rows == 0 || strcmp(f->name, name) != 0)
            return dlx__fail(c->err, DLX_E_MISMATCH,
                             "%s: expected the function of %zu rows to be called %s, found %s; "
                             "export it again",
                             c->path, f->n_rows, name, f->name);
        DLX__TRY(check_one(c, f, f->n_rows, n_head));
        most = dlx__max(most, n_head);
        n++;
    }
    if (n == 0)
        return expect(c, "denoise", 1, 1);
    DLX__TRY(expect(c, "logits", 0, most));
    return c->all->states ? expect_number(c, 2) : DLX_OK;
}

dlx_result dlx__static_shapes_check(const dlx__static_shapes *all, const dlx__model *m,
                                    const char *path, dlx_error *err)
{
    const checker c = {all, path, err};
    return dlx__model_exporter_for(m->family)->whole_canvas ? check_canvases(&c)
                                                            : check_blocks(&c, m);
}
