/* jinja_item.c - parts of values: attributes, items, slices, elements. */
#include "text/jinja_call.h"
#include "text/jinja_eval.h"
#include "text/jinja_text.h"

static dlx_result undefined(dlx__jinja_run *run, const dlx__jv *a)
{
    return dlx__jr_fail(run, DLX_E_ARG, "'%.*s' is undefined", (int)dlx__min(a->u.s.len, 60),
                        a->u.s.len ? a->u.s.data : "");
}

dlx_result dlx__jo_attribute(dlx__jinja_run *run, const dlx__jv *a, dlx__jv_text name, dlx__jv *out)
{
    if (a->kind == DLX__JV_UNDEFINED)
        return undefined(run, a);
    if (dlx__jc_has_method(a, name))
        return dlx__jr_fail(
            run, DLX_E_UNSUPPORTED,
            "'%.*s' is a method of %s and must be called; write ['%.*s'] for the item",
            (int)name.len, name.data, dlx__jv_kind_name(a), (int)name.len, name.data);
    dlx__jv key = dlx__jv_string(name.data, name.len);
    dlx__jv *found = NULL;
    if (a->kind == DLX__JV_DICT || a->kind == DLX__JV_NAMESPACE)
        DLX__TRY(dlx__jr_find(run, a->u.dict, &key, &found));
    *out = found ? *found : dlx__jv_undefined(name.data, name.len);
    return DLX_OK;
}

/* Byte offset of code point `index`, SIZE_MAX behind the end. */
static size_t offset_of(dlx__jv_text s, size_t index)
{
    size_t at = 0;
    while (at < s.len && index-- > 0) {
        uint32_t cp = 0;
        at += dlx__text_step((dlx__jv_text){s.data + at, s.len - at}, &cp);
    }
    return at < s.len ? at : SIZE_MAX;
}

static dlx_result item_of_string(dlx__jinja_run *run, dlx__jv_text s, int64_t index, dlx__jv *out)
{
    DLX__TRY(dlx__jr_spend(run, 1 + s.len / 16));
    if (index < 0)
        index += (int64_t)dlx__text_count(s);
    size_t at = index < 0 ? SIZE_MAX : offset_of(s, (size_t)index);
    *out = (dlx__jv){0};
    if (at != SIZE_MAX) {
        uint32_t cp = 0;
        *out = dlx__jv_string(s.data + at,
                              dlx__text_step((dlx__jv_text){s.data + at, s.len - at}, &cp));
    }
    return DLX_OK;
}

dlx_result dlx__jo_item(dlx__jinja_run *run, const dlx__jv *a, const dlx__jv *key, dlx__jv *out)
{
    *out =
        key->kind == DLX__JV_STRING ? dlx__jv_undefined(key->u.s.data, key->u.s.len) : (dlx__jv){0};
    if (a->kind == DLX__JV_UNDEFINED)
        return undefined(run, a);
    if (a->kind == DLX__JV_DICT || a->kind == DLX__JV_NAMESPACE) {
        dlx__jv *found = NULL;
        DLX__TRY(dlx__jr_find(run, a->u.dict, key, &found));
        if (found)
            *out = *found;
        return DLX_OK;
    }
    if (!dlx__jv_is_whole(key))
        return DLX_OK;
    int64_t i = dlx__jv_whole(key);
    if (a->kind == DLX__JV_STRING)
        return item_of_string(run, a->u.s, i, out);
    if (a->kind == DLX__JV_LIST) {
        int64_t n = (int64_t)a->u.list->n;
        i += i < 0 ? n : 0;
        if (i >= 0 && i < n)
            *out = a->u.list->items[i];
    }
    return DLX_OK;
}

dlx_result dlx__jo_elements(dlx__jinja_run *run, const dlx__jv *v, dlx__jv_list **out)
{
    dlx__jv list = {0};
    switch (v->kind) {
    case DLX__JV_LIST:
        *out = v->u.list;
        return DLX_OK;
    case DLX__JV_UNDEFINED:
        DLX__TRY(dlx__jr_list(run, 0, &list));
        break;
    case DLX__JV_DICT:
        DLX__TRY(dlx__jr_list(run, v->u.dict->n, &list));
        for (size_t i = 0; i < v->u.dict->n; i++)
            DLX__TRY(dlx__jr_push(run, list.u.list, v->u.dict->keys[i]));
        break;
    case DLX__JV_STRING:
        DLX__TRY(dlx__jr_list(run, dlx__text_count(v->u.s), &list));
        for (dlx__jv_text s = v->u.s; s.len > 0;) {
            uint32_t cp = 0;
            size_t len = dlx__text_step(s, &cp);
            DLX__TRY(dlx__jr_push(run, list.u.list, dlx__jv_string(s.data, len)));
            s.data += len;
            s.len -= len;
        }
        break;
    default:
        return dlx__jr_fail(run, DLX_E_ARG, "a value of kind %s has no elements",
                            dlx__jv_kind_name(v));
    }
    *out = list.u.list;
    return DLX_OK;
}

/* A bound as an index of a sequence of n: Python's rules for slices. */
static dlx_result bound(dlx__jinja_run *run, const dlx__jv *v, int64_t n, int64_t step,
                        int64_t otherwise, int64_t *out)
{
    if (v->kind == DLX__JV_NONE) {
        *out = otherwise;
        return DLX_OK;
    }
    if (!dlx__jv_is_whole(v))
        return dlx__jr_fail(run, DLX_E_ARG, "a bound of a slice is no whole number but %s",
                            dlx__jv_kind_name(v));
    int64_t i = dlx__jv_whole(v);
    int64_t low = step < 0 ? -1 : 0;
    int64_t high = step < 0 ? n - 1 : n;
    if (i < 0)
        i = i < -n ? low : i + n;
    *out = i < low ? low : i > high ? high : i;
    return DLX_OK;
}

dlx_result dlx__jo_slice(dlx__jinja_run *run, const dlx__jv *a, const dlx__jv bounds[3],
                         dlx__jv *out)
{
    if (a->kind == DLX__JV_UNDEFINED)
        return undefined(run, a);
    if (a->kind != DLX__JV_LIST && a->kind != DLX__JV_STRING)
        return dlx__jr_fail(run, DLX_E_ARG, "a value of kind %s cannot be sliced",
                            dlx__jv_kind_name(a));
    dlx__jv_list *from = NULL;
    DLX__TRY(dlx__jo_elements(run, a, &from));
    int64_t n = (int64_t)from->n;
    int64_t step = 1;
    int64_t start = 0;
    int64_t stop = 0;
    if (bounds[2].kind != DLX__JV_NONE) {
        if (!dlx__jv_is_whole(&bounds[2]) || dlx__jv_whole(&bounds[2]) == 0)
            return dlx__jr_fail(run, DLX_E_ARG, "the step of a slice is zero or no whole number");
        step = dlx__jv_whole(&bounds[2]);
        step = step > n ? n + 1 : step < -n ? -n - 1 : step; /* the same items, no overflow */
    }
    DLX__TRY(bound(run, &bounds[0], n, step, step < 0 ? n - 1 : 0, &start));
    DLX__TRY(bound(run, &bounds[1], n, step, step < 0 ? -1 : n, &stop));
    dlx__jv list = {0};
    DLX__TRY(dlx__jr_list(run, 0, &list));
    list.u.list->tuple = from->tuple;
    for (int64_t i = start; step < 0 ? i > stop : i < stop; i += step)
        DLX__TRY(dlx__jr_push(run, list.u.list, from->items[i]));
    if (a->kind == DLX__JV_LIST) {
        *out = list;
        return DLX_OK;
    }
    return dlx__jc_join(run, list.u.list, (dlx__jv_text){"", 0}, out);
}
