/*
 * xnn_read.c - an XNNPACK payload: its header, its constants, and whether inputs and outputs are
 * numbered without gaps. Values and nodes are xnn_read_values.c and xnn_read_nodes.c.
 */
#include "export/xnn_read.h"

#include "base/fail.h"
#include "base/little.h"
#include "export/pte_types.h"
#include "export/xnn_graph.h"
#include "export/xnn_reader.h"

#include <string.h>

void *dlx__xnn_reader_alloc(dlx__xnn_reader *r, size_t n, size_t size)
{
    void *p = dlx__arena_alloc(r->arena, n, size);
    if (!p)
        dlx__fail_memory(r->err, "reading an XNNPACK payload", dlx__mul(n, size));
    return p;
}

/* Where the flatbuffer is; payloads of old exporters begin with it. */
static dlx_result read_head(dlx__xnn_reader *r, const uint8_t *data, size_t n, const char *where)
{
    if (n >= 8 && (memcmp(data + 4, "XN00", 4) == 0 || memcmp(data + 4, "XN01", 4) == 0)) {
        dlx__flat_view_init(&r->view, data, n, where);
        return DLX_OK;
    }
    if (n < DLX__XNN_HEADER_BYTES || memcmp(data + 4, "XH00", 4) != 0)
        return dlx__fail(r->err, DLX_E_FORMAT,
                         "%s: expected an XNNPACK payload, with XH00 at byte 4", where);
    const uint64_t at = dlx__le32(data + 10), size = dlx__le32(data + 14);
    const uint64_t blob = dlx__le32(data + 18), blob_bytes = dlx__le64(data + 22);
    if (dlx__le16(data + 8) < DLX__XNN_HEADER_BYTES || at > n || size > n - at ||
        blob < at + size || blob > n || blob_bytes > n - blob || at % 8 != 0)
        return dlx__fail(
            r->err, DLX_E_FORMAT,
            "%s: expected flatbuffer and constants inside the %zu bytes of the payload", where, n);
    dlx__flat_view_init(&r->view, data + at, (size_t)size, where);
    r->blob_bytes = blob_bytes;
    return DLX_OK;
}

/* The data behind a key, in the program or beside it. */
static const dlx__pte_item *find_key(const dlx__xnn_keys *keys, const char *key)
{
    const dlx__pte_item *item = dlx__pte_find_item(keys->named, keys->n_named, key);
    if (!item && keys->data)
        item = dlx__pte_find_item(keys->data->items, keys->data->n_items, key);
    return item;
}

static void check_named(dlx__xnn_reader *r, size_t i, const char *key, uint64_t n_bytes)
{
    const dlx__pte_item *item = find_key(r->keys, key);
    if (!item && r->keys->data)
        dlx__flat_mismatch(&r->view,
                           "constant %zu has the key %.100s, which neither the program nor the "
                           ".ptd file holds",
                           i, key);
    else if (!item)
        dlx__flat_fault(&r->view,
                        "constant %zu has the key %.100s, which is in no named data; is there a "
                        ".ptd file that belongs to the program? It is found beside it, under the "
                        "same name",
                        i, key);
    else if (item->n_bytes < n_bytes)
        dlx__flat_fault(&r->view,
                        "constant %zu: expected %llu bytes under the key %.100s, found %llu", i,
                        (unsigned long long)n_bytes, key, (unsigned long long)item->n_bytes);
}

dlx_result dlx__xnn_read_constants(dlx__xnn_reader *r)
{
    dlx__flat_vec list = dlx__flat_get_refs(&r->root, 8);
    r->n_constants = list.n;
    r->constant_bytes = dlx__xnn_reader_alloc(r, list.n, sizeof *r->constant_bytes);
    if (!r->constant_bytes)
        return DLX_E_NOMEM;
    for (size_t i = 1; i < list.n; i++) { /* the first means "no constant" */
        dlx__flat_table c = dlx__flat_table_at(&list, i);
        const uint64_t offset = dlx__flat_u64(&c, 0), n_bytes = dlx__flat_u64(&c, 1);
        dlx__flat_str key = dlx__flat_get_text(&c, 2);
        r->constant_bytes[i] = n_bytes;
        if (key.len) {
            check_named(r, i, key.data, n_bytes);
            r->out->named_bytes += n_bytes;
        } else if (offset > r->blob_bytes || n_bytes > r->blob_bytes - offset)
            dlx__flat_fault(&r->view, "constant %zu lies behind the %llu bytes of constants", i,
                            (unsigned long long)r->blob_bytes);
        else
            r->out->inline_bytes += n_bytes;
        r->out->n_constants += n_bytes > 0;
    }
    return DLX_OK;
}

/* Inputs and outputs are the arguments of the call, so their numbers are those from 0 on. */
static dlx_result check_externs(dlx__xnn_reader *r)
{
    const size_t n = dlx__flat_u32(&r->root, 3);
    if (n > DLX__XNN_MAX_EXTERNS) {
        dlx__flat_fault(&r->view, "expected at most %d inputs and outputs, found %zu",
                        DLX__XNN_MAX_EXTERNS, n);
        return DLX_OK;
    }
    bool *seen = dlx__xnn_reader_alloc(r, n, sizeof *seen);
    if (!seen)
        return DLX_E_NOMEM;
    size_t n_seen = 0;
    for (size_t i = 0; i < r->out->n_values; i++) {
        const dlx__xnn_seen_value *v = &r->out->values[i];
        if (!v->flags)
            continue;
        if (v->external_id >= n || seen[v->external_id]) {
            dlx__flat_fault(&r->view,
                            "value %u: expected its own place among %zu inputs and outputs",
                            (unsigned)v->id, n);
            return DLX_OK;
        }
        seen[v->external_id] = true;
        n_seen++;
        r->out->n_inputs += v->flags & 1;
        r->out->n_outputs += !(v->flags & 1);
    }
    if (n_seen != n)
        dlx__flat_fault(&r->view, "expected %zu inputs and outputs, found %zu", n, n_seen);
    return DLX_OK;
}

dlx_result dlx__xnn_read(dlx__xnn_seen *out, const uint8_t *payload, size_t n, const char *where,
                         const dlx__xnn_keys *keys, dlx__arena *arena, dlx_error *err)
{
    *out = (dlx__xnn_seen){.n_nodes = 0};
    dlx__xnn_reader r = {.out = out, .arena = arena, .err = err, .keys = keys};
    DLX__TRY(read_head(&r, payload, n, where));
    r.root = dlx__flat_root(&r.view, "XN01", "XN00");
    DLX__TRY(dlx__flat_view_result(&r.view, err));
    DLX__TRY(dlx__xnn_read_constants(&r));
    DLX__TRY(dlx__flat_view_result(&r.view, err));
    DLX__TRY(dlx__xnn_read_values(&r));
    DLX__TRY(dlx__flat_view_result(&r.view, err));
    DLX__TRY(check_externs(&r));
    DLX__TRY(dlx__flat_view_result(&r.view, err));
    DLX__TRY(dlx__xnn_read_nodes(&r));
    return dlx__flat_view_result(&r.view, err);
}
