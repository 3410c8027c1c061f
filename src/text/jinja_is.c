/* jinja_is.c - tests: value is name(argument). Which kinds pass is Jinja's view of Python's types.
 */
#include "text/jinja_call.h"
#include "text/jinja_eval.h"

typedef const dlx__jv *const arg_list[DLX__JINJA_MAX_PARAMS];

static dlx_result answer(dlx__jv *out, bool yes)
{
    *out = dlx__jv_bool(yes);
    return DLX_OK;
}

/* A test that only looks at the value. */
#define SIMPLE_TEST(name, condition)                                                               \
    static dlx_result name(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)  \
    {                                                                                              \
        (void)run;                                                                                 \
        (void)args;                                                                                \
        return answer(out, condition);                                                             \
    }

SIMPLE_TEST(is_defined, self->kind != DLX__JV_UNDEFINED)
SIMPLE_TEST(is_undefined, self->kind == DLX__JV_UNDEFINED)
SIMPLE_TEST(is_none, self->kind == DLX__JV_NONE)
SIMPLE_TEST(is_string, self->kind == DLX__JV_STRING)
SIMPLE_TEST(is_mapping, self->kind == DLX__JV_DICT)
SIMPLE_TEST(is_iterable, self->kind == DLX__JV_STRING || self->kind == DLX__JV_LIST ||
                             self->kind == DLX__JV_DICT || self->kind == DLX__JV_UNDEFINED)
SIMPLE_TEST(is_number, dlx__jv_is_number(self))
SIMPLE_TEST(is_integer, self->kind == DLX__JV_INT)
SIMPLE_TEST(is_float, self->kind == DLX__JV_FLOAT)
SIMPLE_TEST(is_boolean, self->kind == DLX__JV_BOOL)
SIMPLE_TEST(is_true, self->kind == DLX__JV_BOOL && self->u.b)
SIMPLE_TEST(is_false, self->kind == DLX__JV_BOOL && !self->u.b)

static dlx_result compare(dlx__jinja_run *run, dlx__jinja_op op, const dlx__jv *self, arg_list args,
                          dlx__jv *out)
{
    bool holds = false;
    DLX__TRY(dlx__jo_compare(run, op, self, args[0], &holds));
    return answer(out, holds);
}

static dlx_result is_equal(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    return compare(run, DLX__JO_EQ, self, args, out);
}

static dlx_result is_unequal(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    return compare(run, DLX__JO_NE, self, args, out);
}

static dlx_result is_in(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    return compare(run, DLX__JO_IN, self, args, out);
}

static dlx_result remainder_is(dlx__jinja_run *run, const dlx__jv *self, int64_t by, int64_t want,
                               dlx__jv *out)
{
    dlx__jv divisor = dlx__jv_int(by);
    dlx__jv rest = {0};
    DLX__TRY(dlx__jo_binary(run, DLX__JO_MOD, self, &divisor, &rest));
    return answer(out, dlx__jv_number(&rest) == (double)want);
}

static dlx_result is_odd(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    (void)args;
    return remainder_is(run, self, 2, 1, out);
}

static dlx_result is_even(dlx__jinja_run *run, const dlx__jv *self, arg_list args, dlx__jv *out)
{
    (void)args;
    return remainder_is(run, self, 2, 0, out);
}

static dlx_result is_divisible(dlx__jinja_run *run, const dlx__jv *self, arg_list args,
                               dlx__jv *out)
{
    if (!dlx__jv_is_whole(args[0]))
        return dlx__jr_fail(run, DLX_E_ARG, "divisibleby needs a whole number, not %s",
                            dlx__jv_kind_name(args[0]));
    return remainder_is(run, self, dlx__jv_whole(args[0]), 0, out);
}

static const dlx__jinja_builtin tests[] = {
    {"defined", is_defined, 0, {NULL}},   {"undefined", is_undefined, 0, {NULL}},
    {"none", is_none, 0, {NULL}},         {"string", is_string, 0, {NULL}},
    {"mapping", is_mapping, 0, {NULL}},   {"iterable", is_iterable, 0, {NULL}},
    {"sequence", is_iterable, 0, {NULL}}, {"number", is_number, 0, {NULL}},
    {"integer", is_integer, 0, {NULL}},   {"float", is_float, 0, {NULL}},
    {"boolean", is_boolean, 0, {NULL}},   {"true", is_true, 0, {NULL}},
    {"false", is_false, 0, {NULL}},       {"eq", is_equal, 1, {"other"}},
    {"equalto", is_equal, 1, {"other"}},  {"ne", is_unequal, 1, {"other"}},
    {"in", is_in, 1, {"container"}},      {"odd", is_odd, 0, {NULL}},
    {"even", is_even, 0, {NULL}},         {"divisibleby", is_divisible, 1, {"num"}},
};

const dlx__jinja_builtin *dlx__jinja_test(dlx__jv_text name)
{
    return dlx__jinja_find(tests, DLX__LEN(tests), name);
}
