/* coreml_ports.c - names, types and shapes of functions, and of what they give. */
#include "backends/coreml/coreml_ports.h"

#include "base/fail.h"
#include "base/mem.h"
#include "export/static_ports.h"

#include <stdio.h>
#include <string.h>

/* ---- what is found --------------------------------------------------------------------------- */

static const dlx__coreml_port *find(const dlx__coreml_port *ports, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(ports[i].name, name) == 0)
            return &ports[i];
    return NULL;
}

/* 0: it has not so many axes, or is not there. */
static size_t dim_of(const dlx__coreml_port *p, int n_dims, int axis)
{
    return p && p->n_dims == n_dims ? p->dims[axis] : 0;
}

dlx__coreml_sizes dlx__coreml_sizes_of(const dlx__coreml_port *ports, size_t n)
{
    const dlx__coreml_port *rows = find(ports, n, "rows");
    return (dlx__coreml_sizes){.n_rows = dim_of(find(ports, n, "input_ids"), 2, 1),
                               .n_head_rows = rows ? dim_of(rows, 3, 1)
                                                   : dim_of(find(ports, n, "head_rows"), 1, 0)};
}

static const char *side_name(dlx__coreml_side side)
{
    static const char *const names[] = {"input", "output", "state"};
    return names[side];
}

static const char *type_name(dlx__coreml_type type)
{
    static const char *const names[] = {"f16", "f32", "i32", "another type"};
    return names[type];
}

static bool same_shape(const dlx__coreml_port *a, const dlx__coreml_port *b)
{
    bool same = a->type == b->type && a->n_dims == b->n_dims;
    for (int i = 0; i < a->n_dims && same; i++)
        same = a->dims[i] == b->dims[i];
    return same;
}

static dlx_result fail_shape(const dlx__coreml_port *wanted, const dlx__coreml_port *found,
                             const char *where, dlx_error *err)
{
    char text[2][96];
    const int known = found->n_dims < DLX__COREML_DIMS ? found->n_dims : DLX__COREML_DIMS;
    return dlx__fail(err, DLX_E_MISMATCH,
                     "%s: expected %s as %s %s for its model, rows and positions, found %s %s%s; "
                     "export it again",
                     where, wanted->name, type_name(wanted->type),
                     dlx__shape_text(text[0], wanted->dims, wanted->n_dims), type_name(found->type),
                     dlx__shape_text(text[1], found->dims, known),
                     known < found->n_dims ? " and more axes" : "");
}

/* Of a function that has such a tensor. */
static dlx__coreml_port wanted_port(const dlx__static_port *of)
{
    static const dlx__coreml_side sides[] = {[DLX__SIDE_INPUT] = DLX__COREML_INPUT,
                                             [DLX__SIDE_OUTPUT] = DLX__COREML_OUTPUT,
                                             [DLX__SIDE_STATE] = DLX__COREML_STATE};
    static const dlx__coreml_type types[] = {[DLX__NUMBERS_INDEX] = DLX__COREML_INT32,
                                             [DLX__NUMBERS_ROW] = DLX__COREML_HALF,
                                             [DLX__NUMBERS_SUM] = DLX__COREML_FLOAT};
    dlx__coreml_port p = {
        .side = sides[of->side], .type = types[of->numbers], .n_dims = of->n_dims};
    snprintf(p.name, sizeof p.name, "%s", of->name);
    memcpy(p.dims, of->dims, sizeof p.dims);
    return p;
}

static dlx_result check_port(const dlx__coreml_port *found, const dlx__graph *g,
                             const dlx__coreml_sizes *s, const char *where, dlx_error *err)
{
    dlx__static_port of;
    const dlx__static_shape shape = {"", s->n_rows, s->n_past, s->n_head_rows};
    if (!dlx__static_port_find(&of, g, &shape, s->states, found->name))
        return dlx__fail(err, DLX_E_MISMATCH,
                         "%s: expected what its model needs, found the %s %s; export it again",
                         where, side_name(found->side), found->name);
    const dlx__coreml_port wanted = wanted_port(&of);
    if (found->side != wanted.side)
        return dlx__fail(err, DLX_E_MISMATCH,
                         "%s: expected %s as an %s for its model, found an %s; export it again",
                         where, found->name, side_name(wanted.side), side_name(found->side));
    return same_shape(&wanted, found) ? DLX_OK : fail_shape(&wanted, found, where, err);
}

static size_t n_wanted(const dlx__graph *g, const dlx__coreml_sizes *s)
{
    const dlx__static_shape shape = {"", s->n_rows, s->n_past, s->n_head_rows};
    return dlx__static_port_count(g, &shape, s->states, DLX__SIDE_INPUT) +
           dlx__static_port_count(g, &shape, s->states, DLX__SIDE_OUTPUT) +
           dlx__static_port_count(g, &shape, s->states, DLX__SIDE_STATE);
}

static dlx_result take_side(dlx__coreml_ports *p, dlx__coreml_side side,
                            const dlx__coreml_port *found, size_t n, const char *where,
                            dlx_error *err)
{
    size_t *count[] = {&p->n_in, &p->n_out, &p->n_states};
    for (size_t i = 0; i < n; i++) {
        if (found[i].side != side)
            continue;
        if (find(p->items, p->n_in + p->n_out + p->n_states, found[i].name))
            return dlx__fail(err, DLX_E_MISMATCH,
                             "%s: expected each name once, found %s again; export it again", where,
                             found[i].name);
        p->items[p->n_in + p->n_out + p->n_states] = found[i];
        ++*count[side];
    }
    return DLX_OK;
}

dlx_result dlx__coreml_ports_take(dlx__coreml_ports *p, const dlx__graph *g,
                                  const dlx__coreml_sizes *s, const dlx__coreml_port *found,
                                  size_t n, const char *where, const dlx_allocator *mem,
                                  dlx_error *err)
{
    *p = (dlx__coreml_ports){.items = NULL};
    if (n != n_wanted(g, s))
        return dlx__fail(err, DLX_E_MISMATCH,
                         "%s: expected %zu inputs, outputs and states for its model, found %zu; "
                         "export it again",
                         where, n_wanted(g, s), n);
    for (size_t i = 0; i < n; i++)
        DLX__TRY(check_port(&found[i], g, s, where, err));
    p->items = dlx__alloc_zero(mem, n, sizeof *p->items);
    if (!p->items)
        return dlx__fail_memory(err, "opening a package", dlx__mul(n, sizeof *p->items));
    for (int side = DLX__COREML_INPUT; side <= DLX__COREML_STATE; side++)
        DLX__TRY(take_side(p, (dlx__coreml_side)side, found, n, where, err));
    return DLX_OK;
}

/* ---- results --------------------------------------------------------------------------------- */

size_t dlx__coreml_type_bytes(dlx__coreml_type type)
{
    static const size_t bytes[] = {2, 4, 4, 0};
    return bytes[type];
}

/* Bytes up to the last number, SIZE_MAX where they cannot be counted; an axis may be 0 long. */
static size_t reach(const dlx__coreml_result *r)
{
    size_t last = 0;
    for (int i = 0; i < r->port.n_dims; i++) {
        if (r->port.dims[i] == 0)
            return 0;
        last = dlx__add(last, dlx__mul(r->port.dims[i] - 1, r->strides[i]));
    }
    return dlx__mul(dlx__add(last, 1), dlx__coreml_type_bytes(r->port.type));
}

/* Where row `row` of the last axis begins, of those of all other axes together. */
static size_t row_offset(const dlx__coreml_result *r, size_t row)
{
    size_t at = 0;
    for (int i = r->port.n_dims - 2; i >= 0; i--) {
        at += row % r->port.dims[i] * r->strides[i];
        row /= r->port.dims[i];
    }
    return at;
}

static void copy(char *to, const dlx__coreml_result *r)
{
    const int last = r->port.n_dims - 1;
    const size_t size = dlx__coreml_type_bytes(r->port.type), n = r->port.dims[last];
    size_t n_rows = 1;
    for (int i = 0; i < last; i++)
        n_rows *= r->port.dims[i];
    for (size_t row = 0; row < n_rows; row++, to += n * size) {
        const char *from = (const char *)r->data + row_offset(r, row) * size;
        if (r->strides[last] == 1)
            memcpy(to, from, n * size);
        else
            for (size_t i = 0; i < n; i++)
                memcpy(to + i * size, from + i * r->strides[last] * size, size);
    }
}

dlx_result dlx__coreml_take(const dlx__coreml_array *to, const dlx__coreml_result *from,
                            dlx_error *err)
{
    if (!same_shape(to->port, &from->port))
        return fail_shape(to->port, &from->port, "Core ML", err);
    const size_t n = reach(from);
    if (!from->data || n > from->n_bytes)
        return dlx__fail(err, DLX_E_MISMATCH,
                         "Core ML: expected %s within its %zu bytes, found strides that reach %zu",
                         to->port->name, from->n_bytes, n);
    if (n > 0)
        copy(to->data, from);
    return DLX_OK;
}
