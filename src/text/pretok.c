/* pretok.c - the chain of splitters. Depth first: a piece goes through the whole chain at once, so
 * that nothing has to be stored. */
#include "text/pretok.h"

#include "base/fail.h"

#include <string.h>

void dlx__pretok_init(dlx__pretok *p, const dlx_allocator *mem)
{
    *p = (dlx__pretok){.mem = mem};
}

void dlx__pretok_release(dlx__pretok *p)
{
    for (size_t i = 0; i < p->n_steps; i++)
        dlx__pattern_free(p->steps[i].pattern);
    p->n_steps = 0;
}

dlx_result dlx__pretok_add(dlx__pretok *p, dlx__pretok_step step, dlx_error *err)
{
    if (p->n_steps == DLX__PRETOK_MAX_STEPS) {
        dlx__pattern_free(step.pattern);
        return dlx__fail(
            err, DLX_E_UNSUPPORTED,
            "the pre-tokenizer has more than %d steps, which is more than any model of "
            "the supported families needs",
            (int)DLX__PRETOK_MAX_STEPS);
    }
    p->steps[p->n_steps++] = step;
    return DLX_OK;
}

dlx_result dlx__pretok_add_regex(dlx__pretok *p, const char *regex, dlx_error *err)
{
    dlx__pretok_step step = {0};
    DLX__TRY(dlx__pattern_open(&step.pattern, regex, strlen(regex), p->mem, err));
    return dlx__pretok_add(p, step, err);
}

typedef struct run {
    const dlx__pretok *pretok;
    dlx__matcher *matcher;
    dlx__piece_fn piece;
    void *user;
    dlx_error *err;
} run;

static dlx_result split(const run *r, size_t step, const char *text, size_t n);

/* A part of step `step`'s input: gone, or on to the next step. */
static dlx_result pass_on(const run *r, size_t step, bool is_match, const char *text, size_t n)
{
    const dlx__pretok_step *s = &r->pretok->steps[step];
    if (n == 0 || (s->removed && is_match != s->invert))
        return DLX_OK;
    return split(r, step + 1, text, n);
}

static dlx_result split(const run *r, size_t step, const char *text, size_t n)
{
    if (step == r->pretok->n_steps)
        return r->piece(r->user, text, n, r->err);
    size_t done = 0; /* before it all is passed on */
    size_t from = 0;
    while (from < n) {
        size_t start = 0;
        size_t end = 0;
        DLX__TRY(dlx__pattern_next(r->pretok->steps[step].pattern, r->matcher, text, n, from,
                                   &start, &end, r->err));
        DLX__TRY(pass_on(r, step, false, text + done, start - done));
        DLX__TRY(pass_on(r, step, true, text + start, end - start));
        done = end;
        from = end;
        if (start == end) { /* an empty match cuts, and the search goes on behind the next one */
            from++;
            while (from < n && ((unsigned char)text[from] & 0xC0u) == 0x80u)
                from++;
        }
    }
    return pass_on(r, step, false, text + done, n - done);
}

dlx_result dlx__pretok_run(const dlx__pretok *p, dlx__matcher *m, const char *text, size_t n,
                           dlx__piece_fn piece, void *user, dlx_error *err)
{
    run r = {.pretok = p, .matcher = m, .piece = piece, .user = user, .err = err};
    return n ? split(&r, 0, text, n) : DLX_OK;
}
