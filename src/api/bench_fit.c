/* bench_fit.c - passes and answers of a benchmark, cut to what an exported program has room for. */
#include "api/bench.h"

#include "base/fail.h"

/* ---- passes ---------------------------------------------------------------------------------- */

static dlx_result refuse(const dlx__bench *b, const char *what, size_t most, size_t found)
{
    return dlx__fail(b->err, DLX_E_ARG,
                     "%s: expected at most %zu %s, which the program has room for, found %zu; "
                     "export it with more",
                     b->model->core.checkpoint.path, most, what, found);
}

dlx_result dlx__bench_fit_program(dlx__bench *b)
{
    dlx__bench_room facts;
    const bool rows_given = b->opts->rows && b->opts->n_rows;
    const bool contexts_given = b->opts->contexts && b->opts->n_contexts;
    DLX__TRY(dlx__bench_find_room(b, &facts));
    b->most_rows = facts.n_rows;
    while (!rows_given && b->n_rows > 1 && b->rows[b->n_rows - 1] > facts.n_rows)
        b->n_rows--; /* they are ascending */
    size_t widest = 0;
    for (size_t i = 0; i < b->n_rows; i++)
        widest = dlx__max(widest, b->rows[i]);
    if (widest > facts.n_rows)
        return refuse(b, "rows", facts.n_rows, widest);
    if (!contexts_given && b->contexts[0] + widest > facts.n_ctx) {
        size_t *shorter = dlx__arena_alloc(&b->arena, 1, sizeof *shorter);
        if (!shorter)
            return dlx__fail_memory(b->err, "preparing a benchmark", sizeof *shorter);
        *shorter = facts.n_ctx - dlx__min(widest, facts.n_ctx);
        b->contexts = shorter;
    }
    for (size_t i = 0; i < b->n_contexts; i++)
        if (dlx__add(b->contexts[i], widest) > facts.n_ctx)
            return refuse(b, "positions with those of the pass", facts.n_ctx,
                          dlx__add(b->contexts[i], widest));
    return DLX_OK;
}

/* ---- answers --------------------------------------------------------------------------------- */

/* Positions of the longest answer with its prompt; 0: one of them cannot be. */
static size_t positions(const dlx__bench *b, const dlx_gen_opts *gen)
{
    size_t most = 0;
    for (size_t i = 0; i < b->n_prompts; i++) {
        const dlx_bench_prompt *p = &b->prompts[i];
        const size_t n = dlx_gen_positions(b->model, gen, p->n);
        dlx_error ignored;
        if (dlx__gen_check(&b->model->core, gen, p->ids, p->n, n, &ignored) != DLX_OK)
            return 0;
        most = dlx__max(most, n);
    }
    return most;
}

dlx_result dlx__bench_fit_answer(dlx__bench *b, dlx__bench_gen *g)
{
    const size_t most = b->program.n_positions, asked = positions(b, g->run.gen);
    if (!most || asked <= most)
        return DLX_OK;
    g->gen = *g->run.gen;
    for (size_t n = g->gen.max_tokens; b->opts->shorten && n > 1; n--) {
        g->gen.max_tokens = n - 1;
        const size_t found = positions(b, &g->gen);
        if (found && found <= most) {
            g->run.gen = &g->gen;
            return DLX_OK;
        }
    }
    return dlx__fail(b->err, DLX_E_ARG,
                     "%s: expected prompts and answers of at most %zu positions, which the program "
                     "has room for, found %zu: ask for fewer tokens or for passes alone, or export "
                     "it with more",
                     b->model->core.checkpoint.path, most, asked);
}
