/*
 * bench.c - a benchmark from its options to its report: what is asked for is checked, and held
 * against the machine's memory, before anything is timed.
 */
#include "api/bench.h"
#include "api/json_build.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"

#include <string.h>

enum { DEFAULT_ROUNDS = 5, MOST_ROUNDS = 10000, MOST_THREADS = 1024, FILL_ROWS = 128 };
static const size_t default_rows[] = {1, 4, 8, 16, 32, 64, 128};
static const size_t default_contexts[] = {512};

dlx_result dlx__bench_tell(dlx__bench *b, const char *what)
{
    const dlx_bench_opts *o = b->opts;
    if (!o->on_progress || o->on_progress(o->user, what, b->n_done, b->n_all))
        return DLX_OK;
    return dlx__fail(b->err, DLX_CANCELLED, "stopped by the caller");
}

/* ---- options --------------------------------------------------------------------------------- */

static dlx_result check_numbers(const dlx__bench *b)
{
    const dlx_bench_opts *o = b->opts;
    for (size_t i = 0; i < b->n_rows; i++)
        if (b->rows[i] == 0 || b->rows[i] > INT32_MAX)
            return dlx__fail(b->err, DLX_E_ARG, "rows: expected 1 to %ld rows of a pass, found %zu",
                             (long)INT32_MAX, b->rows[i]);
    for (size_t i = 0; i < b->n_contexts; i++)
        if (b->contexts[i] > INT32_MAX)
            return dlx__fail(b->err, DLX_E_ARG,
                             "context: expected at most %ld positions, found %zu", (long)INT32_MAX,
                             b->contexts[i]);
    for (size_t i = 0; o->threads && i < o->n_threads; i++)
        if (o->threads[i] < 1 || o->threads[i] > MOST_THREADS)
            return dlx__fail(b->err, DLX_E_ARG, "threads: expected 1 to %d, found %d", MOST_THREADS,
                             o->threads[i]);
    if (b->n_rounds > MOST_ROUNDS)
        return dlx__fail(b->err, DLX_E_ARG, "rounds: expected at most %d, found %zu", MOST_ROUNDS,
                         b->n_rounds);
    return DLX_OK;
}

static dlx_result take_options(dlx__bench *b)
{
    const dlx_bench_opts *o = b->opts;
    bool rows = o->rows && o->n_rows, contexts = o->contexts && o->n_contexts;
    b->rows = rows ? o->rows : default_rows;
    b->n_rows = rows ? o->n_rows : DLX__LEN(default_rows);
    b->contexts = contexts ? o->contexts : default_contexts;
    b->n_contexts = contexts ? o->n_contexts : DLX__LEN(default_contexts);
    b->n_rounds = o->n_rounds ? o->n_rounds : DEFAULT_ROUNDS;
    if (dlx__api_program_backend(b->model))
        DLX__TRY(dlx__bench_fit_program(b));
    DLX__TRY(check_numbers(b));
    size_t most_rows = 0, longest = 0;
    for (size_t i = 0; i < b->n_rows; i++)
        most_rows = dlx__max(most_rows, b->rows[i]);
    for (size_t i = 0; i < b->n_contexts; i++)
        longest = dlx__max(longest, b->contexts[i]);
    b->n_ctx = longest + most_rows;
    b->n_step_rows =
        dlx__max(most_rows, dlx__min(longest, b->most_rows ? b->most_rows : FILL_ROWS));
    DLX__TRY(dlx__api_model_backend(&b->backend, b->model, o->backend, b->err));
    const dlx__arithmetic_names names = {o->weights, o->compute, o->kernels, o->scheme, o->kv_type};
    return dlx__api_arithmetic(&b->arithmetic, &b->model->core, b->backend, names, b->err);
}

/* ---- memory ---------------------------------------------------------------------------------- */

/* Bytes that the widest team's backend takes beside the weights. */
static size_t backend_bytes(const dlx__bench *b, int n_threads)
{
    dlx__backend_opts o = {.n_ctx = b->n_ctx,
                           .n_rows = b->n_step_rows,
                           .n_streams = 1,
                           .n_threads = n_threads,
                           .mem = b->model->mem};
    dlx__arithmetic_apply(&b->arithmetic, &o);
    if (!b->backend->plan)
        return dlx__mul(dlx__arithmetic_kv_bytes(&b->arithmetic, &b->model->core), b->n_ctx);
    const dlx__backend_plan plan = b->backend->plan(&b->model->core, &o);
    return dlx__add(plan.packed, dlx__add(plan.kv, plan.scratch));
}

/* A machine that swaps measures its disk, so this is refused before anything is loaded. */
static dlx_result check_memory(const dlx__bench *b)
{
    const double gib = 1024.0 * 1024.0 * 1024.0;
    const size_t have = dlx__os_total_memory();
    const uint64_t weights = dlx__bench_weights_bytes(b);
    size_t session = 0, probe = 0;
    for (size_t i = 0; i < b->n_teams; i++) {
        session = dlx__max(session, backend_bytes(b, b->teams[i].n_threads));
        probe = dlx__max(probe, dlx__probe_bytes(b->teams[i].n_threads));
    }
    const size_t need = dlx__add(dlx__add((size_t)weights, session), probe);
    if (have == 0 || need <= have)
        return DLX_OK;
    return dlx__fail(b->err, DLX_E_NOMEM,
                     "%s: weights (%.1f GiB), a session of %zu positions and %zu rows (%.1f GiB) "
                     "and the probe (%.1f GiB) need more than the %.1f GiB of this machine: choose "
                     "a shorter context, fewer rows or a smaller model",
                     b->model->core.checkpoint.path, (double)weights / gib, b->n_ctx,
                     b->n_step_rows, (double)session / gib, (double)probe / gib,
                     (double)have / gib);
}

/* ---- what is timed --------------------------------------------------------------------------- */

static bool make_teams(dlx__bench *b)
{
    const dlx_bench_opts *o = b->opts;
    bool listed = o->threads && o->n_threads;
    b->n_teams = listed ? o->n_threads : 1;
    b->teams = dlx__arena_alloc(&b->arena, b->n_teams, sizeof *b->teams);
    for (size_t i = 0; b->teams && i < b->n_teams; i++)
        b->teams[i].n_threads = listed ? o->threads[i] : dlx__os_n_fast_cores();
    return b->teams != NULL;
}

/* Where and how a run computes, where it does not say itself. */
static void complete_run(const dlx__bench *b, dlx_bench_run *run)
{
    const dlx_bench_opts *o = b->opts;
    run->name = run->name ? run->name : "generate";
    run->backend = run->backend ? run->backend : b->backend->name;
    run->n_threads = run->n_threads ? run->n_threads : b->teams[0].n_threads;
    run->weights = run->weights ? run->weights : o->weights;
    if (strcmp(run->backend, b->backend->name) != 0)
        return;
    run->compute = run->compute ? run->compute : o->compute;
    run->kernels = run->kernels ? run->kernels : o->kernels;
    run->scheme = run->scheme ? run->scheme : o->scheme;
    run->kv_type = run->kv_type ? run->kv_type : o->kv_type;
}

static bool make_gens(dlx__bench *b)
{
    const dlx_bench_opts *o = b->opts;
    b->n_gens = o->n_runs + (o->n_runs && o->exact);
    b->gens = dlx__arena_alloc(&b->arena, b->n_gens, sizeof *b->gens);
    for (size_t i = 0; b->gens && i < b->n_gens; i++) {
        const dlx_bench_run exact = {.name = "exact",
                                     .gen = o->exact,
                                     .weights = "stored",
                                     .compute = "float32",
                                     .scheme = "weight-only",
                                     .kv_type = "float32"};
        b->gens[i].run = i < o->n_runs ? o->runs[i] : exact;
        complete_run(b, &b->gens[i].run);
    }
    return b->gens != NULL;
}

/*
 * As many arbitrary ids as the first context has positions, but leaving half of what the model was
 * trained for, or the program has room for, to the answer; never the mask, which would be filled.
 */
static bool make_prompt(dlx__bench *b)
{
    const dlx__hparams *hp = &b->model->core.hp;
    const size_t room = b->program.n_positions ? b->program.n_positions : hp->n_ctx_train;
    const size_t most = room ? room / 2 : b->contexts[0];
    const size_t n = dlx__max(dlx__min(b->contexts[0], most), 1);
    dlx_token *ids = dlx__arena_alloc(&b->arena, n, sizeof *ids);
    for (size_t i = 0; ids && i < n; i++) {
        ids[i] = (dlx_token)((i + 1) * 7919 % hp->n_vocab);
        if (ids[i] == (dlx_token)hp->mask_id.value)
            ids[i] = (dlx_token)((size_t)(ids[i] + 1) % hp->n_vocab);
    }
    if (ids)
        b->prompts[0] = (dlx_bench_prompt){ids, n};
    return ids != NULL;
}

static bool make_prompts(dlx__bench *b)
{
    const dlx_bench_opts *o = b->opts;
    bool given = o->prompts && o->n_prompts;
    b->n_prompts = given ? o->n_prompts : 1;
    b->prompts = dlx__arena_alloc(&b->arena, b->n_prompts, sizeof *b->prompts);
    if (b->prompts && given)
        memcpy(b->prompts, o->prompts, b->n_prompts * sizeof *b->prompts);
    return b->prompts && (given || make_prompt(b));
}

static dlx_result check_gen(dlx__bench *b, dlx__bench_gen *g)
{
    const dlx_bench_run *run = &g->run;
    const dlx__backend_class *backend;
    const dlx__arithmetic_names names = {run->weights, run->compute, run->kernels, run->scheme,
                                         run->kv_type};
    DLX__TRY(dlx__api_model_backend(&backend, b->model, run->backend, b->err));
    DLX__TRY(dlx__api_arithmetic(&g->arithmetic, &b->model->core, backend, names, b->err));
    DLX__TRY(dlx__bench_fit_answer(b, g));
    for (size_t j = 0; j < b->n_prompts; j++) {
        const dlx_bench_prompt *p = &b->prompts[j];
        size_t n_ctx = dlx_gen_positions(b->model, run->gen, p->n);
        DLX__TRY(dlx__gen_check(&b->model->core, run->gen, p->ids, p->n, n_ctx, b->err));
    }
    return DLX_OK;
}

/* Is every generation possible? Told before minutes are spent on passes. */
static dlx_result check_gens(dlx__bench *b)
{
    for (size_t i = 0; i < b->n_gens; i++) {
        dlx_result r = check_gen(b, &b->gens[i]);
        if (r != DLX_OK) {
            dlx__fail_prefix(b->err, b->gens[i].run.name);
            return r;
        }
    }
    return DLX_OK;
}

static dlx_result prepare(dlx__bench *b)
{
    DLX__TRY(dlx__api_need_core(b->model, "a benchmark", b->err));
    if (!b->model->core.has_weights && !dlx__api_program_backend(b->model))
        return dlx__fail(b->err, DLX_E_ARG,
                         "%s: opened for its shapes only; a benchmark needs the weights (open the "
                         "model with DLX_LOAD_ALL)",
                         b->model->core.checkpoint.path);
    DLX__TRY(take_options(b));
    if (!make_teams(b) || !make_gens(b) || !make_prompts(b))
        return dlx__fail(b->err, DLX_E_NOMEM, "out of memory while preparing a benchmark");
    DLX__TRY(check_memory(b));
    DLX__TRY(check_gens(b));
    const size_t n_passes = b->n_contexts * b->n_rows;
    b->n_all = b->n_teams * b->n_rounds * (n_passes + 1) +
               b->n_prompts * (b->opts->n_runs * b->n_rounds + (b->n_gens > b->opts->n_runs));
    return DLX_OK;
}

static dlx_result measure(dlx__bench *b)
{
    DLX__TRY(prepare(b));
    for (size_t i = 0; i < b->n_teams; i++)
        DLX__TRY(dlx__bench_passes(b, &b->teams[i]));
    return b->n_gens ? dlx__bench_generate(b) : DLX_OK;
}

dlx_result dlx_bench(const dlx_model *model, const dlx_bench_opts *opts, char **json,
                     dlx_error *err)
{
    static const dlx_bench_opts none = {.size = sizeof none};
    dlx__bench b = {.model = model, .opts = opts ? opts : &none, .err = err};
    *json = NULL;
    dlx__arena_init(&b.arena, model->mem);
    dlx_result r = measure(&b);
    dlx__bench_close_sessions(&b);
    if (r == DLX_OK || (r == DLX_CANCELLED && b.teams && b.teams[0].instruction_set)) {
        json_t *report = dlx__bench_report(&b, r == DLX_OK);
        dlx_result written = dlx__api_json_text(report, model->mem, json, err);
        r = written == DLX_OK ? r : written;
    }
    dlx__arena_release(&b.arena);
    return r;
}
