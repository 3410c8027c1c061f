/* pte_read_steps.c - what a method does: its delegates and their payloads, and the calls. */
#include "base/fail.h"
#include "export/pte_reader.h"
#include "export/xnn_graph.h"

#include <stdio.h>
#include <string.h>

/* ---- delegates ------------------------------------------------------------------------------- */

/* The bytes of a payload: in a segment, or inside the program. */
static bool find_payload(dlx__pte_reader *r, dlx__pte_seen_delegate *d, const dlx__flat_table *t)
{
    dlx__flat_table place = dlx__flat_child(t, 1);
    const uint8_t location = dlx__flat_u8(&place, 0);
    const uint32_t index = dlx__flat_u32(&place, 1);
    if (location == 1 && index < r->file->n_segments) {
        d->payload = r->data + r->segments[index].offset;
        d->n_bytes = r->segments[index].n_bytes;
        r->file->payload_bytes += dlx__pte_count_segment(r, index);
        return true;
    }
    if (location == 0 && index < r->inline_data.n) {
        dlx__flat_table inside = dlx__flat_table_at(&r->inline_data, index);
        dlx__flat_vec bytes = dlx__flat_get_vector(&inside, 0, 1);
        d->payload = bytes.data;
        d->n_bytes = bytes.n;
        return true;
    }
    return false;
}

static dlx_result read_payload(dlx__pte_reader *r, const dlx__pte_seen_method *m, size_t i)
{
    dlx__pte_seen_delegate *d = &m->delegates[i];
    const dlx__xnn_keys keys = {r->file->named, r->file->n_named, r->outside};
    char where[320];
    d->is_xnn = strcmp(d->id, "XnnpackBackend") == 0;
    if (!d->is_xnn || !d->payload)
        return DLX_OK;
    snprintf(where, sizeof where, "%.150s: method %.100s, delegate %zu", r->path, m->name, i);
    return dlx__xnn_read(&d->xnn, d->payload, (size_t)d->n_bytes, where, &keys, &r->file->arena,
                         r->err);
}

dlx_result dlx__pte_read_delegates(dlx__pte_reader *r, dlx__pte_seen_method *m,
                                   const dlx__flat_table *plan)
{
    dlx__flat_vec list = dlx__flat_get_refs(plan, DLX__PLAN_DELEGATES);
    m->delegates = dlx__pte_reader_alloc(r, list.n, sizeof *m->delegates);
    if (!m->delegates)
        return DLX_E_NOMEM;
    for (size_t i = 0; i < list.n; i++) {
        dlx__pte_seen_delegate *d = &m->delegates[i];
        dlx__flat_table t = dlx__flat_table_at(&list, i);
        d->id = dlx__flat_get_text(&t, 0).data;
        if (!find_payload(r, d, &t))
            dlx__flat_fault(&r->view, "method %.100s: delegate %zu has no payload", m->name, i);
        DLX__TRY(dlx__flat_view_result(&r->view, r->err));
        DLX__TRY(read_payload(r, m, i));
    }
    m->n_delegates = list.n;
    return DLX_OK;
}

/* ---- steps ----------------------------------------------------------------------------------- */

typedef struct where {
    dlx__pte_reader *r;
    dlx__pte_seen_method *m;
    size_t step, n_steps;
} where;

static void fault(const where *w, const char *expected, long long found)
{
    dlx__flat_fault(&w->r->view, "method %.100s, step %zu: expected %s, found number %lld",
                    w->m->name, w->step, expected, found);
}

static void check_value(const where *w, int64_t v)
{
    if (v < 0 || (uint64_t)v >= w->m->n_values)
        fault(w, "a value of the method", v);
}

static bool is_among(const int32_t *list, size_t n, int32_t v)
{
    for (size_t i = 0; i < n; i++)
        if (list[i] == v)
            return true;
    return false;
}

/* Kernels and delegates trust that a tensor has memory. */
static void check_memory(const where *w, int32_t i)
{
    dlx__pte_seen_method *m = w->m;
    const dlx__pte_seen *v = &m->values[i];
    if (v->kind != DLX__PTE_KIND_TENSOR || v->planned || v->constant || v->external ||
        is_among(m->inputs, m->n_inputs, i))
        return;
    if (is_among(m->outputs, m->n_outputs, i)) /* the caller may give it some */
        m->n_unplaced++;
    else
        fault(w, "tensors that lie somewhere", i);
}

/* The element type of a tensor that is passed to a value of this type; -1: nobody knows. */
static int element_of(int xnn_type)
{
    switch (xnn_type) {
    case DLX__XNN_FP32:
        return DLX__PTE_FLOAT;
    case DLX__XNN_FP16:
        return DLX__PTE_HALF;
    case DLX__XNN_BF16:
        return DLX__PTE_BFLOAT16;
    case DLX__XNN_INT32:
        return DLX__PTE_INT;
    default:
        return -1;
    }
}

static bool same_lengths(const dlx__pte_seen *t, const dlx__xnn_seen_value *v)
{
    for (int i = 0; i < t->n_dims; i++)
        if ((uint32_t)t->dims[i] != v->dims[i])
            return false;
    return t->n_dims == v->n_dims;
}

/* Inputs and outputs of the payload against the tensors that the call passes. */
static void check_externs(const where *w, const dlx__xnn_seen *x, const dlx__flat_vec *args)
{
    for (size_t i = 0; i < x->n_values; i++) {
        const dlx__xnn_seen_value *v = &x->values[i];
        if (!v->flags)
            continue;
        if (v->external_id >= args->n) {
            fault(w, "an argument for each input and output of the delegate",
                  (long long)v->external_id);
            return;
        }
        const int32_t arg = dlx__flat_i32_at(args, v->external_id);
        const dlx__pte_seen *t = &w->m->values[arg];
        const int element = element_of(v->type);
        if (t->kind != DLX__PTE_KIND_TENSOR || (element >= 0 && t->type != element) ||
            (t->n_dims > 0 && t->n_dims != v->n_dims)) {
            fault(w, "a tensor with the type and the axes that the delegate takes", arg);
            return;
        }
        w->m->n_misfits += !same_lengths(t, v); /* images may have their axes in another order */
    }
}

static void read_call(const where *w, const dlx__flat_table *t, bool kernel)
{
    const int32_t index = dlx__flat_i32(t, 0);
    dlx__flat_vec args = dlx__flat_get_vector(t, 1, sizeof(int32_t));
    const size_t n = kernel ? w->m->n_operators : w->m->n_delegates;
    for (size_t i = 0; i < args.n; i++)
        check_value(w, dlx__flat_i32_at(&args, i));
    if (index < 0 || (size_t)index >= n) {
        fault(w, kernel ? "an operator of the method" : "a delegate of the method", index);
        return;
    }
    if (w->r->view.failure.code != DLX_OK)
        return;
    for (size_t i = 0; i < args.n; i++)
        check_memory(w, dlx__flat_i32_at(&args, i));
    if (kernel) {
        w->m->operators[index].n_calls++;
        return;
    }
    w->m->delegates[index].n_calls++;
    if (w->m->delegates[index].is_xnn)
        check_externs(w, &w->m->delegates[index].xnn, &args);
}

static void read_step(const where *w, const dlx__flat_table *entry)
{
    const uint8_t kind = dlx__flat_u8(entry, 0);
    dlx__flat_table t = dlx__flat_child(entry, 1);
    switch (kind) {
    case DLX__PTE_KERNEL_CALL:
    case DLX__PTE_DELEGATE_CALL:
        read_call(w, &t, kind == DLX__PTE_KERNEL_CALL);
        break;
    case DLX__PTE_MOVE:
        check_value(w, dlx__flat_i32(&t, 0));
        check_value(w, dlx__flat_i32(&t, 1));
        break;
    case DLX__PTE_JUMP_FALSE:
        check_value(w, dlx__flat_i32(&t, 0));
        if (dlx__flat_i32(&t, 1) < 0 || (size_t)dlx__flat_i32(&t, 1) > w->n_steps)
            fault(w, "a step to jump to", dlx__flat_i32(&t, 1));
        break;
    case DLX__PTE_FREE:
        check_value(w, dlx__flat_i32(&t, 0));
        break;
    default:
        fault(w, "a known kind of step", kind);
    }
}

dlx_result dlx__pte_read_steps(dlx__pte_reader *r, dlx__pte_seen_method *m,
                               const dlx__flat_table *plan)
{
    dlx__flat_vec chains = dlx__flat_get_refs(plan, DLX__PLAN_CHAINS);
    for (size_t c = 0; c < chains.n && r->view.failure.code == DLX_OK; c++) {
        dlx__flat_table chain = dlx__flat_table_at(&chains, c);
        dlx__flat_vec steps = dlx__flat_get_refs(&chain, DLX__CHAIN_STEPS);
        if (!steps.present)
            dlx__flat_fault(&r->view, "method %.100s has no list of steps", m->name);
        where w = {.r = r, .m = m, .n_steps = steps.n};
        for (; w.step < steps.n && r->view.failure.code == DLX_OK; w.step++) {
            dlx__flat_table entry = dlx__flat_table_at(&steps, w.step);
            read_step(&w, &entry);
        }
        m->n_steps += steps.n;
    }
    return DLX_OK;
}
