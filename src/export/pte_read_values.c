/* pte_read_values.c - the values of a method: numbers, text, tensors and where they lie, lists. */
#include "base/fail.h"
#include "export/pte_reader.h"

#include <string.h>

typedef struct where {
    dlx__pte_reader *r;
    dlx__pte_seen_method *m;
    size_t i; /* value */
    dlx__pte_seen *v;
} where;

static void fault(const where *w, const char *expected, unsigned long long found)
{
    dlx__flat_fault(&w->r->view, "method %.100s, value %zu: expected %s, found %llu", w->m->name,
                    w->i, expected, found);
}

/* ---- tensors --------------------------------------------------------------------------------- */

static bool read_shape(const where *w, const dlx__flat_table *t)
{
    dlx__flat_vec sizes = dlx__flat_get_vector(t, DLX__TENSOR_SIZES, sizeof(int32_t));
    dlx__flat_vec order = dlx__flat_get_vector(t, DLX__TENSOR_DIM_ORDER, 1);
    if (sizes.n > DLX__PTE_MAX_DIMS || order.n != sizes.n || (!sizes.present && t->view)) {
        fault(w, "sizes of at most 16 axes and an order of as many", order.n);
        return false;
    }
    int32_t *dims = dlx__pte_reader_alloc(w->r, sizes.n, sizeof *dims);
    if (!dims)
        return false;
    unsigned seen = 0;
    size_t n_bytes = dlx__pte_type_bytes(w->v->type);
    for (size_t i = 0; i < sizes.n; i++) {
        dims[i] = dlx__flat_i32_at(&sizes, i);
        n_bytes = dims[i] < 0 ? SIZE_MAX : dlx__mul(n_bytes, (size_t)dims[i]);
        if (n_bytes > INT64_MAX || order.data[i] >= sizes.n || (seen >> order.data[i] & 1u)) {
            fault(w, "sizes that can be, each axis once in the order", (unsigned)order.data[i]);
            return false;
        }
        seen |= 1u << order.data[i];
    }
    w->v->n_dims = (int)sizes.n;
    w->v->dims = dims;
    w->v->n_bytes = n_bytes;
    return true;
}

/* In an arena, and inside of it. */
static void read_place(const where *w, const dlx__flat_table *t)
{
    dlx__flat_table place = dlx__flat_child(t, DLX__TENSOR_PLACE);
    w->v->planned = place.view != NULL;
    if (!place.view)
        return;
    w->v->arena = dlx__flat_u32(&place, 0);
    w->v->offset = dlx__flat_u32(&place, 1) | (uint64_t)dlx__flat_u32(&place, 2) << 32;
    if (w->v->arena == 0 || w->v->arena >= w->m->n_arenas) {
        fault(w, "an arena of the method", w->v->arena);
        return;
    }
    const uint64_t size = (uint64_t)w->m->arenas[w->v->arena];
    if (w->v->offset > size || w->v->n_bytes > size - w->v->offset)
        fault(w, "a place inside its arena", w->v->offset);
}

/* Data `index` of a pool must hold the tensor. */
static void check_pool(const where *w, const dlx__pte_pool *pool, uint32_t index)
{
    if (index >= pool->offsets.n) {
        fault(w, "data that the program holds", index);
        return;
    }
    const uint64_t offset = dlx__flat_u64_at(&pool->offsets, index);
    if (offset > pool->n_bytes || w->v->n_bytes > pool->n_bytes - offset)
        fault(w, "data as large as the tensor", pool->n_bytes);
    else if (w->v->n_bytes && offset % dlx__pte_type_bytes(w->v->type) != 0)
        fault(w, "aligned data", offset);
}

/* Constants inside the program, which is how old exporters wrote them. */
static void check_old_buffer(const where *w, uint32_t index)
{
    if (index >= w->r->old_buffers.n) {
        fault(w, "data that the program holds", index);
        return;
    }
    dlx__flat_table buffer = dlx__flat_table_at(&w->r->old_buffers, index);
    const size_t n = dlx__flat_get_vector(&buffer, 0, 1).n;
    if (n < w->v->n_bytes)
        fault(w, "data as large as the tensor", n);
}

/* From a .ptd file, by name; types and shapes must be the same there. */
static void check_external(const where *w)
{
    const dlx__ptd_file *outside = w->r->outside;
    const dlx__pte_item *item = NULL;
    if (w->v->name && outside)
        item = dlx__pte_find_item(outside->items, outside->n_items, w->v->name);
    if (!item && outside) {
        dlx__flat_mismatch(
            &w->r->view,
            "method %.100s, value %zu: the tensor %.100s is expected in a .ptd file, which does "
            "not hold it",
            w->m->name, w->i, w->v->name ? w->v->name : "without a name");
        return;
    }
    if (!item) {
        dlx__flat_fault(
            &w->r->view,
            "method %.100s, value %zu: the tensor %.100s is expected in a .ptd file; which one "
            "belongs to the program?",
            w->m->name, w->i, w->v->name ? w->v->name : "without a name");
        return;
    }
    bool same = item->type == w->v->type && item->n_dims == w->v->n_dims;
    for (int i = 0; same && i < item->n_dims; i++)
        same = item->dims[i] == w->v->dims[i];
    if (!same || item->n_bytes < w->v->n_bytes)
        dlx__flat_mismatch(
            &w->r->view,
            "method %.100s, value %zu: the tensor %.100s has another type or shape in "
            "the .ptd file",
            w->m->name, w->i, w->v->name);
}

static void read_data(const where *w, const dlx__flat_table *t)
{
    dlx__flat_table extra = dlx__flat_child(t, DLX__TENSOR_EXTRA);
    dlx__flat_str name = dlx__flat_get_text(&extra, DLX__EXTRA_NAME);
    const uint32_t index = dlx__flat_u32(t, DLX__TENSOR_DATA);
    w->v->name = name.len ? name.data : NULL;
    w->v->external = dlx__flat_u8(&extra, DLX__EXTRA_LOCATION) == 1;
    w->v->constant = index > 0 && !w->v->planned && !w->v->external;
    if (w->v->external)
        check_external(w);
    else if (index == 0)
        return;
    else if (w->v->planned) {
        const uint64_t pool = dlx__flat_u64(&extra, DLX__EXTRA_MUTABLE);
        if (pool >= w->r->n_initials)
            fault(w, "initial values that the program holds", pool);
        else
            check_pool(w, &w->r->initials[pool], index);
    } else if (w->r->old_buffers.n > 1)
        check_old_buffer(w, index);
    else
        check_pool(w, &w->r->constants, index);
}

static bool read_tensor(const where *w, const dlx__flat_table *t)
{
    w->v->type = dlx__flat_u8(t, DLX__TENSOR_TYPE);
    const int dynamism = dlx__flat_u8(t, DLX__TENSOR_DYNAMISM);
    w->v->dynamic = dynamism == 1;
    if (!dlx__pte_type_name(w->v->type))
        fault(w, "a known type of elements", (unsigned)w->v->type);
    else if (dlx__flat_i32(t, DLX__TENSOR_STORAGE_OFFSET) != 0)
        fault(w, "a storage offset of 0", dlx__flat_u32(t, DLX__TENSOR_STORAGE_OFFSET));
    else if (dynamism != 0 && dynamism != 1)
        fault(w, "a static or bounded shape", (unsigned)dynamism);
    else if (read_shape(w, t)) {
        read_place(w, t);
        read_data(w, t);
    } else
        return w->r->view.failure.code != DLX_OK; /* otherwise there is no memory */
    return true;
}

/* ---- lists ----------------------------------------------------------------------------------- */

static bool read_items(const where *w, const dlx__flat_table *t)
{
    const bool wide = w->v->kind == DLX__PTE_KIND_INT_LIST;
    const bool optional = w->v->kind == DLX__PTE_KIND_OPTIONAL_TENSOR_LIST;
    dlx__flat_vec list = dlx__flat_get_vector(t, 0, wide ? 8 : 4);
    int32_t *items = dlx__pte_reader_alloc(w->r, list.n, sizeof *items);
    if (!items)
        return false;
    for (size_t i = 0; i < list.n; i++) {
        const int64_t item = wide ? dlx__flat_i64_at(&list, i) : dlx__flat_i32_at(&list, i);
        const bool none = optional && item == -1;
        if (!none && (item < 0 || (uint64_t)item >= w->m->n_values)) {
            fault(w, "items that are values of the method", (unsigned long long)item);
            return true;
        }
        /* the runtime looks at the tensors of a list when it comes to the list */
        if (!none && !wide &&
            ((size_t)item >= w->i || w->m->values[item].kind != DLX__PTE_KIND_TENSOR)) {
            fault(w, "items that are tensors before the list", (unsigned long long)item);
            return true;
        }
        items[i] = (int32_t)item;
    }
    w->v->items = items;
    w->v->n_items = list.n;
    return true;
}

dlx_result dlx__pte_read_value(dlx__pte_reader *r, dlx__pte_seen_method *m, size_t i,
                               const dlx__flat_table *entry)
{
    dlx__pte_seen *v = &m->values[i];
    const where w = {r, m, i, v};
    dlx__flat_table t = dlx__flat_child(entry, 1);
    bool ok = true;
    v->kind = dlx__flat_u8(entry, 0);
    switch (v->kind) {
    case 0: /* a union that holds nothing is a null */
        v->kind = DLX__PTE_KIND_NULL;
        break;
    case DLX__PTE_KIND_NULL:
        break;
    case DLX__PTE_KIND_INT:
        v->i = dlx__flat_i64(&t, 0);
        break;
    case DLX__PTE_KIND_BOOL:
        v->i = dlx__flat_u8(&t, 0) != 0;
        break;
    case DLX__PTE_KIND_DOUBLE:
        v->d = dlx__flat_f64(&t, 0);
        break;
    case DLX__PTE_KIND_STRING:
        v->text = dlx__flat_get_text(&t, 0).data;
        break;
    case DLX__PTE_KIND_TENSOR:
        ok = read_tensor(&w, &t);
        break;
    case DLX__PTE_KIND_INT_LIST:
    case DLX__PTE_KIND_TENSOR_LIST:
    case DLX__PTE_KIND_OPTIONAL_TENSOR_LIST:
        ok = read_items(&w, &t);
        break;
    case DLX__PTE_KIND_DOUBLE_LIST:
        v->n_items = dlx__flat_get_vector(&t, 0, sizeof(double)).n;
        break;
    case DLX__PTE_KIND_BOOL_LIST:
        v->n_items = dlx__flat_get_vector(&t, 0, 1).n;
        break;
    default:
        fault(&w, "a known kind of value", (unsigned)v->kind);
    }
    return ok ? DLX_OK : DLX_E_NOMEM;
}
