/* observer_set.c - observers by name. Knows nothing of what they observe, nor of files. */
#include "quant/observer_set.h"

#include "base/fail.h"
#include "base/mem.h"

#include <string.h>

enum { SLOT_BYTES = sizeof(void *) }; /* of `items` */

void dlx__observer_set_init(dlx__observer_set *set, const dlx_allocator *mem)
{
    *set = (dlx__observer_set){.mem = mem};
}

/* Its name lies behind it, in the same memory. */
static void free_observer(const dlx_allocator *mem, dlx__observer *o)
{
    dlx__observer_release(o);
    dlx__free(mem, o);
}

void dlx__observer_set_release(dlx__observer_set *set)
{
    for (size_t i = 0; i < set->n; i++)
        free_observer(set->mem, set->items[i]);
    dlx__free(set->mem, set->items);
    dlx__observer_set_init(set, set->mem);
}

/* Where the name is, or would be. */
static size_t place_of(const dlx__observer_set *set, const char *name)
{
    size_t low = 0, high = set->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(set->items[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

dlx__observer *dlx__observer_set_find(const dlx__observer_set *set, const char *name)
{
    size_t i = place_of(set, name);
    return i < set->n && strcmp(set->items[i]->name, name) == 0 ? set->items[i] : NULL;
}

/* What may stand in a JSON text as it is. */
static bool is_name(const char *name)
{
    const size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        if (name[i] <= ' ' || name[i] > '~' || name[i] == '"' || name[i] == '\\')
            return false;
    return n >= 1 && n <= DLX__OBSERVER_NAME_BYTES;
}

static dlx_result check_name(const dlx__observer_set *set, const char *name, dlx_error *err)
{
    if (!is_name(name))
        return dlx__fail(err, DLX_E_ARG,
                         "expected the name of an observer as 1 to %d ASCII bytes without blanks, "
                         "quotes and backslashes, found \"%.40s\"",
                         DLX__OBSERVER_NAME_BYTES, name);
    if (dlx__observer_set_find(set, name))
        return dlx__fail(err, DLX_E_ARG,
                         "%s: expected each name of an observer once, found it twice", name);
    if (set->n == DLX__OBSERVER_SET_MOST)
        return dlx__fail(err, DLX_E_FULL, "%s: expected at most %d observers, found one more", name,
                         DLX__OBSERVER_SET_MOST);
    return DLX_OK;
}

static bool make_room(dlx__observer_set *set)
{
    if (set->n < set->capacity)
        return true;
    size_t capacity = dlx__max(16, 2 * set->capacity);
    dlx__observer **items = dlx__realloc(set->mem, set->items, dlx__mul(capacity, SLOT_BYTES));
    if (!items)
        return false;
    set->items = items;
    set->capacity = capacity;
    return true;
}

dlx_result dlx__observer_set_add(dlx__observer_set *set, const char *name,
                                 const dlx__observer_spec *spec, size_t n_channels, dlx_error *err)
{
    DLX__TRY(check_name(set, name, err));
    const size_t n_name = strlen(name) + 1;
    dlx__observer *o = make_room(set) ? dlx__alloc(set->mem, sizeof *o + n_name) : NULL;
    if (!o)
        return dlx__fail_memory(err, "making an observer of activations", sizeof *o + n_name);
    dlx_result r = dlx__observer_init(o, spec, n_channels, set->mem, err);
    if (r != DLX_OK) {
        dlx__free(set->mem, o);
        dlx__fail_prefix(err, name);
        return r;
    }
    o->name = memcpy(o + 1, name, n_name);
    const size_t at = place_of(set, name);
    memmove(set->items + at + 1, set->items + at, (set->n - at) * SLOT_BYTES);
    set->items[at] = o;
    set->n++;
    return DLX_OK;
}

static dlx_result fail_lonely(const char *name, dlx_error *err)
{
    return dlx__fail(err, DLX_E_MISMATCH,
                     "%s: expected an observer of this name in both sets, found it in one; observe "
                     "every shard with the same model",
                     name);
}

/* Both are sorted: the first place where they differ tells which name is missing. */
static dlx_result check_names(const dlx__observer_set *a, const dlx__observer_set *b,
                              dlx_error *err)
{
    for (size_t i = 0; i < a->n || i < b->n; i++) {
        if (i >= a->n)
            return fail_lonely(b->items[i]->name, err);
        if (i >= b->n)
            return fail_lonely(a->items[i]->name, err);
        int order = strcmp(a->items[i]->name, b->items[i]->name);
        if (order != 0)
            return fail_lonely((order < 0 ? a : b)->items[i]->name, err);
    }
    return DLX_OK;
}

dlx_result dlx__observer_set_merge(dlx__observer_set *into, const dlx__observer_set *other,
                                   dlx_error *err)
{
    DLX__TRY(check_names(into, other, err));
    for (size_t i = 0; i < into->n; i++)
        DLX__TRY(dlx__observer_merge_prepare(into->items[i], other->items[i], err));
    for (size_t i = 0; i < into->n; i++)
        dlx__observer_merge_apply(into->items[i], other->items[i]);
    return DLX_OK;
}
