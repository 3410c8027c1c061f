/* quantize_api.c - from names and files to the quantizer's options. */
#include <dlx/quant.h>

#include "api/calibrate.h"
#include "api/gguf_file.h"
#include "api/json_build.h"
#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"
#include "quant/quantizer.h"

#include <stdio.h>
#include <string.h>

typedef struct job {
    const dlx_quantize_opts *o;
    dlx__quantize_opts q;
    dlx__keep *keeps;
    char **patterns; /* [n_keep], of keeps */
    dlx__calibration calibration;
    dlx__ranges ranges;
    dlx__observer_spec spec;         /* of ranges */
    dlx__observer_set seen, earlier; /* likewise */
    double start;
} job;

/* ---- names --------------------------------------------------------------------------------- */

static bool find_type(dlx__dtype *out, const char *name)
{
    for (int i = 0; i < DLX__N_DTYPES; i++)
        if (strcmp(dlx__dtype_of((dlx__dtype)i)->name, name) == 0) {
            *out = (dlx__dtype)i;
            return true;
        }
    return false;
}

static dlx_result unknown_type(const char *option, const char *more, const char *name,
                               dlx_error *err)
{
    return dlx__fail(err, DLX_E_ARG,
                     "%s: expected f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q4_k, q5_k%s, "
                     "found %s",
                     option, more, *name ? name : "nothing");
}

static const char *type_name(const job *j)
{
    return j->o->type ? j->o->type : "q8_0";
}

static dlx_result read_type(job *j, dlx_error *err)
{
    const char *name = type_name(j);
    dlx__rules *rules = &j->q.rules;
    rules->mixed = strcmp(name, "mixed") == 0;
    rules->type = DLX__Q4_K;
    return rules->mixed || find_type(&rules->type, name)
               ? DLX_OK
               : unknown_type("type", ", q6_k or mixed", name, err);
}

static dlx_result read_portable(job *j, dlx_error *err)
{
    const bool fits = j->q.rules.type == DLX__Q4_0 && !j->q.rules.mixed;
    if (strcmp(j->o->scales, "portable") != 0)
        return dlx__fail(err, DLX_E_ARG, "scales: expected own or portable, found %s",
                         j->o->scales);
    if (!fits)
        return dlx__fail(err, DLX_E_ARG,
                         "scales portable: expected the type q4_0, which int4 programs can take as "
                         "it is, found %s",
                         type_name(j));
    if (j->o->per_channel || (j->o->group != 0 && j->o->group != 32))
        return dlx__fail(err, DLX_E_ARG,
                         "scales portable: expected groups of 32, which int4 programs have, found "
                         "%s: leave it out",
                         j->o->per_channel ? "one scale a channel" : "another group");
    j->q.rules.group = DLX__GRID_PORTABLE;
    return DLX_OK;
}

static dlx_result read_group(job *j, dlx_error *err)
{
    const dlx__dtype type = j->q.rules.type;
    const size_t group = j->o->group == 32 ? 0 : j->o->group;
    if (group != 0 && j->o->per_channel)
        return dlx__fail(err, DLX_E_ARG,
                         "group %zu: a scale for each channel is one for all its "
                         "inputs: leave one of the two out",
                         group);
    if (j->o->scales && strcmp(j->o->scales, "own") != 0)
        return read_portable(j, err);
    if (group != 0 && group != 64 && group != 128 && group != 256)
        return dlx__fail(err, DLX_E_ARG, "group: expected 32, 64, 128 or 256, found %zu", group);
    j->q.rules.group = j->o->per_channel ? DLX__GRID_ROW : group ? group : DLX__GRID_OWN;
    if (j->q.rules.group == DLX__GRID_OWN)
        return DLX_OK;
    if (dlx__grid_width(type) == 32 && dlx__dtype_of(type)->block_elems == 32)
        return DLX_OK;
    return dlx__fail(err, DLX_E_ARG,
                     "%s: expected one of the types q8_0, q4_0, q4_1, q5_0 and q5_1, of which more "
                     "inputs can share a scale, found %s",
                     j->o->per_channel ? "per channel" : "group", type_name(j));
}

/* "PATTERN=TYPE" */
static dlx_result read_keep(job *j, size_t i, dlx_error *err)
{
    const char *text = j->o->keep[i], *equals = strrchr(text, '=');
    if (!equals || equals == text)
        return dlx__fail(err, DLX_E_ARG, "keep: expected PATTERN=TYPE, found %s", text);
    if (!find_type(&j->keeps[i].type, equals + 1))
        return unknown_type("keep", " or q6_k", equals + 1, err);
    j->patterns[i] = dlx__strndup(j->q.mem, text, (size_t)(equals - text));
    j->keeps[i].pattern = j->patterns[i];
    return j->patterns[i] ? DLX_OK : dlx__fail_memory(err, "reading options", strlen(text));
}

static dlx_result read_keeps(job *j, dlx_error *err)
{
    const size_t n = j->o->n_keep;
    if (n == 0)
        return DLX_OK;
    j->keeps = dlx__alloc_zero(j->q.mem, n, sizeof *j->keeps);
    j->patterns = dlx__alloc_zero(j->q.mem, n, sizeof *j->patterns);
    if (!j->keeps || !j->patterns)
        return dlx__fail_memory(err, "reading options", n * sizeof *j->keeps);
    for (size_t i = 0; i < n; i++)
        DLX__TRY(read_keep(j, i, err));
    j->q.rules.keeps = j->keeps;
    j->q.rules.n_keeps = n;
    return DLX_OK;
}

static dlx_result read_how(job *j, dlx_error *err)
{
    const char *scheme = j->o->scheme ? j->o->scheme : "dynamic";
    const char *method = j->o->method ? j->o->method : "rtn";
    j->q.scheme = dlx__scheme_find(scheme);
    if (j->q.scheme == DLX__SCHEME_NONE)
        return dlx__fail(
            err, DLX_E_ARG,
            "scheme: expected weight-only, dynamic, dynamic-row, dynamic-affine, static, "
            "static16 or static-affine, found %s",
            scheme);
    if (!dlx__method_find(&j->q.method, method))
        return dlx__fail(err, DLX_E_ARG, "method: expected rtn, awq, gptq or awq-gptq, found %s",
                         method);
    return DLX_OK;
}

/* ---- ranges -------------------------------------------------------------------------------- */

/* The first file becomes `earlier`, the others are merged into it. */
static dlx_result load_one(job *j, const dlx__model *m, const char *path, dlx_error *err)
{
    const bool first = j->earlier.n == 0;
    dlx__observer_set one;
    dlx__observer_set *set = first ? &j->earlier : &one;
    dlx__observer_set_init(&one, j->q.mem);
    DLX__TRY(dlx__observer_set_load(set, path, err));
    dlx_result r = dlx__ranges_check(set, m, err);
    if (r == DLX_OK && dlx__ranges_have_outputs(set) != dlx__ranges_have_outputs(&j->earlier))
        r = dlx__fail(err, DLX_E_MISMATCH,
                      "expected the ranges of results in both files or in none, found them in %s "
                      "alone; observe the texts of the other again, with --scheme static",
                      dlx__ranges_have_outputs(set) ? path : j->o->observed[0]);
    if (r == DLX_OK && !first)
        r = dlx__observer_set_merge(&j->earlier, &one, err);
    dlx__observer_set_release(&one);
    if (r != DLX_OK)
        dlx__fail_prefix(err, path);
    return r;
}

static dlx_result load_observed(job *j, const dlx__model *m, dlx_error *err)
{
    for (size_t i = 0; i < j->o->n_observed; i++)
        DLX__TRY(load_one(j, m, j->o->observed[i], err));
    return DLX_OK;
}

static dlx_result read_observer(job *j, dlx_error *err)
{
    const char *name = j->o->observer ? j->o->observer : "mse";
    const int kind = dlx__observer_kind_find(name);
    if (kind < 0)
        return dlx__fail(err, DLX_E_ARG,
                         "observer: expected minmax, moving_average, percentile or mse, found %s",
                         name);
    j->spec.kind = (dlx__observer_kind)kind;
    if (j->o->observer && j->earlier.n > 0 && j->earlier.items[0]->spec.kind != j->spec.kind)
        return dlx__fail(
            err, DLX_E_ARG, "observer: expected %s, of which %s is, found %s: leave it out",
            dlx__observer_kind_text(j->earlier.items[0]->spec.kind), j->o->observed[0], name);
    if (!j->o->observer && j->earlier.n > 0) { /* as the earlier ones are, of all channels */
        j->spec = j->earlier.items[0]->spec;
        j->spec.group = 0;
    }
    return DLX_OK;
}

static dlx_result read_ranges(job *j, const dlx__model *m, const char *path, dlx_error *err)
{
    const dlx_quantize_opts *o = j->o;
    if (!dlx__scheme_is_recorded(j->q.scheme)) {
        if (!o->observer && o->n_observed == 0 && !o->observations)
            return DLX_OK;
        return dlx__fail(
            err, DLX_E_ARG,
            "%s: only the schemes static, static16 and static-affine observe ranges, found "
            "%s",
            o->observer       ? "observer"
            : o->observations ? "observations"
                              : "observed",
            dlx__scheme_name(j->q.scheme));
    }
    if (o->observations && strcmp(o->observations, path) == 0)
        return dlx__fail(err, DLX_E_ARG, "%s: the model and its observations need a file each",
                         path);
    DLX__TRY(load_observed(j, m, err));
    DLX__TRY(read_observer(j, err));
    const bool before = j->earlier.n == 0 || dlx__ranges_have_outputs(&j->earlier);
    if (!before && j->q.scheme == DLX__SCHEME_STATIC_AFFINE)
        return dlx__fail(err, DLX_E_MISMATCH,
                         "%s: expected what products write, which static-affine needs, found "
                         "nothing of it; observe these texts again, with --scheme static",
                         o->observed[0]);
    j->ranges = (dlx__ranges){.spec = &j->spec,
                              .seen = &j->seen,
                              .earlier = o->n_observed ? &j->earlier : NULL,
                              .outputs = before && j->q.scheme != DLX__SCHEME_STATIC16};
    j->q.ranges = &j->ranges;
    return DLX_OK;
}

/* ---- progress ------------------------------------------------------------------------------ */

static bool on_progress(void *user, size_t done, size_t all)
{
    const job *j = user;
    const double part = all ? (double)done / (double)all : 1;
    const double passed = dlx__os_seconds() - j->start;
    return !j->o->on_progress ||
           j->o->on_progress(j->o->user, part, part > 0 ? passed * (1 - part) / part : 0);
}

/* ---- the call ------------------------------------------------------------------------------ */

static dlx_result prepare(job *j, const dlx_model *model, const char *path, dlx_error *err)
{
    DLX__TRY(dlx__api_need_core(model, "quantizing", err));
    if (!model->core.has_weights)
        return dlx__fail(err, DLX_E_ARG, "%s: quantizing needs the weights, found %s",
                         model->core.checkpoint.path,
                         dlx__api_program_backend(model)
                             ? "an exported program; name the model that it was made "
                               "from"
                             : "its shapes only");
    j->q.rules.all = j->o->all;
    DLX__TRY(read_type(j, err));
    DLX__TRY(read_group(j, err));
    DLX__TRY(read_keeps(j, err));
    DLX__TRY(read_how(j, err));
    DLX__TRY(read_ranges(j, &model->core, path, err));
    const dlx__keep *unused = dlx__rules_unused(&j->q.rules, &model->core);
    if (unused)
        return dlx__fail(err, DLX_E_ARG,
                         "keep: no matrix is left for the pattern %s: names are as in %s (dlx "
                         "inspect shows those of a GGUF file), and the first pattern that fits "
                         "counts",
                         unused->pattern, "blk.0.attn_q.weight");
    const bool learns = j->q.method != DLX__METHOD_RTN || dlx__scheme_is_recorded(j->q.scheme);
    if (!j->o->calibrate || !learns)
        return DLX_OK;
    const dlx__api_texts texts = {.path = j->o->calibrate,
                                  .raw = j->o->raw,
                                  .n_texts = j->o->n_texts,
                                  .n_positions = j->o->n_positions,
                                  .seed = j->o->seed};
    DLX__TRY(dlx__api_calibration(&j->calibration, model, &texts, err));
    j->q.calibration = &j->calibration;
    return DLX_OK;
}

static void release(job *j)
{
    for (size_t i = 0; j->patterns && i < j->o->n_keep; i++)
        dlx__free(j->q.mem, j->patterns[i]);
    dlx__free(j->q.mem, j->patterns);
    dlx__free(j->q.mem, j->keeps);
    dlx__calibration_release(&j->calibration);
    dlx__observer_set_release(&j->seen);
    dlx__observer_set_release(&j->earlier);
}

static json_t *options_json(const job *j)
{
    const dlx__calibration *c = &j->calibration;
    size_t n_masked = 0;
    for (size_t i = 0; i < c->n_rows; i++)
        n_masked += c->ids[i] == c->mask;
    json_t *calibration =
        j->q.calibration ? json_pack("{s:I, s:I, s:I}", "passes", (json_int_t)c->n_passes, "rows",
                                     (json_int_t)c->n_rows, "masked", (json_int_t)n_masked)
                         : json_null();
    return json_pack("{s:s, s:s, s:s, s:f, s:o}", "type", type_name(j), "scheme",
                     dlx__scheme_name(j->q.scheme), "method", dlx__method_name(j->q.method),
                     "seconds", dlx__os_seconds() - j->start, "calibration", calibration);
}

static dlx_result save_observations(const job *j, const char *path, dlx_error *err)
{
    const dlx_result r = dlx__observer_set_save(&j->seen, j->o->observations, err);
    char what[320];
    snprintf(what, sizeof what, "%.240s is written, what was observed is not", path);
    if (r != DLX_OK)
        dlx__fail_prefix(err, what);
    return r;
}

dlx_result dlx_quantize(const dlx_model *model, const char *path, const dlx_quantize_opts *opts,
                        char **report, dlx_error *err)
{
    static const dlx_quantize_opts defaults = {.size = sizeof defaults};
    job j = {.o = opts ? opts : &defaults, .start = dlx__os_seconds()};
    json_t *found = NULL;
    j.q = (dlx__quantize_opts){
        .n_threads = j.o->n_threads, .progress = on_progress, .user = &j, .mem = model->mem};
    dlx__observer_set_init(&j.seen, model->mem);
    dlx__observer_set_init(&j.earlier, model->mem);
    if (report)
        *report = NULL;
    dlx_result r = prepare(&j, model, path, err);
    if (r == DLX_OK)
        r = dlx__api_write_gguf(model, path, &j.q, report ? &found : NULL, err);
    if (r == DLX_OK && j.o->observations)
        r = save_observations(&j, path, err);
    if (r == DLX_OK && report) {
        if (!dlx__api_merge(found, options_json(&j))) {
            json_decref(found);
            found = NULL;
        }
        r = dlx__api_json_text(found, model->mem, report, err);
    }
    release(&j);
    return r;
}
