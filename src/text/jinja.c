/* jinja.c - a template from its text to its output: the two calls of the engine. */
#include "text/jinja.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "text/jinja_eval.h"
#include "text/jinja_parse.h"

#include <string.h>

struct dlx__jinja {
    dlx__arena arena; /* of the tree */
    dlx__jinja_node *statements;
};

dlx_result dlx__jinja_open(dlx__jinja **out, const char *text, size_t n, const dlx_allocator *mem,
                           dlx_error *err)
{
    size_t valid = dlx__utf8_valid_prefix(text, n);
    if (valid < n)
        return dlx__fail(err, DLX_E_FORMAT, "the template is not UTF-8 at byte %zu", valid);
    dlx__jinja *t = dlx__alloc_zero(mem, 1, sizeof *t);
    if (!t)
        return dlx__fail_memory(err, "reading a chat template", sizeof *t);
    dlx__arena_init(&t->arena, mem);
    dlx_result r = dlx__jinja_parse(&t->statements, text, n, &t->arena, err);
    if (r != DLX_OK) {
        dlx__jinja_free(t);
        return r;
    }
    *out = t;
    return DLX_OK;
}

void dlx__jinja_free(dlx__jinja *t)
{
    if (!t)
        return;
    const dlx_allocator *mem = t->arena.mem;
    dlx__arena_release(&t->arena);
    dlx__free(mem, t);
}

static dlx_result set_json(dlx__jinja_run *run, const char *name, json_t *json)
{
    dlx__jv value = {0};
    DLX__TRY(dlx__jr_from_json(run, json, &value));
    return dlx__jr_set(run, (dlx__jv_text){name, strlen(name)}, value);
}

static dlx_result render(dlx__jinja_run *run, const dlx__jinja *t, const dlx__jinja_var *vars,
                         size_t n_vars, json_t *kwargs)
{
    dlx__jinja_flow flow = DLX__FLOW_ON;
    for (void *i = json_object_iter(kwargs); i; i = json_object_iter_next(kwargs, i))
        DLX__TRY(set_json(run, json_object_iter_key(i), json_object_iter_value(i)));
    for (size_t i = 0; i < n_vars; i++)
        if (vars[i].value)
            DLX__TRY(set_json(run, vars[i].name, vars[i].value));
    return dlx__je_exec(run, t->statements, &flow);
}

dlx_result dlx__jinja_render(const dlx__jinja *t, const dlx__jinja_var *vars, size_t n_vars,
                             json_t *kwargs, dlx__buf *out, dlx_error *err)
{
    dlx__buf text;
    dlx_error local = {0};
    dlx__jinja_frame root = {0};
    dlx__buf_init(&text, t->arena.mem);
    dlx__jinja_run run = {.out = &text,
                          .frame = &root,
                          .root = &root,
                          .steps = DLX__JINJA_MAX_STEPS,
                          .line = 1,
                          .err = err ? err : &local};
    dlx__arena_init(&run.arena, t->arena.mem);
    dlx_result r = render(&run, t, vars, n_vars, kwargs);
    if (r == DLX_OK && !dlx__buf_append(out, text.data, text.len))
        r = dlx__fail_memory(err, "rendering a chat template", text.len);
    dlx__arena_release(&run.arena);
    dlx__buf_release(&text);
    return r;
}
