/*
 * xnn_read_nodes.c - the nodes of an XNNPACK payload: every value they name is there and was
 * computed before; kinds are counted. A kind that is unknown here is counted under its number.
 */
#include "base/fail.h"
#include "export/xnn_graph.h"
#include "export/xnn_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_id(const void *a, const void *b)
{
    const uint32_t left = *(const uint32_t *)a, right = ((const dlx__xnn_place *)b)->id;
    return (left > right) - (left < right);
}

/* The index of the value that nodes call `id`; SIZE_MAX with a fault. */
static size_t find_value(dlx__xnn_reader *r, size_t node, uint32_t id)
{
    const dlx__xnn_place *found =
        r->out->n_values ? bsearch(&id, r->places, r->out->n_values, sizeof *r->places, by_id)
                         : NULL;
    if (found)
        return found->index;
    dlx__flat_fault(&r->view, "node %zu names value %u, which does not exist", node, (unsigned)id);
    return SIZE_MAX;
}

static dlx_result count(dlx__xnn_reader *r, const char *name, const char *type, size_t *capacity)
{
    dlx__xnn_seen *out = r->out;
    for (size_t i = 0; i < out->n_kinds; i++) {
        if (strcmp(out->kinds[i].name, name) == 0 && out->kinds[i].type == type) {
            out->kinds[i].n++;
            return DLX_OK;
        }
    }
    dlx__xnn_seen_nodes *kinds =
        dlx__arena_grow(r->arena, out->kinds, out->n_kinds, capacity, sizeof *kinds);
    if (!kinds)
        return DLX_E_NOMEM;
    out->kinds = kinds;
    kinds[out->n_kinds++] = (dlx__xnn_seen_nodes){name, type, 1};
    return DLX_OK;
}

static const char *unknown_name(dlx__xnn_reader *r, unsigned kind)
{
    char name[32];
    snprintf(name, sizeof name, "kind %u", kind);
    return dlx__arena_strdup(r->arena, name);
}

/* Input i of a node; its type if it is a constant weight. */
static const char *check_input(dlx__xnn_reader *r, size_t node, const dlx__xnn_layout *layout,
                               int i, uint32_t id)
{
    const size_t index = find_value(r, node, id);
    if (index == SIZE_MAX)
        return NULL;
    const dlx__xnn_seen_value *v = &r->out->values[index];
    if (!r->computed[index] && !r->open_order)
        dlx__flat_fault(&r->view, "node %zu uses value %u before it is computed", node,
                        (unsigned)id);
    const bool weight = layout->weights >> i & 1u;
    r->out->n_unsafe += v->data && !weight;
    return weight && i == 1 && v->data ? dlx__xnn_type_name(v->type) : NULL;
}

static dlx_result read_node(dlx__xnn_reader *r, size_t node, const dlx__flat_table *entry,
                            size_t *capacity)
{
    const unsigned kind = dlx__flat_u8(entry, 0);
    dlx__flat_table t = dlx__flat_child(entry, 1);
    const dlx__xnn_layout *layout = dlx__xnn_op_layout((int)kind);
    const char *name = layout ? dlx__xnn_op_name((int)kind) : unknown_name(r, kind);
    const char *type = NULL;
    if (!name)
        return DLX_E_NOMEM;
    if (!t.view)
        dlx__flat_fault(&r->view, "node %zu has no content", node);
    for (int i = 0; layout && t.view && i < layout->n_inputs; i++) {
        const uint32_t id = dlx__flat_u32(&t, layout->in[i]);
        if (id == DLX__XNN_NONE && i > 0)
            continue;
        /* concatenations of fewer parts leave the last slot out */
        if (i == 4 && kind != DLX__XNN_OP_CONCAT5 && kind != DLX__XNN_OP_SDPA)
            continue;
        const char *weight = check_input(r, node, layout, i, id);
        type = weight ? weight : type;
    }
    if (!layout || kind == DLX__XNN_OP_ARG_MAX_POOL)
        r->open_order = true; /* it computes more than is known here */
    else if (t.view) {
        const size_t out = find_value(r, node, dlx__flat_u32(&t, layout->out));
        if (out != SIZE_MAX)
            r->computed[out] = true;
    }
    return count(r, name, type, capacity);
}

dlx_result dlx__xnn_read_nodes(dlx__xnn_reader *r)
{
    dlx__flat_vec list = dlx__flat_get_refs(&r->root, 1);
    size_t capacity = 0;
    for (size_t i = 0; i < list.n && r->view.failure.code == DLX_OK; i++) {
        dlx__flat_table entry = dlx__flat_table_at(&list, i);
        if (read_node(r, i, &entry, &capacity) != DLX_OK)
            return dlx__fail_memory(r->err, "reading an XNNPACK payload", r->arena->n_bytes);
    }
    r->out->n_nodes = list.n;
    return DLX_OK;
}
