/* jinja_method.c - methods of strings and dicts, and the work that filters share with them. */
#include "base/fail.h"
#include "base/utf8.h"
#include "text/jinja_call.h"
#include "text/jinja_print.h"
#include "text/jinja_text.h"

#include <utf8proc.h>

typedef const dlx__jv *const arg_list[DLX__JINJA_MAX_PARAMS];

dlx_result dlx__jc_join(dlx__jinja_run *run, const dlx__jv_list *list, dlx__jv_text between,
                        dlx__jv *out)
{
    dlx__buf text;
    dlx__buf_init(&text, run->arena.mem);
    dlx_result r = DLX_OK;
    for (size_t i = 0; r == DLX_OK && i < list->n; i++) {
        r = dlx__jr_append(run, &text, between.data, i ? between.len : 0);
        if (r == DLX_OK)
            r = dlx__jp_str(run, &text, &list->items[i]);
        if (r == DLX_OK)
            r = dlx__jr_spend(run, 1);
    }
    if (r == DLX_OK)
        r = dlx__jr_copy(run, text.data, text.len, out);
    dlx__buf_release(&text);
    return r;
}

/* Appends s with every code point in the other case. */
static dlx_result append_case(dlx__jinja_run *run, dlx__buf *out, dlx__jv_text s, bool upper)
{
    DLX__TRY(dlx__jr_spend(run, s.len / 16));
    while (s.len > 0) {
        uint32_t cp = 0;
        char bytes[4];
        size_t len = dlx__text_step(s, &cp);
        utf8proc_int32_t mapped =
            upper ? utf8proc_toupper((utf8proc_int32_t)cp) : utf8proc_tolower((utf8proc_int32_t)cp);
        DLX__TRY(dlx__jr_append(run, out, bytes, dlx__utf8_encode(bytes, (uint32_t)mapped)));
        s.data += len;
        s.len -= len;
    }
    return DLX_OK;
}

/* The first n bytes in upper case, the rest in upper or lower case. */
static dlx_result change_case(dlx__jinja_run *run, dlx__jv_text s, size_t n_first, bool upper,
                              dlx__jv *out)
{
    dlx__buf text;
    dlx__buf_init(&text, run->arena.mem);
    dlx_result r = append_case(run, &text, (dlx__jv_text){s.data, n_first}, true);
    if (r == DLX_OK && s.len > n_first)
        r = append_case(run, &text, (dlx__jv_text){s.data + n_first, s.len - n_first}, upper);
    if (r == DLX_OK)
        r = dlx__jr_copy(run, text.data, text.len, out);
    dlx__buf_release(&text);
    return r;
}

dlx_result dlx__jc_upper(dlx__jinja_run *run, dlx__jv_text s, bool upper, dlx__jv *out)
{
    return change_case(run, s, 0, upper, out);
}

dlx_result dlx__jc_capitalize(dlx__jinja_run *run, dlx__jv_text s, dlx__jv *out)
{
    uint32_t cp = 0;
    return change_case(run, s, s.len > 0 ? dlx__text_step(s, &cp) : 0, false, out);
}

/* dlx__text_find on the run's account. */
static dlx_result find(dlx__jinja_run *run, dlx__jv_text s, dlx__jv_text what, size_t from,
                       size_t *at)
{
    DLX__TRY(dlx__jr_spend(run, 1));
    *at = dlx__text_find(s, what, from, &run->steps);
    return run->steps ? DLX_OK : dlx__jr_spend(run, 1);
}

static dlx_result replace_into(dlx__jinja_run *run, dlx__buf *out, dlx__jv_text s, dlx__jv_text old,
                               dlx__jv_text by, int64_t count)
{
    size_t done = 0;
    for (size_t from = 0; count != 0 && from <= s.len; count--) {
        size_t at = 0;
        DLX__TRY(find(run, s, old, from, &at));
        if (at == SIZE_MAX)
            break;
        DLX__TRY(dlx__jr_append(run, out, s.data + done, at - done));
        DLX__TRY(dlx__jr_append(run, out, by.data, by.len));
        done = at + old.len;
        from = done;
        if (old.len == 0) { /* between all code points */
            uint32_t cp = 0;
            from += at < s.len ? dlx__text_step((dlx__jv_text){s.data + at, s.len - at}, &cp) : 1;
        }
    }
    return dlx__jr_append(run, out, s.data + done, s.len - done);
}

dlx_result dlx__jc_replace(dlx__jinja_run *run, dlx__jv_text s, dlx__jv_text old, dlx__jv_text by,
                           int64_t count, dlx__jv *out)
{
    dlx__buf text;
    dlx__buf_init(&text, run->arena.mem);
    dlx_result r = replace_into(run, &text, s, old, by, count);
    if (r == DLX_OK)
        r = dlx__jr_copy(run, text.data, text.len, out);
    dlx__buf_release(&text);
    return r;
}

dlx_result dlx__jc_pairs(dlx__jinja_run *run, const dlx__jv_dict *dict, dlx__jv *out)
{
    DLX__TRY(dlx__jr_list(run, dict->n, out));
    for (size_t i = 0; i < dict->n; i++) {
        dlx__jv pair = {0};
        DLX__TRY(dlx__jr_list(run, 2, &pair));
        pair.u.list->tuple = true;
        DLX__TRY(dlx__jr_push(run, pair.u.list, dict->keys[i]));
        DLX__TRY(dlx__jr_push(run, pair.u.list, dict->values[i]));
        DLX__TRY(dlx__jr_push(run, out->u.list, pair));
    }
    return DLX_OK;
}

/* An argument that must be a string; `otherwise` when it was not given. */
static dlx_result text_arg(dlx__jinja_run *run, const dlx__jv *arg, dlx__jv_text *out)
{
    if (arg->kind != DLX__JV_STRING)
        return dlx__jr_fail(run, DLX_E_ARG, "a method of str needs a string, not %s",
                            dlx__jv_kind_name(arg));
    *out = arg->u.s;
    return DLX_OK;
}

static dlx_result whole_arg(dlx__jinja_run *run, const dlx__jv *arg, int64_t *out)
{
    if (!arg)
        return DLX_OK;
    if (!dlx__jv_is_whole(arg))
        return dlx__jr_fail(run, DLX_E_ARG, "a method of str needs a whole number, not %s",
                            dlx__jv_kind_name(arg));
    *out = dlx__jv_whole(arg);
    return DLX_OK;
}

static dlx_result strip_sides(dlx__jinja_run *run, dlx__jv_text s, const dlx__jv *chars, bool left,
                              bool right, dlx__jv *out)
{
    dlx__jv_text set = {NULL, 0};
    bool space = !chars || chars->kind == DLX__JV_NONE;
    if (!space)
        DLX__TRY(text_arg(run, chars, &set));
    DLX__TRY(dlx__jr_spend(run, s.len / 16 * (1 + set.len / 4)));
    if (left)
        s = space ? dlx__text_lstrip(s) : dlx__text_lstrip_chars(s, set);
    if (right)
        s = space ? dlx__text_rstrip(s) : dlx__text_rstrip_chars(s, set);
    *out = dlx__jv_string(s.data, s.len);
    return DLX_OK;
}

static dlx_result strip(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    return strip_sides(run, self->u.s, args[0], true, true, out);
}

static dlx_result lstrip(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    return strip_sides(run, self->u.s, args[0], true, false, out);
}

static dlx_result rstrip(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    return strip_sides(run, self->u.s, args[0], false, true, out);
}

/* split() without a separator: runs of white space part the words. */
static dlx_result split_words(dlx__jinja_run *run, dlx__jv_text s, int64_t max, dlx__jv_list *list)
{
    DLX__TRY(dlx__jr_spend(run, s.len / 16));
    for (s = dlx__text_lstrip(s); s.len > 0; s = dlx__text_lstrip(s)) {
        size_t n = 0;
        uint32_t cp = 0;
        while (max != 0 && n < s.len) {
            size_t len = dlx__text_step((dlx__jv_text){s.data + n, s.len - n}, &cp);
            if (dlx__text_is_space(cp))
                break;
            n += len;
        }
        if (max == 0)
            n = s.len; /* the rest, as it is */
        DLX__TRY(dlx__jr_push(run, list, dlx__jv_string(s.data, n)));
        if (max == 0)
            break;
        s = (dlx__jv_text){s.data + n, s.len - n};
        max--;
    }
    return DLX_OK;
}

static dlx_result split(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    dlx__jv_text s = self->u.s;
    dlx__jv_text by = {NULL, 0};
    int64_t max = -1;
    DLX__TRY(whole_arg(run, args[1], &max));
    DLX__TRY(dlx__jr_list(run, 0, out));
    if (!args[0] || args[0]->kind == DLX__JV_NONE)
        return split_words(run, s, max, out->u.list);
    DLX__TRY(text_arg(run, args[0], &by));
    if (by.len == 0)
        return dlx__jr_fail(run, DLX_E_ARG, "split has an empty separator");
    size_t done = 0;
    for (; max != 0; max--) {
        size_t at = 0;
        DLX__TRY(find(run, s, by, done, &at));
        if (at == SIZE_MAX)
            break;
        DLX__TRY(dlx__jr_push(run, out->u.list, dlx__jv_string(s.data + done, at - done)));
        done = at + by.len;
    }
    return dlx__jr_push(run, out->u.list, dlx__jv_string(s.data + done, s.len - done));
}

static dlx_result startswith(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    dlx__jv_text what = {NULL, 0};
    DLX__TRY(text_arg(run, args[0], &what));
    *out = dlx__jv_bool(dlx__text_starts(self->u.s, what));
    return dlx__jr_spend(run, what.len / 64);
}

static dlx_result endswith(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    dlx__jv_text what = {NULL, 0};
    DLX__TRY(text_arg(run, args[0], &what));
    *out = dlx__jv_bool(dlx__text_ends(self->u.s, what));
    return dlx__jr_spend(run, what.len / 64);
}

static dlx_result replace(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    dlx__jv_text old = {NULL, 0};
    dlx__jv_text by = {NULL, 0};
    int64_t count = -1;
    DLX__TRY(text_arg(run, args[0], &old));
    DLX__TRY(text_arg(run, args[1], &by));
    DLX__TRY(whole_arg(run, args[2], &count));
    return dlx__jc_replace(run, self->u.s, old, by, count, out);
}

static dlx_result upper(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    (void)args;
    return dlx__jc_upper(run, self->u.s, true, out);
}

static dlx_result lower(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    (void)args;
    return dlx__jc_upper(run, self->u.s, false, out);
}

static dlx_result capitalize(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    (void)args;
    return dlx__jc_capitalize(run, self->u.s, out);
}

static dlx_result join(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    if (args[0]->kind != DLX__JV_LIST)
        return dlx__jr_fail(run, DLX_E_ARG, "join needs a list, not %s",
                            dlx__jv_kind_name(args[0]));
    for (size_t i = 0; i < args[0]->u.list->n; i++)
        if (args[0]->u.list->items[i].kind != DLX__JV_STRING)
            return dlx__jr_fail(run, DLX_E_ARG, "join needs strings, item %zu is of kind %s", i,
                                dlx__jv_kind_name(&args[0]->u.list->items[i]));
    return dlx__jc_join(run, args[0]->u.list, self->u.s, out);
}

static dlx_result items(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    (void)args;
    return dlx__jc_pairs(run, self->u.dict, out);
}

static dlx_result list_of(dlx__jinja_run *run, const dlx__jv *from, size_t n, dlx__jv *out)
{
    DLX__TRY(dlx__jr_list(run, n, out));
    for (size_t i = 0; i < n; i++)
        DLX__TRY(dlx__jr_push(run, out->u.list, from[i]));
    return DLX_OK;
}

static dlx_result keys(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    (void)args;
    return list_of(run, self->u.dict->keys, self->u.dict->n, out);
}

static dlx_result values(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    (void)args;
    return list_of(run, self->u.dict->values, self->u.dict->n, out);
}

static dlx_result get(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    dlx__jv *found = NULL;
    DLX__TRY(dlx__jr_find(run, self->u.dict, args[0], &found));
    *out = found ? *found : args[1] ? *args[1] : dlx__jv_none();
    return DLX_OK;
}

static const dlx__jinja_builtin string_methods[] = {
    {"strip", strip, 0, {"chars"}},
    {"lstrip", lstrip, 0, {"chars"}},
    {"rstrip", rstrip, 0, {"chars"}},
    {"split", split, 0, {"sep", "maxsplit"}},
    {"startswith", startswith, 1, {"prefix"}},
    {"endswith", endswith, 1, {"suffix"}},
    {"replace", replace, 2, {"old", "new", "count"}},
    {"upper", upper, 0, {NULL}},
    {"lower", lower, 0, {NULL}},
    {"capitalize", capitalize, 0, {NULL}},
    {"join", join, 1, {"iterable"}},
};

static const dlx__jinja_builtin dict_methods[] = {
    {"items", items, 0, {NULL}},
    {"keys", keys, 0, {NULL}},
    {"values", values, 0, {NULL}},
    {"get", get, 1, {"key", "default"}},
};

const dlx__jinja_builtin *dlx__jinja_method(const dlx__jv *self, dlx__jv_text name)
{
    if (self->kind == DLX__JV_STRING)
        return dlx__jinja_find(string_methods, DLX__LEN(string_methods), name);
    if (self->kind == DLX__JV_DICT)
        return dlx__jinja_find(dict_methods, DLX__LEN(dict_methods), name);
    return NULL;
}
