/* packed.c - bytes of weights, made row by row: once to be named, once to be written. */
#include "export/packed.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "export/pte_write.h"
#include "export/static_product.h"
#include "export/tensor_rows.h"

#include <stdio.h>
#include <string.h>

/* What is named by itself: the numbers of a tensor, or their scales. */
typedef struct part {
    dlx__packed_tensor *of;
    bool scales;
    char key[8 + DLX__SHA256_HEX];
    uint64_t n_bytes;
} part;

struct dlx__packed_tensor {
    dlx__packed *owner;
    const dlx__tensor *tensor;
    dlx__packing packing;
    const float *row_scales; /* [n_rows] of INT8; NULL: those of stored_row.h */
    bool is_again;           /* its integers are rounded again */
    part parts[2];           /* numbers, scales */
};

struct dlx__packed_product {
    const dlx__node *node;
    dlx__static_product product;
};

void dlx__packed_init(dlx__packed *p, const dlx__model *model, const dlx_allocator *mem)
{
    *p = (dlx__packed){.model = model};
    dlx__arena_init(&p->arena, mem);
}

void dlx__packed_release(dlx__packed *p)
{
    dlx__arena_release(&p->arena);
    *p = (dlx__packed){.n = 0};
}

dlx__packing dlx__export_form(const dlx__export_forms *forms, const dlx__tensor *w, bool is_head)
{
    const dlx__packing packing = is_head ? forms->head : forms->matrix;
    const bool torn = w->shape[1] % DLX__PACK_GROUP != 0;
    return dlx__packing_has_groups(packing) && torn ? forms->torn : packing;
}

/* ---- bytes --------------------------------------------------------------------------------- */

static dlx_result make_bytes(const part *p, dlx__emit_fn emit, void *user, dlx_error *err)
{
    dlx__packed_tensor *t = p->of;
    const dlx__tensor_rows rows = {.model = t->owner->model,
                                   .pool = t->owner->pool,
                                   .mem = t->owner->arena.mem,
                                   .tensor = t->tensor,
                                   .packing = t->packing,
                                   .part = p->scales ? DLX__ROW_SCALES : DLX__ROW_NUMBERS,
                                   .row_scales = t->row_scales};
    bool exact = true;
    DLX__TRY(dlx__tensor_rows_make(&rows, emit, user, &exact, err));
    t->is_again = t->is_again || !exact;
    return DLX_OK;
}

static dlx_result emit_to_sink(void *user, const void *bytes, size_t n, dlx_error *err)
{
    return dlx__pte_sink_put(user, bytes, n, err);
}

static dlx_result produce(void *user, dlx__pte_sink *sink, dlx_error *err)
{
    return make_bytes(user, emit_to_sink, sink, err);
}

static dlx__pte_blob blob_of(part *p)
{
    return (dlx__pte_blob){.n_bytes = p->n_bytes, .produce = produce, .user = p};
}

/* ---- names --------------------------------------------------------------------------------- */

typedef struct hashing {
    dlx__packed *owner;
    dlx__sha256 sha;
} hashing;

static dlx_result emit_to_hash(void *user, const void *bytes, size_t n, dlx_error *err)
{
    hashing *h = user;
    dlx__sha256_add(&h->sha, bytes, n);
    if (!h->owner->on_progress || h->owner->on_progress(h->owner->user, n))
        return DLX_OK;
    return dlx__fail(err, DLX_CANCELLED, "stopped by the caller");
}

static dlx_result name_part(part *p, dlx_error *err)
{
    hashing h = {.owner = p->of->owner};
    char hex[DLX__SHA256_HEX];
    dlx__sha256_init(&h.sha);
    DLX__TRY(make_bytes(p, emit_to_hash, &h, err));
    dlx__sha256_hex(&h.sha, hex);
    snprintf(p->key, sizeof p->key, "%s%s", p->scales ? "scale_" : "", hex);
    return DLX_OK;
}

/* Names of a graph that is only looked at: different ones are different. */
static dlx_result number_part(part *p)
{
    snprintf(p->key, sizeof p->key, "%zu.%d", p->of->owner->n, p->scales);
    return DLX_OK;
}

static dlx__packed_tensor *new_item(dlx__packed *p, const dlx__tensor *t, dlx__packing packing)
{
    dlx__packed_tensor *item = dlx__arena_alloc(&p->arena, 1, sizeof *item);
    dlx__packed_tensor **items =
        dlx__arena_grow(&p->arena, p->items, p->n, &p->capacity, sizeof *items);
    if (!item || !items)
        return NULL;
    p->items = items;
    item->owner = p;
    item->tensor = t;
    item->packing = packing;
    item->is_again = false;
    for (int s = 0; s < 2; s++) {
        item->parts[s].of = item;
        item->parts[s].scales = s == 1;
        item->parts[s].n_bytes = dlx__tensor_rows_bytes(t, packing, s == 1);
    }
    return item;
}

/* The tensor, named; NULL: a failure. */
static dlx_result find(dlx__packed_tensor **out, dlx__packed *p, const dlx__tensor *t,
                       dlx__packing packing, const float *row_scales, dlx_error *err)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->items[i]->tensor == t && p->items[i]->packing == packing &&
            p->items[i]->row_scales == row_scales) {
            *out = p->items[i];
            return DLX_OK;
        }
    *out = new_item(p, t, packing);
    if (!*out)
        return dlx__fail_memory(err, "naming weights", sizeof **out);
    if (row_scales) { /* which are named by themselves */
        (*out)->row_scales = row_scales;
        (*out)->parts[1].n_bytes = 0;
    }
    for (int s = 0; s < 2; s++)
        if ((*out)->parts[s].n_bytes > 0)
            DLX__TRY(p->nameless ? number_part(&(*out)->parts[s])
                                 : name_part(&(*out)->parts[s], err));
    p->items[p->n++] = *out;
    return DLX_OK;
}

static bool has_filled(const dlx__packed *p, const char *key)
{
    for (size_t i = 0; i < p->n_filled; i++)
        if (strcmp(p->filled[i].key, key) == 0)
            return true;
    return false;
}

static bool add_named(dlx__packed *p, const char *key, const void *bytes, size_t n_bytes)
{
    const char *name = dlx__arena_strdup(&p->arena, key);
    dlx__pte_named_blob *filled =
        dlx__arena_grow(&p->arena, p->filled, p->n_filled, &p->filled_capacity, sizeof *filled);
    if (!name || !filled)
        return false;
    p->filled = filled;
    filled[p->n_filled++] =
        (dlx__pte_named_blob){.key = name, .blob = {.n_bytes = n_bytes, .bytes = bytes}};
    return true;
}

static bool add_filled(dlx__packed *p, const char *key, float x, size_t n)
{
    float *numbers = dlx__arena_alloc(&p->arena, n, sizeof *numbers);
    for (size_t i = 0; numbers && i < n; i++)
        numbers[i] = x;
    return numbers && add_named(p, key, numbers, n * sizeof *numbers);
}

dlx__xnn_data dlx__packed_numbers(dlx__packed *p, dlx__xnn_graph *g, bool scales, const void *bytes,
                                  size_t n_bytes)
{
    char key[8 + DLX__SHA256_HEX], hex[DLX__SHA256_HEX];
    dlx__sha256 sha;
    dlx__sha256_init(&sha);
    dlx__sha256_add(&sha, bytes, n_bytes);
    dlx__sha256_hex(&sha, hex);
    snprintf(key, sizeof key, "%s%s", scales ? "scale_" : "", hex);
    if (!has_filled(p, key) && !add_named(p, key, bytes, n_bytes)) {
        dlx__fail_memory(&g->failure, "naming numbers", n_bytes);
        return 0;
    }
    return dlx__xnn_named(g, key, n_bytes);
}

dlx__xnn_value dlx__packed_filled(dlx__packed *p, dlx__xnn_graph *g, float x, const size_t *dims,
                                  int n_dims)
{
    char key[64];
    size_t n = 1;
    for (int i = 0; i < n_dims; i++)
        n *= dims[i];
    snprintf(key, sizeof key, "dlx.fill.%a.%zu", (double)x, n);
    if (!has_filled(p, key) && !add_filled(p, key, x, n)) {
        dlx__fail_memory(&g->failure, "naming numbers", n * sizeof x);
        return DLX__XNN_NONE;
    }
    const dlx__xnn_data data = dlx__xnn_named(g, key, n * sizeof x);
    return dlx__xnn_weight(g, DLX__XNN_FP32, dims, n_dims, data, NULL);
}

void dlx__packed_name_all(const dlx__packed *p, dlx__pte *program)
{
    for (size_t i = 0; i < p->n_filled; i++)
        dlx__pte_name(program, p->filled[i].key, p->filled[i].blob);
    for (size_t i = 0; i < p->n; i++)
        for (int s = 0; s < 2; s++) {
            part *one = &p->items[i]->parts[s];
            if (one->key[0])
                dlx__pte_name(program, one->key, blob_of(one));
        }
}

/* ---- static products ----------------------------------------------------------------------- */

dlx_result dlx__packed_product(dlx__packed *p, const dlx__node *node,
                               const dlx__static_product **out, dlx_error *err)
{
    for (size_t i = 0; i < p->n_products; i++)
        if (p->products[i]->node == node) {
            *out = &p->products[i]->product;
            return DLX_OK;
        }
    struct dlx__packed_product *one = dlx__arena_alloc(&p->arena, 1, sizeof *one);
    struct dlx__packed_product **products = dlx__arena_grow(&p->arena, p->products, p->n_products,
                                                            &p->product_capacity, sizeof *products);
    if (!one || !products)
        return dlx__fail_memory(err, "preparing int8 products", sizeof *one);
    p->products = products;
    one->node = node;
    DLX__TRY(dlx__static_product_make(&one->product, node, !p->nameless, &p->arena, err));
    if (!p->nameless)
        dlx__model_drop_pages(p->model, node->weight->data, node->weight->n_bytes);
    products[p->n_products++] = one;
    *out = &one->product;
    if (!p->on_progress || p->on_progress(p->user, 0))
        return DLX_OK;
    return dlx__fail(err, DLX_CANCELLED, "stopped by the caller");
}

size_t dlx__packed_n_again(const dlx__packed *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->n_products; i++)
        n += p->products[i]->product.is_again;
    for (size_t i = 0; i < p->n; i++)
        n += p->items[i]->is_again;
    return n;
}

dlx__pte_blob dlx__packed_floats(dlx__packed *p, const dlx__tensor *t, dlx__pte_type type)
{
    dlx__packed_tensor *item =
        new_item(p, t, type == DLX__PTE_HALF ? DLX__PACK_FP16 : DLX__PACK_FP32);
    if (!item)
        return (dlx__pte_blob){.n_bytes = 0};
    p->items[p->n++] = item;
    return blob_of(&item->parts[0]);
}

void dlx__packed_visit(const dlx__packed *p,
                       void (*visit)(void *user, const dlx__tensor *t, bool is_table,
                                     uint64_t n_bytes),
                       void *user)
{
    for (size_t i = 0; i < p->n; i++) {
        const dlx__packed_tensor *t = p->items[i];
        visit(user, t->tensor, t->parts[0].key[0] == '\0',
              t->parts[0].n_bytes + t->parts[1].n_bytes);
    }
    for (size_t i = 0; i < p->n_products; i++) { /* scales; the bias, and its own */
        const dlx__node *node = p->products[i]->node;
        const size_t n = node->weight->shape[0];
        visit(user, node->weight, false, n * sizeof(float));
        if (node->bias)
            visit(user, node->bias, false, n * (sizeof(int32_t) + sizeof(float)));
    }
}

/* ---- values -------------------------------------------------------------------------------- */

dlx_result dlx__packed_filter(dlx__packed *p, dlx__xnn_graph *g, const dlx__tensor *w, bool is_head,
                              dlx__xnn_value *out, dlx_error *err)
{
    static const dlx__xnn_type types[DLX__N_PACKINGS] = {[DLX__PACK_FP32] = DLX__XNN_FP32,
                                                         [DLX__PACK_FP16] = DLX__XNN_FP16,
                                                         [DLX__PACK_INT8] = DLX__XNN_QCINT8,
                                                         [DLX__PACK_INT4] = DLX__XNN_QBINT4};
    const dlx__packing packing = dlx__export_form(&p->forms, w, is_head);
    dlx__packed_tensor *item;
    DLX__TRY(find(&item, p, w, packing, NULL, err));
    dlx__xnn_quant quant = {.kind = DLX__XNN_PLAIN};
    if (item->parts[1].n_bytes > 0) {
        quant.kind = packing == DLX__PACK_INT4 ? DLX__XNN_PER_GROUP : DLX__XNN_PER_CHANNEL;
        quant.group = packing == DLX__PACK_INT4 ? DLX__PACK_GROUP : 0;
        quant.scales = dlx__xnn_named(g, item->parts[1].key, item->parts[1].n_bytes);
    }
    const dlx__xnn_data data = dlx__xnn_named(g, item->parts[0].key, item->parts[0].n_bytes);
    *out = dlx__xnn_weight(g, types[packing], w->shape, 2, data,
                           quant.kind == DLX__XNN_PLAIN ? NULL : &quant);
    return DLX_OK;
}

dlx_result dlx__packed_scaled_filter(dlx__packed *p, dlx__xnn_graph *g, const dlx__tensor *w,
                                     const float *scales, dlx__xnn_value *out, dlx_error *err)
{
    dlx__packed_tensor *item;
    DLX__TRY(find(&item, p, w, DLX__PACK_INT8, scales, err));
    const dlx__xnn_quant quant = {
        .kind = DLX__XNN_PER_CHANNEL,
        .scales = dlx__packed_numbers(p, g, true, scales, w->shape[0] * sizeof *scales)};
    const dlx__xnn_data data = dlx__xnn_named(g, item->parts[0].key, item->parts[0].n_bytes);
    *out = dlx__xnn_weight(g, DLX__XNN_QCINT8, w->shape, 2, data, &quant);
    return DLX_OK;
}

dlx_result dlx__packed_bias(dlx__packed *p, dlx__xnn_graph *g, const dlx__tensor *bias,
                            dlx__xnn_value *out, dlx_error *err)
{
    dlx__packed_tensor *item;
    DLX__TRY(find(&item, p, bias, DLX__PACK_FP32, NULL, err));
    const dlx__xnn_data data = dlx__xnn_named(g, item->parts[0].key, item->parts[0].n_bytes);
    *out = dlx__xnn_weight(g, DLX__XNN_FP32, bias->shape, 1, data, NULL);
    return DLX_OK;
}
