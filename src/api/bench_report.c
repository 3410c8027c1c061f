/* bench_report.c - what was measured, as JSON, with the machine, the build and the day. */
#include "api/bench.h"
#include "api/doctor.h"
#include "api/json_build.h"

#include <time.h>

static const double GIGA = 1e9, MILLI = 1e3;

static json_t *size_json(size_t n)
{
    return json_integer((json_int_t)n);
}

/* The type that most bytes of the matrices are stored as. */
static dlx__dtype main_type(const size_t bytes[DLX__N_DTYPES])
{
    int best = 0;
    for (int i = 1; i < DLX__N_DTYPES; i++)
        if (bytes[i] > bytes[best])
            best = i;
    return (dlx__dtype)best;
}

static void count_types(const dlx__model *m, size_t bytes[DLX__N_DTYPES], size_t *n_params)
{
    const dlx__weights *w = dlx__checkpoint_weights(&m->checkpoint);
    *n_params = 0;
    for (size_t i = 0; i < w->n; i++) {
        *n_params += dlx__tensor_elems(&w->tensors[i]);
        if (w->tensors[i].n_dims > 1)
            bytes[w->tensors[i].dtype] += w->tensors[i].n_bytes;
    }
}

/* What a program's matrices are, as dlx export names it. */
static json_t *program_report(const dlx__bench *b)
{
    const dlx__model *m = &b->model->core;
    return json_pack("{s:s, s:s, s:{s:I}, s:o}", "path", m->checkpoint.path, "family",
                     m->family->name, "types", b->program.weights,
                     (json_int_t)dlx__bench_weights_bytes(b), "n_params",
                     size_json(dlx__bench_program_params(b)));
}

static json_t *model_report(const dlx__model *m)
{
    size_t bytes[DLX__N_DTYPES] = {0}, n_params;
    json_t *types = json_object();
    bool ok = true;
    count_types(m, bytes, &n_params);
    for (int i = 0; i < DLX__N_DTYPES; i++)
        if (bytes[i])
            ok = ok && dlx__api_set(types, dlx__dtype_of((dlx__dtype)i)->name, size_json(bytes[i]));
    if (!ok) {
        json_decref(types);
        return NULL;
    }
    return json_pack("{s:s, s:s, s:o, s:o}", "path", m->checkpoint.path, "family", m->family->name,
                     "types", types, "n_params", size_json(n_params));
}

/* Of a program weights, kernels and scheme are its own, whatever a session is asked for. */
static json_t *arithmetic_report(const dlx__bench *b, const dlx__arithmetic *a)
{
    const dlx__bench_program *p = &b->program;
    return json_pack("{s:s, s:s, s:s?, s:s, s:s}", "weights",
                     p->weights ? p->weights : dlx__arithmetic_weights(a), "compute",
                     dlx__arithmetic_compute(a), "kernels", p->kernels ? p->kernels : a->kernels,
                     "scheme", p->scheme ? p->scheme : dlx__arithmetic_scheme(a), "kv_type",
                     dlx__arithmetic_kv_type(a));
}

/* ---- passes and probes ----------------------------------------------------------------------- */

static void best_rates(dlx__bench_team *t, dlx__rates *rates)
{
    for (int i = 0; i < DLX__N_READS; i++)
        rates->read[i] = dlx__samples_most(&t->read[i]);
    for (int i = 0; i < DLX__N_PEAKS; i++)
        rates->peak[i] = dlx__samples_most(&t->peak[i]);
}

/* Of programs the head is a part of the pass, which waits for it. */
static json_t *pass_report(const dlx__bench_team *t, dlx__bench_pass *p, bool is_program,
                           const char *type, const dlx__rates *rates)
{
    const double best = dlx__samples_least(&p->seconds);
    const double head = dlx__samples_least(&p->head_seconds);
    const double roof = dlx__work_roof(&p->work, rates);
    return json_pack("{s:o, s:o, s:s, s:i, s:f, s:f, s:o, s:f, s:o, s:f, s:f, s:o}", "rows",
                     size_json(p->rows), "context", size_json(p->context), "type", type, "threads",
                     t->n_threads, "ms_best", best * MILLI, "ms_median",
                     dlx__samples_median(&p->seconds) * MILLI, "ms_head",
                     is_program ? json_null() : json_real(head * MILLI), "ms_roof", roof * MILLI,
                     "fraction_of_roof", dlx__api_real(roof / best), "bytes", p->work.bytes, "ops",
                     dlx__work_ops(&p->work), "samples", size_json(p->seconds.n));
}

static json_t *passes_report(dlx__bench *b, dlx__dtype stored)
{
    const char *type = b->stored ? b->program.weights : dlx__multiplied_as(stored, &b->arithmetic);
    json_t *list = json_array();
    for (size_t t = 0; t < b->n_teams; t++) {
        dlx__rates rates;
        best_rates(&b->teams[t], &rates);
        for (size_t i = 0; i < b->teams[t].n_passes; i++)
            if (b->teams[t].passes[i].seconds.n)
                dlx__api_append(&list, pass_report(&b->teams[t], &b->teams[t].passes[i],
                                                   b->stored != NULL, type, &rates));
    }
    return list;
}

static json_t *probe_report(dlx__bench_team *t, dlx__peak peak)
{
    dlx__rates best;
    best_rates(t, &best);
    json_t *peaks = json_object();
    bool ok = true;
    for (int i = 0; i < DLX__N_PEAKS; i++)
        ok =
            ok && dlx__api_set(peaks, dlx__peak_name((dlx__peak)i), json_real(best.peak[i] / GIGA));
    if (!ok) {
        json_decref(peaks);
        return NULL;
    }
    return json_pack(
        "{s:i, s:s, s:f, s:f, s:f, s:f, s:f, s:f, s:o}", "threads", t->n_threads, "instruction_set",
        t->instruction_set, "read_gbs", best.read[DLX__READ_MEMORY] / GIGA, "read_gbs_median",
        dlx__samples_median(&t->read[DLX__READ_MEMORY]) / GIGA, "read_weights_gbs",
        best.read[DLX__READ_WEIGHTS] / GIGA, "read_layer_gbs", best.read[DLX__READ_LAYER] / GIGA,
        "peak_gops", best.peak[peak] / GIGA, "peak_gops_median",
        dlx__samples_median(&t->peak[peak]) / GIGA, "peaks_gops", peaks);
}

static json_t *probes_report(dlx__bench *b, dlx__dtype type)
{
    json_t *list = json_array();
    for (size_t t = 0; t < b->n_teams; t++)
        if (b->teams[t].instruction_set)
            dlx__api_append(&list, probe_report(&b->teams[t], dlx__peak_of(type, &b->arithmetic)));
    return list;
}

/* ---- generations ----------------------------------------------------------------------------- */

static double ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}

static json_t *run_report(const dlx__bench *b, dlx__bench_gen *g)
{
    const double best = dlx__samples_least(&g->seconds);
    const double decode = dlx__samples_least(&g->decode_seconds);
    const double tokens = (double)g->tokens;
    json_t *report = json_pack(
        "{s:s, s:o, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:o, s:o, s:o, s:o, s:o, s:i, s:s}",
        "name", g->run.name, "tokens", size_json(g->tokens), "tokens_per_second",
        ratio(tokens, best), "decode_tokens_per_second", ratio(tokens, decode), "passes_per_token",
        ratio((double)g->decode_passes, tokens), "rows_per_pass",
        ratio((double)g->decode_rows, (double)g->decode_passes), "first_token_seconds",
        dlx__samples_least(&g->first_seconds), "prefill_seconds",
        dlx__samples_least(&g->prefill_seconds), "seconds_best", best, "seconds_median",
        dlx__samples_median(&g->seconds), "passes", size_json(g->passes), "rows",
        size_json(g->rows), "decode_passes", size_json(g->decode_passes), "prompt_tokens",
        size_json(g->prompt_tokens), "prompts", size_json(b->n_prompts), "threads",
        g->run.n_threads, "backend", g->run.backend);
    if (!dlx__api_merge(report, arithmetic_report(b, &g->arithmetic))) {
        json_decref(report);
        return NULL;
    }
    if (!b->opts->exact)
        return report;
    bool is_exact = g == &b->gens[b->n_gens - 1];
    double agreement = is_exact ? 1 : ratio((double)g->n_same, (double)g->n_compared);
    json_t *more = json_pack("{s:f, s:o, s:o, s:o}", "agreement", agreement, "same_tokens",
                             size_json(is_exact ? g->tokens : g->n_same), "compared_tokens",
                             size_json(is_exact ? g->tokens : g->n_compared), "identical_answers",
                             size_json(is_exact ? b->n_prompts : g->n_identical));
    if (dlx__api_merge(report, more))
        return report;
    json_decref(report);
    return NULL;
}

static json_t *runs_report(dlx__bench *b)
{
    json_t *list = json_array();
    for (size_t i = 0; i < b->n_gens; i++)
        if (b->gens[i].seconds.n)
            dlx__api_append(&list, run_report(b, &b->gens[i]));
    return list;
}

/* ---- where and when -------------------------------------------------------------------------- */

static json_t *build_report(void)
{
#if defined(__clang__)
    const char *compiler = "clang " __clang_version__;
#elif defined(__GNUC__)
    const char *compiler = "gcc " __VERSION__;
#else
    const char *compiler = "unknown";
#endif
#if defined(__OPTIMIZE__)
    const bool optimized = true;
#else
    const bool optimized = false;
#endif
#if defined(NDEBUG)
    const bool assertions = false;
#else
    const bool assertions = true;
#endif
    return json_pack("{s:s, s:s, s:b, s:b}", "version", dlx_version(), "compiler", compiler,
                     "optimized", optimized, "assertions", assertions);
}

/*
 * Today in UTC, "2026-11-24". gmtime keeps its result in one place for all threads, so the calendar
 * is counted here: days from 1 March 0000, in cycles of 400 years.
 */
static json_t *date_report(void)
{
    const long long days = (long long)time(NULL) / 86400 + 719468;
    const long long cycle = days / 146097, day = days % 146097;
    const long long year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    const long long of_year = day - (365 * year + year / 4 - year / 100);
    const long long month = (5 * of_year + 2) / 153; /* from March */
    const long long of_month = of_year - (153 * month + 2) / 5 + 1;
    return json_sprintf("%04lld-%02lld-%02lld", cycle * 400 + year + (month >= 10),
                        month < 10 ? month + 3 : month - 9, of_month);
}

/* The team with the most threads, whose probe stands for the machine. */
static json_t *widest_probe(const dlx__bench *b, json_t *probes)
{
    size_t best = 0;
    for (size_t i = 1; i < json_array_size(probes); i++)
        if (b->teams[i].n_threads > b->teams[best].n_threads)
            best = i;
    json_t *probe = json_array_get(probes, best);
    return probe ? json_incref(probe) : json_null();
}

json_t *dlx__bench_report(dlx__bench *b, bool complete)
{
    const dlx__model *m = &b->model->core;
    size_t bytes[DLX__N_DTYPES] = {0}, n_params;
    count_types(m, bytes, &n_params);
    const dlx__dtype type = b->stored ? *b->stored : main_type(bytes);
    json_t *probes = probes_report(b, type);
    json_t *runs = runs_report(b);
    json_t *generate = json_array_get(runs, 0);
    json_t *report = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:f, s:f, s:o, s:I, s:o, s:o, s:o, s:o, s:b}", "model",
        b->stored ? program_report(b) : model_report(m), "passes", passes_report(b, type), "probe",
        widest_probe(b, probes), "probes", probes, "generate",
        generate ? json_incref(generate) : json_null(), "runs", runs, "load_seconds",
        b->load_seconds, "first_pass_seconds", b->first_pass_seconds, "peak_rss_bytes",
        size_json(b->peak_rss), "weights_bytes", (json_int_t)dlx__bench_weights_bytes(b),
        "kv_bytes", size_json(dlx__mul(dlx__arithmetic_kv_bytes(&b->arithmetic, m), b->n_ctx)),
        "machine", dlx__machine_report(), "build", build_report(), "date", date_report(),
        "complete", complete);
    if (dlx__api_merge(report, arithmetic_report(b, &b->arithmetic)))
        return report;
    json_decref(report);
    return NULL;
}
