/* pte_read_methods.c - the methods of a program, and the steps in them. */
#include "base/fail.h"
#include "export/pte_reader.h"

#include <string.h>

/* A list of values of the method. */
static dlx_result read_values_list(dlx__pte_reader *r, const dlx__pte_seen_method *m,
                                   const dlx__flat_table *plan, int slot, const int32_t **out,
                                   size_t *n)
{
    dlx__flat_vec list = dlx__flat_get_vector(plan, slot, sizeof(int32_t));
    int32_t *items = dlx__pte_reader_alloc(r, list.n, sizeof *items);
    if (!items)
        return DLX_E_NOMEM;
    for (size_t i = 0; i < list.n; i++) {
        items[i] = dlx__flat_i32_at(&list, i);
        if (items[i] < 0 || (size_t)items[i] >= m->n_values)
            dlx__flat_fault(&r->view,
                            "method %.100s: expected inputs and outputs among its %zu "
                            "values, found number %d",
                            m->name, m->n_values, (int)items[i]);
    }
    *out = items;
    *n = list.n;
    return DLX_OK;
}

static dlx_result read_arenas(dlx__pte_reader *r, dlx__pte_seen_method *m,
                              const dlx__flat_table *plan)
{
    dlx__flat_vec list = dlx__flat_get_vector(plan, DLX__PLAN_ARENAS, sizeof(int64_t));
    int64_t *arenas = dlx__pte_reader_alloc(r, list.n, sizeof *arenas);
    if (!arenas)
        return DLX_E_NOMEM;
    for (size_t i = 0; i < list.n; i++) {
        arenas[i] = dlx__flat_i64_at(&list, i);
        if (arenas[i] < 0)
            dlx__flat_fault(&r->view, "method %.100s: arena %zu has a negative size", m->name, i);
    }
    m->arenas = arenas;
    m->n_arenas = list.n;
    return DLX_OK;
}

static dlx_result read_operators(dlx__pte_reader *r, dlx__pte_seen_method *m,
                                 const dlx__flat_table *plan)
{
    dlx__flat_vec list = dlx__flat_get_refs(plan, DLX__PLAN_OPERATORS);
    m->operators = dlx__pte_reader_alloc(r, list.n, sizeof *m->operators);
    if (!m->operators)
        return DLX_E_NOMEM;
    for (size_t i = 0; i < list.n; i++) {
        dlx__flat_table t = dlx__flat_table_at(&list, i);
        m->operators[i].name = dlx__flat_get_text(&t, 0).data;
        m->operators[i].overload = dlx__flat_get_text(&t, 1).data;
        if (!*m->operators[i].name)
            dlx__flat_fault(&r->view, "method %.100s: operator %zu has no name", m->name, i);
    }
    m->n_operators = list.n;
    return DLX_OK;
}

/* What every method must have, even if it is empty. */
static void check_present(dlx__pte_reader *r, const dlx__flat_table *plan, const char *name)
{
    static const struct {
        int slot;
        const char *what;
    } wanted[] = {{DLX__PLAN_NAME, "name"},         {DLX__PLAN_VALUES, "values"},
                  {DLX__PLAN_INPUTS, "inputs"},     {DLX__PLAN_OUTPUTS, "outputs"},
                  {DLX__PLAN_CHAINS, "chains"},     {DLX__PLAN_DELEGATES, "delegates"},
                  {DLX__PLAN_ARENAS, "arena sizes"}};
    for (size_t i = 0; i < DLX__LEN(wanted); i++) {
        if (!dlx__flat_has(plan, wanted[i].slot))
            dlx__flat_fault(&r->view, "method %.100s has no %s", name, wanted[i].what);
    }
    if (dlx__flat_get_refs(plan, DLX__PLAN_CHAINS).n == 0)
        dlx__flat_fault(&r->view, "method %.100s has no steps, not even an empty list", name);
}

static dlx_result read_method(dlx__pte_reader *r, dlx__pte_seen_method *m,
                              const dlx__flat_table *plan)
{
    m->name = dlx__flat_get_text(plan, DLX__PLAN_NAME).data;
    check_present(r, plan, m->name);
    DLX__TRY(read_arenas(r, m, plan));
    dlx__flat_vec values = dlx__flat_get_refs(plan, DLX__PLAN_VALUES);
    m->values = dlx__pte_reader_alloc(r, values.n, sizeof *m->values);
    if (!m->values)
        return DLX_E_NOMEM;
    m->n_values = values.n;
    for (size_t i = 0; i < values.n && r->view.failure.code == DLX_OK; i++) {
        dlx__flat_table entry = dlx__flat_table_at(&values, i);
        DLX__TRY(dlx__pte_read_value(r, m, i, &entry));
    }
    DLX__TRY(read_values_list(r, m, plan, DLX__PLAN_INPUTS, &m->inputs, &m->n_inputs));
    DLX__TRY(read_values_list(r, m, plan, DLX__PLAN_OUTPUTS, &m->outputs, &m->n_outputs));
    DLX__TRY(read_operators(r, m, plan));
    DLX__TRY(dlx__flat_view_result(&r->view, r->err));
    DLX__TRY(dlx__pte_read_delegates(r, m, plan));
    DLX__TRY(dlx__flat_view_result(&r->view, r->err));
    return dlx__pte_read_steps(r, m, plan);
}

dlx_result dlx__pte_read_methods(dlx__pte_reader *r)
{
    dlx__pte_file *f = r->file;
    dlx__flat_vec plans = dlx__flat_get_refs(&r->root, DLX__PROGRAM_PLANS);
    f->methods = dlx__pte_reader_alloc(r, plans.n, sizeof *f->methods);
    if (!f->methods)
        return DLX_E_NOMEM;
    if (plans.n == 0)
        dlx__flat_fault(&r->view, "the program has no method");
    for (size_t i = 0; i < plans.n; i++) {
        dlx__flat_table plan = dlx__flat_table_at(&plans, i);
        DLX__TRY(read_method(r, &f->methods[i], &plan));
        for (size_t k = 0; k < i; k++)
            if (strcmp(f->methods[k].name, f->methods[i].name) == 0)
                dlx__flat_fault(&r->view, "two methods are named %.100s", f->methods[i].name);
        DLX__TRY(dlx__flat_view_result(&r->view, r->err));
        f->n_methods = i + 1;
    }
    return DLX_OK;
}
