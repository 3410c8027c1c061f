// labels: quick
/*
 * test_regressions.c - one test for each defect C1 .. C24 that is known of the Python original
 * (TEST_PLAN.md lists them): here each of them would be seen.
 */
#include "support.h"

#include <dlx/tools.h>

#include "backends/backend.h"
#include "dtype/convert.h"
#include "format/npy.h"
#include "format/safetensors.h"
#include "model/model.h"

#include <jansson.h>
#include <math.h>

enum { MAX_IDS = 512 };

static dlx_token prompt_id(size_t i)
{
    return (dlx_token)((i * 37 + 11) % 280);
}

static void fill_prompt(dlx_token *prompt, size_t n)
{
    for (size_t i = 0; i < n; i++)
        prompt[i] = prompt_id(i);
}

/* One greedy run on a fresh session; ids are copied out. Returns how many. */
static size_t run(const dlx_model *model, const dlx_token *prompt, size_t n, dlx_gen_opts *gen,
                  dlx_token *ids, dlx_gen_result *result)
{
    dlx_session *session = support_session(model, "reference", 256);
    dlx_error err;
    dlx_result r = dlx_generate(session, prompt, n, gen, result, &err);
    if (r != DLX_OK && r != DLX_CANCELLED)
        fail_msg("%s", err.text);
    assert_true(result->n_ids <= MAX_IDS);
    if (result->n_ids)
        memcpy(ids, result->ids, result->n_ids * sizeof *ids);
    dlx_session_free(session);
    return result->n_ids;
}

static void options(const dlx_model *model, dlx_gen_opts *gen, size_t max_tokens)
{
    dlx_gen_init(model, gen);
    gen->max_tokens = max_tokens;
    gen->n_stop_ids = 0;
}

/* ---- C1: the residual stream is the un-normalised sum -----------------------------------------
 */

typedef struct taps {
    dlx__npy want; /* [layers + 2, n, d] */
    double worst;
    size_t n_seen;
} taps;

static void compare_tap(void *user, size_t index, const float *x, size_t n, size_t d)
{
    taps *t = user;
    const float *want = (const float *)t->want.data + index * n * d;
    for (size_t i = 0; i < n * d; i++)
        t->worst = fmax(t->worst, fabs((double)x[i] - want[i]) / (1e-3 + fabs((double)want[i])));
    t->n_seen++;
}

static void c1_llada_keeps_the_unnormalised_residual(void **state)
{
    (void)state;
    dlx_error err;
    dlx__model model;
    assert_int_equal(
        dlx__model_open(&model, support_golden("llada-tiny"), DLX__NEED_WEIGHTS, NULL, &err),
        DLX_OK);
    taps t = {.worst = 0};
    assert_int_equal(dlx__npy_read(&t.want, support_golden("llada-tiny/hidden_1.npy"), NULL, &err),
                     DLX_OK);
    json_t *list = json_load_file(support_golden("llada-tiny/logits.json"), 0, NULL);
    json_t *ids = json_object_get(json_array_get(json_object_get(list, "sequences"), 1), "ids");
    dlx_token tokens[MAX_IDS];
    size_t n = json_array_size(ids);
    for (size_t i = 0; i < n; i++)
        tokens[i] = (dlx_token)json_integer_value(json_array_get(ids, i));
    const dlx__backend_class *reference = dlx__backend_find("reference");
    dlx__backend_opts opts = {.n_ctx = n, .n_rows = n, .n_streams = 1, .n_threads = 1};
    dlx__backend *backend;
    assert_int_equal(reference->load(&backend, &model, &opts, &err), DLX_OK);
    dlx__step step = {
        .ids = tokens, .n = n, .visibility = DLX__VISIBLE_FULL, .tap = compare_tap, .tap_user = &t};
    assert_int_equal(reference->step(backend, &step, &err), DLX_OK);
    assert_int_equal(t.n_seen, t.want.shape[0]);
    assert_true(t.worst < 2e-3);
    reference->close(backend);
    json_decref(list);
    dlx__npy_release(&t.want);
    dlx__model_release(&model);
}

/* ---- C2, C3, C4: what the file says counts ----------------------------------------------------
 */

static void c2_llada_names_and_widths_are_understood(void **state)
{
    (void)state;
    dlx_model *model = support_open("llada-gqa-sharded");
    dlx_model_info info;
    dlx_model_get_info(model, &info);
    assert_int_equal(info.n_vocab, 310);
    assert_int_equal(info.n_vocab_rows, 384);
    assert_int_equal(info.n_heads, 6);
    assert_int_equal(info.n_heads_kv, 2);
    assert_true(info.mask_id >= 0 && (size_t)info.mask_id < info.n_vocab_rows);
    dlx_model_free(model);
}

static void c3_head_counts_come_from_the_file(void **state)
{
    (void)state;
    static const struct {
        const char *folder;
        size_t heads, kv, dim;
    } shapes[] = {
        {"fast-dllm-v2-tiny", 4, 2, 24}, {"dream-tied", 3, 1, 32}, {"dream-tiny", 4, 2, 16}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        dlx_model *model = support_open(shapes[i].folder);
        dlx_model_info info;
        dlx_model_get_info(model, &info);
        assert_int_equal(info.n_heads, shapes[i].heads);
        assert_int_equal(info.n_heads_kv, shapes[i].kv);
        assert_int_equal(info.head_dim, shapes[i].dim);
        dlx_model_free(model);
    }
}

/* Does changing the id at `changed` change the logits of row `seen`? */
static bool influences(const char *folder, size_t changed, size_t seen)
{
    enum { N = 16 };
    dlx_model *model = support_open(folder);
    dlx_model_info info;
    dlx_model_get_info(model, &info);
    dlx_session *session = support_session(model, "reference", 64);
    dlx_token ids[N];
    fill_prompt(ids, N);
    size_t width = info.n_vocab_rows;
    float *a = malloc(N * width * sizeof *a), *b = malloc(N * width * sizeof *b);
    dlx_error err;
    assert_int_equal(dlx_logits(session, ids, N, a, &err), DLX_OK);
    ids[changed] = 7;
    assert_int_equal(dlx_logits(session, ids, N, b, &err), DLX_OK);
    bool differs = memcmp(a + seen * width, b + seen * width, width * sizeof *a) != 0;
    free(a);
    free(b);
    dlx_session_free(session);
    dlx_model_free(model);
    return differs;
}

static void c4_sdar_tie_mask_and_block_width_are_honoured(void **state)
{
    (void)state;
    dlx_model *tied = support_open("sdar-tiny-b4-tied");
    dlx_model_free(tied);                           /* opens although lm_head.weight is absent */
    assert_true(influences("sdar-tiny-b4", 3, 0));  /* one block of four sees itself whole */
    assert_false(influences("sdar-tiny-b4", 4, 3)); /* and nothing of the next */
    assert_true(influences("sdar-tiny-b8", 7, 0));
    assert_false(influences("sdar-tiny-b8", 8, 7));
}

/* ---- C5: the row before the block decides its first token -------------------------------------
 */

static void c5_a_block_is_seeded_by_the_last_row_before_it(void **state)
{
    (void)state;
    dlx_model *model = support_open("fast-dllm-v2-tiny");
    dlx_model_info info;
    dlx_model_get_info(model, &info);
    dlx_token prompt[32], ids[MAX_IDS];
    fill_prompt(prompt, 32);
    float *logits = malloc(32 * info.n_vocab_rows * sizeof *logits);
    dlx_session *session = support_session(model, "reference", 128);
    dlx_error err;
    assert_int_equal(dlx_logits(session, prompt, 32, logits, &err), DLX_OK);
    const float *last = logits + 31 * info.n_vocab_rows;
    dlx_token best = 0;
    for (size_t i = 1; i < info.n_vocab; i++)
        if ((dlx_token)i != info.mask_id && last[i] > last[best])
            best = (dlx_token)i;
    dlx_gen_opts gen;
    dlx_gen_result result;
    options(model, &gen, 4);
    assert_int_equal(run(model, prompt, 32, &gen, ids, &result), 4);
    assert_int_equal(ids[0], best);
    free(logits);
    dlx_session_free(session);
    dlx_model_free(model);
}

/* ---- C6: finished blocks leave the K/V of their final tokens -----------------------------------
 */

static void c6_the_cache_holds_final_tokens(void **state)
{
    (void)state;
    static const struct {
        const char *folder;
        size_t block;
    } models[] = {{"sdar-tiny-b4", 4}, {"sdar-tiny-b8", 8}, {"fast-dllm-v2-tiny", 32}};
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        dlx_model *model = support_open(models[i].folder);
        size_t block = models[i].block;
        dlx_token prompt[MAX_IDS], whole[MAX_IDS], part[MAX_IDS];
        fill_prompt(prompt, 32);
        dlx_gen_opts gen;
        dlx_gen_result result;
        options(model, &gen, 2 * block);
        assert_int_equal(run(model, prompt, 32, &gen, whole, &result), 2 * block);
        memcpy(prompt + 32, whole, block * sizeof *prompt);
        options(model, &gen, block);
        assert_int_equal(run(model, prompt, 32 + block, &gen, part, &result), block);
        assert_memory_equal(part, whole + block, block * sizeof *part);
        dlx_model_free(model);
    }
}

/* ---- C7, C8, C9, C10: blocks, lengths, masks of attention ---------------------------------------
 */

static void c7_no_step_limit_leaves_masks(void **state)
{
    (void)state;
    dlx_model *model = support_open("sdar-tiny-b8");
    dlx_token prompt[13], ids[MAX_IDS];
    fill_prompt(prompt, 13);
    for (size_t steps = 1; steps <= 8; steps++) {
        dlx_gen_opts gen;
        dlx_gen_result result;
        options(model, &gen, 20);
        gen.steps = steps;
        gen.sampler = "low_confidence_static";
        assert_int_equal(run(model, prompt, 13, &gen, ids, &result), 20);
        for (size_t i = 0; i < 20; i++)
            assert_int_not_equal(ids[i], 305);
    }
    dlx_model_free(model);
}

static void c8_the_answer_is_never_longer_than_asked(void **state)
{
    (void)state;
    static const char *const folders[] = {"sdar-tiny-b4", "fast-dllm-v2-tiny", "dream-tiny"};
    for (size_t f = 0; f < 3; f++) {
        dlx_model *model = support_open(folders[f]);
        for (size_t want = 1; want <= 37; want += 9) {
            dlx_token prompt[10], ids[MAX_IDS];
            dlx_gen_opts gen;
            dlx_gen_result result;
            fill_prompt(prompt, 10);
            options(model, &gen, want);
            if (f == 2)
                gen.steps = want;
            assert_int_equal(run(model, prompt, 10, &gen, ids, &result), want);
        }
        dlx_model_free(model);
    }
}

static void c9_bidirectional_families_see_the_future(void **state)
{
    (void)state;
    assert_true(influences("dream-tiny", 15, 0));
    assert_true(influences("llada-tiny", 15, 0));
    assert_true(influences("fast-dllm-v2-tiny", 15, 0)); /* one block of 32 */
}

typedef struct block_log {
    size_t block_length, n_events;
    bool aligned;
} block_log;

static bool check_alignment(void *user, const dlx_event *event)
{
    block_log *log = user;
    if (event->kind != DLX_EV_PASS || event->pass_kind != DLX_PASS_DENOISE)
        return true;
    log->n_events++;
    for (size_t i = 0; i < event->n_written; i++)
        log->aligned &= event->written[i].pos / log->block_length == event->block;
    return true;
}

static void c10_blocks_lie_at_absolute_multiples(void **state)
{
    (void)state;
    dlx_model *model = support_open("sdar-tiny-b4");
    for (size_t n = 1; n <= 9; n++) {
        dlx_token prompt[9], ids[MAX_IDS];
        dlx_gen_opts gen;
        dlx_gen_result result;
        block_log log = {.block_length = 4, .aligned = true};
        fill_prompt(prompt, n);
        options(model, &gen, 11);
        gen.on_event = check_alignment;
        gen.event_user = &log;
        run(model, prompt, n, &gen, ids, &result);
        assert_true(log.aligned && log.n_events >= 3);
    }
    dlx_model_free(model);
}

/* ---- C11: slots that nobody wrote, or an earlier run wrote, have no weight
 * ------------------------ */

static void c11_stale_slots_have_no_influence(void **state)
{
    (void)state;
    static const char *const folders[] = {"sdar-tiny-b4", "fast-dllm-v2-tiny", "llada-tiny",
                                          "dream-tiny"};
    for (size_t f = 0; f < 4; f++) {
        dlx_model *model = support_open(folders[f]);
        dlx_token prompt[40], fresh[MAX_IDS];
        dlx_gen_opts gen;
        dlx_gen_result result;
        dlx_error err;
        options(model, &gen, 32);
        gen.steps = f >= 2 ? 32 : gen.steps;
        fill_prompt(prompt, 40);
        size_t n = run(model, prompt + 20, 7, &gen, fresh, &result);
        dlx_session *session = support_session(model, "reference", 256);
        assert_int_equal(dlx_generate(session, prompt, 40, &gen, &result, &err), DLX_OK);
        assert_int_equal(dlx_generate(session, prompt + 20, 7, &gen, &result, &err), DLX_OK);
        assert_int_equal(result.n_ids, n);
        assert_memory_equal(result.ids, fresh, n * sizeof *fresh);
        dlx_session_free(session);
        dlx_model_free(model);
    }
}

/* ---- C12, C13: stops and forbidden ids
 * ------------------------------------------------------------ */

static void c12_a_stop_id_ends_the_answer(void **state)
{
    (void)state;
    dlx_model *model = support_open("sdar-tiny-b4");
    dlx_token prompt[8], free_run[MAX_IDS], ids[MAX_IDS];
    dlx_gen_opts gen;
    dlx_gen_result result;
    fill_prompt(prompt, 8);
    options(model, &gen, 24);
    size_t n = run(model, prompt, 8, &gen, free_run, &result);
    gen.stop_ids[0] = free_run[n / 2];
    gen.n_stop_ids = 1;
    size_t first = 0;
    while (free_run[first] != free_run[n / 2])
        first++;
    assert_int_equal(run(model, prompt, 8, &gen, ids, &result), first);
    assert_int_equal(result.finish, DLX_FINISH_STOP);
    assert_int_equal(result.stop_id, free_run[n / 2]);
    dlx_gen_init(model, &gen); /* the file's own stop ids are the default */
    assert_int_equal(gen.n_stop_ids, 2);
    dlx_model_free(model);
}

/* The prompt of a golden decode file. */
static size_t golden_prompt(const char *file, dlx_token *prompt)
{
    json_t *run_json = json_load_file(support_golden(file), 0, NULL);
    json_t *ids = json_object_get(run_json, "prompt_ids"), *id;
    size_t i;
    assert_true(json_array_size(ids) > 0 && json_array_size(ids) <= MAX_IDS);
    json_array_foreach(ids, i, id) prompt[i] = (dlx_token)json_integer_value(id);
    size_t n = json_array_size(ids);
    json_decref(run_json);
    return n;
}

/* The mask row and the padded rows of this checkpoint are so large that they win where they may. */
static void c13_mask_and_padding_are_never_chosen(void **state)
{
    (void)state;
    enum { MASK = 306, PADDING = 308, ROWS = 320 };
    dlx_model *model = support_open("dream-specials");
    dlx_token prompt[MAX_IDS], ids[MAX_IDS], padding[ROWS - PADDING];
    size_t n_prompt =
        golden_prompt("dream-specials/decode/suppressed_entropy_n24_s12.json", prompt);
    for (int i = 0; i < ROWS - PADDING; i++)
        padding[i] = PADDING + i;
    for (int allowed = 0; allowed < 2; allowed++) {
        dlx_gen_opts gen;
        dlx_gen_result result;
        options(model, &gen, 24);
        gen.steps = 12;
        gen.allow_special = allowed;
        gen.suppress = padding;
        gen.n_suppress = allowed ? 0 : ROWS - PADDING;
        size_t n = run(model, prompt, n_prompt, &gen, ids, &result), n_special = 0;
        assert_int_equal(n, 24);
        for (size_t i = 0; i < n; i++)
            n_special += ids[i] == MASK || ids[i] >= PADDING;
        assert_true(allowed ? n_special > 0 : n_special == 0);
    }
    dlx_model_free(model);
}

/* ---- C14: certainty is sum p ln p, the larger the surer
 * -------------------------------------------- */

static void c14_negative_entropy_has_its_sign(void **state)
{
    (void)state;
    dlx_error err;
    dlx__model model;
    enum { N = 5 };
    assert_int_equal(
        dlx__model_open(&model, support_golden("dream-tiny"), DLX__NEED_WEIGHTS, NULL, &err),
        DLX_OK);
    size_t width = model.hp.n_rows_vocab, rows[N] = {0, 1, 2, 3, 4};
    dlx_token ids[N] = {5, 6, 306, 306, 9};
    float *logits = malloc(N * width * sizeof *logits);
    for (const dlx__backend_class *const *b = dlx__backend_list(); *b; b++) {
        if ((*b)->programs)
            continue;
        dlx__backend_opts opts = {.n_ctx = N, .n_rows = N, .n_streams = 1, .n_threads = 1};
        dlx__backend *backend;
        assert_int_equal((*b)->load(&backend, &model, &opts, &err), DLX_OK);
        dlx__row_stat stats[N];
        dlx__step step = {.ids = ids, .n = N, .visibility = DLX__VISIBLE_FULL};
        dlx__head head = {.rows = rows, .n = N, .stats = stats, .logits = logits};
        assert_int_equal((*b)->step(backend, &step, &err), DLX_OK);
        assert_int_equal((*b)->head(backend, &head, &err), DLX_OK);
        for (size_t r = 0; r < N; r++) {
            double sum = 0, want = 0, top = -1e30;
            for (size_t i = 0; i < width; i++)
                top = fmax(top, logits[r * width + i]);
            for (size_t i = 0; i < width; i++)
                sum += exp(logits[r * width + i] - top);
            for (size_t i = 0; i < width; i++) {
                double p = exp(logits[r * width + i] - top) / sum;
                want += p > 0 ? p * log(p) : 0;
            }
            assert_true(stats[r].neg_entropy <= 0);
            assert_true(fabs(stats[r].neg_entropy - want) <= 1e-4 * (1 + fabs(want)));
            assert_true(fabs(stats[r].prob - 1 / sum) <= 1e-5);
        }
        (*b)->close(backend);
    }
    free(logits);
    dlx__model_release(&model);
}

/* ---- C15, C16, C17: the canvas is always what was decided
 * -------------------------------------------- */

static bool stop_after_second_denoise(void *user, const dlx_event *event)
{
    size_t *n = user;
    if (event->kind == DLX_EV_PASS && event->pass_kind == DLX_PASS_DENOISE)
        ++*n;
    return *n < 2;
}

static void c15_a_partial_block_keeps_its_tokens(void **state)
{
    (void)state;
    dlx_model *model = support_open("sdar-tiny-b8");
    dlx_session *session = support_session(model, "reference", 256);
    dlx_token prompt[8];
    dlx_gen_opts gen;
    dlx_gen_result result;
    dlx_error err;
    size_t n_denoise = 0, n_known = 0;
    fill_prompt(prompt, 8);
    options(model, &gen, 16);
    gen.threshold = 1;
    gen.on_event = stop_after_second_denoise;
    gen.event_user = &n_denoise;
    assert_int_equal(dlx_generate(session, prompt, 8, &gen, &result, &err), DLX_CANCELLED);
    for (size_t i = 8; i < result.n_canvas; i++)
        n_known += result.canvas[i] != 305;
    assert_int_equal(n_known, 2);
    dlx_session_free(session);
    dlx_model_free(model);
}

static void c16_a_session_carries_nothing_over(void **state)
{
    (void)state;
    dlx_model *model = support_open("fast-dllm-v2-tiny");
    dlx_session *session = support_session(model, "reference", 256);
    dlx_token prompt[45], first[MAX_IDS];
    dlx_gen_opts gen;
    dlx_gen_result result;
    dlx_error err;
    fill_prompt(prompt, 45);
    options(model, &gen, 40);
    assert_int_equal(dlx_generate(session, prompt, 45, &gen, &result, &err), DLX_OK);
    memcpy(first, result.ids, result.n_ids * sizeof *first);
    assert_int_equal(dlx_generate(session, prompt + 5, 33, &gen, &result, &err), DLX_OK);
    assert_int_equal(dlx_generate(session, prompt, 45, &gen, &result, &err), DLX_OK);
    assert_memory_equal(result.ids, first, result.n_ids * sizeof *first);
    dlx_session_free(session);
    dlx_model_free(model);
}

static bool check_canvas(void *user, const dlx_event *event)
{
    bool *right = user;
    if (event->kind == DLX_EV_PASS)
        for (size_t i = 0; i < event->n_written; i++)
            *right &= event->written[i].pos < event->n_canvas &&
                      event->canvas[event->written[i].pos] == event->written[i].id &&
                      (i == 0 || event->written[i].pos > event->written[i - 1].pos);
    return true;
}

static void c17_tokens_land_where_the_event_says(void **state)
{
    (void)state;
    static const char *const folders[] = {"sdar-tiny-b4", "fast-dllm-v2-tiny", "llada-tiny",
                                          "dream-tiny"};
    for (size_t f = 0; f < 4; f++) {
        dlx_model *model = support_open(folders[f]);
        dlx_token prompt[11], ids[MAX_IDS];
        dlx_gen_opts gen;
        dlx_gen_result result;
        bool right = true;
        fill_prompt(prompt, 11);
        options(model, &gen, 32);
        gen.steps = f >= 2 ? 16 : gen.steps;
        gen.on_event = check_canvas;
        gen.event_user = &right;
        run(model, prompt, 11, &gen, ids, &result);
        assert_true(right);
        dlx_model_free(model);
    }
}

/* ---- C18, C19, C23, C24: options arrive, or are refused
 * ------------------------------------------------ */

static void c18_every_knob_is_an_option(void **state)
{
    (void)state;
    dlx_model *model = support_open("sdar-tiny-b8");
    dlx_token prompt[8], ids[MAX_IDS];
    dlx_gen_opts gen;
    dlx_gen_result sure, bold;
    fill_prompt(prompt, 8);
    options(model, &gen, 64);
    assert_string_equal(gen.sampler, "low_confidence_dynamic");
    gen.threshold = 1;
    run(model, prompt, 8, &gen, ids, &sure);
    gen.threshold = 0.1;
    run(model, prompt, 8, &gen, ids, &bold);
    assert_true(bold.passes < sure.passes);
    dlx_model_free(model);
}

static void c19_backend_options_are_not_lost(void **state)
{
    (void)state;
    dlx_model *model = support_open("sdar-tiny-b8");
    dlx_session *session = support_session(model, "cpu", 16);
    dlx_token prompt[17];
    dlx_gen_opts gen;
    dlx_gen_result result;
    dlx_error err;
    fill_prompt(prompt, 17);
    options(model, &gen, 8);
    assert_int_equal(dlx_generate(session, prompt, 17, &gen, &result, &err), DLX_E_FULL);
    support_sentence(&err, "16");
    dlx_session_free(session);
    dlx_session_opts opts = {.size = sizeof opts, .backend = "mps"};
    assert_int_equal(dlx_session_open(&session, model, &opts, &err), DLX_E_ARG);
    support_sentence(&err, "mps");
    dlx_model_free(model);
}

static void c20_storage_types_really_differ(void **state)
{
    (void)state;
    enum { N = 256 };
    float x[N], back[N];
    unsigned char packed[N * 4];
    double error[3] = {0};
    const dlx__dtype types[3] = {DLX__F16, DLX__Q8_0, DLX__Q4_0};
    for (size_t i = 0; i < N; i++)
        x[i] = sinf((float)i * 0.7f) * (1 + (float)(i % 13));
    for (size_t t = 0; t < 3; t++) {
        assert_true(dlx__from_f32(packed, types[t], x, N));
        dlx__to_f32(back, packed, types[t], N);
        for (size_t i = 0; i < N; i++)
            error[t] = fmax(error[t], fabs((double)x[i] - back[i]));
    }
    assert_true(error[0] > 0 && error[0] < error[1] && error[1] < error[2]);
}

static void c21_an_incomplete_checkpoint_is_refused(void **state)
{
    (void)state;
    dlx_error err;
    dlx__weights weights;
    char folder[4200], path[4400], command[16000];
    snprintf(folder, sizeof folder, "%s", support_tmp("incomplete"));
    snprintf(command, sizeof command, "mkdir -p '%s' && cp '%s/config.json' '%s/'", folder,
             support_golden("sdar-tiny-b4"), folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(
        dlx__safetensors_open_dir(&weights, support_golden("sdar-tiny-b4"), false, NULL, &err),
        DLX_OK);
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    size_t last = weights.n - 1;
    char missing[200];
    snprintf(missing, sizeof missing, "%s", weights.tensors[last].name);
    assert_int_equal(dlx__safetensors_write(path, weights.tensors, last, NULL, &err), DLX_OK);
    dlx__weights_release(&weights);
    dlx_model *model;
    assert_int_not_equal(dlx_model_open(&model, folder, NULL, &err), DLX_OK);
    support_sentence(&err, missing);
}

static void c22_seeds_and_the_nucleus_are_honoured(void **state)
{
    (void)state;
    dlx_model *model = support_open("dream-tiny");
    dlx_token prompt[9], a[MAX_IDS], b[MAX_IDS];
    dlx_gen_opts gen;
    dlx_gen_result result;
    fill_prompt(prompt, 9);
    options(model, &gen, 24);
    gen.steps = 24;
    gen.temperature = 2;
    gen.seed = 1;
    run(model, prompt, 9, &gen, a, &result);
    run(model, prompt, 9, &gen, b, &result);
    assert_memory_equal(a, b, 24 * sizeof *a);
    gen.seed = 2;
    run(model, prompt, 9, &gen, b, &result);
    assert_memory_not_equal(a, b, 24 * sizeof *a);
    gen.top_p = 1e-6; /* the crossing token is kept: the nucleus is the arg-max alone */
    run(model, prompt, 9, &gen, a, &result);
    gen.seed = 3;
    run(model, prompt, 9, &gen, b, &result);
    assert_memory_equal(a, b, 24 * sizeof *a);
    dlx_model_free(model);
}

static double plan_kv(const dlx_model *model, size_t n_ctx)
{
    dlx_inspect_opts opts = {.size = sizeof opts, .n_ctx = n_ctx};
    char *text;
    dlx_error err;
    assert_int_equal(dlx_inspect(model, &opts, &text, &err), DLX_OK);
    json_t *report = json_loads(text, 0, NULL);
    double kv = json_number_value(json_object_get(json_object_get(report, "plan"), "kv_bytes"));
    json_decref(report);
    dlx_free(model, text);
    return kv;
}

static void c23_the_context_sizes_the_cache(void **state)
{
    (void)state;
    dlx_model *model = support_open("sdar-tiny-b4");
    assert_true(plan_kv(model, 512) > 0);
    assert_true(plan_kv(model, 1024) == 2 * plan_kv(model, 512));
    dlx_model_free(model);
}

static void c24_numbers_out_of_range_are_sentences(void **state)
{
    (void)state;
    dlx_model *model = support_open("sdar-tiny-b4");
    dlx_session *session = support_session(model, "reference", 64);
    dlx_token prompt[4] = {1, 2, 3, 4}, bad[2][2] = {{1, -5}, {1, 320}};
    dlx_gen_opts good, gen;
    dlx_gen_result result;
    dlx_error err;
    options(model, &good, 8);
#define REFUSED(change, word)                                                                      \
    do {                                                                                           \
        gen = good;                                                                                \
        change;                                                                                    \
        assert_int_equal(dlx_generate(session, prompt, 4, &gen, &result, &err), DLX_E_ARG);        \
        support_sentence(&err, word);                                                              \
    } while (0)
    REFUSED(gen.temperature = -1, "temperature");
    REFUSED(gen.temperature = NAN, "temperature");
    REFUSED(gen.top_p = 0, "top-p");
    REFUSED(gen.top_p = 1.5, "top-p");
    REFUSED(gen.block_length = 0, "block");
    REFUSED(gen.sampler = "greedy", "greedy");
    REFUSED(gen.sampler = "topk_margin", "dream");
    REFUSED(gen.cache = "dual", "dual");
    REFUSED(gen.threshold = -0.5, "threshold");
    REFUSED(gen.cfg_scale = 1, "cfg");
#undef REFUSED
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(dlx_generate(session, bad[i], 2, &good, &result, &err), DLX_E_ARG);
    assert_int_equal(dlx_generate(session, prompt, 0, &good, &result, &err), DLX_E_ARG);
    dlx_session_free(session);
    dlx_model_free(model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(c1_llada_keeps_the_unnormalised_residual),
        cmocka_unit_test(c2_llada_names_and_widths_are_understood),
        cmocka_unit_test(c3_head_counts_come_from_the_file),
        cmocka_unit_test(c4_sdar_tie_mask_and_block_width_are_honoured),
        cmocka_unit_test(c5_a_block_is_seeded_by_the_last_row_before_it),
        cmocka_unit_test(c6_the_cache_holds_final_tokens),
        cmocka_unit_test(c7_no_step_limit_leaves_masks),
        cmocka_unit_test(c8_the_answer_is_never_longer_than_asked),
        cmocka_unit_test(c9_bidirectional_families_see_the_future),
        cmocka_unit_test(c10_blocks_lie_at_absolute_multiples),
        cmocka_unit_test(c11_stale_slots_have_no_influence),
        cmocka_unit_test(c12_a_stop_id_ends_the_answer),
        cmocka_unit_test(c13_mask_and_padding_are_never_chosen),
        cmocka_unit_test(c14_negative_entropy_has_its_sign),
        cmocka_unit_test(c15_a_partial_block_keeps_its_tokens),
        cmocka_unit_test(c16_a_session_carries_nothing_over),
        cmocka_unit_test(c17_tokens_land_where_the_event_says),
        cmocka_unit_test(c18_every_knob_is_an_option),
        cmocka_unit_test(c19_backend_options_are_not_lost),
        cmocka_unit_test(c20_storage_types_really_differ),
        cmocka_unit_test(c21_an_incomplete_checkpoint_is_refused),
        cmocka_unit_test(c22_seeds_and_the_nucleus_are_honoured),
        cmocka_unit_test(c23_the_context_sizes_the_cache),
        cmocka_unit_test(c24_numbers_out_of_range_are_sentences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
