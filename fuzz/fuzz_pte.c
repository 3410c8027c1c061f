/*
 * fuzz_pte.c - any bytes as an exported program, as the .ptd file beside one, or as the payload of
 * an XNNPACK delegate; what is accepted must be readable to its last byte, and may be asked whether
 * it would be run.
 */
// rooms: export
// parser: (export/((pte|ptd|xnn)_read[a-z_]*|xnn_replay|program_check)|format/flat_view)
#include "export/program_check.h"
#include "export/xnn_replay.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static unsigned sum; /* keeps the reads alive */

static void read_bytes(const uint8_t *data, uint64_t n)
{
    if (n)
        sum += data[0] + data[n - 1];
}

static void read_items(const dlx__pte_item *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        read_bytes(items[i].data, items[i].n_bytes);
        for (int d = 0; d < items[i].n_dims; d++)
            sum += (unsigned)items[i].dims[d];
        if (dlx__pte_find_item(items, n, items[i].key) != &items[i])
            abort();
    }
}

static void read_xnn(const dlx__xnn_seen *x)
{
    size_t n_nodes = 0;
    for (size_t i = 0; i < x->n_kinds; i++) {
        n_nodes += x->kinds[i].n;
        sum += (unsigned)strlen(x->kinds[i].name);
    }
    if (n_nodes != x->n_nodes)
        abort();
    for (size_t i = 0; i < x->n_values; i++)
        for (int d = 0; d < x->values[i].n_dims; d++)
            sum += x->values[i].dims[d];
}

static void read_value(const dlx__pte_seen_method *m, const dlx__pte_seen *v)
{
    for (int d = 0; d < v->n_dims; d++)
        sum += (unsigned)v->dims[d];
    for (size_t i = 0; v->items && i < v->n_items; i++)
        if (v->items[i] >= 0)
            sum += (unsigned)m->values[v->items[i]].kind;
    sum += v->text ? (unsigned)strlen(v->text) : 0;
    sum += v->name ? (unsigned)strlen(v->name) : 0;
    if (v->planned && !v->external && v->offset + v->n_bytes > (uint64_t)m->arenas[v->arena])
        abort();
}

static void read_method(const dlx__pte_seen_method *m)
{
    for (size_t i = 0; i < m->n_values; i++)
        read_value(m, &m->values[i]);
    for (size_t i = 0; i < m->n_inputs; i++)
        sum += (unsigned)m->values[m->inputs[i]].kind;
    for (size_t i = 0; i < m->n_outputs; i++)
        sum += (unsigned)m->values[m->outputs[i]].kind;
    for (size_t i = 0; i < m->n_operators; i++)
        sum += (unsigned)(strlen(m->operators[i].name) + strlen(m->operators[i].overload));
    for (size_t i = 0; i < m->n_delegates; i++) {
        read_bytes(m->delegates[i].payload, m->delegates[i].n_bytes);
        if (m->delegates[i].is_xnn)
            read_xnn(&m->delegates[i].xnn);
    }
}

static void try_payload(const uint8_t *data, size_t n)
{
    const dlx__xnn_keys keys = {NULL, 0, NULL};
    dlx__xnn_seen x;
    dlx__arena arena;
    dlx_error err = {.text = ""};
    dlx__arena_init(&arena, NULL);
    if (dlx__xnn_read(&x, data, n, "payload", &keys, &arena, &err) == DLX_OK) {
        read_xnn(&x);
        if (dlx__xnn_replay(data, n, "payload", NULL, &err) == DLX_OK)
            err.text[0] = ' ';
    }
    if (!err.text[0])
        abort();
    dlx__arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    dlx__pte_file f;
    dlx__ptd_file outside;
    dlx_error err = {.text = ""};
    if (n >= 8 && (memcmp(data + 4, "XH00", 4) == 0 || memcmp(data + 4, "XN0", 3) == 0)) {
        try_payload(data, n);
        return 0;
    }
    if (dlx__ptd_parse(&outside, data, n, "input", NULL, &err) == DLX_OK) {
        read_items(outside.items, outside.n_items);
        dlx__ptd_close(&outside);
    }
    err.text[0] = '\0';
    if (dlx__pte_parse(&f, data, n, "input", NULL, NULL, &err) != DLX_OK) {
        if (!err.text[0])
            abort();
        return 0;
    }
    read_items(f.named, f.n_named);
    for (size_t i = 0; i < f.n_methods; i++)
        read_method(&f.methods[i]);
    if (dlx__program_check(&f, "input", NULL, &err) != DLX_OK && !err.text[0])
        abort();
    dlx__pte_close(&f);
    return 0;
}
