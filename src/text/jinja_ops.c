/* jinja_ops.c - operators, with Python's meaning; what Python refuses is refused. */
#include "text/jinja_eval.h"
#include "text/jinja_print.h"
#include "text/jinja_text.h"

#include <math.h>
#include <string.h>

static dlx_result unfit(dlx__jinja_run *run, const char *op, const dlx__jv *a, const dlx__jv *b)
{
    if (a->kind == DLX__JV_UNDEFINED || b->kind == DLX__JV_UNDEFINED) {
        dlx__jv_text name = a->kind == DLX__JV_UNDEFINED ? a->u.s : b->u.s;
        return dlx__jr_fail(run, DLX_E_ARG, "'%.*s' is undefined (an operand of %s)",
                            (int)dlx__min(name.len, 60), name.len ? name.data : "", op);
    }
    return dlx__jr_fail(run, DLX_E_ARG, "%s does not work for %s and %s", op, dlx__jv_kind_name(a),
                        dlx__jv_kind_name(b));
}

static dlx_result overflow(dlx__jinja_run *run)
{
    return dlx__jr_fail(run, DLX_E_UNSUPPORTED, "a whole number leaves the range of 64 bits");
}

static dlx_result join_strings(dlx__jinja_run *run, dlx__jv_text a, dlx__jv_text b, dlx__jv *out)
{
    size_t len = dlx__add(a.len, b.len);
    char *text = len > DLX__JINJA_MAX_OUTPUT ? NULL : dlx__jr_alloc(run, len + 1, 1);
    if (!text)
        return dlx__jr_no_memory(run);
    if (a.len > 0)
        memcpy(text, a.data, a.len);
    if (b.len > 0)
        memcpy(text + a.len, b.data, b.len);
    *out = dlx__jv_string(text, len);
    return dlx__jr_spend(run, len / 256);
}

static dlx_result join_lists(dlx__jinja_run *run, const dlx__jv_list *a, const dlx__jv_list *b,
                             dlx__jv *out)
{
    DLX__TRY(dlx__jr_list(run, dlx__add(a->n, b->n), out));
    out->u.list->tuple = a->tuple;
    for (size_t i = 0; i < a->n; i++)
        DLX__TRY(dlx__jr_push(run, out->u.list, a->items[i]));
    for (size_t i = 0; i < b->n; i++)
        DLX__TRY(dlx__jr_push(run, out->u.list, b->items[i]));
    return DLX_OK;
}

static dlx_result add_whole(dlx__jinja_run *run, int64_t a, int64_t b, dlx__jv *out)
{
    if (b > 0 ? a > INT64_MAX - b : a < INT64_MIN - b)
        return overflow(run);
    *out = dlx__jv_int(a + b);
    return DLX_OK;
}

static dlx_result multiply_whole(dlx__jinja_run *run, int64_t a, int64_t b, dlx__jv *out)
{
    double product = (double)a * (double)b;
    if (product >= 9.2e18 || product <= -9.2e18)
        return overflow(run);
    *out = dlx__jv_int(a * b);
    return DLX_OK;
}

static double floor_mod(double a, double b)
{
    double m = fmod(a, b);
    return m != 0.0 && (m < 0.0) != (b < 0.0) ? m + b : m;
}

/* Quotient rounded down, remainder with the sign of the divisor. */
static dlx_result divide(dlx__jinja_run *run, dlx__jinja_op op, const dlx__jv *a, const dlx__jv *b,
                         dlx__jv *out)
{
    double x = dlx__jv_number(a);
    double y = dlx__jv_number(b);
    if (y == 0.0)
        return dlx__jr_fail(run, DLX_E_ARG, "division by zero");
    if (op == DLX__JO_DIV) {
        *out = dlx__jv_float(x / y);
        return DLX_OK;
    }
    if (!dlx__jv_is_whole(a) || !dlx__jv_is_whole(b)) {
        *out = dlx__jv_float(op == DLX__JO_MOD ? floor_mod(x, y) : floor(x / y));
        return DLX_OK;
    }
    int64_t i = dlx__jv_whole(a);
    int64_t j = dlx__jv_whole(b);
    if (i == INT64_MIN && j == -1)
        return overflow(run);
    bool down = i % j != 0 && (i % j < 0) != (j < 0);
    *out = dlx__jv_int(op == DLX__JO_MOD ? i % j + (down ? j : 0) : i / j - down);
    return DLX_OK;
}

static dlx_result add(dlx__jinja_run *run, const dlx__jv *a, const dlx__jv *b, dlx__jv *out)
{
    if (a->kind == DLX__JV_STRING && b->kind == DLX__JV_STRING)
        return join_strings(run, a->u.s, b->u.s, out);
    if (a->kind == DLX__JV_LIST && b->kind == DLX__JV_LIST && a->u.list->tuple == b->u.list->tuple)
        return join_lists(run, a->u.list, b->u.list, out);
    if (!dlx__jv_is_number(a) || !dlx__jv_is_number(b))
        return unfit(run, "+", a, b);
    if (dlx__jv_is_whole(a) && dlx__jv_is_whole(b))
        return add_whole(run, dlx__jv_whole(a), dlx__jv_whole(b), out);
    *out = dlx__jv_float(dlx__jv_number(a) + dlx__jv_number(b));
    return DLX_OK;
}

static dlx_result subtract(dlx__jinja_run *run, const dlx__jv *a, const dlx__jv *b, dlx__jv *out)
{
    if (!dlx__jv_is_number(a) || !dlx__jv_is_number(b))
        return unfit(run, "-", a, b);
    if (dlx__jv_is_whole(a) && dlx__jv_is_whole(b)) {
        int64_t i = dlx__jv_whole(a);
        int64_t j = dlx__jv_whole(b);
        if (j < 0 ? i > INT64_MAX + j : i < INT64_MIN + j)
            return overflow(run);
        *out = dlx__jv_int(i - j);
        return DLX_OK;
    }
    *out = dlx__jv_float(dlx__jv_number(a) - dlx__jv_number(b));
    return DLX_OK;
}

/* "-" * 40, [0] * 3 */
static dlx_result repeat(dlx__jinja_run *run, const dlx__jv *v, int64_t times, dlx__jv *out)
{
    uint64_t n = times > 0 ? (uint64_t)times : 0;
    if (v->kind == DLX__JV_STRING) {
        size_t len = dlx__mul(v->u.s.len, n > SIZE_MAX ? SIZE_MAX : (size_t)n);
        char *text = len > DLX__JINJA_MAX_OUTPUT ? NULL : dlx__jr_alloc(run, len + 1, 1);
        if (!text)
            return len > DLX__JINJA_MAX_OUTPUT
                       ? dlx__jr_fail(run, DLX_E_UNSUPPORTED, "a repeated string is too long")
                       : dlx__jr_no_memory(run);
        for (size_t at = 0; at < len; at += v->u.s.len)
            memcpy(text + at, v->u.s.data, v->u.s.len);
        *out = dlx__jv_string(text, len);
        return dlx__jr_spend(run, len / 256);
    }
    DLX__TRY(dlx__jr_list(run, 0, out));
    out->u.list->tuple = v->u.list->tuple;
    for (uint64_t k = 0; v->u.list->n > 0 && k < n; k++)
        for (size_t i = 0; i < v->u.list->n; i++)
            DLX__TRY(dlx__jr_push(run, out->u.list, v->u.list->items[i]));
    return DLX_OK;
}

static bool repeats(const dlx__jv *v)
{
    return v->kind == DLX__JV_STRING || v->kind == DLX__JV_LIST;
}

static dlx_result multiply(dlx__jinja_run *run, const dlx__jv *a, const dlx__jv *b, dlx__jv *out)
{
    if (repeats(a) && dlx__jv_is_whole(b))
        return repeat(run, a, dlx__jv_whole(b), out);
    if (repeats(b) && dlx__jv_is_whole(a))
        return repeat(run, b, dlx__jv_whole(a), out);
    if (!dlx__jv_is_number(a) || !dlx__jv_is_number(b))
        return unfit(run, "*", a, b);
    if (dlx__jv_is_whole(a) && dlx__jv_is_whole(b))
        return multiply_whole(run, dlx__jv_whole(a), dlx__jv_whole(b), out);
    *out = dlx__jv_float(dlx__jv_number(a) * dlx__jv_number(b));
    return DLX_OK;
}

dlx_result dlx__jo_binary(dlx__jinja_run *run, dlx__jinja_op op, const dlx__jv *a, const dlx__jv *b,
                          dlx__jv *out)
{
    dlx__jv x = {0};
    dlx__jv y = {0};
    switch (op) {
    case DLX__JO_ADD:
        return add(run, a, b, out);
    case DLX__JO_SUB:
        return subtract(run, a, b, out);
    case DLX__JO_MUL:
        return multiply(run, a, b, out);
    case DLX__JO_CONCAT:
        DLX__TRY(dlx__jp_as_string(run, a, &x));
        DLX__TRY(dlx__jp_as_string(run, b, &y));
        return join_strings(run, x.u.s, y.u.s, out);
    default:
        if (op == DLX__JO_MOD && a->kind == DLX__JV_STRING)
            return dlx__jr_fail(run, DLX_E_UNSUPPORTED,
                                "formatting with %% is not supported; use ~ to join strings");
        if (!dlx__jv_is_number(a) || !dlx__jv_is_number(b))
            return unfit(run, op == DLX__JO_MOD ? "%" : op == DLX__JO_DIV ? "/" : "//", a, b);
        return divide(run, op, a, b, out);
    }
}

dlx_result dlx__jo_negate(dlx__jinja_run *run, const dlx__jv *a, dlx__jv *out)
{
    if (!dlx__jv_is_number(a))
        return unfit(run, "-", a, a);
    if (a->kind == DLX__JV_FLOAT) {
        *out = dlx__jv_float(-a->u.f);
        return DLX_OK;
    }
    dlx__jv zero = dlx__jv_int(0);
    return subtract(run, &zero, a, out);
}

static dlx_result contains(dlx__jinja_run *run, const dlx__jv *what, const dlx__jv *in, bool *out)
{
    *out = false;
    if (in->kind == DLX__JV_STRING) {
        if (what->kind != DLX__JV_STRING)
            return unfit(run, "in", what, in);
        uint64_t left = run->steps;
        *out = dlx__text_find(in->u.s, what->u.s, 0, &run->steps) != SIZE_MAX;
        return run->steps || !left ? DLX_OK : dlx__jr_spend(run, 1);
    }
    if (in->kind == DLX__JV_DICT) {
        dlx__jv *found = NULL;
        DLX__TRY(dlx__jr_find(run, in->u.dict, what, &found));
        *out = found != NULL;
        return DLX_OK;
    }
    dlx__jv_list *list = NULL;
    DLX__TRY(dlx__jo_elements(run, in, &list));
    for (size_t i = 0; !*out && i < list->n; i++)
        DLX__TRY(dlx__jr_equal(run, &list->items[i], what, out));
    return DLX_OK;
}

/* -1, 0 or 1 for two numbers or two strings. */
static dlx_result order(dlx__jinja_run *run, const dlx__jv *a, const dlx__jv *b, int *out)
{
    if (a->kind == DLX__JV_STRING && b->kind == DLX__JV_STRING) {
        *out = dlx__jv_order_text(a->u.s, b->u.s);
        return dlx__jr_spend(run, dlx__min(a->u.s.len, b->u.s.len) / 64);
    }
    if (!dlx__jv_is_number(a) || !dlx__jv_is_number(b))
        return unfit(run, "a comparison", a, b);
    if (dlx__jv_is_whole(a) && dlx__jv_is_whole(b)) {
        int64_t x = dlx__jv_whole(a);
        int64_t y = dlx__jv_whole(b);
        *out = (x > y) - (x < y);
        return DLX_OK;
    }
    double x = dlx__jv_number(a);
    double y = dlx__jv_number(b);
    *out = (x > y) - (x < y);
    return DLX_OK;
}

dlx_result dlx__jo_compare(dlx__jinja_run *run, dlx__jinja_op op, const dlx__jv *a,
                           const dlx__jv *b, bool *out)
{
    int sign = 0;
    switch (op) {
    case DLX__JO_EQ:
    case DLX__JO_NE:
        DLX__TRY(dlx__jr_equal(run, a, b, out));
        *out = *out == (op == DLX__JO_EQ);
        return DLX_OK;
    case DLX__JO_IN:
    case DLX__JO_NOT_IN:
        DLX__TRY(contains(run, a, b, out));
        *out = *out == (op == DLX__JO_IN);
        return DLX_OK;
    default:
        DLX__TRY(order(run, a, b, &sign));
        *out = op == DLX__JO_LT   ? sign < 0
               : op == DLX__JO_LE ? sign <= 0
               : op == DLX__JO_GT ? sign > 0
                                  : sign >= 0;
        return DLX_OK;
    }
}
