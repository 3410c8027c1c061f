/*
 * checkpoints.h - small checkpoints that a test makes from a golden one by changing a key of its
 * config or a tensor of its weights.
 */
#ifndef CHECKPOINTS_H
#define CHECKPOINTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "model/model.h"

#define ok(call, err)                                                                              \
    do {                                                                                           \
        if ((call) != DLX_OK)                                                                      \
            fail_msg("%s", (err).text);                                                            \
    } while (0)

/* An empty directory of this name, old files of ours removed. Static text: one at a time. */
static inline const char *fresh_dir(const char *name)
{
    static const char *const files[] = {"config.json",       "generation_config.json",
                                        "added_tokens.json", "tokenizer_config.json",
                                        "model.safetensors", "model.safetensors.index.json"};
    static char dir[512];
    mkdir(DLX_TMP_DIR, 0777);
    snprintf(dir, sizeof dir, "%s/%s", DLX_TMP_DIR, name);
    mkdir(dir, 0777);
    for (size_t i = 0; i < DLX__LEN(files); i++) {
        char path[640];
        snprintf(path, sizeof path, "%s/%s", dir, files[i]);
        remove(path);
    }
    return dir;
}

static inline void write_json(const char *dir, const char *file, const json_t *json)
{
    char path[640];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    assert_int_equal(json_dump_file(json, path, JSON_INDENT(1)), 0);
}

static inline void write_text(const char *dir, const char *file, const char *text)
{
    char path[640];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

static inline json_t *load_json(const char *path)
{
    json_error_t e;
    json_t *json = json_load_file(path, 0, &e);
    if (!json)
        fail_msg("%s: %s", path, e.text);
    return json;
}

static inline json_t *golden_config(const char *folder)
{
    char path[640];
    snprintf(path, sizeof path, "%s/golden/%s/config.json", DLX_TESTS_DIR, folder);
    return load_json(path);
}

/* Sets a key to a value written as JSON; NULL removes it. */
static inline void set_key(json_t *config, const char *key, const char *value)
{
    if (!value) {
        json_object_del(config, key);
        return;
    }
    json_error_t e;
    json_t *json = json_loads(value, JSON_DECODE_ANY, &e);
    if (!json)
        fail_msg("%s: %s", value, e.text);
    assert_int_equal(json_object_set_new(config, key, json), 0);
}

static inline void open_golden(dlx__model *m, const char *folder)
{
    char path[640];
    dlx_error err = {0};
    snprintf(path, sizeof path, "%s/golden/%s", DLX_TESTS_DIR, folder);
    ok(dlx__model_open(m, path, DLX__NEED_WEIGHTS, NULL, &err), err);
}

/* A fact has this value and says where it comes from. */
static inline void expect_fact(dlx__fact fact, int64_t value, const char *from)
{
    assert_int_equal(fact.value, value);
    assert_string_equal(fact.from, from);
}

static inline void expect_stops(const dlx__hparams *hp, const int32_t *ids, size_t n,
                                const char *from)
{
    assert_int_equal(hp->n_stop_ids, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(hp->stop_ids[i], ids[i]);
    assert_string_equal(hp->stop_from, from);
}

/* Opening must fail with this code and a sentence that names the directory and holds `part`. */
static inline void expect_refusal(const char *dir, dlx__checkpoint_need need, dlx_result code,
                                  const char *part)
{
    dlx_error err = {0};
    dlx__model m;
    dlx_result r = dlx__model_open(&m, dir, need, NULL, &err);
    if (r == DLX_OK)
        fail_msg("%s was opened, expected a refusal about %s", dir, part);
    if (!strstr(err.text, part) || !strstr(err.text, dir))
        fail_msg("expected \"%s\" in: %s", part, err.text);
    if (r != code)
        fail_msg("expected result %d, got %d: %s", code, r, err.text);
    assert_int_equal(err.code, code);
}

#endif
