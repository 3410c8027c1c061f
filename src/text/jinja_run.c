/* jinja_run.c - memory, limits and variables of a running template. */
#include "text/jinja_run.h"

#include "base/fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

dlx_result dlx__jr_fail(dlx__jinja_run *run, dlx_result code, const char *format, ...)
{
    char text[sizeof run->err->text];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return dlx__fail(run->err, code, "line %d: %s", run->line, n < 0 ? "" : text);
}

dlx_result dlx__jr_no_memory(dlx__jinja_run *run)
{
    if (run->arena.n_bytes >= DLX__JINJA_MAX_MEMORY / 2)
        return dlx__jr_fail(run, DLX_E_UNSUPPORTED,
                            "the template needs more than %d MiB for its values; it may be hostile",
                            (int)(DLX__JINJA_MAX_MEMORY >> 20));
    return dlx__fail_memory(run->err, "rendering a chat template", run->arena.n_bytes);
}

void *dlx__jr_alloc(dlx__jinja_run *run, size_t n, size_t size)
{
    size_t n_bytes = dlx__mul(n, size);
    if (n_bytes > DLX__JINJA_MAX_MEMORY - dlx__min(run->arena.n_bytes, DLX__JINJA_MAX_MEMORY)) {
        run->arena.n_bytes = DLX__JINJA_MAX_MEMORY; /* so that the sentence names the limit */
        return NULL;
    }
    return dlx__arena_alloc(&run->arena, n, size);
}

dlx_result dlx__jr_spend(dlx__jinja_run *run, uint64_t n)
{
    if (run->steps > n) {
        run->steps -= n;
        return DLX_OK;
    }
    run->steps = 0;
    return dlx__jr_fail(run, DLX_E_UNSUPPORTED,
                        "the template takes more than %d steps; it may be hostile",
                        (int)DLX__JINJA_MAX_STEPS);
}

dlx_result dlx__jr_enter(dlx__jinja_run *run)
{
    if (run->depth >= DLX__JINJA_MAX_DEPTH)
        return dlx__jr_fail(run, DLX_E_UNSUPPORTED, "more than %d levels of nesting",
                            (int)DLX__JINJA_MAX_DEPTH);
    run->depth++;
    return DLX_OK;
}

void dlx__jr_leave(dlx__jinja_run *run)
{
    run->depth--;
}

dlx_result dlx__jr_append(dlx__jinja_run *run, dlx__buf *buf, const char *data, size_t len)
{
    if (len > DLX__JINJA_MAX_OUTPUT - dlx__min(buf->len, DLX__JINJA_MAX_OUTPUT))
        return dlx__jr_fail(run, DLX_E_UNSUPPORTED,
                            "the template writes more than %d MiB of text; it may be hostile",
                            (int)(DLX__JINJA_MAX_OUTPUT >> 20));
    if (!dlx__buf_append(buf, data, len))
        return dlx__fail_memory(run->err, "rendering a chat template", len);
    return DLX_OK;
}

dlx_result dlx__jr_copy(dlx__jinja_run *run, const char *data, size_t len, dlx__jv *out)
{
    char *copy = dlx__jr_alloc(run, dlx__add(len, 1), 1);
    if (!copy)
        return dlx__jr_no_memory(run);
    if (len > 0)
        memcpy(copy, data, len);
    *out = dlx__jv_string(copy, len);
    return DLX_OK;
}

/* Room for one more of *items; the old array stays in the arena until the end. */
static bool grow(dlx__jinja_run *run, dlx__jv **items, size_t n, size_t capacity)
{
    dlx__jv *grown = dlx__jr_alloc(run, capacity, sizeof *grown);
    if (!grown)
        return false;
    if (n > 0)
        memcpy(grown, *items, n * sizeof *grown);
    *items = grown;
    return true;
}

dlx_result dlx__jr_list(dlx__jinja_run *run, size_t capacity, dlx__jv *out)
{
    dlx__jv_list *list = dlx__jr_alloc(run, 1, sizeof *list);
    if (!list || (capacity > 0 && !grow(run, &list->items, 0, capacity)))
        return dlx__jr_no_memory(run);
    list->capacity = capacity;
    *out = (dlx__jv){.kind = DLX__JV_LIST, .u.list = list};
    return DLX_OK;
}

dlx_result dlx__jr_push(dlx__jinja_run *run, dlx__jv_list *list, dlx__jv item)
{
    DLX__TRY(dlx__jr_spend(run, 1));
    if (list->n == list->capacity) {
        size_t capacity = dlx__max(4, dlx__mul(list->capacity, 2));
        if (!grow(run, &list->items, list->n, capacity))
            return dlx__jr_no_memory(run);
        list->capacity = capacity;
    }
    list->items[list->n++] = item;
    return DLX_OK;
}

dlx_result dlx__jr_dict(dlx__jinja_run *run, dlx__jv *out)
{
    dlx__jv_dict *dict = dlx__jr_alloc(run, 1, sizeof *dict);
    if (!dict)
        return dlx__jr_no_memory(run);
    *out = (dlx__jv){.kind = DLX__JV_DICT, .u.dict = dict};
    return DLX_OK;
}

dlx_result dlx__jr_put(dlx__jinja_run *run, dlx__jv_dict *dict, dlx__jv key, dlx__jv value)
{
    dlx__jv *found = NULL;
    DLX__TRY(dlx__jr_find(run, dict, &key, &found));
    if (found) {
        *found = value;
        return DLX_OK;
    }
    if (dict->n == dict->capacity) {
        size_t capacity = dlx__max(8, dlx__mul(dict->capacity, 2));
        if (!grow(run, &dict->keys, dict->n, capacity) ||
            !grow(run, &dict->values, dict->n, capacity))
            return dlx__jr_no_memory(run);
        dict->capacity = capacity;
    }
    dict->keys[dict->n] = key;
    dict->values[dict->n++] = value;
    return DLX_OK;
}

static dlx_result equal_lists(dlx__jinja_run *run, const dlx__jv_list *a, const dlx__jv_list *b,
                              bool *equal)
{
    *equal = a->n == b->n && a->tuple == b->tuple;
    for (size_t i = 0; *equal && i < a->n; i++)
        DLX__TRY(dlx__jr_equal(run, &a->items[i], &b->items[i], equal));
    return DLX_OK;
}

static dlx_result equal_dicts(dlx__jinja_run *run, const dlx__jv_dict *a, const dlx__jv_dict *b,
                              bool *equal)
{
    *equal = a->n == b->n;
    for (size_t i = 0; *equal && i < a->n; i++) {
        dlx__jv *other = NULL;
        DLX__TRY(dlx__jr_find(run, b, &a->keys[i], &other));
        *equal = other != NULL;
        if (other)
            DLX__TRY(dlx__jr_equal(run, &a->values[i], other, equal));
    }
    return DLX_OK;
}

static dlx_result equal_same_kind(dlx__jinja_run *run, const dlx__jv *a, const dlx__jv *b,
                                  bool *equal)
{
    switch (a->kind) {
    case DLX__JV_STRING:
        *equal = dlx__jv_same_text(a->u.s, b->u.s);
        return dlx__jr_spend(run, 1 + (*equal ? a->u.s.len / 64 : 0));
    case DLX__JV_LIST:
        return equal_lists(run, a->u.list, b->u.list, equal);
    case DLX__JV_DICT:
        return equal_dicts(run, a->u.dict, b->u.dict, equal);
    case DLX__JV_NAMESPACE:
        *equal = a->u.dict == b->u.dict;
        return DLX_OK;
    case DLX__JV_MACRO:
        *equal = a->u.macro == b->u.macro;
        return DLX_OK;
    default: /* undefined and none; numbers were compared before */
        *equal = true;
        return DLX_OK;
    }
}

dlx_result dlx__jr_equal(dlx__jinja_run *run, const dlx__jv *a, const dlx__jv *b, bool *equal)
{
    DLX__TRY(dlx__jr_spend(run, 1));
    if (dlx__jv_is_number(a) && dlx__jv_is_number(b)) {
        *equal = dlx__jv_is_whole(a) && dlx__jv_is_whole(b)
                     ? dlx__jv_whole(a) == dlx__jv_whole(b)
                     : dlx__jv_number(a) == dlx__jv_number(b);
        return DLX_OK;
    }
    *equal = false;
    if (a->kind != b->kind)
        return DLX_OK;
    DLX__TRY(dlx__jr_enter(run));
    dlx_result r = equal_same_kind(run, a, b, equal);
    dlx__jr_leave(run);
    return r;
}

dlx_result dlx__jr_find(dlx__jinja_run *run, const dlx__jv_dict *dict, const dlx__jv *key,
                        dlx__jv **found)
{
    *found = NULL;
    if (key->kind == DLX__JV_STRING) {
        *found = dlx__jv_get(dict, key->u.s);
        return dlx__jr_spend(run, 1 + dict->n / 8);
    }
    for (size_t i = 0; i < dict->n; i++) {
        bool equal = false;
        DLX__TRY(dlx__jr_equal(run, &dict->keys[i], key, &equal));
        if (equal) {
            *found = &dict->values[i];
            return DLX_OK;
        }
    }
    return DLX_OK;
}

static dlx__jinja_binding *binding_of(const dlx__jinja_frame *frame, dlx__jv_text name,
                                      uint64_t *effort)
{
    dlx__jinja_binding *b = frame->bindings;
    for (; b && !dlx__jv_same_text(b->name, name); b = b->next)
        ++*effort;
    return b;
}

dlx_result dlx__jr_lookup(dlx__jinja_run *run, dlx__jv_text name, dlx__jv *out)
{
    uint64_t effort = 0;
    dlx__jinja_binding *found = NULL;
    for (const dlx__jinja_frame *f = run->frame; f && !found; f = f->parent)
        found = binding_of(f, name, &effort);
    *out = found ? found->value : dlx__jv_undefined(name.data, name.len);
    return dlx__jr_spend(run, effort / 8);
}

dlx_result dlx__jr_set(dlx__jinja_run *run, dlx__jv_text name, dlx__jv value)
{
    uint64_t effort = 0;
    dlx__jinja_binding *b = binding_of(run->frame, name, &effort);
    if (!b) {
        b = dlx__jr_alloc(run, 1, sizeof *b);
        if (!b)
            return dlx__jr_no_memory(run);
        b->name = name;
        b->next = run->frame->bindings;
        run->frame->bindings = b;
    }
    b->value = value;
    return dlx__jr_spend(run, effort / 8);
}

static dlx_result list_from_json(dlx__jinja_run *run, const json_t *json, dlx__jv *out)
{
    size_t n = json_array_size(json);
    DLX__TRY(dlx__jr_list(run, n, out));
    for (size_t i = 0; i < n; i++) {
        dlx__jv item = {0};
        DLX__TRY(dlx__jr_from_json(run, json_array_get(json, i), &item));
        DLX__TRY(dlx__jr_push(run, out->u.list, item));
    }
    return DLX_OK;
}

static dlx_result dict_from_json(dlx__jinja_run *run, json_t *json, dlx__jv *out)
{
    DLX__TRY(dlx__jr_dict(run, out));
    for (void *i = json_object_iter(json); i; i = json_object_iter_next(json, i)) {
        dlx__jv value = {0};
        dlx__jv key = dlx__jv_string(json_object_iter_key(i), json_object_iter_key_len(i));
        DLX__TRY(dlx__jr_from_json(run, json_object_iter_value(i), &value));
        DLX__TRY(dlx__jr_put(run, out->u.dict, key, value));
    }
    return DLX_OK;
}

dlx_result dlx__jr_from_json(dlx__jinja_run *run, json_t *json, dlx__jv *out)
{
    dlx_result r = DLX_OK;
    DLX__TRY(dlx__jr_enter(run));
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        r = dict_from_json(run, json, out);
        break;
    case JSON_ARRAY:
        r = list_from_json(run, json, out);
        break;
    case JSON_STRING:
        *out = dlx__jv_string(json_string_value(json), json_string_length(json));
        break;
    case JSON_INTEGER:
        *out = dlx__jv_int(json_integer_value(json));
        break;
    case JSON_REAL:
        *out = dlx__jv_float(json_real_value(json));
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        *out = dlx__jv_bool(json_is_true(json));
        break;
    default:
        *out = dlx__jv_none();
        break;
    }
    dlx__jr_leave(run);
    return r;
}
