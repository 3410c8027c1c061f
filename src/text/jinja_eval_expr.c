/* jinja_eval_expr.c - the value of an expression. */
#include "text/jinja_call.h"
#include "text/jinja_eval.h"

typedef dlx__jinja_node node;

static dlx_result eval_list(dlx__jinja_run *run, const node *n, dlx__jv *out)
{
    DLX__TRY(dlx__jr_list(run, 0, out));
    out->u.list->tuple = n->op == DLX__JO_TUPLE;
    for (const node *item = n->list; item; item = item->next) {
        dlx__jv v = {0};
        DLX__TRY(dlx__je_eval(run, item, &v));
        DLX__TRY(dlx__jr_push(run, out->u.list, v));
    }
    return DLX_OK;
}

static dlx_result eval_dict(dlx__jinja_run *run, const node *n, dlx__jv *out)
{
    DLX__TRY(dlx__jr_dict(run, out));
    for (const node *item = n->list; item; item = item->next->next) {
        dlx__jv key = {0};
        dlx__jv value = {0};
        DLX__TRY(dlx__je_eval(run, item, &key));
        DLX__TRY(dlx__je_eval(run, item->next, &value));
        if (key.kind != DLX__JV_STRING && key.kind != DLX__JV_NONE && !dlx__jv_is_number(&key))
            return dlx__jr_fail(run, DLX_E_UNSUPPORTED, "a key of a dict is of kind %s",
                                dlx__jv_kind_name(&key));
        DLX__TRY(dlx__jr_put(run, out->u.dict, key, value));
    }
    return DLX_OK;
}

/* and, or: the operand that decided. */
static dlx_result eval_logic(dlx__jinja_run *run, const node *n, dlx__jv *out)
{
    DLX__TRY(dlx__je_eval(run, n->a, out));
    if (dlx__jv_true(out) == (n->kind == DLX__JN_AND))
        return dlx__je_eval(run, n->b, out);
    return DLX_OK;
}

static dlx_result eval_binary(dlx__jinja_run *run, const node *n, dlx__jv *out)
{
    dlx__jv a = {0};
    dlx__jv b = {0};
    DLX__TRY(dlx__je_eval(run, n->a, &a));
    DLX__TRY(dlx__je_eval(run, n->b, &b));
    run->line = n->line;
    return dlx__jo_binary(run, n->op, &a, &b, out);
}

/* a < b < c: all pairs must hold. */
static dlx_result eval_compare(dlx__jinja_run *run, const node *n, dlx__jv *out)
{
    dlx__jv left = {0};
    bool holds = true;
    DLX__TRY(dlx__je_eval(run, n->a, &left));
    for (const node *pair = n->list; pair && holds; pair = pair->next) {
        dlx__jv right = {0};
        DLX__TRY(dlx__je_eval(run, pair->a, &right));
        DLX__TRY(dlx__jo_compare(run, pair->op, &left, &right, &holds));
        left = right;
    }
    *out = dlx__jv_bool(holds);
    return DLX_OK;
}

static dlx_result eval_ternary(dlx__jinja_run *run, const node *n, dlx__jv *out)
{
    dlx__jv condition = {0};
    DLX__TRY(dlx__je_eval(run, n->b, &condition));
    if (dlx__jv_true(&condition))
        return dlx__je_eval(run, n->a, out);
    if (n->c)
        return dlx__je_eval(run, n->c, out);
    *out = (dlx__jv){0};
    return DLX_OK;
}

static dlx_result eval_sign(dlx__jinja_run *run, const node *n, dlx__jv *out)
{
    dlx__jv a = {0};
    dlx__jv negated = {0};
    DLX__TRY(dlx__je_eval(run, n->a, &a));
    DLX__TRY(dlx__jo_negate(run, &a, &negated));
    if (n->op == DLX__JO_SUB)
        *out = negated;
    else
        *out = a.kind == DLX__JV_BOOL ? dlx__jv_int(a.u.b) : a;
    return DLX_OK;
}

static dlx_result eval_slice(dlx__jinja_run *run, const node *n, dlx__jv *out)
{
    dlx__jv a = {0};
    dlx__jv bounds[3] = {dlx__jv_none(), dlx__jv_none(), dlx__jv_none()};
    DLX__TRY(dlx__je_eval(run, n->a, &a));
    size_t i = 0;
    for (const node *bound = n->list; bound && i < 3; bound = bound->next, i++)
        if (bound->a)
            DLX__TRY(dlx__je_eval(run, bound->a, &bounds[i]));
    return dlx__jo_slice(run, &a, bounds, out);
}

static dlx_result eval_part(dlx__jinja_run *run, const node *n, dlx__jv *out)
{
    dlx__jv a = {0};
    dlx__jv key = {0};
    DLX__TRY(dlx__je_eval(run, n->a, &a));
    if (n->kind == DLX__JN_ATTR) {
        run->line = n->line;
        return dlx__jo_attribute(run, &a, n->text, out);
    }
    DLX__TRY(dlx__je_eval(run, n->b, &key));
    run->line = n->line;
    return dlx__jo_item(run, &a, &key, out);
}

static dlx_result eval_not(dlx__jinja_run *run, const node *n, dlx__jv *out)
{
    dlx__jv a = {0};
    DLX__TRY(dlx__je_eval(run, n->a, &a));
    *out = dlx__jv_bool(!dlx__jv_true(&a));
    return DLX_OK;
}

static dlx_result eval_one(dlx__jinja_run *run, const node *n, dlx__jv *out)
{
    switch (n->kind) {
    case DLX__JN_CONST:
        *out = n->value;
        return DLX_OK;
    case DLX__JN_NAME:
        return dlx__jr_lookup(run, n->text, out);
    case DLX__JN_LIST:
        return eval_list(run, n, out);
    case DLX__JN_DICT:
        return eval_dict(run, n, out);
    case DLX__JN_NOT:
        return eval_not(run, n, out);
    case DLX__JN_SIGN:
        return eval_sign(run, n, out);
    case DLX__JN_AND:
    case DLX__JN_OR:
        return eval_logic(run, n, out);
    case DLX__JN_BINARY:
        return eval_binary(run, n, out);
    case DLX__JN_COMPARE:
        return eval_compare(run, n, out);
    case DLX__JN_TERNARY:
        return eval_ternary(run, n, out);
    case DLX__JN_SLICE:
        return eval_slice(run, n, out);
    case DLX__JN_CALL:
        return dlx__jc_call(run, n, out);
    case DLX__JN_FILTER:
        return dlx__jc_filter(run, n, out);
    case DLX__JN_IS:
        return dlx__jc_is(run, n, out);
    default: /* ATTR and ITEM: the parser makes no other expressions */
        return eval_part(run, n, out);
    }
}

dlx_result dlx__je_eval(dlx__jinja_run *run, const node *n, dlx__jv *out)
{
    run->line = n->line;
    DLX__TRY(dlx__jr_spend(run, 1));
    DLX__TRY(dlx__jr_enter(run));
    DLX__TRY(eval_one(run, n, out));
    dlx__jr_leave(run);
    return DLX_OK;
}
