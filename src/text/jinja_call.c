/* jinja_call.c - arguments to parameters, the global functions, and macros. */
#include "text/jinja_call.h"

#include "text/jinja_eval.h"
#include "text/jinja_print.h"

#include <string.h>

typedef dlx__jinja_node node;

typedef struct arguments {
    dlx__jv_list *by_order;
    dlx__jv_dict *by_name;
} arguments;

static dlx_result eval_arguments(dlx__jinja_run *run, const node *list, arguments *out)
{
    dlx__jv order = {0};
    dlx__jv named = {0};
    DLX__TRY(dlx__jr_list(run, 0, &order));
    DLX__TRY(dlx__jr_dict(run, &named));
    for (const node *n = list; n; n = n->next) {
        dlx__jv v = {0};
        DLX__TRY(dlx__je_eval(run, n->kind == DLX__JN_KEYWORD ? n->a : n, &v));
        if (n->kind == DLX__JN_KEYWORD)
            DLX__TRY(dlx__jr_put(run, named.u.dict, dlx__jv_string(n->text.data, n->text.len), v));
        else if (named.u.dict->n > 0)
            return dlx__jr_fail(run, DLX_E_FORMAT,
                                "an argument without a name follows a named one");
        else
            DLX__TRY(dlx__jr_push(run, order.u.list, v));
    }
    *out = (arguments){order.u.list, named.u.dict};
    return DLX_OK;
}

/* Calls a builtin with its arguments sorted to its parameters. */
static dlx_result invoke(dlx__jinja_run *run, const dlx__jinja_builtin *b, const dlx__jv *self,
                         const arguments *args, dlx__jv *out)
{
    const dlx__jv *bound[DLX__JINJA_MAX_PARAMS] = {NULL};
    size_t n_params = 0;
    size_t n_used = 0;
    while (n_params < DLX__JINJA_MAX_PARAMS && b->params[n_params])
        n_params++;
    for (size_t i = 0; i < n_params; i++) {
        dlx__jv_text name = {b->params[i], strlen(b->params[i])};
        dlx__jv *named = dlx__jv_get(args->by_name, name);
        if (i < args->by_order->n)
            bound[i] = &args->by_order->items[i];
        else
            bound[i] = named;
        n_used += bound[i] != NULL;
        if (!bound[i] && i < b->n_required)
            return dlx__jr_fail(run, DLX_E_ARG, "%s needs the argument '%s'", b->name,
                                b->params[i]);
    }
    if (n_used != args->by_order->n + args->by_name->n)
        return dlx__jr_fail(run, DLX_E_UNSUPPORTED,
                            "%s is given %zu arguments, of which %zu are supported here", b->name,
                            args->by_order->n + args->by_name->n, n_used);
    return b->fn(run, self, bound, out);
}

const dlx__jinja_builtin *dlx__jinja_find(const dlx__jinja_builtin *table, size_t n,
                                          dlx__jv_text name)
{
    for (size_t i = 0; i < n; i++)
        if (dlx__jv_same_text(name, (dlx__jv_text){table[i].name, strlen(table[i].name)}))
            return &table[i];
    return NULL;
}

bool dlx__jc_has_method(const dlx__jv *self, dlx__jv_text name)
{
    return dlx__jinja_method(self, name) != NULL;
}

static dlx_result range(dlx__jinja_run *run, const dlx__jv *self,
                        const dlx__jv *const args[DLX__JINJA_MAX_PARAMS], dlx__jv *out)
{
    int64_t bounds[3] = {0, 0, 1};
    (void)self;
    for (size_t i = 0; i < 3 && args[i]; i++) {
        if (!dlx__jv_is_whole(args[i]))
            return dlx__jr_fail(run, DLX_E_ARG, "range needs whole numbers, not %s",
                                dlx__jv_kind_name(args[i]));
        bounds[i] = dlx__jv_whole(args[i]);
    }
    int64_t start = args[1] ? bounds[0] : 0;
    int64_t stop = args[1] ? bounds[1] : bounds[0];
    int64_t step = bounds[2];
    if (step == 0)
        return dlx__jr_fail(run, DLX_E_ARG, "range has the step 0");
    DLX__TRY(dlx__jr_list(run, 0, out));
    for (int64_t i = start; step > 0 ? i < stop : i > stop; i += step) {
        DLX__TRY(dlx__jr_push(run, out->u.list, dlx__jv_int(i)));
        if (step > 0 ? i > INT64_MAX - step : i < INT64_MIN - step)
            break;
    }
    return DLX_OK;
}

static dlx_result raise_exception(dlx__jinja_run *run, const dlx__jv *self,
                                  const dlx__jv *const args[DLX__JINJA_MAX_PARAMS], dlx__jv *out)
{
    dlx__jv text = {0};
    (void)self;
    (void)out;
    DLX__TRY(dlx__jp_as_string(run, args[0], &text));
    return dlx__jr_fail(run, DLX_E_ARG, "the template refuses these messages: %.*s",
                        (int)dlx__min(text.u.s.len, 300), text.u.s.data);
}

static const dlx__jinja_builtin functions[] = {
    {"range", range, 1, {"start", "stop", "step"}},
    {"raise_exception", raise_exception, 1, {"message"}},
};

/* namespace(a=1, b=2) and dict(a=1), also from one dict. */
static dlx_result make_dict(dlx__jinja_run *run, dlx__jv_kind kind, const arguments *args,
                            dlx__jv *out)
{
    DLX__TRY(dlx__jr_dict(run, out));
    const dlx__jv *first = args->by_order->n > 0 ? &args->by_order->items[0] : NULL;
    if (args->by_order->n > 1 || (first && first->kind != DLX__JV_DICT))
        return dlx__jr_fail(run, DLX_E_UNSUPPORTED,
                            "namespace and dict take named arguments or one dict");
    for (size_t i = 0; first && i < first->u.dict->n; i++)
        DLX__TRY(dlx__jr_put(run, out->u.dict, first->u.dict->keys[i], first->u.dict->values[i]));
    for (size_t i = 0; i < args->by_name->n; i++)
        DLX__TRY(dlx__jr_put(run, out->u.dict, args->by_name->keys[i], args->by_name->values[i]));
    out->kind = kind;
    return DLX_OK;
}

/* Sets the macro's parameters in its own frame. */
static dlx_result bind_macro(dlx__jinja_run *run, const node *macro, const arguments *args)
{
    size_t i = 0;
    size_t n_used = 0;
    for (const node *p = macro->targets; p; p = p->next, i++) {
        const dlx__jv *given =
            i < args->by_order->n ? &args->by_order->items[i] : dlx__jv_get(args->by_name, p->text);
        dlx__jv v = dlx__jv_undefined(p->text.data, p->text.len);
        n_used += given != NULL;
        if (given)
            v = *given;
        else if (p->a)
            DLX__TRY(dlx__je_eval(run, p->a, &v));
        DLX__TRY(dlx__jr_set(run, p->text, v));
    }
    if (n_used != args->by_order->n + args->by_name->n)
        return dlx__jr_fail(run, DLX_E_ARG, "the macro '%.*s' is given arguments it does not have",
                            (int)dlx__min(macro->text.len, 60), macro->text.data);
    return DLX_OK;
}

static dlx_result call_macro(dlx__jinja_run *run, const node *macro, const arguments *args,
                             dlx__jv *out)
{
    dlx__jinja_frame *outside = run->frame;
    dlx__jinja_frame frame = {.parent = run->root};
    run->frame = &frame;
    dlx_result r = bind_macro(run, macro, args);
    if (r == DLX_OK)
        r = dlx__je_capture(run, macro->list, out);
    run->frame = outside;
    return r;
}

static bool is_name(dlx__jv_text name, const char *word)
{
    return dlx__jv_same_text(name, (dlx__jv_text){word, strlen(word)});
}

static dlx_result call_name(dlx__jinja_run *run, dlx__jv_text name, const arguments *args,
                            dlx__jv *out)
{
    dlx__jv v = {0};
    DLX__TRY(dlx__jr_lookup(run, name, &v));
    if (v.kind == DLX__JV_MACRO)
        return call_macro(run, v.u.macro, args, out);
    if (v.kind == DLX__JV_UNDEFINED) {
        if (is_name(name, "namespace"))
            return make_dict(run, DLX__JV_NAMESPACE, args, out);
        if (is_name(name, "dict"))
            return make_dict(run, DLX__JV_DICT, args, out);
        const dlx__jinja_builtin *b = dlx__jinja_find(functions, DLX__LEN(functions), name);
        if (b)
            return invoke(run, b, NULL, args, out);
    }
    return dlx__jr_fail(run, DLX_E_UNSUPPORTED, "the function '%.*s' is not supported",
                        (int)dlx__min(name.len, 60), name.data);
}

static dlx_result call_method(dlx__jinja_run *run, const dlx__jv *self, dlx__jv_text name,
                              const arguments *args, dlx__jv *out)
{
    const dlx__jinja_builtin *b = dlx__jinja_method(self, name);
    if (b)
        return invoke(run, b, self, args, out);
    if (self->kind == DLX__JV_UNDEFINED)
        return dlx__jr_fail(run, DLX_E_ARG, "'%.*s' is undefined", (int)dlx__min(self->u.s.len, 60),
                            self->u.s.len ? self->u.s.data : "");
    return dlx__jr_fail(run, DLX_E_UNSUPPORTED, "the method '%.*s' of %s is not supported",
                        (int)dlx__min(name.len, 60), name.data, dlx__jv_kind_name(self));
}

dlx_result dlx__jc_call(dlx__jinja_run *run, const node *n, dlx__jv *out)
{
    arguments args = {NULL, NULL};
    dlx__jv self = {0};
    bool method = n->a->kind == DLX__JN_ATTR;
    if (method)
        DLX__TRY(dlx__je_eval(run, n->a->a, &self));
    else if (n->a->kind != DLX__JN_NAME)
        return dlx__jr_fail(run, DLX_E_UNSUPPORTED,
                            "what is called here is neither a function nor "
                            "a method");
    DLX__TRY(eval_arguments(run, n->list, &args));
    run->line = n->line;
    return method ? call_method(run, &self, n->a->text, &args, out)
                  : call_name(run, n->a->text, &args, out);
}

static dlx_result apply(dlx__jinja_run *run, const node *n, const dlx__jinja_builtin *b,
                        const char *what, dlx__jv *out)
{
    arguments args = {NULL, NULL};
    dlx__jv self = {0};
    if (!b)
        return dlx__jr_fail(run, DLX_E_UNSUPPORTED, "the %s '%.*s' is not supported", what,
                            (int)dlx__min(n->text.len, 60), n->text.data);
    DLX__TRY(dlx__je_eval(run, n->a, &self));
    DLX__TRY(eval_arguments(run, n->list, &args));
    run->line = n->line;
    return invoke(run, b, &self, &args, out);
}

dlx_result dlx__jc_filter(dlx__jinja_run *run, const node *n, dlx__jv *out)
{
    return apply(run, n, dlx__jinja_filter(n->text), "filter", out);
}

dlx_result dlx__jc_is(dlx__jinja_run *run, const node *n, dlx__jv *out)
{
    return apply(run, n, dlx__jinja_test(n->text), "test", out);
}
