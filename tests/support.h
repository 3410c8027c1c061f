/*
 * support.h - what tests of the public interface need: where files lie, the opening of golden
 * checkpoints, a stricter check of sentences.
 */
#ifndef DLX_TESTS_SUPPORT_H
#define DLX_TESTS_SUPPORT_H

#include "unit.h"

#include <dlx/dlx.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "<tests>/golden/<name>"; lives until the next call. */
static inline const char *support_golden(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/golden/%s", DLX_TESTS_DIR, name);
    return path;
}

/* "<build>/tmp/<name>"; lives until the next call. */
static inline const char *support_tmp(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", DLX_TMP_DIR, name);
    return path;
}

static inline void support_write(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
    assert_int_equal(fclose(f), 0);
}

static inline dlx_model *support_open(const char *golden_name)
{
    dlx_model *model;
    dlx_error err = {.code = DLX_OK};
    if (dlx_model_open(&model, support_golden(golden_name), NULL, &err) != DLX_OK)
        fail_msg("%s", err.text);
    return model;
}

static inline dlx_session *support_session(const dlx_model *model, const char *backend,
                                           size_t n_ctx)
{
    dlx_session_opts opts = {
        .size = sizeof opts, .backend = backend, .n_ctx = n_ctx, .n_threads = 1};
    dlx_session *session;
    dlx_error err = {.code = DLX_OK};
    if (dlx_session_open(&session, model, &opts, &err) != DLX_OK)
        fail_msg("%s", err.text);
    return session;
}

/* A failure must say something: a sentence that holds the given part. */
static inline void support_sentence(const dlx_error *err, const char *part)
{
    if (strlen(err->text) < 15 || !strstr(err->text, part))
        fail_msg("the sentence should name '%s': \"%s\"", part, err->text);
}

#endif
