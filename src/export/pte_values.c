/* pte_values.c - the values of a method: numbers, text, tensors and where they lie, lists. */
#include "base/fail.h"
#include "export/pte_build.h"

#include <string.h>

enum { READ_AHEAD = 16 }; /* bytes that XNNPACK may read behind a tensor */

static dlx__pte_value add(dlx__pte_method *m, dlx__pte_value_info info)
{
    if (!dlx__pte_open_for(m) ||
        !dlx__pte_room(m->program, &m->values, m->n_values, &m->value_capacity, sizeof *m->values))
        return DLX__PTE_NONE;
    m->values[m->n_values] = info;
    return (dlx__pte_value)m->n_values++;
}

dlx__pte_value dlx__pte_null(dlx__pte_method *m)
{
    return add(m, (dlx__pte_value_info){.kind = DLX__PTE_KIND_NULL});
}

dlx__pte_value dlx__pte_int(dlx__pte_method *m, int64_t value)
{
    return add(m, (dlx__pte_value_info){.kind = DLX__PTE_KIND_INT, .i = value});
}

dlx__pte_value dlx__pte_bool(dlx__pte_method *m, bool value)
{
    return add(m, (dlx__pte_value_info){.kind = DLX__PTE_KIND_BOOL, .i = value});
}

dlx__pte_value dlx__pte_double(dlx__pte_method *m, double value)
{
    return add(m, (dlx__pte_value_info){.kind = DLX__PTE_KIND_DOUBLE, .d = value});
}

dlx__pte_value dlx__pte_string(dlx__pte_method *m, const char *value)
{
    const char *copy = dlx__pte_open_for(m) ? dlx__pte_copy_text(m->program, value) : NULL;
    return add(m, (dlx__pte_value_info){.kind = DLX__PTE_KIND_STRING, .text = copy});
}

/* ---- tensors --------------------------------------------------------------------------------- */

size_t dlx__pte_tensor_bytes(const dlx__pte_tensor *t)
{
    size_t n = dlx__pte_type_bytes((int)t->type);
    for (int i = 0; i < t->n_dims; i++)
        n = dlx__mul(n, t->dims[i]);
    return n;
}

static bool in_arena(const dlx__pte_tensor *t)
{
    return t->storage == DLX__PTE_PLANNED || t->storage == DLX__PTE_INITIAL;
}

/* The size of the data that the tensor is made from; SIZE_MAX: there is none. */
static uint64_t data_bytes(const dlx__pte *p, const dlx__pte_tensor *t)
{
    const bool constant = t->storage == DLX__PTE_CONSTANT;
    const size_t n = constant ? p->n_constants : p->n_initials;
    if (t->data == 0 || t->data >= n)
        return SIZE_MAX;
    return (constant ? p->constants : p->initials)[t->data].n_bytes;
}

static const char *misfit(const dlx__pte *p, const dlx__pte_tensor *t)
{
    const size_t n_bytes = dlx__pte_type_bytes((int)t->type) ? dlx__pte_tensor_bytes(t) : SIZE_MAX;
    if (n_bytes > SIZE_MAX / 4)
        return "a known type and fewer elements";
    for (int i = 0; i < t->n_dims; i++)
        if (t->dims[i] > INT32_MAX)
            return "axes of less than 2^31";
    if (in_arena(t) && (t->arena == 0 || t->arena >= DLX__PTE_MAX_ARENAS ||
                        t->offset % DLX__PTE_DATA_ALIGN != 0 || t->offset > SIZE_MAX / 4))
        return "a place in an arena from 1 on, at a multiple of 16";
    if ((t->storage == DLX__PTE_CONSTANT || t->storage == DLX__PTE_INITIAL) &&
        data_bytes(p, t) != n_bytes)
        return "data of its own size";
    return NULL;
}

/* An arena that ends behind the tensor, and what may be read behind it. */
static void cover(dlx__pte_method *m, const dlx__pte_tensor *t)
{
    const uint64_t end = t->offset + dlx__align(dlx__pte_tensor_bytes(t), DLX__PTE_DATA_ALIGN);
    if (m->arena_bytes[t->arena] < end + READ_AHEAD)
        m->arena_bytes[t->arena] = end + READ_AHEAD;
}

dlx__pte_value dlx__pte_add_tensor(dlx__pte_method *m, const dlx__pte_tensor *t)
{
    if (!dlx__pte_open_for(m))
        return DLX__PTE_NONE;
    dlx__pte *p = m->program;
    const char *expected =
        t->n_dims < 0 || t->n_dims > DLX__PTE_MAX_DIMS ? "at most 16 axes" : misfit(p, t);
    if (expected) {
        dlx__fail(&p->failure, DLX_E_ARG, "method %.100s, tensor %zu%s%.100s: expected %s", m->name,
                  m->n_values, t->name ? " " : "", t->name ? t->name : "", expected);
        return DLX__PTE_NONE;
    }
    dlx__pte_tensor *copy = dlx__arena_alloc(&p->arena, 1, sizeof *copy);
    if (!copy) {
        dlx__pte_no_memory(p);
        return DLX__PTE_NONE;
    }
    *copy = *t;
    copy->name = t->name ? dlx__pte_copy_text(p, t->name) : NULL;
    if (in_arena(t))
        cover(m, t);
    return add(m, (dlx__pte_value_info){.kind = DLX__PTE_KIND_TENSOR, .tensor = copy});
}

uint64_t dlx__pte_take(dlx__pte_method *m, uint32_t arena, uint64_t n_bytes)
{
    if (!dlx__pte_open_for(m))
        return 0;
    if (arena == 0 || arena >= DLX__PTE_MAX_ARENAS || n_bytes > SIZE_MAX / 4) {
        dlx__fail(&m->program->failure, DLX_E_ARG,
                  "method %.100s: expected an arena from 1 to %d, found %u", m->name,
                  DLX__PTE_MAX_ARENAS - 1, (unsigned)arena);
        return 0;
    }
    const uint64_t offset = m->arena_bytes[arena];
    m->arena_bytes[arena] = offset + dlx__align((size_t)n_bytes, DLX__PTE_DATA_ALIGN) + READ_AHEAD;
    return offset;
}

/* ---- lists ----------------------------------------------------------------------------------- */

const int32_t *dlx__pte_copy_values(dlx__pte_method *m, const char *what,
                                    const dlx__pte_value *values, size_t n, bool optional)
{
    if (!dlx__pte_open_for(m))
        return NULL;
    int32_t *copy = dlx__arena_alloc(&m->program->arena, n, sizeof *copy);
    if (!copy)
        dlx__pte_no_memory(m->program);
    for (size_t i = 0; copy && i < n; i++) {
        const bool none = optional && values[i] == DLX__PTE_NONE;
        if (!none && values[i] >= m->n_values) {
            dlx__fail(&m->program->failure, DLX_E_ARG,
                      "method %.100s, %.100s: expected one of %zu values, found number %u", m->name,
                      what, m->n_values, (unsigned)values[i]);
            return NULL;
        }
        copy[i] = none ? -1 : (int32_t)values[i];
    }
    return copy;
}

static dlx__pte_value add_list(dlx__pte_method *m, dlx__pte_kind kind, dlx__pte_kind of,
                               const dlx__pte_value *items, size_t n)
{
    const bool optional = kind == DLX__PTE_KIND_OPTIONAL_TENSOR_LIST;
    const int32_t *copy =
        dlx__pte_copy_values(m, dlx__pte_kind_name((int)kind), items, n, optional);
    for (size_t i = 0; copy && i < n; i++) {
        if (copy[i] < 0 || m->values[copy[i]].kind == of)
            continue;
        dlx__fail(&m->program->failure, DLX_E_ARG, "method %.100s, %s: expected %s, found %s",
                  m->name, dlx__pte_kind_name((int)kind), dlx__pte_kind_name((int)of),
                  dlx__pte_kind_name((int)m->values[copy[i]].kind));
        copy = NULL;
    }
    if (!copy)
        return DLX__PTE_NONE;
    return add(m, (dlx__pte_value_info){.kind = kind, .items = copy, .n_items = n});
}

dlx__pte_value dlx__pte_int_list(dlx__pte_method *m, const dlx__pte_value *items, size_t n)
{
    return add_list(m, DLX__PTE_KIND_INT_LIST, DLX__PTE_KIND_INT, items, n);
}

dlx__pte_value dlx__pte_tensor_list(dlx__pte_method *m, const dlx__pte_value *items, size_t n)
{
    return add_list(m, DLX__PTE_KIND_TENSOR_LIST, DLX__PTE_KIND_TENSOR, items, n);
}

dlx__pte_value dlx__pte_optional_list(dlx__pte_method *m, const dlx__pte_value *items, size_t n)
{
    return add_list(m, DLX__PTE_KIND_OPTIONAL_TENSOR_LIST, DLX__PTE_KIND_TENSOR, items, n);
}
