/* compare_api.c - two models side by side: what their heads say, what they answer, how long it
 * takes. */
#include <dlx/quant.h>

#include "api/calibrate.h"
#include "api/json_build.h"
#include "api/jsonl.h"
#include "api/prompt_ids.h"
#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"
#include "quant/compare.h"

#include <string.h>

enum { DEFAULT_ANSWERS = 32, TIMED_ROWS = 8, TIMED_PASSES = 12 };

typedef struct job {
    const dlx_model *models[2];
    const char *schemes[2];
    const dlx_compare_opts *o;
    char *text; /* [n_text] of o->texts */
    size_t n_text;
    dlx__calibration passes;
    double start;
    double first, part; /* of the whole, what is running now: progress goes from `first` on */
    bool stopped;
} job;

/* Of what is running now `done` of `all` are behind us. */
static bool tell(void *user, size_t done, size_t all)
{
    job *j = user;
    const double part = j->first + j->part * (double)done / (double)all;
    const double passed = dlx__os_seconds() - j->start;
    const double left = part > 0 ? passed * (1 - part) / part : 0;
    if (j->o->on_progress && !j->o->on_progress(j->o->user, part, left))
        j->stopped = true;
    return !j->stopped;
}

/* What comes next is so much of the whole. */
static void begin_part(job *j, double part)
{
    j->first += j->part;
    j->part = part;
}

static dlx_result stopped(dlx_error *err)
{
    return dlx__fail(err, DLX_CANCELLED, "stopped by the caller");
}

/* ---- what the heads say -------------------------------------------------------------------- */

static double mean(double sum, size_t n)
{
    return n ? sum / (double)n : 0;
}

static json_t *divergence(const dlx__divergence *d)
{
    return json_pack("{s:I, s:o, s:o}", "rows", (json_int_t)d->n, "kl",
                     dlx__api_real(mean(d->kl, d->n)), "top1",
                     dlx__api_real(mean((double)d->n_same, d->n)));
}

static json_t *heads_json(const dlx__comparison *c)
{
    json_t *report = divergence(&c->all), *bands = json_array();
    bool ok = dlx__api_set(report, "kl_most", dlx__api_real(c->all.kl_most)) &&
              dlx__api_set(report, "open", divergence(&c->open));
    for (int i = 0; i < DLX__RATIO_BANDS; i++) {
        json_t *band = divergence(&c->bands[i]);
        ok = dlx__api_set(band, "up_to", dlx__api_real((i + 1) / (double)DLX__RATIO_BANDS)) && ok;
        dlx__api_append(&bands, band);
    }
    if (dlx__api_set(report, "by_ratio", bands) && ok)
        return report;
    json_decref(report);
    return NULL;
}

static dlx__scheme scheme_of(const char *name, const dlx_model *model)
{
    return name ? dlx__scheme_find(name) : model->core.scheme;
}

static dlx__compare_side side_of(const job *j, int s, dlx__kv_type kv_type)
{
    return (dlx__compare_side){&j->models[s]->core, scheme_of(j->schemes[s], j->models[s]),
                               kv_type};
}

static dlx_result compare_sides(job *j, dlx__comparison *found, dlx__compare_side a,
                                dlx__compare_side b, double part, dlx_error *err)
{
    const dlx__compare_opts opts = {
        .n_threads = j->o->n_threads, .progress = tell, .user = j, .mem = j->models[0]->mem};
    begin_part(j, part);
    return dlx__compare(found, &a, &b, &j->passes, &opts, err);
}

static dlx_result compare_heads(job *j, json_t **report, dlx_error *err)
{
    dlx__comparison found;
    DLX__TRY(compare_sides(j, &found, side_of(j, 0, DLX__KV_NONE), side_of(j, 1, DLX__KV_NONE), 0.4,
                           err));
    *report = heads_json(&found);
    return *report ? DLX_OK : dlx__fail_memory(err, "reporting", sizeof found);
}

/* ---- what smaller keys and values cost the second -------------------------------------------- */

static json_t *kv_json(const dlx_model *model, dlx__kv_type type, const dlx__comparison *found)
{
    const dlx__hparams *hp = &model->core.hp;
    const size_t bytes = 2 * hp->n_layers * hp->n_heads_kv * dlx__kv_row_bytes(type, hp->head_dim);
    json_t *json = divergence(&found->all);
    bool ok = dlx__api_set(json, "type", json_string(dlx__kv_type_name(type)));
    ok = dlx__api_set(json, "bytes", json_integer((json_int_t)bytes)) && ok;
    if (ok)
        return json;
    json_decref(json);
    return NULL;
}

static dlx_result compare_kv(job *j, json_t *report, dlx_error *err)
{
    json_t *list = json_array();
    dlx_result r = DLX_OK;
    for (int type = DLX__KV_BF16; type < DLX__N_KV_TYPES && r == DLX_OK; type++) {
        dlx__comparison found;
        r = compare_sides(j, &found, side_of(j, 1, DLX__KV_F32), side_of(j, 1, (dlx__kv_type)type),
                          0.1, err);
        if (r == DLX_OK)
            dlx__api_append(&list, kv_json(j->models[1], (dlx__kv_type)type, &found));
    }
    if (r == DLX_OK)
        return dlx__api_set(report, "kv", list) ? DLX_OK
                                                : dlx__fail_memory(err, "reporting", sizeof *j);
    json_decref(list);
    return r;
}

/* ---- how long a pass takes ----------------------------------------------------------------- */

static dlx_result time_pass(double *ms, const dlx__backend_class *class, dlx__backend *b,
                            const dlx__step *step, dlx_error *err)
{
    size_t rows[TIMED_ROWS];
    dlx__row_stat stats[TIMED_ROWS];
    for (size_t i = 0; i < step->n; i++)
        rows[i] = i;
    const dlx__head head = {.rows = rows, .n = step->n, .stats = stats};
    for (int i = 0; i < TIMED_PASSES; i++) {
        const double start = dlx__os_seconds();
        DLX__TRY(class->step(b, step, err));
        DLX__TRY(class->head(b, &head, err));
        const double took = 1e3 * (dlx__os_seconds() - start);
        *ms = i == 0 || took < *ms ? took : *ms;
    }
    return DLX_OK;
}

static dlx_result time_model(double *ms, const job *j, int side, dlx_error *err)
{
    const dlx_model *model = j->models[side];
    const dlx__backend_class *class = dlx__backend_find("cpu");
    const dlx__backend_opts opts = {.n_ctx = TIMED_ROWS,
                                    .n_rows = TIMED_ROWS,
                                    .n_streams = 1,
                                    .n_threads = j->o->n_threads,
                                    .scheme = scheme_of(j->schemes[side], model),
                                    .mem = model->mem};
    const dlx_token ids[TIMED_ROWS] = {0};
    const dlx__step step = {.ids = ids,
                            .n = TIMED_ROWS,
                            .visibility = model->core.family->visibility,
                            .block = TIMED_ROWS};
    dlx__backend *b;
    DLX__TRY(class->load(&b, &model->core, &opts, err));
    const dlx_result r = time_pass(ms, class, b, &step, err);
    class->close(b);
    return r;
}

/* ---- what they answer ---------------------------------------------------------------------- */

typedef struct answers {
    dlx_session *sessions[2];
    json_int_t n_prompts, n_tokens[2], n_passes[2], n_identical;
    size_t n_same, n_places;
} answers;

/* The places at which both have the same token, of as many as the longer has. */
static void count_same(answers *a, const dlx_token *x, size_t n_x, const dlx_token *y, size_t n_y)
{
    size_t same = 0;
    for (size_t i = 0; i < dlx__min(n_x, n_y); i++)
        same += x[i] == y[i];
    a->n_same += same;
    a->n_places += dlx__max(n_x, n_y);
    a->n_identical += same == n_x && n_x == n_y;
}

static dlx_result answer(answers *a, const dlx_token *ids, size_t n, dlx_error *err)
{
    dlx_gen_result results[2];
    for (int s = 0; s < 2; s++) {
        DLX__TRY(dlx_generate(a->sessions[s], ids, n, NULL, &results[s], err));
        a->n_tokens[s] += (json_int_t)results[s].n_ids;
        a->n_passes[s] += (json_int_t)results[s].passes;
    }
    a->n_prompts++;
    count_same(a, results[0].ids, results[0].n_ids, results[1].ids, results[1].n_ids);
    return DLX_OK;
}

/* Prompts that leave no room for an answer are passed over. */
static bool fits(const answers *a, size_t n)
{
    for (int s = 0; s < 2; s++) {
        dlx_gen_opts defaults;
        dlx_gen_init(a->sessions[s]->model, &defaults);
        if (dlx_gen_positions(a->sessions[s]->model, &defaults, n) > a->sessions[s]->n_ctx)
            return false;
    }
    return true;
}

static dlx_result answer_line(job *j, answers *a, const dlx__jsonl *in, dlx_error *err)
{
    json_t *line;
    dlx_token *ids;
    size_t n;
    DLX__TRY(dlx__jsonl_parse(&line, in, j->o->texts, err));
    const char *prompt = json_string_value(json_object_get(line, "prompt"));
    dlx_result r = DLX_OK;
    if (prompt) {
        r = dlx__api_prompt_ids(j->models[0], prompt, j->o->raw, &ids, &n, err);
        if (r == DLX_OK) {
            if (fits(a, n))
                r = answer(a, ids, n, err);
            dlx_free(j->models[0], ids);
        }
    }
    json_decref(line);
    return r;
}

static dlx_result answer_lines(job *j, answers *a, dlx_error *err)
{
    const size_t most = j->o->n_answers ? j->o->n_answers : DEFAULT_ANSWERS;
    dlx__jsonl in = dlx__jsonl_of(j->text, j->n_text);
    while ((size_t)a->n_prompts < most && dlx__jsonl_next(&in)) {
        DLX__TRY(answer_line(j, a, &in, err));
        if (!tell(j, (size_t)a->n_prompts, most))
            return stopped(err);
    }
    return DLX_OK;
}

static dlx_result open_sessions(const job *j, answers *a, dlx_error *err)
{
    for (int s = 0; s < 2; s++) {
        const dlx_session_opts opts = {
            .size = sizeof opts, .n_threads = j->o->n_threads, .scheme = j->schemes[s]};
        DLX__TRY(dlx_session_open(&a->sessions[s], j->models[s], &opts, err));
    }
    return DLX_OK;
}

static json_t *answers_json(const answers *a)
{
    return json_pack("{s:I, s:[I, I], s:[I, I], s:o, s:I}", "prompts", a->n_prompts, "tokens",
                     a->n_tokens[0], a->n_tokens[1], "passes", a->n_passes[0], a->n_passes[1],
                     "same", dlx__api_real(mean((double)a->n_same, a->n_places)), "identical",
                     a->n_identical);
}

static dlx_result compare_answers(job *j, json_t *report, dlx_error *err)
{
    if (!dlx__jsonl_is_named(j->o->texts))
        return DLX_OK;
    answers a = {0};
    begin_part(j, 1 - j->first - j->part);
    dlx_result r = open_sessions(j, &a, err);
    if (r == DLX_OK)
        r = answer_lines(j, &a, err);
    for (int s = 0; s < 2; s++)
        dlx_session_free(a.sessions[s]);
    DLX__TRY(r);
    if (a.n_prompts == 0) /* texts alone, or prompts without room for an answer */
        return DLX_OK;
    return dlx__api_set(report, "answers", answers_json(&a))
               ? DLX_OK
               : dlx__fail_memory(err, "reporting", sizeof a);
}

/* ---- the report ---------------------------------------------------------------------------- */

static size_t weight_bytes(const dlx_model *model)
{
    const dlx__graph *g = &model->core.graph;
    size_t n = 0;
    for (size_t i = 0; i < g->n; i++) {
        const dlx__node *node = &g->nodes[i];
        const bool tied = i == g->logits && node->weight == g->nodes[g->embedded].weight;
        n += node->weight && !tied ? node->weight->n_bytes : 0;
        n += node->bias ? node->bias->n_bytes : 0;
    }
    return n;
}

static dlx_result fill(job *j, json_t **report, dlx_error *err)
{
    DLX__TRY(dlx__os_read_file(&j->text, &j->n_text, j->o->texts, DLX__JSONL_MAX_BYTES,
                               j->models[0]->mem, err));
    const dlx__api_texts texts = {.path = j->o->texts,
                                  .bytes = j->text,
                                  .n_bytes = j->n_text,
                                  .raw = j->o->raw,
                                  .n_texts = j->o->n_texts,
                                  .n_positions = j->o->n_positions,
                                  .seed = j->o->seed};
    double ms[2] = {0, 0};
    DLX__TRY(dlx__api_calibration(&j->passes, j->models[0], &texts, err));
    DLX__TRY(compare_heads(j, report, err));
    DLX__TRY(compare_kv(j, *report, err));
    for (int s = 0; s < 2; s++)
        DLX__TRY(time_model(&ms[s], j, s, err));
    DLX__TRY(compare_answers(j, *report, err));
    const bool ok = dlx__api_merge(
        *report, json_pack("{s:[I, I], s:[f, f]}", "bytes", (json_int_t)weight_bytes(j->models[0]),
                           (json_int_t)weight_bytes(j->models[1]), "pass_ms", ms[0], ms[1]));
    return ok ? DLX_OK : dlx__fail_memory(err, "reporting", sizeof ms);
}

dlx_result dlx_compare_models(const dlx_model *a, const dlx_model *b, const dlx_compare_opts *opts,
                              char **json, dlx_error *err)
{
    *json = NULL;
    if (!opts || !opts->texts)
        return dlx__fail(err, DLX_E_ARG, "comparing models needs texts: name a file of them");
    job j = {.models = {a, b}, .schemes = {opts->scheme_a, opts->scheme_b}, .o = opts};
    json_t *report = NULL;
    j.start = dlx__os_seconds();
    for (int s = 0; s < 2; s++) {
        DLX__TRY(dlx__api_need_core(j.models[s], "comparing models", err));
        if (!j.models[s]->core.has_weights)
            return dlx__fail(err, DLX_E_ARG,
                             "%s: comparing models needs the weights, found its shapes only",
                             j.models[s]->core.checkpoint.path);
        if (j.schemes[s] && dlx__scheme_find(j.schemes[s]) == DLX__SCHEME_NONE)
            return dlx__fail(err, DLX_E_ARG, "scheme: unknown name '%s'", j.schemes[s]);
    }
    const dlx_result r = fill(&j, &report, err);
    dlx__calibration_release(&j.passes);
    dlx__free(a->mem, j.text);
    if (r != DLX_OK) {
        json_decref(report);
        return r;
    }
    return dlx__api_json_text(report, a->mem, json, err);
}
