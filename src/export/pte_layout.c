/*
 * pte_layout.c - where the segments of a program lie. Constants share a segment, so do initial
 * values; every payload and every named blob has its own, so that it can be loaded alone.
 */
#include "export/pte_layout.h"

#include "base/fail.h"

/* A segment gets as much alignment as costs at most 1/64 of its size. */
enum { WASTE = 64 };

static uint64_t align_up(uint64_t n, uint64_t power_of_two)
{
    return (n + power_of_two - 1) & ~(power_of_two - 1);
}

static uint64_t alignment_of(uint64_t n_bytes, uint64_t wanted)
{
    uint64_t align = DLX__PTE_DATA_ALIGN;
    while (align < wanted && 2 * align <= n_bytes / WASTE)
        align *= 2;
    return align;
}

/* Puts a segment behind *end. */
static dlx__pte_span place(uint64_t n_bytes, uint64_t wanted, uint64_t *end)
{
    if (n_bytes == 0)
        return (dlx__pte_span){.offset = *end};
    dlx__pte_span span = {align_up(*end, alignment_of(n_bytes, wanted)), n_bytes};
    *end = span.offset + n_bytes;
    return span;
}

/* Offsets of blobs that share a segment; the first is a placeholder. Returns the segment's size. */
static uint64_t stack(uint64_t *offsets, const dlx__pte_blob *blobs, size_t n)
{
    uint64_t end = 0;
    for (size_t i = 1; i < n; i++) {
        offsets[i] = align_up(end, DLX__PTE_DATA_ALIGN);
        end = offsets[i] + blobs[i].n_bytes;
    }
    return end;
}

/* Sizes that do not add up to a file that can exist would wrap around below. */
static bool too_large(const dlx__pte *p)
{
    const uint64_t limit = UINT64_C(1) << 52;
    uint64_t sum = 0;
    const struct {
        const dlx__pte_blob *blobs;
        size_t n;
    } lists[] = {
        {p->constants, p->n_constants}, {p->initials, p->n_initials}, {p->payloads, p->n_payloads}};
    for (size_t k = 0; k < DLX__LEN(lists); k++)
        for (size_t i = 0; i < lists[k].n && sum < limit; i++)
            sum += lists[k].blobs[i].n_bytes < limit ? lists[k].blobs[i].n_bytes : limit;
    for (size_t i = 0; i < p->n_named && sum < limit; i++)
        sum += p->named[i].blob.n_bytes < limit ? p->named[i].blob.n_bytes : limit;
    return sum >= limit;
}

static void place_all(dlx__pte_layout *l, const dlx__pte *p, bool outside)
{
    const uint64_t wanted = l->align;
    size_t n = 0;
    l->constants = n;
    l->segments[n++] =
        place(stack(l->constant_offsets, p->constants, p->n_constants), wanted, &l->data_bytes);
    l->initials = n;
    if (p->n_initials)
        l->segments[n++] =
            place(stack(l->initial_offsets, p->initials, p->n_initials), wanted, &l->data_bytes);
    l->payloads = n;
    for (size_t i = 0; i < p->n_payloads; i++)
        l->segments[n++] = place(p->payloads[i].n_bytes, wanted, &l->data_bytes);
    l->named = n;
    for (size_t i = 0; i < p->n_named; i++) {
        const uint64_t n_bytes = p->named[i].blob.n_bytes;
        if (outside)
            l->outside[i] = place(n_bytes, wanted, &l->outside_bytes);
        else
            l->segments[n++] = place(n_bytes, wanted, &l->data_bytes);
    }
    l->n_segments = n;
    const uint64_t larger = l->data_bytes > l->outside_bytes ? l->data_bytes : l->outside_bytes;
    l->align = alignment_of(larger, wanted); /* where the first segment begins */
}

dlx_result dlx__pte_lay_out(dlx__pte_layout *l, const dlx__pte *p, uint64_t align, bool outside,
                            dlx__arena *arena, dlx_error *err)
{
    *l = (dlx__pte_layout){.align = align ? align : 4096};
    if (l->align < DLX__PTE_DATA_ALIGN || l->align > 1u << 30 || (l->align & (l->align - 1)) != 0)
        return dlx__fail(err, DLX_E_ARG,
                         "expected an alignment of segments that is a power of two from 16 on, "
                         "found %llu",
                         (unsigned long long)align);
    if (too_large(p))
        return dlx__fail(err, DLX_E_UNSUPPORTED, "the data of the program is too large for a file");
    const size_t n = 2 + p->n_payloads + p->n_named;
    l->segments = dlx__arena_alloc(arena, n, sizeof *l->segments);
    l->constant_offsets =
        dlx__arena_alloc(arena, dlx__max(p->n_constants, 1), sizeof *l->constant_offsets);
    l->initial_offsets =
        dlx__arena_alloc(arena, dlx__max(p->n_initials, 1), sizeof *l->initial_offsets);
    l->outside = outside ? dlx__arena_alloc(arena, p->n_named, sizeof *l->outside) : NULL;
    if (!l->segments || !l->constant_offsets || !l->initial_offsets || (outside && !l->outside))
        return dlx__fail_memory(err, "laying out a program", dlx__mul(n, sizeof *l->segments));
    place_all(l, p, outside);
    return DLX_OK;
}
