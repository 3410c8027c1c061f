/* jinja_filter.c - filters: value | name(arguments). */
#include "text/jinja_call.h"
#include "text/jinja_eval.h"
#include "text/jinja_print.h"
#include "text/jinja_text.h"

#include <math.h>

typedef const dlx__jv *const arg_list[DLX__JINJA_MAX_PARAMS];

static dlx_result trim(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    dlx__jv s = {0};
    DLX__TRY(dlx__jp_as_string(run, self, &s));
    dlx__jv_text text = s.u.s;
    if (args[0] && args[0]->kind == DLX__JV_STRING) {
        DLX__TRY(dlx__jr_spend(run, text.len / 16 * (1 + args[0]->u.s.len / 4)));
        text = dlx__text_rstrip_chars(dlx__text_lstrip_chars(text, args[0]->u.s), args[0]->u.s);
    } else if (args[0] && args[0]->kind != DLX__JV_NONE) {
        return dlx__jr_fail(run, DLX_E_ARG, "trim needs a string, not %s",
                            dlx__jv_kind_name(args[0]));
    } else {
        DLX__TRY(dlx__jr_spend(run, text.len / 16));
        text = dlx__text_strip(text);
    }
    *out = dlx__jv_string(text.data, text.len);
    return DLX_OK;
}

static dlx_result length(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    size_t n = 0;
    (void)args;
    if (self->kind == DLX__JV_STRING) {
        DLX__TRY(dlx__jr_spend(run, self->u.s.len / 64));
        n = dlx__text_count(self->u.s);
    } else if (self->kind == DLX__JV_LIST) {
        n = self->u.list->n;
    } else if (self->kind == DLX__JV_DICT) {
        n = self->u.dict->n;
    } else if (self->kind != DLX__JV_UNDEFINED) {
        return dlx__jr_fail(run, DLX_E_ARG, "a value of kind %s has no length",
                            dlx__jv_kind_name(self));
    }
    *out = dlx__jv_int((int64_t)n);
    return DLX_OK;
}

static dlx_result tojson(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    int indent = -1;
    if (args[0] && args[0]->kind != DLX__JV_NONE) {
        if (!dlx__jv_is_whole(args[0]) || dlx__jv_whole(args[0]) < 0 || dlx__jv_whole(args[0]) > 32)
            return dlx__jr_fail(run, DLX_E_UNSUPPORTED, "tojson supports an indent from 0 to 32");
        indent = (int)dlx__jv_whole(args[0]);
    }
    dlx__buf text;
    dlx__buf_init(&text, run->arena.mem);
    dlx_result r = dlx__jp_json(run, &text, self, indent);
    if (r == DLX_OK)
        r = dlx__jr_copy(run, text.data, text.len, out);
    dlx__buf_release(&text);
    return r;
}

static dlx_result string(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    (void)args;
    return dlx__jp_as_string(run, self, out);
}

static dlx_result join(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    dlx__jv between = dlx__jv_string("", 0);
    dlx__jv_list *list = NULL;
    if (args[0])
        DLX__TRY(dlx__jp_as_string(run, args[0], &between));
    DLX__TRY(dlx__jo_elements(run, self, &list));
    return dlx__jc_join(run, list, between.u.s, out);
}

static dlx_result default_(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    (void)run;
    bool also_false = args[1] && dlx__jv_true(args[1]);
    bool replaced = self->kind == DLX__JV_UNDEFINED || (also_false && !dlx__jv_true(self));
    *out = !replaced ? *self : args[0] ? *args[0] : dlx__jv_string("", 0);
    return DLX_OK;
}

static dlx_result upper(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    dlx__jv s = {0};
    (void)args;
    DLX__TRY(dlx__jp_as_string(run, self, &s));
    return dlx__jc_upper(run, s.u.s, true, out);
}

static dlx_result lower(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    dlx__jv s = {0};
    (void)args;
    DLX__TRY(dlx__jp_as_string(run, self, &s));
    return dlx__jc_upper(run, s.u.s, false, out);
}

static dlx_result capitalize(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    dlx__jv s = {0};
    (void)args;
    DLX__TRY(dlx__jp_as_string(run, self, &s));
    return dlx__jc_capitalize(run, s.u.s, out);
}

static dlx_result replace(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    dlx__jv s[3] = {{0}};
    DLX__TRY(dlx__jp_as_string(run, self, &s[0]));
    DLX__TRY(dlx__jp_as_string(run, args[0], &s[1]));
    DLX__TRY(dlx__jp_as_string(run, args[1], &s[2]));
    return dlx__jc_replace(run, s[0].u.s, s[1].u.s, s[2].u.s, -1, out);
}

static dlx_result first(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    dlx__jv_list *list = NULL;
    (void)args;
    DLX__TRY(dlx__jo_elements(run, self, &list));
    *out = list->n > 0 ? list->items[0] : (dlx__jv){0};
    return DLX_OK;
}

static dlx_result last(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    dlx__jv_list *list = NULL;
    (void)args;
    DLX__TRY(dlx__jo_elements(run, self, &list));
    *out = list->n > 0 ? list->items[list->n - 1] : (dlx__jv){0};
    return DLX_OK;
}

/* A list of the elements, from the front or from the back. */
static dlx_result listed(dlx__jinja_run *run, const dlx__jv *self, bool backwards, dlx__jv *out)
{
    dlx__jv_list *list = NULL;
    DLX__TRY(dlx__jo_elements(run, self, &list));
    DLX__TRY(dlx__jr_list(run, list->n, out));
    for (size_t i = 0; i < list->n; i++)
        DLX__TRY(dlx__jr_push(run, out->u.list, list->items[backwards ? list->n - 1 - i : i]));
    return DLX_OK;
}

static dlx_result list(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    (void)args;
    return listed(run, self, false, out);
}

static dlx_result reverse(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    dlx__jv reversed = {0};
    (void)args;
    DLX__TRY(listed(run, self, true, &reversed));
    if (self->kind == DLX__JV_STRING)
        return dlx__jc_join(run, reversed.u.list, (dlx__jv_text){"", 0}, out);
    *out = reversed;
    return DLX_OK;
}

static dlx_result safe(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    (void)args;
    return dlx__jp_as_string(run, self, out);
}

static dlx_result items(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    (void)args;
    if (self->kind == DLX__JV_UNDEFINED)
        return dlx__jr_list(run, 0, out);
    if (self->kind != DLX__JV_DICT)
        return dlx__jr_fail(run, DLX_E_ARG, "items needs a dict, not %s", dlx__jv_kind_name(self));
    return dlx__jc_pairs(run, self->u.dict, out);
}

/* Digits with an optional sign; false for anything else. */
static bool parse_whole(dlx__jv_text s, int64_t *out)
{
    s = dlx__text_strip(s);
    bool minus = s.len > 0 && s.data[0] == '-';
    size_t i = s.len > 0 && (minus || s.data[0] == '+');
    int64_t value = 0;
    if (i == s.len || s.len - i > 18)
        return false;
    for (; i < s.len; i++) {
        if (s.data[i] < '0' || s.data[i] > '9')
            return false;
        value = value * 10 + (s.data[i] - '0');
    }
    *out = minus ? -value : value;
    return true;
}

static dlx_result int_(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    int64_t value = 0;
    if (self->kind == DLX__JV_UNDEFINED)
        return dlx__jr_fail(run, DLX_E_ARG, "int is given an undefined value");
    if (dlx__jv_is_whole(self)) {
        *out = dlx__jv_int(dlx__jv_whole(self));
    } else if (self->kind == DLX__JV_FLOAT && fabs(self->u.f) < 9e18) {
        *out = dlx__jv_int((int64_t)self->u.f);
    } else if (self->kind == DLX__JV_STRING && parse_whole(self->u.s, &value)) {
        *out = dlx__jv_int(value);
    } else if (self->kind == DLX__JV_FLOAT || self->kind == DLX__JV_STRING) {
        return dlx__jr_fail(run, DLX_E_UNSUPPORTED, "int is supported for whole numbers only");
    } else {
        *out = args[0] ? *args[0] : dlx__jv_int(0);
    }
    return DLX_OK;
}

static const dlx__jinja_builtin filters[] = {
    {"trim", trim, 0, {"chars"}},
    {"length", length, 0, {NULL}},
    {"count", length, 0, {NULL}},
    {"tojson", tojson, 0, {"indent"}},
    {"string", string, 0, {NULL}},
    {"join", join, 0, {"d"}},
    {"default", default_, 0, {"default_value", "boolean"}},
    {"d", default_, 0, {"default_value", "boolean"}},
    {"upper", upper, 0, {NULL}},
    {"lower", lower, 0, {NULL}},
    {"capitalize", capitalize, 0, {NULL}},
    {"replace", replace, 2, {"old", "new"}},
    {"first", first, 0, {NULL}},
    {"last", last, 0, {NULL}},
    {"list", list, 0, {NULL}},
    {"reverse", reverse, 0, {NULL}},
    {"safe", safe, 0, {NULL}},
    {"items", items, 0, {NULL}},
    {"int", int_, 0, {"default"}},
};

const dlx__jinja_builtin *dlx__jinja_filter(dlx__jv_text name)
{
    return dlx__jinja_find(filters, DLX__LEN(filters), name);
}
