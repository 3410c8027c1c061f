/*
 * bench_generate.c - whole answers. In every round each setting answers every prompt, one setting
 * after the other, so that slow minutes hit all of them. Every answer computes its whole prompt.
 * The exact decode is what the others' tokens are held against; it runs once.
 */
#include "api/bench.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"

#include <string.h>

/* The exact decode is the last one, where there is one. */
static dlx__bench_gen *exact_of(dlx__bench *b)
{
    return &b->gens[b->n_gens - 1];
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

/* Positions of the longest answer of all. */
static size_t positions(const dlx__bench *b)
{
    size_t most = 1;
    for (size_t i = 0; i < b->n_gens; i++)
        for (size_t j = 0; j < b->n_prompts; j++)
            most = dlx__max(most, dlx_gen_positions(b->model, b->gens[i].run.gen, b->prompts[j].n));
    return most;
}

static dlx_result open_session(dlx__bench *b, dlx__bench_gen *g, size_t n_ctx)
{
    for (dlx__bench_gen *other = b->gens; other < g; other++) {
        if (same_text(other->run.backend, g->run.backend) &&
            other->run.n_threads == g->run.n_threads &&
            dlx__arithmetic_same(&other->arithmetic, &g->arithmetic)) {
            g->session = other->session;
            return DLX_OK;
        }
    }
    dlx_session_opts o = {.size = sizeof o,
                          .backend = g->run.backend,
                          .n_ctx = n_ctx,
                          .n_threads = g->run.n_threads,
                          .weights = g->run.weights,
                          .compute = g->run.compute,
                          .scheme = g->run.scheme,
                          .kv_type = g->run.kv_type,
                          .kernels = g->run.kernels};
    g->owns_session = true;
    return dlx_session_open(&g->session, b->model, &o, b->err);
}

void dlx__bench_close_sessions(dlx__bench *b)
{
    for (size_t i = 0; i < b->n_gens; i++)
        if (b->gens[i].owns_session)
            dlx_session_free(b->gens[i].session);
}

/* ---- agreement ------------------------------------------------------------------------------- */

static dlx_result keep_answer(dlx__bench *b, dlx__bench_gen *g, size_t prompt,
                              const dlx_gen_result *result)
{
    dlx_token *ids = dlx__arena_alloc(&b->arena, result->n_ids, sizeof *ids);
    if (!ids)
        return dlx__fail_memory(b->err, "keeping an answer", result->n_ids * sizeof *ids);
    if (result->n_ids)
        memcpy(ids, result->ids, result->n_ids * sizeof *ids);
    g->answers[prompt] = ids;
    g->n_answers[prompt] = result->n_ids;
    return DLX_OK;
}

/* Places with the same token; a place that only one of the two answers has counts as different. */
static void compare(dlx__bench_gen *g, const dlx__bench_gen *exact, size_t prompt,
                    const dlx_gen_result *result)
{
    const size_t n_exact = exact->n_answers[prompt];
    const size_t n = dlx__min(n_exact, result->n_ids);
    size_t n_same = 0;
    for (size_t i = 0; i < n; i++)
        n_same += exact->answers[prompt][i] == result->ids[i];
    const size_t n_all = dlx__max(n_exact, result->n_ids);
    g->n_same += n_same;
    g->n_compared += n_all;
    g->n_identical += n_same == n_all;
}

/* ---- rounds ---------------------------------------------------------------------------------- */

/* One round of one setting: sums over the prompts. */
typedef struct bench_round {
    dlx__bench *b;
    dlx__bench_gen *g;
    bool first;     /* its counts are those of all: nothing is random between them */
    double began;   /* the answer in work */
    double prefill; /* seconds of its prefill so far */
    size_t last_pass;
    size_t decode_passes, decode_rows; /* of the denoiser and of commits */
    double seconds, first_seconds, prefill_seconds;
} bench_round;

/* A pass may have a part of each kind: it then tells of them one after the other. */
static bool on_event(void *user, const dlx_event *event)
{
    bench_round *r = user;
    if (event->kind == DLX_EV_PASS && event->pass_kind == DLX_PASS_PREFILL) {
        r->prefill = dlx__os_seconds() - r->began;
    } else if (event->kind == DLX_EV_PASS) {
        r->decode_passes += event->pass != r->last_pass;
        r->decode_rows += event->rows;
        r->last_pass = event->pass;
    }
    return dlx__bench_tell(r->b, "generating") == DLX_OK;
}

static void add_counts(bench_round *r, const dlx_gen_result *result)
{
    r->g->tokens += result->n_ids;
    r->g->passes += result->passes;
    r->g->rows += result->rows;
    r->g->prompt_tokens += result->n_prompt;
}

static dlx_result answer(bench_round *r, size_t prompt)
{
    dlx__bench *b = r->b;
    dlx__bench_gen *g = r->g;
    const dlx_bench_prompt *p = &b->prompts[prompt];
    dlx_gen_opts opts = *g->run.gen;
    dlx_gen_result result;
    opts.on_event = on_event;
    opts.event_user = r;
    dlx__engine_forget(g->session->engine);
    r->began = dlx__os_seconds();
    r->prefill = 0;
    r->last_pass = SIZE_MAX;
    dlx_result failure = dlx_generate(g->session, p->ids, p->n, &opts, &result, b->err);
    if (failure != DLX_OK) {
        if (failure != DLX_CANCELLED)
            dlx__fail_prefix(b->err, g->run.name);
        return failure;
    }
    r->seconds += result.seconds;
    r->first_seconds += result.first_token_seconds;
    r->prefill_seconds += r->prefill;
    b->n_done++;
    if (!r->first)
        return DLX_OK;
    add_counts(r, &result);
    if (!b->opts->exact)
        return DLX_OK;
    if (g == exact_of(b))
        return keep_answer(b, g, prompt, &result);
    compare(g, exact_of(b), prompt, &result);
    return DLX_OK;
}

static dlx_result run_round(dlx__bench *b, dlx__bench_gen *g, bool first)
{
    bench_round r = {.b = b, .g = g, .first = first};
    for (size_t i = 0; i < b->n_prompts; i++)
        DLX__TRY(answer(&r, i));
    dlx__samples_add(&g->seconds, r.seconds);
    dlx__samples_add(&g->first_seconds, r.first_seconds / (double)b->n_prompts);
    dlx__samples_add(&g->prefill_seconds, r.prefill_seconds);
    dlx__samples_add(&g->decode_seconds, r.seconds - r.prefill_seconds);
    if (first) {
        g->decode_passes = r.decode_passes;
        g->decode_rows = r.decode_rows;
    }
    return DLX_OK;
}

static bool room_for(dlx__bench *b, dlx__samples *s)
{
    *s = (dlx__samples){.capacity = b->n_rounds};
    s->at = dlx__arena_alloc(&b->arena, b->n_rounds, sizeof *s->at);
    return s->at != NULL;
}

static bool make_room(dlx__bench *b)
{
    for (size_t i = 0; i < b->n_gens; i++) {
        dlx__bench_gen *g = &b->gens[i];
        g->answers = dlx__arena_alloc(&b->arena, b->n_prompts, sizeof *g->answers);
        g->n_answers = dlx__arena_alloc(&b->arena, b->n_prompts, sizeof *g->n_answers);
        if (!room_for(b, &g->seconds) || !room_for(b, &g->first_seconds) ||
            !room_for(b, &g->prefill_seconds) || !room_for(b, &g->decode_seconds) || !g->answers ||
            !g->n_answers)
            return false;
    }
    return true;
}

dlx_result dlx__bench_generate(dlx__bench *b)
{
    if (!make_room(b))
        return dlx__fail(b->err, DLX_E_NOMEM, "out of memory while preparing to generate");
    const size_t n_ctx = positions(b);
    for (size_t i = 0; i < b->n_gens; i++)
        DLX__TRY(open_session(b, &b->gens[i], n_ctx));
    if (b->opts->exact)
        DLX__TRY(run_round(b, exact_of(b), true));
    for (size_t round = 0; round < b->n_rounds; round++)
        for (size_t i = 0; i < b->opts->n_runs; i++)
            DLX__TRY(run_round(b, &b->gens[i], round == 0));
    return DLX_OK;
}
