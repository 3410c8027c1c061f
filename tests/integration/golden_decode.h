/*
 * golden_decode.h - decode runs recorded from the references' own code
 * (tests/golden/<folder>/decode, described in the README files there): reading them, running them
 * on an engine, comparing.
 */
#ifndef GOLDEN_DECODE_H
#define GOLDEN_DECODE_H

#include "unit.h"

#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "format/npy.h"
#include "runtime/engine.h"

enum {
    DECODE_CTX = 288,
    DECODE_MAX_IDS = 512,
    DECODE_MAX_WRITTEN = 4096,
    DECODE_MAX_PASSES = 1024
};

/* What one pass wrote; recorded from events or read from a file. */
typedef struct decode_pass {
    bool denoise;
    size_t rows;
    size_t first, n; /* of the trace's written */
} decode_pass;

typedef struct decode_trace {
    decode_pass passes[DECODE_MAX_PASSES]; /* those that wrote something */
    size_t n_passes;
    dlx_written written[DECODE_MAX_WRITTEN];
    size_t n_written;
    size_t n_events; /* all passes and roles */
    bool text;
} decode_trace;

static void trace_add(decode_trace *t, bool denoise, size_t rows, const dlx_written *w, size_t n)
{
    t->n_events++;
    if (n == 0)
        return;
    assert_true(t->n_passes < DECODE_MAX_PASSES && t->n_written + n <= DECODE_MAX_WRITTEN);
    t->passes[t->n_passes++] = (decode_pass){denoise, rows, t->n_written, n};
    memcpy(t->written + t->n_written, w, n * sizeof *w);
    t->n_written += n;
}

static inline bool trace_event(void *user, const dlx_event *e)
{
    decode_trace *t = user;
    if (e->kind == DLX_EV_PASS)
        trace_add(t, e->pass_kind == DLX_PASS_DENOISE, e->rows, e->written, e->n_written);
    return true;
}

/* A recorded run with everything that it needs in memory. */
typedef struct decode_file {
    char folder[64], name[128];
    json_t *json;
    dlx_token prompt[DECODE_MAX_IDS], final[DECODE_MAX_IDS], suppress[DECODE_MAX_IDS];
    size_t n_prompt, n_final, n_suppress;
    decode_trace want;
    dlx__npy noise;   /* temperature_uniforms; data NULL: none */
    size_t last_pass; /* of the draws replayed so far */
    size_t n_drawn;   /* in that pass */
    dlx_gen_opts opts;
    bool is_bug;
} decode_file;

static size_t decode_ids(const json_t *list, dlx_token *out)
{
    size_t n = json_array_size(list);
    assert_true(n <= DECODE_MAX_IDS);
    for (size_t i = 0; i < n; i++)
        out[i] = (dlx_token)json_integer_value(json_array_get(list, i));
    return n;
}

static const char *decode_text(const decode_file *f, const char *key)
{
    return json_string_value(json_object_get(f->json, key));
}

static double decode_number(const decode_file *f, const char *key, double otherwise)
{
    const json_t *v = json_object_get(f->json, key);
    return json_is_number(v) ? json_number_value(v) : otherwise;
}

static bool decode_true(const decode_file *f, const char *key)
{
    return json_is_true(json_object_get(f->json, key));
}

/* Recorded uniforms: [pass][position] for random remasking, one a masked position for origin. */
static double decode_draw(void *user, dlx_draw_kind kind, size_t pass, size_t position,
                          dlx_token id)
{
    decode_file *f = user;
    if (kind == DLX_DRAW_TOKEN) {
        const dlx__npy *a = &f->noise;
        assert_true(a->data && pass < a->shape[0] && position < a->shape[1] && id >= 0);
        return (
            (const double *)a->data)[(pass * a->shape[1] + position) * a->shape[2] + (size_t)id];
    }
    if (pass != f->last_pass) {
        f->last_pass = pass;
        f->n_drawn = 0;
    }
    const json_t *row = json_array_get(json_object_get(f->json, "uniforms"), pass);
    size_t at = strcmp(decode_text(f, "algorithm"), "random") == 0 ? position : f->n_drawn++;
    assert_non_null(json_array_get(row, at));
    return json_number_value(json_array_get(row, at));
}

static void decode_read_passes(decode_file *f)
{
    size_t i, k;
    json_t *pass, *w;
    json_array_foreach(json_object_get(f->json, "passes"), i, pass)
    {
        dlx_written written[DECODE_MAX_IDS];
        const json_t *list = json_object_get(pass, "written");
        const char *kind = json_string_value(json_object_get(pass, "kind"));
        bool denoise = strcmp(kind, "prefill") != 0 && strcmp(kind, "commit") != 0;
        json_array_foreach(list, k, w)
        {
            written[k] = (dlx_written){(size_t)json_integer_value(json_array_get(w, 0)),
                                       (dlx_token)json_integer_value(json_array_get(w, 1)),
                                       (float)json_number_value(json_array_get(w, 2))};
        }
        trace_add(&f->want, denoise, (size_t)json_integer_value(json_object_get(pass, "rows")),
                  written, json_array_size(list));
    }
}

static void decode_llada_opts(decode_file *f)
{
    dlx_gen_opts *o = &f->opts;
    o->max_tokens = (size_t)decode_number(f, "gen_length", 0);
    o->steps = (size_t)decode_number(f, "steps", 0);
    o->sampler = decode_text(f, "algorithm");
    o->cache = decode_text(f, "cache") ? decode_text(f, "cache") : "none";
    o->factor = decode_number(f, "factor", 1.0);
    o->cfg_scale = decode_number(f, "cfg_scale", 0.0);
    o->logits_eos_inf = decode_true(f, "logits_eos_inf");
    o->confidence_eos_eot_inf = decode_true(f, "confidence_eos_eot_inf");
    o->temperature = decode_number(f, "temperature", 0.0);
    if (json_object_get(f->json, "eos_token_id")) {
        o->stop_ids[0] = (dlx_token)decode_number(f, "eos_token_id", 0);
        o->n_stop_ids = 1;
    }
    o->eot_id = (dlx_token)decode_number(f, "eot_token_id", o->eot_id);
}

static void decode_dream_opts(decode_file *f)
{
    dlx_gen_opts *o = &f->opts;
    const json_t *dual = json_object_get(f->json, "dual_cache");
    o->max_tokens = (size_t)decode_number(f, "max_new_tokens", 0);
    o->steps = (size_t)decode_number(f, "steps", 0);
    o->sampler = decode_text(f, "alg");
    o->cache = !dual ? "none" : json_is_true(dual) ? "dual" : "prefix";
    o->eps = decode_number(f, "eps", 1e-3);
    o->top_p = decode_number(f, "top_p", 1.0);
    o->top_k = (size_t)decode_number(f, "top_k", 0);
}

static void decode_sdar_opts(decode_file *f)
{
    dlx_gen_opts *o = &f->opts;
    dlx_token stops[DECODE_MAX_IDS];
    o->max_tokens = (size_t)decode_number(f, "gen_length", 0);
    o->steps = (size_t)decode_number(f, "denoising_steps", 0);
    o->sampler = decode_text(f, "remasking_strategy");
    o->threshold = decode_number(f, "confidence_threshold", o->threshold);
    o->eb_threshold = decode_number(f, "eb_threshold", o->eb_threshold);
    o->n_stop_ids = decode_ids(json_object_get(f->json, "stopping_criteria_idx"), stops);
    memcpy(o->stop_ids, stops, o->n_stop_ids * sizeof *stops);
}

static void decode_fast_opts(decode_file *f)
{
    dlx_gen_opts *o = &f->opts;
    size_t block = (size_t)decode_number(f, "block_size", 0);
    size_t n = (size_t)decode_number(f, "max_new_tokens", 0) / block * block;
    o->block_length = block;
    o->max_tokens = n - f->n_prompt % block + 1; /* what the reference returns without a stop */
    o->small_block = (size_t)decode_number(f, "small_block_size", 0);
    o->cache = decode_true(f, "use_block_cache") ? "subblock" : "exact";
    o->stop_ids[0] = (dlx_token)decode_number(f, "stop_token", 0);
    o->n_stop_ids = 1;
}

static void decode_open(decode_file *f, const char *folder, const char *name,
                        const dlx__model *model)
{
    char path[1024];
    dlx_error err = {.code = DLX_OK};
    json_error_t jerr;
    memset(f, 0, sizeof *f);
    snprintf(f->folder, sizeof f->folder, "%s", folder);
    snprintf(f->name, sizeof f->name, "%s", name);
    snprintf(path, sizeof path, "%s/golden/%s/decode/%s", DLX_TESTS_DIR, folder, name);
    f->json = json_load_file(path, 0, &jerr);
    assert_non_null(f->json);
    f->n_prompt = decode_ids(json_object_get(f->json, "prompt_ids"), f->prompt);
    f->n_final = decode_ids(json_object_get(f->json, "final_ids"), f->final);
    f->n_suppress = decode_ids(json_object_get(f->json, "suppressed_ids"), f->suppress);
    f->is_bug = json_is_string(json_object_get(f->json, "reference_bug"));
    decode_read_passes(f);
    dlx__gen_defaults(model, &f->opts);
    f->opts.threshold = decode_number(f, "threshold", f->opts.threshold);
    f->opts.block_length = (size_t)decode_number(f, "block_length", 0);
    f->opts.suppress = f->suppress;
    f->opts.n_suppress = f->n_suppress;
    const char *family = decode_text(f, "family");
    if (strcmp(family, "llada") == 0)
        decode_llada_opts(f);
    else if (strcmp(family, "dream") == 0)
        decode_dream_opts(f);
    else if (strcmp(family, "sdar") == 0)
        decode_sdar_opts(f);
    else
        decode_fast_opts(f);
    if (decode_text(f, "temperature_uniforms")) {
        snprintf(path, sizeof path, "%s/golden/%s/decode/%s", DLX_TESTS_DIR, folder,
                 decode_text(f, "temperature_uniforms"));
        assert_ok(dlx__npy_read(&f->noise, path, NULL, &err), &err);
    }
    if (f->noise.data || json_object_get(f->json, "uniforms")) {
        f->opts.draw = decode_draw;
        f->opts.draw_user = f;
    }
}

static void decode_close(decode_file *f)
{
    if (f->noise.data)
        dlx__npy_release(&f->noise);
    json_decref(f->json);
}

/* The names of a folder's decode files, sorted; returns how many. */
static size_t decode_list(const char *folder, char names[][128], size_t capacity)
{
    char path[1024];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/golden/%s/decode", DLX_TESTS_DIR, folder);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        size_t len = strlen(e->d_name);
        if (len < 5 || strcmp(e->d_name + len - 5, ".json") != 0)
            continue;
        assert_true(n < capacity && len < 128);
        memcpy(names[n++], e->d_name, len + 1);
    }
    closedir(dir);
    qsort(names, n, sizeof *names, (int (*)(const void *, const void *))strcmp);
    return n;
}

/* The place of the first difference in words, or NULL when the traces agree. */
static const char *decode_differs(const decode_trace *got, const decode_trace *want,
                                  double relative, double absolute)
{
    static char text[256];
    for (size_t i = 0; i < want->n_passes; i++) {
        const decode_pass *w = &want->passes[i];
        const decode_pass *g = &got->passes[i];
        if (i >= got->n_passes || g->n != w->n || g->denoise != w->denoise || g->rows != w->rows) {
            snprintf(text, sizeof text,
                     "writing pass %zu: expected %zu positions of %zu rows, got %zu of %zu", i,
                     w->n, w->rows, i < got->n_passes ? g->n : 0, i < got->n_passes ? g->rows : 0);
            return text;
        }
        for (size_t k = 0; k < w->n; k++) {
            const dlx_written *a = &got->written[g->first + k];
            const dlx_written *b = &want->written[w->first + k];
            double off = fabs((double)a->conf - (double)b->conf);
            if (a->pos != b->pos || a->id != b->id ||
                !(off <= relative * fabs((double)b->conf) + absolute)) {
                snprintf(text, sizeof text,
                         "writing pass %zu: expected id %d (%.7g) at %zu, got id %d (%.7g) at %zu",
                         i, (int)b->id, (double)b->conf, b->pos, (int)a->id, (double)a->conf,
                         a->pos);
                return text;
            }
        }
    }
    return got->n_passes == want->n_passes ? NULL : "more passes wrote than expected";
}

#endif
