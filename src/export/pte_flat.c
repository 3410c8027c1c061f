/* pte_flat.c - the flatbuffers of a .pte and a .ptd file; slots as in program.fbs (pte_types.h). */
#include "base/fail.h"
#include "base/mem.h"
#include "export/pte_layout.h"

#include <string.h>

/* A list of references that grows no further than it was made for. */
typedef struct writer {
    dlx__flat *f;
    dlx__flat_ref *refs; /* room for the longest list */
} writer;

static dlx__flat_ref put_i32s(dlx__flat *f, const int32_t *items, size_t n)
{
    return dlx__flat_vector(f, items, n, sizeof *items, sizeof *items);
}

/* ---- values ---------------------------------------------------------------------------------- */

static dlx__flat_ref put_place(dlx__flat *f, const dlx__pte_tensor *t)
{
    if (t->storage != DLX__PTE_PLANNED && t->storage != DLX__PTE_INITIAL)
        return 0;
    dlx__flat_begin(f);
    dlx__flat_put_u32(f, 0, t->arena);
    dlx__flat_put_u32(f, 1, (uint32_t)t->offset);
    dlx__flat_put_u32(f, 2, (uint32_t)(t->offset >> 32));
    return dlx__flat_end(f);
}

static dlx__flat_ref put_extra(dlx__flat *f, const dlx__pte_tensor *t)
{
    if (!t->name)
        return 0;
    dlx__flat_ref name = dlx__flat_text(f, t->name);
    dlx__flat_begin(f);
    dlx__flat_put_ref(f, DLX__EXTRA_NAME, name);
    return dlx__flat_end(f);
}

static dlx__flat_ref put_tensor(dlx__flat *f, const dlx__pte_tensor *t)
{
    int32_t sizes[DLX__PTE_MAX_DIMS];
    uint8_t order[DLX__PTE_MAX_DIMS];
    for (int i = 0; i < t->n_dims; i++) {
        sizes[i] = (int32_t)t->dims[i];
        order[i] = (uint8_t)i;
    }
    dlx__flat_ref shape = put_i32s(f, sizes, (size_t)t->n_dims);
    dlx__flat_ref dim_order = dlx__flat_vector(f, order, (size_t)t->n_dims, 1, 1);
    dlx__flat_ref place = put_place(f, t), extra = put_extra(f, t);
    const bool has_data = t->storage == DLX__PTE_CONSTANT || t->storage == DLX__PTE_INITIAL;
    dlx__flat_begin(f);
    dlx__flat_put_ref(f, DLX__TENSOR_SIZES, shape);
    dlx__flat_put_ref(f, DLX__TENSOR_DIM_ORDER, dim_order);
    dlx__flat_put_u32(f, DLX__TENSOR_DATA, has_data ? t->data : 0);
    dlx__flat_put_ref(f, DLX__TENSOR_PLACE, place);
    dlx__flat_put_ref(f, DLX__TENSOR_EXTRA, extra);
    dlx__flat_put_u8(f, DLX__TENSOR_TYPE, (uint8_t)t->type);
    dlx__flat_put_u8(f, DLX__TENSOR_DYNAMISM, t->dynamic);
    return dlx__flat_end(f);
}

/* Items of int lists are 64 bits wide, those of the others 32. */
static dlx__flat_ref put_items(writer *w, const dlx__pte_value_info *v)
{
    dlx__flat *f = w->f;
    if (v->kind != DLX__PTE_KIND_INT_LIST)
        return put_i32s(f, v->items, v->n_items);
    int64_t *wide = dlx__alloc(f->mem, dlx__mul(v->n_items, sizeof *wide));
    if (!wide) {
        dlx__fail_memory(&f->failure, "building a flatbuffer", dlx__mul(v->n_items, 8));
        return 0;
    }
    for (size_t i = 0; i < v->n_items; i++)
        wide[i] = v->items[i];
    dlx__flat_ref ref = dlx__flat_vector(f, wide, v->n_items, sizeof *wide, sizeof *wide);
    dlx__free(f->mem, wide);
    return ref;
}

static dlx__flat_ref put_simple(writer *w, const dlx__pte_value_info *v)
{
    dlx__flat *f = w->f;
    dlx__flat_ref inner = 0;
    if (v->kind == DLX__PTE_KIND_STRING)
        inner = dlx__flat_text(f, v->text);
    else if (v->kind >= DLX__PTE_KIND_INT_LIST)
        inner = put_items(w, v);
    dlx__flat_begin(f);
    if (v->kind == DLX__PTE_KIND_INT)
        dlx__flat_put_i64(f, 0, v->i);
    else if (v->kind == DLX__PTE_KIND_BOOL)
        dlx__flat_put_u8(f, 0, v->i != 0);
    else if (v->kind == DLX__PTE_KIND_DOUBLE)
        dlx__flat_put_f64(f, 0, v->d);
    dlx__flat_put_ref(f, 0, inner);
    return dlx__flat_end(f);
}

static dlx__flat_ref put_values(writer *w, const dlx__pte_method *m)
{
    for (size_t i = 0; i < m->n_values; i++) {
        const dlx__pte_value_info *v = &m->values[i];
        dlx__flat_ref ref = v->tensor ? put_tensor(w->f, v->tensor) : put_simple(w, v);
        dlx__flat_begin(w->f);
        dlx__flat_put_union(w->f, 0, (uint8_t)v->kind, ref);
        w->refs[i] = dlx__flat_end(w->f);
    }
    return dlx__flat_refs(w->f, w->refs, m->n_values);
}

/* ---- a method -------------------------------------------------------------------------------- */

static dlx__flat_ref put_step(dlx__flat *f, const dlx__pte_step *s)
{
    const bool call = s->kind == DLX__PTE_KERNEL_CALL || s->kind == DLX__PTE_DELEGATE_CALL;
    dlx__flat_ref args = call ? put_i32s(f, s->args, s->n_args) : 0;
    dlx__flat_begin(f);
    dlx__flat_put_u32(f, 0, s->a);
    if (call)
        dlx__flat_put_ref(f, 1, args);
    else
        dlx__flat_put_u32(f, 1, s->b);
    dlx__flat_ref inner = dlx__flat_end(f);
    dlx__flat_begin(f);
    dlx__flat_put_union(f, 0, (uint8_t)s->kind, inner);
    return dlx__flat_end(f);
}

static dlx__flat_ref put_chains(writer *w, const dlx__pte_method *m)
{
    dlx__flat *f = w->f;
    for (size_t i = 0; i < m->n_steps; i++)
        w->refs[i] = put_step(f, &m->steps[i]);
    dlx__flat_ref steps = dlx__flat_refs(f, w->refs, m->n_steps);
    dlx__flat_ref inputs = put_i32s(f, NULL, 0), outputs = put_i32s(f, NULL, 0);
    dlx__flat_begin(f);
    dlx__flat_put_ref(f, DLX__CHAIN_INPUTS, inputs);
    dlx__flat_put_ref(f, DLX__CHAIN_OUTPUTS, outputs);
    dlx__flat_put_ref(f, DLX__CHAIN_STEPS, steps);
    dlx__flat_ref chain = dlx__flat_end(f);
    return dlx__flat_refs(f, &chain, 1);
}

static dlx__flat_ref put_operators(writer *w, const dlx__pte_method *m)
{
    for (size_t i = 0; i < m->n_operators; i++) {
        dlx__flat_ref name = dlx__flat_text(w->f, m->operators[i].name);
        dlx__flat_ref overload = dlx__flat_text(w->f, m->operators[i].overload);
        dlx__flat_begin(w->f);
        dlx__flat_put_ref(w->f, 0, name);
        dlx__flat_put_ref(w->f, 1, overload);
        w->refs[i] = dlx__flat_end(w->f);
    }
    return dlx__flat_refs(w->f, w->refs, m->n_operators);
}

static dlx__flat_ref put_delegates(writer *w, const dlx__pte_method *m, const dlx__pte_layout *l)
{
    dlx__flat *f = w->f;
    for (size_t i = 0; i < m->n_delegates; i++) {
        dlx__flat_ref id = dlx__flat_text(f, m->delegates[i].id);
        dlx__flat_ref specs = dlx__flat_refs(f, NULL, 0);
        dlx__flat_begin(f);
        dlx__flat_put_u8(f, 0, 1); /* in a segment */
        dlx__flat_put_u32(f, 1, (uint32_t)(l->payloads + m->delegates[i].payload));
        dlx__flat_ref payload = dlx__flat_end(f);
        dlx__flat_begin(f);
        dlx__flat_put_ref(f, 0, id);
        dlx__flat_put_ref(f, 1, payload);
        dlx__flat_put_ref(f, 2, specs);
        w->refs[i] = dlx__flat_end(f);
    }
    return dlx__flat_refs(f, w->refs, m->n_delegates);
}

static dlx__flat_ref put_arenas(dlx__flat *f, const dlx__pte_method *m)
{
    int64_t sizes[DLX__PTE_MAX_ARENAS] = {0};
    size_t n = 1;
    for (size_t i = 1; i < DLX__PTE_MAX_ARENAS; i++) {
        sizes[i] = (int64_t)m->arena_bytes[i];
        n = sizes[i] ? i + 1 : n;
    }
    return dlx__flat_vector(f, sizes, n, sizeof *sizes, sizeof *sizes);
}

static dlx__flat_ref put_method(writer *w, const dlx__pte_method *m, const dlx__pte_layout *l)
{
    dlx__flat *f = w->f;
    dlx__flat_ref empty = dlx__flat_text(f, "");
    dlx__flat_begin(f);
    dlx__flat_put_ref(f, 0, empty);
    dlx__flat_put_ref(f, 1, empty);
    dlx__flat_ref container = dlx__flat_end(f);
    dlx__flat_ref name = dlx__flat_text(f, m->name), values = put_values(w, m);
    dlx__flat_ref inputs = put_i32s(f, m->inputs, m->n_inputs);
    dlx__flat_ref outputs = put_i32s(f, m->outputs, m->n_outputs);
    dlx__flat_ref chains = put_chains(w, m), operators = put_operators(w, m);
    dlx__flat_ref delegates = put_delegates(w, m, l), arenas = put_arenas(f, m);
    dlx__flat_begin(f);
    dlx__flat_put_ref(f, DLX__PLAN_NAME, name);
    dlx__flat_put_ref(f, DLX__PLAN_CONTAINER, container);
    dlx__flat_put_ref(f, DLX__PLAN_VALUES, values);
    dlx__flat_put_ref(f, DLX__PLAN_INPUTS, inputs);
    dlx__flat_put_ref(f, DLX__PLAN_OUTPUTS, outputs);
    dlx__flat_put_ref(f, DLX__PLAN_CHAINS, chains);
    dlx__flat_put_ref(f, DLX__PLAN_OPERATORS, operators);
    dlx__flat_put_ref(f, DLX__PLAN_DELEGATES, delegates);
    dlx__flat_put_ref(f, DLX__PLAN_ARENAS, arenas);
    return dlx__flat_end(f);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static dlx__flat_ref put_segments(writer *w, const dlx__pte_span *segments, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        dlx__flat_begin(w->f);
        dlx__flat_put_u64(w->f, 0, segments[i].offset);
        dlx__flat_put_u64(w->f, 1, segments[i].n_bytes);
        w->refs[i] = dlx__flat_end(w->f);
    }
    return dlx__flat_refs(w->f, w->refs, n);
}

static dlx__flat_ref put_offsets(dlx__flat *f, size_t segment, const uint64_t *offsets, size_t n)
{
    dlx__flat_ref list = dlx__flat_vector(f, offsets, n, sizeof *offsets, sizeof *offsets);
    dlx__flat_begin(f);
    dlx__flat_put_u32(f, 0, (uint32_t)segment);
    dlx__flat_put_ref(f, 1, list);
    return dlx__flat_end(f);
}

static dlx__flat_ref put_named(writer *w, const dlx__pte *p, size_t first_segment)
{
    for (size_t i = 0; i < p->n_named; i++) {
        dlx__flat_ref key = dlx__flat_text(w->f, p->named[i].key);
        dlx__flat_begin(w->f);
        dlx__flat_put_ref(w->f, 0, key);
        dlx__flat_put_u32(w->f, 1, (uint32_t)(first_segment + i));
        w->refs[i] = dlx__flat_end(w->f);
    }
    return dlx__flat_refs(w->f, w->refs, p->n_named);
}

static dlx__flat_ref put_program(writer *w, const dlx__pte *p, const dlx__pte_layout *l,
                                 dlx__flat_ref *methods)
{
    dlx__flat *f = w->f;
    for (size_t i = 0; i < p->n_methods; i++)
        methods[i] = put_method(w, p->methods[i], l);
    dlx__flat_ref plans = dlx__flat_refs(f, methods, p->n_methods);
    dlx__flat_ref segments = put_segments(w, l->segments, l->n_segments);
    dlx__flat_ref constants =
        put_offsets(f, l->constants, l->constant_offsets, dlx__max(p->n_constants, 1));
    dlx__flat_ref initials = 0, named = 0;
    if (p->n_initials) {
        initials = put_offsets(f, l->initials, l->initial_offsets, p->n_initials);
        initials = dlx__flat_refs(f, &initials, 1);
    }
    if (p->n_named && !l->outside)
        named = put_named(w, p, l->named);
    dlx__flat_begin(f);
    dlx__flat_put_ref(f, DLX__PROGRAM_PLANS, plans);
    dlx__flat_put_ref(f, DLX__PROGRAM_SEGMENTS, segments);
    dlx__flat_put_ref(f, DLX__PROGRAM_CONSTANTS, constants);
    dlx__flat_put_ref(f, DLX__PROGRAM_MUTABLE, initials);
    dlx__flat_put_ref(f, DLX__PROGRAM_NAMED, named);
    return dlx__flat_end(f);
}

/* The longest list of references of the program. */
static size_t longest(const dlx__pte *p, const dlx__pte_layout *l)
{
    size_t n = dlx__max(l->n_segments, dlx__max(p->n_named, 1));
    for (size_t i = 0; i < p->n_methods; i++) {
        const dlx__pte_method *m = p->methods[i];
        n = dlx__max(n, dlx__max(m->n_values, m->n_steps));
        n = dlx__max(n, dlx__max(m->n_operators, m->n_delegates));
    }
    return n;
}

dlx_result dlx__pte_program_flat(dlx__flat *f, const dlx__pte *p, const dlx__pte_layout *l,
                                 const uint8_t **bytes, size_t *n_bytes, dlx_error *err)
{
    const size_t n = longest(p, l), n_all = dlx__add(n, p->n_methods);
    writer w = {f, dlx__alloc_zero(f->mem, n_all, sizeof *w.refs)};
    if (!w.refs)
        return dlx__fail_memory(err, "writing a program", dlx__mul(n_all, sizeof *w.refs));
    dlx_result r =
        dlx__flat_finish(f, put_program(&w, p, l, w.refs + n), "ET12", bytes, n_bytes, err);
    dlx__free(f->mem, w.refs);
    return r;
}

dlx_result dlx__pte_outside_flat(dlx__flat *f, const dlx__pte *p, const dlx__pte_layout *l,
                                 const uint8_t **bytes, size_t *n_bytes, dlx_error *err)
{
    writer w = {f, dlx__alloc_zero(f->mem, dlx__max(p->n_named, 1), sizeof *w.refs)};
    if (!w.refs)
        return dlx__fail_memory(err, "writing named data", dlx__mul(p->n_named, sizeof *w.refs));
    dlx__flat_ref segments = put_segments(&w, l->outside, p->n_named);
    dlx__flat_ref named = put_named(&w, p, 0);
    dlx__flat_begin(f);
    dlx__flat_put_ref(f, 1, segments);
    dlx__flat_put_ref(f, 2, named);
    dlx_result r = dlx__flat_finish(f, dlx__flat_end(f), "FT01", bytes, n_bytes, err);
    dlx__free(f->mem, w.refs);
    return r;
}
