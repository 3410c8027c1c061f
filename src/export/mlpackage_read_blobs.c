/*
 * mlpackage_read_blobs.c - weight.bin: a head of 64 bytes, then records, each described in 64 bytes
 * of its own in front of its data. Constants of the program name the place of the description.
 */
#include "export/mlpackage_reader.h"

#include "base/little.h"

#include <stdlib.h>

enum { BLOB_ALIGN = 64, BLOB_VERSION = 2 };
#define BLOB_SENTINEL 0xdeadbeefu
#define BLOB_FILE "@model_path/weights/weight.bin"

/* The file's own codes of types, and MIL's of the same numbers. */
static const struct {
    uint32_t stored;
    int element;
} codes[] = {
    {1, DLX__MIL_F16}, {2, DLX__MIL_F32},
    {3, 31},           {4, DLX__MIL_I8},
    {5, 13},           {6, 22},
    {7, 32},           {8, 25},
    {9, 37},           {10, 36},
    {11, 35},          {12, 39},
    {13, 38},          {14, DLX__MIL_I32},
    {15, 33},          {16, 40},
    {17, 41},
};

/* MIL's code, or 0. */
static int element_of(uint32_t stored)
{
    for (size_t i = 0; i < DLX__LEN(codes); i++)
        if (codes[i].stored == stored)
            return codes[i].element;
    return 0;
}

/* The description of a record at `offset`: what it says of itself against the bytes. */
static bool read_record(dlx__mlpackage_reader *r, uint64_t offset, dlx__mil_record *out,
                        const char *where)
{
    const dlx__mlpackage_parts *p = &r->parts;
    if (offset % BLOB_ALIGN != 0 || offset < BLOB_ALIGN || p->n_weights < BLOB_ALIGN ||
        offset > p->n_weights - BLOB_ALIGN) {
        dlx__proto_fault(&r->view,
                         "%.100s: expected a record at a multiple of 64 inside the %zu bytes of "
                         "weight.bin, found byte %llu",
                         where, p->n_weights, (unsigned long long)offset);
        return false;
    }
    const uint8_t *at = p->weights + offset;
    const uint32_t stored = dlx__le32(at + 4);
    *out = (dlx__mil_record){.offset = offset,
                             .n_bytes = dlx__le64(at + 8),
                             .begin = dlx__le64(at + 16),
                             .element = element_of(stored),
                             .function = r->function};
    if (dlx__le32(at) != BLOB_SENTINEL)
        dlx__proto_fault(&r->view,
                         "%.100s: expected the sentinel 0xdeadbeef at byte %llu of weight.bin, "
                         "found 0x%08x",
                         where, (unsigned long long)offset, (unsigned)dlx__le32(at));
    else if (!out->element)
        dlx__proto_fault(&r->view,
                         "%.100s: the record at byte %llu of weight.bin has the unknown type %u",
                         where, (unsigned long long)offset, (unsigned)stored);
    else if (out->begin % BLOB_ALIGN != 0 || out->begin < offset + BLOB_ALIGN)
        dlx__proto_fault(
            &r->view,
            "%.100s: expected data at a multiple of 64 behind its record at byte %llu of "
            "weight.bin, found byte %llu",
            where, (unsigned long long)offset, (unsigned long long)out->begin);
    else if (out->begin > p->n_weights || out->n_bytes > p->n_weights - out->begin)
        dlx__proto_fault(
            &r->view,
            "%.100s: expected %llu bytes at byte %llu of weight.bin, found %zu bytes in "
            "all; the file is cut off or damaged",
            where, (unsigned long long)out->n_bytes, (unsigned long long)out->begin, p->n_weights);
    else
        return true;
    return false;
}

/* The record holds what the constant's type says. */
static void check_type(dlx__mlpackage_reader *r, const dlx__mil_record *record,
                       const dlx__mil_type *t, const char *where)
{
    const unsigned bits = dlx__mil_element_bits(record->element);
    const size_t n_bits = dlx__mul(dlx__mil_n_elements(t), bits);
    const uint64_t n_bytes = n_bits / 8 + (n_bits % 8 != 0);
    const uint64_t padding = dlx__le64(r->parts.weights + record->offset + 24);
    if (t->kind != DLX__MIL_TENSOR || record->element != t->element)
        dlx__proto_fault(&r->view, "%.100s: expected %s, found a record of %s in weight.bin", where,
                         dlx__mil_type_text(t).text, dlx__mil_element_name(record->element));
    else if (n_bits == SIZE_MAX || record->n_bytes != n_bytes)
        dlx__proto_fault(
            &r->view,
            "%.100s: expected %s, which are %llu bytes, found a record of %llu in weight.bin",
            where, dlx__mil_type_text(t).text, (unsigned long long)n_bytes,
            (unsigned long long)record->n_bytes);
    else if (padding != (bits < 8 ? n_bytes * 8 - n_bits : 0))
        dlx__proto_fault(
            &r->view, "%.100s: expected %llu bits of padding behind %s, found %llu in weight.bin",
            where, (unsigned long long)(bits < 8 ? n_bytes * 8 - n_bits : 0),
            dlx__mil_type_text(t).text, (unsigned long long)padding);
}

void dlx__mil_read_blob(dlx__mlpackage_reader *r, const dlx__proto_message *m,
                        const dlx__mil_type *t, const char *where)
{
    const char *name = "";
    uint64_t offset = 0;
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number == 1)
            name = dlx__proto_get_text(&f, &r->file->arena);
        else if (f.number == 2)
            offset = (uint64_t)dlx__proto_get_int(&f);
    }
    if (strcmp(name, BLOB_FILE) != 0)
        dlx__proto_fault(&r->view, "%.100s: expected weights in %s, found \"%.200s\"", where,
                         BLOB_FILE, name);
    else if (!r->parts.weights)
        dlx__proto_fault(&r->view,
                         "%.100s: expected weights/weight.bin beside the model, found none", where);
    dlx__mil_record *records = dlx__arena_grow(&r->file->arena, r->records, r->n_records,
                                               &r->records_capacity, sizeof *records);
    if (!records)
        (void)dlx__mlpackage_alloc(r, SIZE_MAX, 1); /* the fault */
    if (r->view.failure.code != DLX_OK)
        return;
    r->records = records;
    if (!read_record(r, offset, &r->records[r->n_records], where))
        return;
    check_type(r, &r->records[r->n_records++], t, where);
}

/* ---- all together ---------------------------------------------------------------------------- */

static int by_offset(const void *a, const void *b)
{
    const dlx__mil_record *x = a, *y = b;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    return x->function < y->function ? -1 : x->function > y->function;
}

/* Each record once; it is shared when a second function uses it. */
static size_t unite(dlx__mil_record *records, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept == 0 || records[kept - 1].offset != records[i].offset)
            records[kept++] = records[i];
        else if (records[kept - 1].function != records[i].function)
            records[kept - 1].shared = true;
    }
    return kept;
}

/* Records stand one behind the other: what none of the functions uses is found by walking. */
static void count_unused(dlx__mlpackage_reader *r, uint32_t announced)
{
    dlx__mlpackage_file *file = r->file;
    uint64_t at = BLOB_ALIGN;
    for (size_t used = 0, i = 0; i < announced; i++) {
        dlx__mil_record record;
        if (!read_record(r, at, &record, "a record that no function uses"))
            return;
        if (used < file->n_records && r->records[used].offset == at)
            used++;
        else {
            file->n_unused++;
            file->unused_bytes += record.n_bytes;
        }
        at = dlx__align((size_t)(record.begin + record.n_bytes), BLOB_ALIGN);
    }
}

void dlx__mil_check_records(dlx__mlpackage_reader *r)
{
    dlx__mlpackage_file *file = r->file;
    if (r->n_records == 0 || r->view.failure.code != DLX_OK)
        return;
    const uint32_t announced = dlx__le32(r->parts.weights),
                   version = dlx__le32(r->parts.weights + 4);
    if (version != BLOB_VERSION)
        dlx__proto_fault(&r->view, "expected weight.bin in version 2, found version %u",
                         (unsigned)version);
    qsort(r->records, r->n_records, sizeof *r->records, by_offset);
    file->n_records = unite(r->records, r->n_records);
    for (size_t i = 0; i < file->n_records; i++) {
        const dlx__mil_record *x = &r->records[i];
        file->n_shared += x->shared;
        (void)dlx__mil_counts_add(r, &file->weights, dlx__mil_element_name(x->element), x->n_bytes);
        if (i && r->records[i - 1].begin + r->records[i - 1].n_bytes > x->offset)
            dlx__proto_fault(
                &r->view,
                "weight.bin: the record at byte %llu lies in the data of the one at byte "
                "%llu",
                (unsigned long long)x->offset, (unsigned long long)r->records[i - 1].offset);
    }
    if (announced < file->n_records)
        dlx__proto_fault(&r->view,
                         "weight.bin: expected at least the %zu records that are used, found %u",
                         file->n_records, (unsigned)announced);
    else if (announced > file->n_records)
        count_unused(r, announced);
}
