/*
 * bench_passes.c - milliseconds of single passes. In every round the machine is probed and then
 * each pass timed, so that a minute in which the machine is slow is slow for both.
 */
#include "api/bench.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"

#include <stdio.h>

enum { MOST_REPEATS = 8 };
static const double ROUND_SECONDS = 0.02; /* of one pass's repeats in a round */

/* What passes need at hand. */
typedef struct bench_loop {
    dlx__bench *b;
    dlx__bench_team *team;
    dlx__backend *backend;
    dlx_token *ids;       /* [n_step_rows] */
    size_t *rows;         /* [n_step_rows], 0, 1, 2 ... */
    dlx__row_stat *stats; /* [n_step_rows] */
} bench_loop;

/* n_keep rows from the front, of which the head reads none. */
static dlx_result run_step(bench_loop *l, size_t start, size_t n, size_t n_keep)
{
    const dlx__model *m = &l->b->model->core;
    const int64_t block = m->hp.block_length.value;
    for (size_t i = 0; i < n; i++)
        l->ids[i] = (dlx_token)((start + i) * 7919 % m->hp.n_vocab);
    dlx__step step = {.ids = l->ids,
                      .n = n,
                      .start = start,
                      .n_kv = start,
                      .n_keep = n_keep,
                      .n_unread = n_keep,
                      .visibility = m->family->visibility,
                      .block = block > 0 ? (size_t)block : 1};
    return l->b->backend->step(l->backend, &step, l->b->err);
}

/* One pass: seconds of the whole, and of the head in it. */
static dlx_result time_pass(bench_loop *l, size_t context, size_t rows, double *seconds,
                            double *head_seconds)
{
    dlx__head head = {.rows = l->rows, .n = rows, .best_only = true, .stats = l->stats};
    double start = dlx__os_seconds();
    DLX__TRY(run_step(l, context, rows, 0));
    double middle = dlx__os_seconds();
    DLX__TRY(l->b->backend->head(l->backend, &head, l->b->err));
    double end = dlx__os_seconds();
    *seconds = end - start;
    *head_seconds = end - middle;
    return DLX_OK;
}

/* Gives every context its keys and values, a wide step at a time. */
static dlx_result fill_context(bench_loop *l)
{
    size_t longest = 0;
    for (size_t i = 0; i < l->b->n_contexts; i++)
        longest = dlx__max(longest, l->b->contexts[i]);
    for (size_t at = 0, n; at < longest; at += n) {
        n = dlx__min(l->b->n_step_rows, longest - at);
        DLX__TRY(dlx__bench_tell(l->b, "filling the context"));
        DLX__TRY(run_step(l, at, n, n));
    }
    return DLX_OK;
}

/* The first run of each pass: it says how often a round repeats it, and is not counted. */
static dlx_result warm_up(bench_loop *l)
{
    for (size_t i = 0; i < l->team->n_passes; i++) {
        dlx__bench_pass *p = &l->team->passes[i];
        double seconds, head_seconds;
        DLX__TRY(dlx__bench_tell(l->b, "warming up"));
        DLX__TRY(time_pass(l, p->context, p->rows, &seconds, &head_seconds));
        double repeats = seconds > 0 ? ROUND_SECONDS / seconds : MOST_REPEATS;
        p->n_repeats = repeats >= MOST_REPEATS ? MOST_REPEATS : dlx__max((size_t)repeats, 1);
    }
    return DLX_OK;
}

static dlx_result time_repeats(bench_loop *l, dlx__bench_pass *p)
{
    char what[80];
    snprintf(what, sizeof what, "%zu row%s over %zu", p->rows, p->rows == 1 ? "" : "s", p->context);
    DLX__TRY(dlx__bench_tell(l->b, what));
    for (size_t i = 0; i < p->n_repeats; i++) {
        double seconds, head_seconds;
        DLX__TRY(time_pass(l, p->context, p->rows, &seconds, &head_seconds));
        dlx__samples_add(&p->seconds, seconds);
        dlx__samples_add(&p->head_seconds, head_seconds);
    }
    l->b->n_done++;
    return DLX_OK;
}

static dlx_result run_probe(bench_loop *l, dlx__probe *probe)
{
    dlx__rates rates;
    DLX__TRY(dlx__bench_tell(l->b, "probing the machine"));
    dlx__probe_run(probe, &rates);
    for (int i = 0; i < DLX__N_READS; i++)
        dlx__samples_add(&l->team->read[i], rates.read[i]);
    for (int i = 0; i < DLX__N_PEAKS; i++)
        dlx__samples_add(&l->team->peak[i], rates.peak[i]);
    l->b->n_done++;
    return DLX_OK;
}

static dlx_result run_rounds(bench_loop *l)
{
    dlx__bench *b = l->b;
    dlx__probe *probe;
    dlx__probe_opts o = {.n_threads = l->team->n_threads,
                         .weights_bytes = (size_t)l->team->passes[0].work.bytes,
                         .layer_bytes = dlx__layer_bytes(&b->model->core, &b->arithmetic)};
    DLX__TRY(dlx__probe_open(&probe, &o, b->model->mem, b->err));
    l->team->instruction_set = dlx__probe_name(probe);
    dlx_result r = DLX_OK;
    for (size_t round = 0; round < b->n_rounds; round++) {
        DLX__GO(run_probe(l, probe));
        for (size_t i = 0; i < l->team->n_passes; i++)
            DLX__GO(time_repeats(l, &l->team->passes[i]));
    }
done:
    dlx__probe_free(probe);
    return r;
}

static dlx_result load(bench_loop *l)
{
    dlx__bench *b = l->b;
    dlx__backend_opts o = {.n_ctx = b->n_ctx,
                           .n_rows = b->n_step_rows,
                           .n_streams = 1,
                           .n_threads = l->team->n_threads,
                           .path = dlx__api_program_path(b->model),
                           .runtimes = &b->model->runtimes,
                           .mem = b->model->mem};
    dlx__arithmetic_apply(&b->arithmetic, &o);
    const double start = dlx__os_seconds();
    DLX__TRY(dlx__bench_tell(b, "loading"));
    DLX__TRY(b->backend->load(&l->backend, &b->model->core, &o, b->err));
    if (b->backend->runtime) {
        const char *runtime = dlx__arena_strdup(&b->arena, b->backend->runtime(l->backend));
        b->program.kernels = runtime ? runtime : b->program.kernels;
    }
    if (l->team == b->teams)
        b->load_seconds = b->model->open_seconds + dlx__os_seconds() - start;
    return DLX_OK;
}

static dlx_result time_all(bench_loop *l)
{
    dlx__bench *b = l->b;
    double head_seconds;
    DLX__TRY(load(l));
    if (l->team == b->teams)
        DLX__TRY(time_pass(l, 0, b->rows[0], &b->first_pass_seconds, &head_seconds));
    DLX__TRY(fill_context(l));
    DLX__TRY(warm_up(l));
    if (l->team == b->teams)
        b->peak_rss = dlx__os_peak_rss();
    return run_rounds(l);
}

static bool room_for_samples(dlx__samples *s, dlx__arena *arena, size_t n)
{
    *s = (dlx__samples){.capacity = n};
    s->at = dlx__arena_alloc(arena, n, sizeof *s->at);
    return s->at != NULL;
}

/* Everything the timing writes to, before it begins. */
static bool make_room(bench_loop *l)
{
    dlx__bench *b = l->b;
    dlx__bench_team *team = l->team;
    const size_t n = b->n_step_rows;
    dlx__arithmetic roof = b->arithmetic;
    bool ok = true;
    if (b->stored) /* integers of a program: rows are rounded as they come */
        roof.scheme = DLX__SCHEME_DYNAMIC;
    l->ids = dlx__arena_alloc(&b->arena, n, sizeof *l->ids);
    l->rows = dlx__arena_alloc(&b->arena, n, sizeof *l->rows);
    l->stats = dlx__arena_alloc(&b->arena, n, sizeof *l->stats);
    team->n_passes = b->n_contexts * b->n_rows;
    team->passes = dlx__arena_alloc(&b->arena, team->n_passes, sizeof *team->passes);
    if (!l->ids || !l->rows || !l->stats || !team->passes)
        return false;
    for (size_t i = 0; i < n; i++)
        l->rows[i] = i;
    for (int i = 0; i < DLX__N_READS; i++)
        ok = ok && room_for_samples(&team->read[i], &b->arena, b->n_rounds);
    for (int i = 0; i < DLX__N_PEAKS; i++)
        ok = ok && room_for_samples(&team->peak[i], &b->arena, b->n_rounds);
    for (size_t i = 0; i < team->n_passes; i++) {
        dlx__bench_pass *p = &team->passes[i];
        p->rows = b->rows[i % b->n_rows];
        p->context = b->contexts[i / b->n_rows];
        dlx__work_of_pass(&p->work, &b->model->core, &roof, b->stored, p->rows, p->context);
        ok = ok && room_for_samples(&p->seconds, &b->arena, b->n_rounds * MOST_REPEATS) &&
             room_for_samples(&p->head_seconds, &b->arena, b->n_rounds * MOST_REPEATS);
    }
    return ok;
}

dlx_result dlx__bench_passes(dlx__bench *b, dlx__bench_team *team)
{
    bench_loop l = {.b = b, .team = team};
    if (!make_room(&l))
        return dlx__fail(b->err, DLX_E_NOMEM, "out of memory while preparing to time passes");
    dlx_result r = time_all(&l);
    if (l.backend)
        b->backend->close(l.backend);
    return r;
}
