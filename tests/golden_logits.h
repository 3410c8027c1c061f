/*
 * golden_logits.h - one backend against the logits that the models' own code computed
 * (tests/golden, provenance in its README files). The same loop serves every backend: a test
 * includes this file and calls golden_folder for each of golden_folders.
 *
 * Compared in each folder: raw logits of every sequence (or the eight largest and the log-sum-exp,
 * where the vocabulary is real), hidden states layer by layer, the passes of cached.json that share
 * K/V, and for block-causal families the same sequences once more block by block over the cache.
 */
#ifndef GOLDEN_LOGITS_H
#define GOLDEN_LOGITS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/backend.h"
#include "base/fail.h"
#include "format/npy.h"
#include "golden_folders.h"

enum { GOLDEN_N_CTX = 256, GOLDEN_MAX_HIDDEN = 1 << 16 };

typedef struct golden {
    const char *folder;
    char dir[512];
    dlx__model model;
    dlx__backend *backend;
    const dlx__backend_class *class;
    float *row; /* [n_vocab] */
    double tolerance;
    size_t n_compared;               /* numbers */
    double worst;                    /* largest error as a fraction of its file's maximum */
    float hidden[GOLDEN_MAX_HIDDEN]; /* what the tap saw, in the order it came */
    size_t n_hidden;
} golden;

#define golden_ok(call, err)                                                                       \
    do {                                                                                           \
        if ((call) != DLX_OK)                                                                      \
            fail_msg("%s", (err).text);                                                            \
    } while (0)

static json_t *golden_json(const golden *t, const char *name)
{
    char path[640];
    dlx_error err = {0};
    json_t *json = NULL;
    snprintf(path, sizeof path, "%s/%s", t->dir, name);
    golden_ok(dlx__json_load(&json, path, NULL, &err), err);
    return json;
}

static bool golden_has(const golden *t, const char *name)
{
    char path[640];
    snprintf(path, sizeof path, "%s/%s", t->dir, name);
    return dlx__os_path_kind(path) == DLX__PATH_FILE;
}

static dlx__npy golden_npy(const golden *t, const json_t *entry)
{
    char path[640];
    dlx_error err = {0};
    dlx__npy a;
    snprintf(path, sizeof path, "%s/%s", t->dir, json_string_value(json_object_get(entry, "file")));
    golden_ok(dlx__npy_read(&a, path, NULL, &err), err);
    return a;
}

/* ids [n] of a JSON array; free with free */
static dlx_token *golden_ids(const json_t *list, size_t *n)
{
    *n = json_array_size(list);
    dlx_token *ids = malloc((*n + 1) * sizeof *ids);
    assert_non_null(ids);
    for (size_t i = 0; i < *n; i++)
        ids[i] = (dlx_token)json_integer_value(json_array_get(list, i));
    return ids;
}

static double golden_max_abs(const float *x, size_t n)
{
    double max = 0.0;
    for (size_t i = 0; i < n; i++)
        max = fmax(max, fabs((double)x[i]));
    return max;
}

/* NaN never passes. */
static void golden_compare(golden *t, const float *got, const float *want, size_t n, double max)
{
    for (size_t i = 0; i < n; i++) {
        double error = fabs((double)got[i] - (double)want[i]) / max;
        if (!(error <= t->tolerance))
            fail_msg("%s on %s: expected %.7g, got %.7g (error %.2g of the maximum)", t->folder,
                     t->class->name, (double)want[i], (double)got[i], error);
        t->worst = fmax(t->worst, error);
    }
    t->n_compared += n;
}

static void golden_tap(void *user, size_t index, const float *x, size_t n, size_t n_embd)
{
    golden *t = user;
    (void)index;
    assert_true(t->n_hidden + n * n_embd <= GOLDEN_MAX_HIDDEN);
    memcpy(t->hidden + t->n_hidden, x, n * n_embd * sizeof *x);
    t->n_hidden += n * n_embd;
}

static size_t golden_block(const golden *t)
{
    int64_t block = t->model.hp.block_length.value;
    return block > 0 ? (size_t)block : 1;
}

static void golden_step(golden *t, const dlx_token *ids, size_t n, size_t start, size_t n_kv,
                        size_t n_keep, bool tap)
{
    dlx_error err = {0};
    dlx__step step = {.ids = ids,
                      .n = n,
                      .start = start,
                      .n_kv = n_kv,
                      .n_keep = n_keep,
                      .visibility = t->model.family->visibility,
                      .block = golden_block(t),
                      .tap = tap ? golden_tap : NULL,
                      .tap_user = t};
    t->n_hidden = 0;
    golden_ok(t->class->step(t->backend, &step, &err), err);
}

/* Raw logits of one row of the last step into t->row. */
static void golden_head(golden *t, size_t row)
{
    dlx_error err = {0};
    dlx__head head = {.rows = &row, .n = 1, .logits = t->row};
    golden_ok(t->class->head(t->backend, &head, &err), err);
}

/* Rows first .. first + n - 1 of a sequence, being rows 0 .. n - 1 of the last step. */
static void golden_rows(golden *t, const json_t *entry, size_t first, size_t n)
{
    size_t n_vocab = t->model.graph.n_vocab;
    if (json_object_get(entry, "file")) {
        dlx__npy a = golden_npy(t, entry);
        assert_int_equal(a.shape[1], n_vocab);
        assert_true(first + n <= a.shape[0]);
        double max = golden_max_abs(a.data, a.n_elems);
        for (size_t i = 0; i < n; i++) {
            golden_head(t, i);
            golden_compare(t, t->row, (const float *)a.data + (first + i) * n_vocab, n_vocab, max);
        }
        dlx__npy_release(&a);
        return;
    }
    double max = json_number_value(json_object_get(entry, "max_abs"));
    for (size_t i = 0; i < n; i++) {
        const json_t *top = json_array_get(json_object_get(entry, "top8_ids"), first + i);
        const json_t *values = json_array_get(json_object_get(entry, "top8_values"), first + i);
        golden_head(t, i);
        for (size_t j = 0; j < json_array_size(top); j++) {
            float want = (float)json_number_value(json_array_get(values, j));
            float got = t->row[json_integer_value(json_array_get(top, j))];
            golden_compare(t, &got, &want, 1, max);
        }
        double highest = -INFINITY;
        double sum = 0.0;
        for (size_t v = 0; v < n_vocab; v++)
            highest = fmax(highest, (double)t->row[v]);
        for (size_t v = 0; v < n_vocab; v++)
            sum += exp((double)t->row[v] - highest);
        float got = (float)(highest + log(sum));
        float want = (float)json_number_value(
            json_array_get(json_object_get(entry, "logsumexp"), first + i));
        golden_compare(t, &got, &want, 1, max);
    }
}

static void golden_hidden(golden *t, const json_t *entry)
{
    dlx__npy a = golden_npy(t, entry); /* [n_layers + 2, n, n_embd] */
    assert_int_equal(a.n_elems, t->n_hidden);
    size_t layer = a.shape[1] * a.shape[2];
    for (size_t i = 0; i < a.shape[0]; i++) {
        const float *want = (const float *)a.data + i * layer;
        golden_compare(t, t->hidden + i * layer, want, layer, golden_max_abs(want, layer));
    }
    dlx__npy_release(&a);
}

/* The same sequence in passes of one block each: the cache must change nothing. */
static void golden_by_blocks(golden *t, const json_t *entry, const dlx_token *ids, size_t n)
{
    size_t block = golden_block(t);
    for (size_t at = 0; at < n; at += block) {
        size_t rows = n - at < block ? n - at : block;
        golden_step(t, ids + at, rows, at, at, rows, false);
        golden_rows(t, entry, at, rows);
    }
}

static void golden_sequences(golden *t)
{
    json_t *json = golden_json(t, "logits.json");
    const json_t *sequences = json_object_get(json, "sequences");
    assert_true(json_array_size(sequences) > 0);
    for (size_t i = 0; i < json_array_size(sequences); i++) {
        const json_t *entry = json_array_get(sequences, i);
        const json_t *hidden = json_object_get(entry, "hidden");
        size_t n;
        dlx_token *ids = golden_ids(json_object_get(entry, "ids"), &n);
        golden_step(t, ids, n, 0, 0, n, hidden != NULL);
        golden_rows(t, entry, 0, n);
        if (hidden)
            golden_hidden(t, hidden);
        if (t->model.family->visibility == DLX__VISIBLE_BLOCK_CAUSAL)
            golden_by_blocks(t, entry, ids, n);
        free(ids);
    }
    json_decref(json);
}

/*
 * cached.json: a full pass fills the K/V, suffix passes run on the part before `start` and leave no
 * trace, block passes overwrite their rows in the K/V of all positions.
 */
static void golden_cached(golden *t)
{
    json_t *json = golden_json(t, "cached.json");
    const json_t *steps = json_object_get(json, "steps");
    size_t n_all;
    dlx_token *all = golden_ids(json_object_get(json_array_get(steps, 0), "ids"), &n_all);
    bool dirty = false; /* a suffix pass has overwritten the K/V behind its start */
    for (size_t i = 0; i < json_array_size(steps); i++) {
        const json_t *entry = json_array_get(steps, i);
        const char *kind = json_string_value(json_object_get(entry, "kind"));
        size_t start = (size_t)json_integer_value(json_object_get(entry, "start"));
        size_t n;
        dlx_token *ids = golden_ids(json_object_get(entry, "ids"), &n);
        if (strcmp(kind, "block") == 0 && dirty) {
            golden_step(t, all, n_all, 0, 0, n_all, false);
            dirty = false;
        }
        if (strcmp(kind, "full") == 0)
            golden_step(t, ids, n, 0, 0, n, false);
        else if (strcmp(kind, "suffix") == 0)
            golden_step(t, ids, n, start, start, 0, false);
        else
            golden_step(t, ids, n, start, n_all, n, false);
        dirty = dirty || strcmp(kind, "suffix") == 0;
        golden_rows(t, entry, 0, n);
        free(ids);
    }
    free(all);
    json_decref(json);
}

/* Everything of one folder on one backend; tolerance as a fraction of each file's maximum. */
static void golden_folder(const char *folder, const dlx__backend_class *class, double tolerance)
{
    dlx_error err = {0};
    golden *t = calloc(1, sizeof *t);
    assert_non_null(t);
    t->folder = folder;
    t->class = class;
    t->tolerance = tolerance;
    snprintf(t->dir, sizeof t->dir, "%s/golden/%s", DLX_TESTS_DIR, folder);
    golden_ok(dlx__model_open(&t->model, t->dir, DLX__NEED_WEIGHTS, NULL, &err), err);
    dlx__backend_opts opts = {
        .n_ctx = GOLDEN_N_CTX, .n_rows = GOLDEN_N_CTX, .n_streams = 1, .n_threads = 1};
    golden_ok(class->load(&t->backend, &t->model, &opts, &err), err);
    t->row = malloc(t->model.graph.n_vocab * sizeof *t->row);
    assert_non_null(t->row);

    golden_sequences(t);
    if (golden_has(t, "cached.json"))
        golden_cached(t);
    printf("%-32s %s: %8zu numbers, worst error %.2e of the maximum\n", folder, class->name,
           t->n_compared, t->worst);

    free(t->row);
    class->close(t->backend);
    dlx__model_release(&t->model);
    free(t);
}

#endif
