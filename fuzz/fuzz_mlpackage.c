/*
 * fuzz_mlpackage.c - any bytes as a Core ML package: text that begins with a brace as its manifest;
 * otherwise four bytes say how many of the rest are the specification, and what is left are its
 * weights. What is accepted must be readable to its last byte.
 */
// rooms: export
// parser: (export/mlpackage_read[a-z_]*|format/proto_view)
#include "base/little.h"
#include "export/mlpackage_read.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static unsigned sum; /* keeps the reads alive */

static void read_values(const dlx__mil_values *values)
{
    for (size_t i = 0; i < values->n; i++) {
        const dlx__mil_type *t = &values->items[i].type;
        sum += (unsigned)(strlen(values->items[i].name) + strlen(dlx__mil_kind_name(t->kind)) +
                          strlen(dlx__mil_element_name(t->element)));
        for (size_t d = 0; d < t->rank; d++)
            sum += (unsigned)t->dims[d];
    }
}

static void read_file(const dlx__mlpackage_file *f, size_t n_weights)
{
    uint64_t n_bytes = 0;
    bool found = false;
    for (size_t i = 0; i < f->n_functions; i++) {
        const dlx__mlpackage_function *fn = &f->functions[i];
        size_t n = 0;
        read_values(&fn->inputs);
        read_values(&fn->outputs);
        read_values(&fn->states);
        for (size_t k = 0; k < fn->operations.n; k++)
            n += fn->operations.items[k].n;
        if (n != fn->n_operations)
            abort();
        found = found || strcmp(fn->name, f->default_function) == 0;
    }
    for (size_t i = 0; i < f->weights.n; i++)
        n_bytes += f->weights.items[i].n_bytes;
    for (size_t i = 0; i < f->n_metadata; i++)
        sum += (unsigned)(strlen(f->metadata[i].key) + strlen(f->metadata[i].value));
    if (!found || n_bytes > n_weights || f->n_shared > f->n_records)
        abort();
}

static void try_manifest(const uint8_t *data, size_t n)
{
    dlx__mlpackage_file f = {.n_items = 0};
    dlx_error err = {.text = ""};
    dlx__arena_init(&f.arena, NULL);
    const dlx_result r = dlx__mlpackage_manifest(&f, (const char *)data, n, "input", &err);
    if (r != DLX_OK && !err.text[0])
        abort();
    for (size_t i = 0; r == DLX_OK && i < f.n_items; i++)
        if (f.items[i].path[0] == '/' || strstr(f.items[i].path, "/../"))
            abort();
    dlx__arena_release(&f.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    dlx__mlpackage_file f;
    dlx_error err = {.text = ""};
    if (n && data[0] == '{') {
        try_manifest(data, n);
        return 0;
    }
    if (n < 4)
        return 0;
    dlx__mlpackage_parts parts = {.model = data + 4, .n_model = dlx__le32(data)};
    if (parts.n_model > n - 4)
        parts.n_model = n - 4;
    parts.n_weights = n - 4 - parts.n_model;
    parts.weights = parts.n_weights ? parts.model + parts.n_model : NULL;
    if (dlx__mlpackage_parse(&f, &parts, "input", NULL, &err) == DLX_OK) {
        read_file(&f, parts.n_weights);
        dlx__mlpackage_close(&f);
    } else if (!err.text[0])
        abort();
    return 0;
}
