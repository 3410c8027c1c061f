/* pte_state.c - keys and values that stay in the program from pass to pass. */
#include "export/pte_pass.h"

#include <stdio.h>
#include <string.h>

enum { STATE_ARENA = 2, PAGE = 4096, SPARE = 128 };

static uint64_t cache_bytes(const dlx__pass *p)
{
    const uint64_t bytes = dlx__mul(dlx__mul(p->kv, p->S), p->c * sizeof(float));
    return (bytes + SPARE + PAGE - 1) / PAGE * PAGE;
}

static dlx__pte_value in_state(dlx__pass *p, dlx__pte_tensor t)
{
    t.type = DLX__PTE_FLOAT;
    t.storage = DLX__PTE_PLANNED;
    t.arena = STATE_ARENA;
    return dlx__pte_add_tensor(p->m, &t);
}

/* The same place in every method. */
void dlx__pass_add_state(dlx__pass *p)
{
    const dlx__pte_value sizes[] = {p->past, dlx__pte_int(p->m, (int64_t)p->c)};
    p->past_size = dlx__pte_int_list(p->m, sizes, 2);
    for (size_t i = 0; i < 2 * p->s->model->hp.n_layers; i++) {
        char name[48];
        snprintf(name, sizeof name, "cache.%zu.%c", i / 2, i % 2 ? 'v' : 'k');
        p->cache[i] = in_state(p, (dlx__pte_tensor){.n_dims = 3,
                                                    .dims = {p->kv, p->S, p->c},
                                                    .offset = i * cache_bytes(p),
                                                    .name = name});
    }
}

/* The first `past` rows of a head: a tensor at the same place, which a kernel that allocates
 * nothing gives its size. */
dlx__pte_value dlx__pass_view_of_head(dlx__pass *p, size_t i, size_t head)
{
    const uint64_t offset = i * cache_bytes(p) + head * p->S * p->c * sizeof(float);
    const dlx__pte_value view = in_state(
        p, (dlx__pte_tensor){.n_dims = 2, .dims = {p->S, p->c}, .dynamic = true, .offset = offset});
    DLX__PASS_CALL(p, "aten::empty", "out", p->past_size, p->nothing, view, view);
    return view;
}

/* After the pass: rows [kv, T, c] into the slots of their positions. */
void dlx__pass_keep(dlx__pass *p)
{
    const dlx__pte_value index[] = {DLX__PTE_NONE, p->positions};
    const dlx__pte_value where = dlx__pte_optional_list(p->m, index, 2);
    for (size_t i = 0; i < 2 * p->s->model->hp.n_layers; i++)
        DLX__PASS_CALL(p, "aten::index_put_", "", p->cache[i], where, p->fresh[i], p->no,
                       p->cache[i]);
}
