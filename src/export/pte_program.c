/*
 * pte_program.c - a program: its methods, the data they share, and whether the whole is sound. What
 * a method holds is pte_values.c and pte_steps.c.
 */
#include "export/pte_program.h"

#include "base/fail.h"
#include "export/pte_build.h"

#include <string.h>

void dlx__pte_init(dlx__pte *p, const dlx_allocator *mem)
{
    *p = (dlx__pte){.n_methods = 0};
    dlx__arena_init(&p->arena, mem);
}

void dlx__pte_release(dlx__pte *p)
{
    dlx__arena_release(&p->arena);
    *p = (dlx__pte){.n_methods = 0};
}

void dlx__pte_no_memory(dlx__pte *p)
{
    if (!dlx__pte_failed(p))
        dlx__fail_memory(&p->failure, "building a program", p->arena.n_bytes);
}

bool dlx__pte_room(dlx__pte *p, void *list, size_t n, size_t *capacity, size_t size)
{
    if (dlx__pte_failed(p))
        return false;
    void *old;
    memcpy(&old, list, sizeof old);
    void *grown = dlx__arena_grow(&p->arena, old, n, capacity, size);
    if (!grown) {
        dlx__pte_no_memory(p);
        return false;
    }
    memcpy(list, &grown, sizeof grown);
    return true;
}

const char *dlx__pte_copy_text(dlx__pte *p, const char *text)
{
    const char *copy = dlx__pte_failed(p) ? NULL : dlx__arena_strdup(&p->arena, text);
    if (!copy)
        dlx__pte_no_memory(p);
    return copy;
}

dlx__pte_method *dlx__pte_add_method(dlx__pte *p, const char *name)
{
    const char *copy = dlx__pte_copy_text(p, name);
    if (!copy || !dlx__pte_room(p, &p->methods, p->n_methods, &p->method_capacity, sizeof(void *)))
        return NULL;
    dlx__pte_method *m = dlx__arena_alloc(&p->arena, 1, sizeof *m);
    if (!m) {
        dlx__pte_no_memory(p);
        return NULL;
    }
    m->program = p;
    m->name = copy;
    p->methods[p->n_methods++] = m;
    return m;
}

/* ---- constant methods ------------------------------------------------------------------------ */

void dlx__pte_tell_int(dlx__pte *p, const char *name, int64_t value)
{
    dlx__pte_tell_ints(p, name, &value, 1);
}

void dlx__pte_tell_ints(dlx__pte *p, const char *name, const int64_t *values, size_t n)
{
    dlx__pte_method *m = dlx__pte_add_method(p, name);
    for (size_t i = 0; i < n; i++)
        dlx__pte_output(m, dlx__pte_int(m, values[i]));
}

void dlx__pte_tell_bool(dlx__pte *p, const char *name, bool value)
{
    dlx__pte_method *m = dlx__pte_add_method(p, name);
    dlx__pte_output(m, dlx__pte_bool(m, value));
}

void dlx__pte_tell_double(dlx__pte *p, const char *name, double value)
{
    dlx__pte_method *m = dlx__pte_add_method(p, name);
    dlx__pte_output(m, dlx__pte_double(m, value));
}

void dlx__pte_tell_text(dlx__pte *p, const char *name, const char *value)
{
    dlx__pte_method *m = dlx__pte_add_method(p, name);
    dlx__pte_output(m, dlx__pte_string(m, value));
}

/* ---- data ------------------------------------------------------------------------------------ */

/* Index 0 of both lists means "none". */
static uint32_t add_blob(dlx__pte *p, dlx__pte_blob **list, size_t *n, size_t *capacity,
                         dlx__pte_blob blob)
{
    const dlx__pte_blob placeholder = {.n_bytes = 0};
    for (int more = *n ? 1 : 2; more > 0; more--) {
        if (!dlx__pte_room(p, list, *n, capacity, sizeof **list))
            return 0;
        (*list)[(*n)++] = more == 2 ? placeholder : blob;
    }
    return (uint32_t)(*n - 1);
}

uint32_t dlx__pte_constant(dlx__pte *p, dlx__pte_blob blob)
{
    return add_blob(p, &p->constants, &p->n_constants, &p->constant_capacity, blob);
}

uint32_t dlx__pte_initial(dlx__pte *p, dlx__pte_blob blob)
{
    return add_blob(p, &p->initials, &p->n_initials, &p->initial_capacity, blob);
}

void dlx__pte_name(dlx__pte *p, const char *key, dlx__pte_blob blob)
{
    if (dlx__pte_failed(p))
        return;
    for (size_t i = 0; i < p->n_named; i++) {
        if (strcmp(p->named[i].key, key) != 0)
            continue;
        if (p->named[i].blob.n_bytes != blob.n_bytes)
            dlx__fail(&p->failure, DLX_E_ARG,
                      "named data %.200s: expected %llu bytes as before, found %llu", key,
                      (unsigned long long)p->named[i].blob.n_bytes,
                      (unsigned long long)blob.n_bytes);
        return;
    }
    const char *copy = dlx__pte_copy_text(p, key);
    if (!copy || !dlx__pte_room(p, &p->named, p->n_named, &p->named_capacity, sizeof *p->named))
        return;
    p->named[p->n_named++] = (dlx__pte_named_blob){.key = copy, .blob = blob};
}

/* ---- the whole ------------------------------------------------------------------------------- */

static dlx_result check_names(const dlx__pte *p, dlx_error *err)
{
    for (size_t i = 0; i < p->n_methods; i++) {
        for (size_t k = 0; k < i; k++) {
            if (strcmp(p->methods[i]->name, p->methods[k]->name) == 0)
                return dlx__fail(err, DLX_E_ARG, "a program has two methods named %.100s",
                                 p->methods[i]->name);
        }
    }
    if (p->n_methods == 0)
        return dlx__fail(err, DLX_E_ARG, "a program has no method");
    return DLX_OK;
}

static bool same_place(const dlx__pte_tensor *a, const dlx__pte_tensor *b)
{
    return a->arena == b->arena && a->offset == b->offset && a->type == b->type &&
           a->n_dims == b->n_dims &&
           memcmp(a->dims, b->dims, (size_t)a->n_dims * sizeof *a->dims) == 0;
}

/* The tensor of that name among the values [0, n) of a method. */
static const dlx__pte_tensor *find_state(const dlx__pte_method *m, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        const dlx__pte_tensor *t = m->values[i].tensor;
        if (t && t->name && strcmp(t->name, name) == 0)
            return t;
    }
    return NULL;
}

/* State is shared by lying at the same place in every method, which nothing but this enforces. */
static dlx_result check_state(const dlx__pte *p, size_t i_method, dlx_error *err)
{
    const dlx__pte_method *m = p->methods[i_method];
    for (size_t i = 0; i < m->n_values; i++) {
        const dlx__pte_tensor *t = m->values[i].tensor;
        if (!t || !t->name)
            continue;
        if (find_state(m, i, t->name))
            return dlx__fail(err, DLX_E_ARG, "method %.100s names two tensors %.100s", m->name,
                             t->name);
        for (size_t k = 0; t->storage != DLX__PTE_CONSTANT && k < i_method; k++) {
            const dlx__pte_tensor *other =
                find_state(p->methods[k], p->methods[k]->n_values, t->name);
            if (other && !same_place(t, other))
                return dlx__fail(err, DLX_E_ARG,
                                 "state %.100s lies at another place in method %.100s than in "
                                 "method %.100s",
                                 t->name, m->name, p->methods[k]->name);
        }
    }
    return DLX_OK;
}

static dlx_result check_jumps(const dlx__pte_method *m, dlx_error *err)
{
    for (size_t i = 0; i < m->n_steps; i++) {
        if (m->steps[i].kind == DLX__PTE_JUMP_FALSE && m->steps[i].b > m->n_steps)
            return dlx__fail(err, DLX_E_ARG,
                             "method %.100s: step %zu jumps to step %u, behind its %zu steps",
                             m->name, i, (unsigned)m->steps[i].b, m->n_steps);
    }
    return DLX_OK;
}

dlx_result dlx__pte_check(const dlx__pte *p, dlx_error *err)
{
    if (dlx__pte_failed(p))
        return dlx__fail(err, p->failure.code, "%s", p->failure.text);
    DLX__TRY(check_names(p, err));
    for (size_t i = 0; i < p->n_methods; i++) {
        DLX__TRY(check_state(p, i, err));
        DLX__TRY(check_jumps(p->methods[i], err));
    }
    return DLX_OK;
}
