/* jinja_eval.c - the statements of a template: loops, conditions, assignments, output. */
#include "text/jinja_eval.h"

#include "text/jinja_print.h"

typedef dlx__jinja_node node;

static dlx_result exec_one(dlx__jinja_run *run, const node *n, dlx__jinja_flow *flow);

dlx_result dlx__je_exec(dlx__jinja_run *run, const node *list, dlx__jinja_flow *flow)
{
    for (const node *n = list; n && *flow == DLX__FLOW_ON; n = n->next) {
        run->line = n->line;
        DLX__TRY(dlx__jr_spend(run, 1));
        DLX__TRY(dlx__jr_enter(run));
        DLX__TRY(exec_one(run, n, flow));
        dlx__jr_leave(run);
    }
    return DLX_OK;
}

dlx_result dlx__je_capture(dlx__jinja_run *run, const node *list, dlx__jv *out)
{
    dlx__buf text;
    dlx__buf *outside = run->out;
    dlx__jinja_flow flow = DLX__FLOW_ON;
    dlx__buf_init(&text, run->arena.mem);
    run->out = &text;
    dlx_result r = dlx__je_exec(run, list, &flow);
    run->out = outside;
    if (r == DLX_OK)
        r = dlx__jr_copy(run, text.data, text.len, out);
    dlx__buf_release(&text);
    return r;
}

static dlx_result exec_output(dlx__jinja_run *run, const node *n)
{
    dlx__jv v = {0};
    DLX__TRY(dlx__je_eval(run, n->a, &v));
    return dlx__jp_str(run, run->out, &v);
}

static dlx_result exec_if(dlx__jinja_run *run, const node *n, dlx__jinja_flow *flow)
{
    for (const node *branch = n->list; branch; branch = branch->next) {
        dlx__jv v = dlx__jv_bool(true);
        if (branch->a)
            DLX__TRY(dlx__je_eval(run, branch->a, &v));
        if (dlx__jv_true(&v))
            return dlx__je_exec(run, branch->list, flow);
    }
    return DLX_OK;
}

/* One target takes the value, several take its elements. */
static dlx_result assign(dlx__jinja_run *run, const node *targets, dlx__jv value)
{
    if (!targets->next)
        return dlx__jr_set(run, targets->text, value);
    dlx__jv_list *list = NULL;
    DLX__TRY(dlx__jo_elements(run, &value, &list));
    size_t i = 0;
    for (const node *t = targets; t; t = t->next, i++) {
        if (i >= list->n || (!t->next && i + 1 != list->n))
            return dlx__jr_fail(run, DLX_E_ARG, "%zu values for another number of names", list->n);
        DLX__TRY(dlx__jr_set(run, t->text, list->items[i]));
    }
    return DLX_OK;
}

static dlx_result exec_set(dlx__jinja_run *run, const node *n)
{
    dlx__jv value = {0};
    if (n->a)
        DLX__TRY(dlx__je_eval(run, n->a, &value));
    else
        DLX__TRY(dlx__je_capture(run, n->list, &value));
    if (n->targets->kind != DLX__JN_ATTR)
        return assign(run, n->targets, value);
    dlx__jv space = {0};
    dlx__jv_text name = n->targets->a->text;
    DLX__TRY(dlx__jr_lookup(run, name, &space));
    if (space.kind != DLX__JV_NAMESPACE)
        return dlx__jr_fail(run, DLX_E_ARG, "'%.*s' is no namespace, its attributes cannot be set",
                            (int)dlx__min(name.len, 60), name.data);
    dlx__jv key = dlx__jv_string(n->targets->text.data, n->targets->text.len);
    return dlx__jr_put(run, space.u.dict, key, value);
}

/* The elements for which the loop's own condition holds. */
static dlx_result filtered(dlx__jinja_run *run, const node *n, dlx__jv_list **list)
{
    dlx__jv kept = {0};
    DLX__TRY(dlx__jr_list(run, 0, &kept));
    for (size_t i = 0; i < (*list)->n; i++) {
        dlx__jv holds = {0};
        run->frame->bindings = NULL;
        DLX__TRY(assign(run, n->targets, (*list)->items[i]));
        DLX__TRY(dlx__je_eval(run, n->b, &holds));
        if (dlx__jv_true(&holds))
            DLX__TRY(dlx__jr_push(run, kept.u.list, (*list)->items[i]));
    }
    *list = kept.u.list;
    return DLX_OK;
}

/* What `loop` says in round i; the dict is filled anew in place. */
static dlx_result tell_loop(dlx__jinja_run *run, dlx__jv_dict *loop, const dlx__jv_list *list,
                            size_t i)
{
    size_t n = list->n;
    const struct {
        const char *name;
        size_t len;
        dlx__jv value;
    } facts[] = {
        {"index", 5, dlx__jv_int((int64_t)i + 1)},
        {"index0", 6, dlx__jv_int((int64_t)i)},
        {"first", 5, dlx__jv_bool(i == 0)},
        {"last", 4, dlx__jv_bool(i + 1 == n)},
        {"length", 6, dlx__jv_int((int64_t)n)},
        {"revindex", 8, dlx__jv_int((int64_t)(n - i))},
        {"revindex0", 9, dlx__jv_int((int64_t)(n - i - 1))},
        {"previtem", 8, i > 0 ? list->items[i - 1] : dlx__jv_undefined("previtem", 8)},
        {"nextitem", 8, i + 1 < n ? list->items[i + 1] : dlx__jv_undefined("nextitem", 8)},
        {"depth", 5, dlx__jv_int(1)},
        {"depth0", 6, dlx__jv_int(0)},
    };
    for (size_t k = 0; k < DLX__LEN(facts); k++)
        DLX__TRY(
            dlx__jr_put(run, loop, dlx__jv_string(facts[k].name, facts[k].len), facts[k].value));
    return DLX_OK;
}

static dlx_result run_loop(dlx__jinja_run *run, const node *n, const dlx__jv_list *list)
{
    dlx__jv loop = {0};
    DLX__TRY(dlx__jr_dict(run, &loop));
    loop.kind = DLX__JV_NAMESPACE;
    for (size_t i = 0; i < list->n; i++) {
        dlx__jinja_flow flow = DLX__FLOW_ON;
        run->frame->bindings = NULL; /* what a round sets is gone in the next */
        DLX__TRY(tell_loop(run, loop.u.dict, list, i));
        DLX__TRY(dlx__jr_set(run, (dlx__jv_text){"loop", 4}, loop));
        DLX__TRY(assign(run, n->targets, list->items[i]));
        DLX__TRY(dlx__je_exec(run, n->list, &flow));
        if (flow == DLX__FLOW_BREAK)
            break;
    }
    return DLX_OK;
}

static dlx_result exec_for(dlx__jinja_run *run, const node *n, dlx__jinja_flow *flow)
{
    dlx__jv over = {0};
    dlx__jv_list *list = NULL;
    DLX__TRY(dlx__je_eval(run, n->a, &over));
    DLX__TRY(dlx__jo_elements(run, &over, &list));
    dlx__jinja_frame frame = {.parent = run->frame};
    run->frame = &frame;
    dlx_result r = n->b ? filtered(run, n, &list) : DLX_OK;
    if (r == DLX_OK)
        r = run_loop(run, n, list);
    run->frame = frame.parent;
    if (r == DLX_OK && list->n == 0)
        return dlx__je_exec(run, n->other, flow);
    return r;
}

static dlx_result exec_macro(dlx__jinja_run *run, const node *n)
{
    if (run->frame != run->root)
        return dlx__jr_fail(run, DLX_E_UNSUPPORTED,
                            "a macro inside a loop or macro is not supported; define it outside");
    return dlx__jr_set(run, n->text, (dlx__jv){.kind = DLX__JV_MACRO, .u.macro = n});
}

static dlx_result exec_one(dlx__jinja_run *run, const node *n, dlx__jinja_flow *flow)
{
    switch (n->kind) {
    case DLX__JN_TEXT:
        return dlx__jr_append(run, run->out, n->text.data, n->text.len);
    case DLX__JN_OUTPUT:
        return exec_output(run, n);
    case DLX__JN_IF:
        return exec_if(run, n, flow);
    case DLX__JN_FOR:
        return exec_for(run, n, flow);
    case DLX__JN_SET:
        return exec_set(run, n);
    case DLX__JN_MACRO:
        return exec_macro(run, n);
    case DLX__JN_BLOCK:
        return dlx__je_exec(run, n->list, flow);
    case DLX__JN_BREAK:
        *flow = DLX__FLOW_BREAK;
        return DLX_OK;
    default: /* CONTINUE: the parser makes no other statements */
        *flow = DLX__FLOW_CONTINUE;
        return DLX_OK;
    }
}
