/* calibration.c - from texts to passes. */
#include "quant/calibration.h"

#include "base/fail.h"
#include "base/mem.h"

#include <string.h>

void dlx__calibration_init(dlx__calibration *c, const dlx__model *m, uint64_t seed,
                           const dlx_allocator *mem)
{
    *c = (dlx__calibration){
        .mem = mem,
        .visibility = m->family->visibility,
        .block = (size_t)(m->hp.block_length.value > 0 ? m->hp.block_length.value : 1),
        .mask = (dlx_token)m->hp.mask_id.value};
    dlx__rng_seed(&c->rng, seed);
}

void dlx__calibration_release(dlx__calibration *c)
{
    dlx__free(c->mem, c->ids);
    dlx__free(c->mem, c->passes);
    *c = (dlx__calibration){0};
}

/* Makes room for `more` elements behind n; false: no memory. */
static bool grow(const dlx_allocator *mem, void **p, size_t *room, size_t n, size_t more,
                 size_t size)
{
    const size_t need = dlx__add(n, more);
    if (need <= *room)
        return true;
    const size_t wanted = dlx__max(need, dlx__mul(2, *room));
    void *grown = dlx__realloc(mem, *p, dlx__mul(wanted, size));
    if (!grown)
        return false;
    *p = grown;
    *room = wanted;
    return true;
}

/* A pass over ids [n] from position `start`; gives its rows' ids, or NULL: no memory. */
static dlx_token *add_pass(dlx__calibration *c, const dlx_token *ids, size_t n, size_t start,
                           bool keep)
{
    void *all = c->ids, *passes = c->passes;
    bool fits = grow(c->mem, &all, &c->ids_room, c->n_rows, n, sizeof *c->ids);
    fits = grow(c->mem, &passes, &c->passes_room, c->n_passes, 1, sizeof *c->passes) && fits;
    c->ids = all;
    c->passes = passes;
    if (!fits)
        return NULL;
    c->passes[c->n_passes++] = (dlx__calibration_pass){c->n_rows, n, start, keep};
    dlx_token *rows = c->ids + c->n_rows;
    memcpy(rows, ids, n * sizeof *ids);
    c->n_rows += n;
    c->n_ctx = dlx__max(c->n_ctx, start + n);
    c->most_rows = dlx__max(c->most_rows, n);
    return rows;
}

/* Masks each of ids [n] with a probability of ratio / 100, at least one. */
static void mask_some(dlx__calibration *c, dlx_token *ids, size_t n, uint64_t ratio)
{
    for (size_t i = 0; i < n; i++)
        if (dlx__rng_bits(&c->rng) % 100 < ratio)
            ids[i] = c->mask;
    ids[dlx__rng_bits(&c->rng) % n] = c->mask;
}

/* Each text has the next of these, so that all take part however few texts there are. */
static uint64_t next_ratio(dlx__calibration *c)
{
    static const uint64_t ratios[] = {50, 90, 20, 70, 35, 100};
    return ratios[c->n_texts++ % DLX__LEN(ratios)];
}

static bool add_blocks(dlx__calibration *c, const dlx_token *ids, size_t n, size_t n_prompt)
{
    const size_t n_whole = n / c->block * c->block;
    if (n_whole == 0)
        return true;
    if (!add_pass(c, ids, n_whole, 0, true))
        return false;
    /* From the last on: a block's pass spoils the keys and values that lie in its place. */
    for (size_t start = n_whole; c->mask >= 0 && start > 0;) {
        start -= c->block;
        const size_t clean = n_prompt > start ? n_prompt - start : 0;
        if (clean >= c->block)
            break;
        dlx_token *rows = add_pass(c, ids + start, c->block, start, false);
        if (!rows)
            return false;
        mask_some(c, rows + clean, c->block - clean, next_ratio(c));
    }
    return true;
}

static bool add_canvas(dlx__calibration *c, const dlx_token *ids, size_t n, size_t n_prompt)
{
    dlx_token *rows = add_pass(c, ids, n, 0, false);
    if (rows && c->mask >= 0 && n > n_prompt)
        mask_some(c, rows + n_prompt, n - n_prompt, next_ratio(c));
    return rows != NULL;
}

dlx_result dlx__calibration_add(dlx__calibration *c, const dlx__model *m, const dlx_token *ids,
                                size_t n, size_t n_prompt, dlx_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || (size_t)ids[i] >= m->hp.n_rows_vocab)
            return dlx__fail(err, DLX_E_ARG,
                             "calibration: expected ids below %zu, found %ld; use the tokenizer of "
                             "this model",
                             m->hp.n_rows_vocab, (long)ids[i]);
    if (n == 0)
        return DLX_OK;
    const bool blocks = c->visibility == DLX__VISIBLE_BLOCK_CAUSAL;
    if (blocks ? add_blocks(c, ids, n, n_prompt) : add_canvas(c, ids, n, n_prompt))
        return DLX_OK;
    return dlx__fail_memory(err, "keeping the texts of the calibration",
                            dlx__mul(dlx__add(c->n_rows, n), sizeof *ids));
}
