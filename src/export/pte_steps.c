/* pte_steps.c - what a method does: its inputs and outputs, calls of kernels and delegates, jumps.
 */
#include "base/fail.h"
#include "export/pte_build.h"

#include <string.h>

/* The runtime keeps "name.overload" in a buffer of so many characters, its end included. */
enum { MAX_OPERATOR_NAME = 100 };

static void add_number(dlx__pte_method *m, const char *what, int32_t **list, size_t *n,
                       size_t *capacity, dlx__pte_value v)
{
    const int32_t *checked = dlx__pte_copy_values(m, what, &v, 1, false);
    if (checked && dlx__pte_room(m->program, list, *n, capacity, sizeof **list))
        (*list)[(*n)++] = *checked;
}

void dlx__pte_input(dlx__pte_method *m, dlx__pte_value v)
{
    if (m)
        add_number(m, "input", &m->inputs, &m->n_inputs, &m->input_capacity, v);
}

void dlx__pte_output(dlx__pte_method *m, dlx__pte_value v)
{
    if (m)
        add_number(m, "output", &m->outputs, &m->n_outputs, &m->output_capacity, v);
}

static uint32_t add_step(dlx__pte_method *m, dlx__pte_step step)
{
    if (!dlx__pte_open_for(m) ||
        !dlx__pte_room(m->program, &m->steps, m->n_steps, &m->step_capacity, sizeof *m->steps))
        return 0;
    m->steps[m->n_steps] = step;
    return (uint32_t)m->n_steps++;
}

/* The number of an operator of the method, which is added if it is new. */
static uint32_t operator_number(dlx__pte_method *m, const char *name, const char *overload)
{
    for (size_t i = 0; i < m->n_operators; i++) {
        if (strcmp(m->operators[i].name, name) == 0 &&
            strcmp(m->operators[i].overload, overload) == 0)
            return (uint32_t)i;
    }
    dlx__pte *p = m->program;
    if (strlen(name) + strlen(overload) + 2 > MAX_OPERATOR_NAME)
        dlx__fail(&p->failure, DLX_E_ARG,
                  "operator %.100s: expected at most %d characters with its overload", name,
                  MAX_OPERATOR_NAME - 2);
    dlx__pte_operator op = {dlx__pte_copy_text(p, name), dlx__pte_copy_text(p, overload)};
    if (dlx__pte_room(p, &m->operators, m->n_operators, &m->operator_capacity, sizeof op))
        m->operators[m->n_operators++] = op;
    return (uint32_t)(m->n_operators - 1);
}

void dlx__pte_call(dlx__pte_method *m, const char *name, const char *overload,
                   const dlx__pte_value *args, size_t n)
{
    const int32_t *copy = dlx__pte_copy_values(m, name, args, n, false);
    if (!copy)
        return;
    const uint32_t number = operator_number(m, name, overload);
    add_step(m,
             (dlx__pte_step){.kind = DLX__PTE_KERNEL_CALL, .a = number, .args = copy, .n_args = n});
}

uint32_t dlx__pte_delegate(dlx__pte_method *m, const char *backend, const void *payload, size_t n)
{
    if (!dlx__pte_open_for(m))
        return 0;
    dlx__pte *p = m->program;
    void *copy = dlx__arena_alloc(&p->arena, n, 1);
    if (!copy)
        dlx__pte_no_memory(p);
    else if (n)
        memcpy(copy, payload, n);
    const dlx__pte_delegate_info info = {dlx__pte_copy_text(p, backend), (uint32_t)p->n_payloads};
    if (!dlx__pte_room(p, &p->payloads, p->n_payloads, &p->payload_capacity, sizeof *p->payloads) ||
        !dlx__pte_room(p, &m->delegates, m->n_delegates, &m->delegate_capacity, sizeof info))
        return 0;
    p->payloads[p->n_payloads++] = (dlx__pte_blob){.n_bytes = n, .bytes = copy};
    m->delegates[m->n_delegates] = info;
    return (uint32_t)m->n_delegates++;
}

void dlx__pte_call_delegate(dlx__pte_method *m, uint32_t delegate, const dlx__pte_value *args,
                            size_t n)
{
    const int32_t *copy = dlx__pte_copy_values(m, "call of a delegate", args, n, false);
    if (!copy)
        return;
    if (delegate >= m->n_delegates) {
        dlx__fail(&m->program->failure, DLX_E_ARG,
                  "method %.100s: expected one of %zu delegates, found number %u", m->name,
                  m->n_delegates, (unsigned)delegate);
        return;
    }
    add_step(m, (dlx__pte_step){
                    .kind = DLX__PTE_DELEGATE_CALL, .a = delegate, .args = copy, .n_args = n});
}

void dlx__pte_move(dlx__pte_method *m, dlx__pte_value from, dlx__pte_value to)
{
    const dlx__pte_value both[] = {from, to};
    if (dlx__pte_copy_values(m, "move", both, 2, false))
        add_step(m, (dlx__pte_step){.kind = DLX__PTE_MOVE, .a = from, .b = to});
}

void dlx__pte_free(dlx__pte_method *m, dlx__pte_value v)
{
    if (dlx__pte_copy_values(m, "free", &v, 1, false))
        add_step(m, (dlx__pte_step){.kind = DLX__PTE_FREE, .a = v});
}

uint32_t dlx__pte_jump_false(dlx__pte_method *m, dlx__pte_value condition, uint32_t target)
{
    if (!dlx__pte_copy_values(m, "jump", &condition, 1, false))
        return 0;
    return add_step(m, (dlx__pte_step){.kind = DLX__PTE_JUMP_FALSE, .a = condition, .b = target});
}

void dlx__pte_set_target(dlx__pte_method *m, uint32_t jump, uint32_t target)
{
    if (!dlx__pte_open_for(m))
        return;
    if (jump < m->n_steps && m->steps[jump].kind == DLX__PTE_JUMP_FALSE)
        m->steps[jump].b = target;
    else
        dlx__fail(&m->program->failure, DLX_E_ARG, "method %.100s: step %u is no jump", m->name,
                  (unsigned)jump);
}
