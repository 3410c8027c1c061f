/* program_check.c - delegate by delegate. */
#include "export/program_check.h"

#include "base/fail.h"
#include "export/xnn_replay.h"

#include <stdio.h>

static dlx_result check_delegate(const dlx__pte_seen_method *m, size_t i, const char *path,
                                 const dlx_allocator *mem, dlx_error *err)
{
    const dlx__pte_seen_delegate *d = &m->delegates[i];
    char where[320];
    if (!d->is_xnn || !d->payload)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: method %.100s: expected delegates of XNNPACK alone, with a graph, "
                         "found %.100s",
                         path, m->name, d->id);
    snprintf(where, sizeof where, "%.150s: method %.100s, delegate %zu", path, m->name, i);
    return dlx__xnn_replay(d->payload, (size_t)d->n_bytes, where, mem, err);
}

/* Bytes of an arena that tensors take. */
static uint64_t taken(const dlx__pte_seen_method *m, size_t arena)
{
    uint64_t end = 0;
    for (size_t i = 0; i < m->n_values; i++) {
        const dlx__pte_seen *v = &m->values[i];
        if (v->kind == DLX__PTE_KIND_TENSOR && v->planned && v->arena == arena)
            end = dlx__max(end, v->offset + v->n_bytes);
    }
    return end;
}

/* The runtime takes and clears what the method says it needs. */
static dlx_result check_arenas(const dlx__pte_seen_method *m, const char *path, dlx_error *err)
{
    enum { SPARE = 1 << 16 };
    for (size_t i = 1; i < m->n_arenas; i++) {
        const uint64_t n = taken(m, i);
        if ((uint64_t)m->arenas[i] / 2 > n + SPARE)
            return dlx__fail(
                err, DLX_E_FORMAT,
                "%s: method %.100s: expected memory for the %llu bytes of its tensors, "
                "found %lld; export it again",
                path, m->name, (unsigned long long)n, (long long)m->arenas[i]);
    }
    return DLX_OK;
}

static dlx_result check_method(const dlx__pte_seen_method *m, const char *path,
                               const dlx_allocator *mem, dlx_error *err)
{
    if (m->n_unplaced)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: method %.100s: expected results in memory of the program, found "
                         "%zu without; export it again",
                         path, m->name, m->n_unplaced);
    if (m->n_misfits)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: method %.100s: expected tensors as its delegates take them, found "
                         "%zu of other lengths; export it again",
                         path, m->name, m->n_misfits);
    DLX__TRY(check_arenas(m, path, err));
    for (size_t i = 0; i < m->n_delegates; i++)
        DLX__TRY(check_delegate(m, i, path, mem, err));
    return DLX_OK;
}

dlx_result dlx__program_check(const dlx__pte_file *f, const char *path, const dlx_allocator *mem,
                              dlx_error *err)
{
    for (size_t i = 0; i < f->n_methods; i++)
        DLX__TRY(check_method(&f->methods[i], path, mem, err));
    return DLX_OK;
}
