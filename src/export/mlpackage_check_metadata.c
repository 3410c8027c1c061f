/*
 * mlpackage_check_metadata.c - what the specification tells programs that read no GGUF, against
 * the model and the functions: the keys of ml_model.c.
 */
#include "export/mlpackage_check.h"

#include "base/fail.h"
#include "export/exporter.h"
#include "export/ml_lower.h"
#include "export/ml_package.h"
#include "export/ml_target.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUE_ROOM = DLX__MAX_STOP_IDS * 12 + 1 };

typedef struct checker {
    const dlx__mlpackage_file *f;
    const char *path;
    size_t n_known; /* keys that were looked at */
    dlx_result result;
    dlx_error *err;
} checker;

const char *dlx__mlpackage_metadata(const dlx__mlpackage_file *f, const char *key)
{
    for (size_t i = 0; i < f->n_metadata; i++)
        if (strcmp(f->metadata[i].key, key) == 0)
            return f->metadata[i].value;
    return NULL;
}

dlx__mlpackage_kept dlx__mlpackage_kept_of(const dlx__mlpackage_file *f)
{
    const char *cache = dlx__mlpackage_metadata(f, "dlx.cache");
    const char *n_ctx = dlx__mlpackage_metadata(f, "dlx.n_ctx");
    const bool keeps = cache && strcmp(cache, "none") != 0;
    return (dlx__mlpackage_kept){.n_ctx = keeps && n_ctx ? (size_t)strtoull(n_ctx, NULL, 10) : 0,
                                 .states = cache && strcmp(cache, "state") == 0};
}

static void misfit(checker *c, const char *key, const char *wanted, const char *found)
{
    if (c->result == DLX_OK)
        c->result = dlx__fail(c->err, DLX_E_MISMATCH,
                              "%s: expected the metadata %.60s to be %.200s, found %.200s; write "
                              "the package again with dlx export",
                              c->path, key, wanted, found ? found : "none");
}

static void expect(checker *c, const char *key, const char *wanted)
{
    const char *found = dlx__mlpackage_metadata(c->f, key);
    c->n_known++;
    if (!found || strcmp(found, wanted) != 0)
        misfit(c, key, wanted, found);
}

static void expect_int(checker *c, const char *key, int64_t wanted)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)wanted);
    expect(c, key, text);
}

/* Not there where the model has none. */
static void expect_fact(checker *c, const char *key, int64_t wanted)
{
    if (wanted >= 0)
        expect_int(c, key, wanted);
}

static void expect_real(checker *c, const char *key, const char *format_of, double wanted)
{
    char text[32];
    if (strcmp(format_of, "%g") == 0)
        snprintf(text, sizeof text, "%g", wanted);
    else
        snprintf(text, sizeof text, "%.9g", wanted);
    expect(c, key, text);
}

/* ---- what was chosen at export --------------------------------------------------------------- */

static void expect_one_of(checker *c, const char *key, const char *const *words)
{
    const char *found = dlx__mlpackage_metadata(c->f, key);
    size_t i = 0;
    while (words[i] && (!found || strcmp(found, words[i]) != 0))
        i++;
    c->n_known++;
    if (!words[i])
        misfit(c, key, "a word that dlx export writes", found);
}

/* The oldest system brings the version of the specification and the operations. */
static void check_target(checker *c)
{
    static const char key[] = "dlx.minimum_deployment_target";
    const char *found = dlx__mlpackage_metadata(c->f, key);
    const dlx__ml_target *target = NULL;
    c->n_known++;
    if (!found || dlx__ml_target_find(&target, found, NULL) != DLX_OK ||
        strcmp(target->name, found) != 0)
        misfit(c, key, "a system that dlx export knows", found);
    else if (target->specification != c->f->specification)
        misfit(c, key, "a system of the specification's version", found);
    for (size_t i = 0; target && i < c->f->n_functions; i++)
        if (!c->f->functions[i].opset || strcmp(c->f->functions[i].opset, target->opset) != 0)
            misfit(c, key, "a system whose operations the functions have", found);
}

static void check_choices(checker *c)
{
    static const char *const caches[] = {"none", "state", "io", NULL}, *const types[] = {
                                                                           "fp16", "int8", "int4",
                                                                           NULL};
    const char *unit = dlx__mlpackage_metadata(c->f, "dlx.compute_unit"), *same = NULL;
    expect_one_of(c, "dlx.cache", caches);
    expect_one_of(c, "dlx.dtype", types);
    check_target(c);
    c->n_known++;
    if (!unit || dlx__ml_unit_find(&same, unit, NULL) != DLX_OK || strcmp(same, unit) != 0)
        misfit(c, "dlx.compute_unit", "what dlx export knows", unit);
}

/* The names of the functions, in their order, and nothing else. */
static void check_names(checker *c)
{
    static const char key[] = "dlx.functions";
    const char *found = dlx__mlpackage_metadata(c->f, key), *at = found ? found : "";
    bool ok = found != NULL;
    for (size_t i = 0; i < c->f->n_functions && ok; i++) {
        const char *name = c->f->functions[i].name;
        const size_t n = strlen(name), last = i + 1 == c->f->n_functions;
        ok = strncmp(at, name, n) == 0 && at[n] == (last ? '\0' : ',');
        at += ok ? n + !last : 0;
    }
    c->n_known++;
    if (!ok)
        misfit(c, key, "the names of its functions", found);
}

static void check_positions(checker *c)
{
    char text[24];
    const char *found = dlx__mlpackage_metadata(c->f, "dlx.n_ctx");
    const unsigned long long n = found ? strtoull(found, NULL, 10) : 0;
    snprintf(text, sizeof text, "%llu", n);
    c->n_known++;
    if (!found || n == 0 || strcmp(text, found) != 0)
        misfit(c, "dlx.n_ctx", "a number of positions", found);
}

/* ---- what the model says --------------------------------------------------------------------- */

static void check_stops(checker *c, const dlx__hparams *hp)
{
    char text[VALUE_ROOM] = "";
    size_t at = 0;
    for (size_t i = 0; i < hp->n_stop_ids; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, i ? ",%d" : "%d", (int)hp->stop_ids[i]);
    if (*text) /* an empty text is none */
        expect(c, "dlx.stop_ids", text);
}

static void check_decoding(checker *c, const dlx__model *m)
{
    const dlx__family *f = m->family;
    expect(c, "dlx.family", f->name);
    expect(c, "dlx.visibility", f->visibility == DLX__VISIBLE_FULL ? "full" : "block_causal");
    expect_int(c, "dlx.shift_logits", f->shift);
    expect_int(c, "dlx.seeds_blocks", f->seeds_blocks);
    expect(c, "dlx.sampler", f->samplers[0]);
    if (f->threshold > 0)
        expect_real(c, "dlx.threshold", "%g", round((double)f->threshold * 1e6) / 1e6);
}

static void check_numbers(checker *c, const dlx__hparams *hp, size_t n_ids)
{
    expect_int(c, "dlx.n_layers", (int64_t)hp->n_layers);
    expect_int(c, "dlx.n_heads_kv", (int64_t)hp->n_heads_kv);
    expect_int(c, "dlx.head_dim", (int64_t)hp->head_dim);
    expect_fact(c, "dlx.block_length", hp->block_length.value);
    expect_fact(c, "dlx.sub_block_length", hp->small_block.value);
    expect_fact(c, "dlx.mask_id", hp->mask_id.value);
    expect_fact(c, "dlx.never_id", hp->mask_id.value);
    expect_fact(c, "dlx.bos_id", hp->bos_id.value);
    expect_int(c, "dlx.n_ids", (int64_t)n_ids);
    check_stops(c, hp);
    expect_real(c, "dlx.rope_theta", "%.9g", hp->rope_theta);
    expect_real(c, "dlx.unseen", "%g", (double)DLX__ML_UNSEEN);
}

/* All keys that were looked at are there: when there are more, one is unknown, or twice there. */
static void check_number(checker *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->f->n_metadata; i++)
        n += strncmp(c->f->metadata[i].key, "dlx.", 4) == 0;
    if (n == c->n_known || c->result != DLX_OK)
        return;
    c->result = dlx__fail(c->err, DLX_E_MISMATCH,
                          "%s: expected %zu metadata of dlx for its model, each once, found %zu; "
                          "write the package again with dlx export",
                          c->path, c->n_known, n);
}

dlx_result dlx__mlpackage_check_metadata(const dlx__mlpackage_file *f, const char *path,
                                         const dlx__model *m, size_t n_ids, dlx_error *err)
{
    checker c = {.f = f, .path = path, .result = DLX_OK, .err = err};
    expect_int(&c, "dlx.format", 1);
    expect(&c, "dlx.tokenizer", DLX__ML_DESCRIPTION);
    check_choices(&c);
    check_names(&c);
    check_positions(&c);
    check_numbers(&c, &m->hp, n_ids);
    check_decoding(&c, m);
    check_number(&c);
    return c.result;
}
