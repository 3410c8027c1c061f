/* golden_check.h - the recorded runs of all golden folders, and whether an engine decodes alike. */
#ifndef GOLDEN_CHECK_H
#define GOLDEN_CHECK_H

#include "golden_decode.h"

static const struct {
    const char *name;
    size_t n_files, n_bugs;
} folders[] = {{"llada-tiny", 30, 2},
               {"llada-gqa-sharded", 13, 0},
               {"llada-bf16", 13, 0},
               {"llada-specials", 4, 0},
               {"dream-tiny", 27, 1},
               {"dream-tied", 13, 0},
               {"dream-bf16-sharded", 13, 0},
               {"dream-specials", 5, 0},
               {"sdar-tiny-b4", 29, 2},
               {"sdar-tiny-b8", 28, 2},
               {"sdar-tiny-b4-tied", 9, 0},
               {"sdar-tiny-b4-bf16", 9, 0},
               {"sdar-tiny-b16-sharded", 9, 0},
               {"fast-dllm-v2-tiny", 33, 2},
               {"fast-dllm-v2-tiny-tied", 14, 0},
               {"fast-dllm-v2-tiny-bf16-sharded", 9, 0},
               {"fast-dllm-v2-realvocab", 9, 0}};

enum { N_ALL = 267, N_BUGS = 9, MAX_FILES = 64 };

static decode_file file;
static decode_trace trace;

typedef struct tolerance {
    double relative, absolute;
} tolerance;

/* As the README files say; wider where the mask and padded ids are left out of the softmax. */
static tolerance tolerance_of(const decode_file *f, bool allow_special)
{
    const char *family = decode_text(f, "family");
    if (strcmp(family, "llada") == 0 || strcmp(family, "dream") == 0)
        return allow_special || f->n_suppress ? (tolerance){1e-3, 1e-6} : (tolerance){2e-2, 2e-2};
    double excluded = decode_number(f, "max_excluded_probability", 0.0);
    return (tolerance){2e-4, allow_special ? 1e-7 : excluded};
}

static void run_file(dlx__engine *engine, decode_file *f, bool allow_special,
                     dlx_gen_result *result)
{
    dlx_error err = {.code = DLX_OK};
    memset(&trace, 0, sizeof trace);
    f->opts.allow_special = allow_special;
    f->opts.on_event = trace_event;
    f->opts.event_user = &trace;
    f->last_pass = 0;
    f->n_drawn = 0;
    if (dlx__engine_generate(engine, f->prompt, f->n_prompt, &f->opts, result, &err) != DLX_OK)
        fail_msg("%s/%s: %s", f->folder, f->name, err.text);
}

static bool equal_ids(const dlx_token *a, const dlx_token *b, size_t n)
{
    return memcmp(a, b, n * sizeof *a) == 0;
}

/* The final canvas, and the generated ids with the stop id that ended them. */
static void check_result(const decode_file *f, const dlx_gen_result *r)
{
    dlx_token want[DECODE_MAX_IDS];
    const json_t *generated = json_object_get(f->json, "generated_ids");
    if (r->n_canvas < f->n_final || !equal_ids(r->canvas, f->final, f->n_final))
        fail_msg("%s/%s: the final canvas differs", f->folder, f->name);
    bool stopped = json_object_get(f->json, "finish_reason") &&
                   strcmp(decode_text(f, "finish_reason"), "stop") == 0;
    if (!stopped)
        assert_int_equal(r->n_canvas, f->n_final);
    if (!generated)
        return;
    size_t n = decode_ids(generated, want);
    assert_int_equal(r->finish, stopped ? DLX_FINISH_STOP : DLX_FINISH_LENGTH);
    size_t n_ids = stopped ? n - 1 : n < f->opts.max_tokens ? n : f->opts.max_tokens;
    assert_int_equal(r->n_ids, n_ids);
    assert_true(equal_ids(r->ids, want, n_ids));
    if (stopped)
        assert_int_equal(r->stop_id, want[n - 1]);
}

/* SDAR's prefill (of less than a tile) and commits cost no pass of their own; Fast-dLLM v2 never
 * needs more passes than the reference. */
static void check_passes(const decode_file *f, const dlx_gen_result *r)
{
    size_t nfe = (size_t)decode_number(f, "nfe", 0);
    if (strcmp(decode_text(f, "family"), "sdar") == 0) {
        size_t i, n_denoise = 0;
        json_t *pass;
        json_array_foreach(json_object_get(f->json, "passes"), i, pass) n_denoise +=
            strcmp(json_string_value(json_object_get(pass, "kind")), "denoise") == 0;
        assert_int_equal(r->passes, n_denoise);
    }
    if (r->passes > nfe)
        fail_msg("%s/%s: %zu passes, the reference needed %zu", f->folder, f->name, r->passes, nfe);
}

static bool holds_masks(const dlx_gen_result *r, dlx_token mask_id)
{
    for (size_t i = 0; i < r->n_canvas; i++)
        if (r->canvas[i] == mask_id)
            return true;
    return false;
}

static void check_file(dlx__engine *engine, decode_file *f, dlx_token mask_id, bool allow_special)
{
    dlx_gen_result result;
    run_file(engine, f, allow_special, &result);
    tolerance t = tolerance_of(f, allow_special);
    const char *difference = decode_differs(&trace, &f->want, t.relative, t.absolute);
    if (f->is_bug) {
        if (!difference)
            fail_msg("%s/%s: the reference's defect was copied", f->folder, f->name);
        assert_true(result.finish == DLX_FINISH_STOP || !holds_masks(&result, mask_id));
        return;
    }
    if (difference)
        fail_msg("%s/%s: %s", f->folder, f->name, difference);
    check_result(f, &result);
    if (!strstr(f->name, "confidence_threshold") && result.n_reused == 0)
        check_passes(f, &result);
}

#endif
