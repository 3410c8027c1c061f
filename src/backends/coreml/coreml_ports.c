/* coreml_ports.c - names, types and shapes of functions, and of what they give. */
#include "backends/coreml/coreml_ports.h"

#include "base/fail.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

/* ---- what is wanted -------------------------------------------------------------------------- */

static void put(dlx__coreml_ports *p, dlx__coreml_side side, dlx__coreml_type type,
                const char *name, int n_dims, const size_t *dims)
{
    dlx__coreml_port *to = &p->items[p->n_in + p->n_out + p->n_states];
    *to = (dlx__coreml_port){.side = side, .type = type, .n_dims = n_dims};
    snprintf(to->name, sizeof to->name, "%s", name);
    memcpy(to->dims, dims, (size_t)n_dims * sizeof *dims);
    p->n_in += side == DLX__COREML_INPUT;
    p->n_out += side == DLX__COREML_OUTPUT;
    p->n_states += side == DLX__COREML_STATE;
}

#define PUT(p, side, type, name, ...)                                                              \
    put(p, DLX__COREML_##side, DLX__COREML_##type, name,                                           \
        (int)DLX__LEN(((const size_t[]){__VA_ARGS__})), (const size_t[]){__VA_ARGS__})

/* K and V of all layers: [1, kv, n, c] each. */
static void put_kept(dlx__coreml_ports *p, const dlx__graph *g, dlx__coreml_side side,
                     const char *prefix, size_t n)
{
    char name[DLX__COREML_NAME];
    for (size_t i = 0; i < 2 * g->n_layers; i++) {
        snprintf(name, sizeof name, "%s%c_%zu", prefix, "kv"[i % 2], i / 2);
        put(p, side, DLX__COREML_HALF, name, 4, (size_t[]){1, g->n_heads_kv, n, g->head_dim});
    }
}

static void put_rows(dlx__coreml_ports *p, const dlx__graph *g, const dlx__coreml_sizes *s)
{
    const size_t T = s->n_rows, P = s->n_past, R = s->n_head_rows, c = g->head_dim;
    PUT(p, INPUT, INT32, "input_ids", 1, T);
    PUT(p, INPUT, HALF, "cos", 1, 1, T, c);
    PUT(p, INPUT, HALF, "sin", 1, 1, T, c);
    PUT(p, INPUT, HALF, "mask", 1, 1, T, s->states ? P : dlx__add(P, T));
    if (s->states)
        PUT(p, INPUT, INT32, "position", 1);
    if (R)
        PUT(p, INPUT, INT32, "head_rows", R);
    if (P && !s->states)
        put_kept(p, g, DLX__COREML_INPUT, "past_", P);
    PUT(p, OUTPUT, HALF, "output_hidden", 1, T, g->n_embd);
    if (R) {
        PUT(p, OUTPUT, INT32, "output_best", R);
        PUT(p, OUTPUT, FLOAT, "output_logit", R);
        PUT(p, OUTPUT, FLOAT, "output_lse", R);
    }
    if (s->states)
        put_kept(p, g, DLX__COREML_STATE, "", P);
    else
        put_kept(p, g, DLX__COREML_OUTPUT, "output_new_", T);
}

dlx_result dlx__coreml_ports_expect(dlx__coreml_ports *p, const dlx__graph *g,
                                    const dlx__coreml_sizes *s, const dlx_allocator *mem,
                                    dlx_error *err)
{
    enum { PLAIN = 10 };
    const size_t most = dlx__add(dlx__mul(4, g->n_layers), PLAIN);
    *p = (dlx__coreml_ports){.items = dlx__alloc_zero(mem, most, sizeof *p->items)};
    if (!p->items)
        return dlx__fail_memory(err, "opening a package", dlx__mul(most, sizeof *p->items));
    if (s->n_rows) {
        put_rows(p, g, s);
        return DLX_OK;
    }
    PUT(p, INPUT, HALF, "rows", 1, s->n_head_rows, g->n_embd);
    PUT(p, OUTPUT, HALF, "output_logits", 1, s->n_head_rows, g->n_vocab);
    return DLX_OK;
}

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

dlx_result dlx__coreml_ports_check(const dlx__coreml_ports *wanted, const dlx__coreml_port *found,
                                   size_t n, const char *where, dlx_error *err)
{
    const size_t n_wanted = wanted->n_in + wanted->n_out + wanted->n_states;
    for (size_t i = 0; i < n_wanted; i++) {
        const dlx__coreml_port *w = &wanted->items[i], *f = find(found, n, w->name);
        if (!f || f->side != w->side)
            return dlx__fail(err, DLX_E_MISMATCH,
                             "%s: expected the %s %s for its model, found none; export it again",
                             where, side_name(w->side), w->name);
        if (!same_shape(w, f))
            return fail_shape(w, f, where, err);
    }
    if (n == n_wanted)
        return DLX_OK;
    return dlx__fail(err, DLX_E_MISMATCH,
                     "%s: expected %zu inputs, outputs and states for its model, found %zu; export "
                     "it again",
                     where, n_wanted, n);
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
