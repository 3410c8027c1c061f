/*
 * No pass, row or call of the head without need. A backend in between counts: the head runs on the
 * masked rows in scope, once a pass, and never for rows that only become final; what waits to
 * become final shares a pass with what comes next; no pass follows a block's last mask; a pass is
 * told which of its rows the head may read, and these are those of what is decoded together.
 */
#include "generation_support.h"

#include "base/rng.h"
#include "runtime/gen_options.h"

static stage s;
static dlx_token prompt[200];

/* The shape of what is decoded together: `unit` positions, tiled from `origin`. */
static struct watch {
    size_t unit, origin;
    size_t n_positions;             /* of the run */
    dlx_token canvas[256], mask_id; /* as the passes saw it */
    size_t n_steps, n_rows, n_heads, n_head_rows;
    size_t n_masks;      /* in scope of the last step */
    size_t n_last_head;  /* rows of the last call */
    size_t n_more_heads; /* second calls in a pass */
    size_t n_greedy;     /* rows that were not masked */
    size_t step_rows[256];
    size_t step_reads[256];    /* rows of them that the head may read */
    size_t read_from, read_to; /* of the last step */
} w;

static size_t masks_in_scope(void)
{
    size_t first = 0, n = 0;
    while (first < w.n_positions && w.canvas[first] != w.mask_id)
        first++;
    size_t end = w.origin + ((first - w.origin) / w.unit + 1) * w.unit;
    for (size_t i = first; i < end && i < w.n_positions; i++)
        n += w.canvas[i] == w.mask_id;
    return n;
}

static dlx_result counted_step(dlx__backend *b, const dlx__step *in, dlx_error *err)
{
    assert_true(in->start + in->n <= 256);
    memcpy(w.canvas + in->start, in->ids, in->n * sizeof *in->ids);
    w.n_masks = masks_in_scope();
    w.n_last_head = 0;
    assert_true(w.n_steps < 256);
    w.read_from = in->n_unread;
    w.read_to = in->n - in->n_unread_end;
    w.step_reads[w.n_steps] = w.read_to - w.read_from;
    w.step_rows[w.n_steps++] = in->n;
    w.n_rows += in->n;
    return default_backend()->step(b, in, err);
}

static dlx_result counted_head(dlx__backend *b, const dlx__head *in, dlx_error *err)
{
    if (w.n_last_head > 0) { /* only a guess that would have begun a new group of rows */
        assert_int_equal(in->n, 1);
        assert_int_equal(w.n_last_head % 8, 0);
        w.n_more_heads++;
        w.n_greedy++;
    } else if (!s.opts.temperature && !w.n_masks) {
        assert_int_equal(in->n, 1); /* the prefill gives a seed */
        w.n_greedy++;
    }
    for (size_t i = 0; i < in->n; i++)
        assert_true(in->rows[i] >= w.read_from && in->rows[i] < w.read_to);
    w.n_last_head = in->n;
    w.n_heads++;
    w.n_head_rows += in->n;
    return default_backend()->head(b, in, err);
}

static void open_counted(const char *folder)
{
    static dlx__backend_class class;
    open_stage(&s, folder, false);
    class = *default_backend();
    class.step = counted_step;
    class.head = counted_head;
    dlx__engine_free(s.engine);
    open_engine(&s, &class, 1, NULL);
    s.opts.n_stop_ids = 0;
}

static void count(size_t n_prompt)
{
    bool canvas = s.model.family->visibility == DLX__VISIBLE_FULL;
    size_t block = dlx__gen_block(&s.model, &s.opts);
    w = (struct watch){.unit = s.opts.small_block ? s.opts.small_block : block,
                       .origin = canvas ? n_prompt : 0,
                       .n_positions = dlx__gen_positions(&s.model, &s.opts, n_prompt),
                       .mask_id = mask_of(&s)};
    w.unit = w.unit ? w.unit : s.opts.max_tokens;
    for (size_t i = 0; i < w.n_positions; i++)
        w.canvas[i] = i < n_prompt ? prompt[i] : w.mask_id;
    generate(&s, prompt, n_prompt);
    assert_int_equal(w.n_steps, s.result.passes);
    assert_int_equal(w.n_rows, s.result.rows);
    assert_int_equal(s.result.n_ids, s.opts.max_tokens);
}

/* ---- the head ----------------------------------------------------------------------------------
 */

/* Families without seeds: exactly the masks in scope, once a pass. */
static size_t n_expected;

static dlx_result exact_head(dlx__backend *b, const dlx__head *in, dlx_error *err)
{
    assert_int_equal(in->n, w.n_masks);
    assert_in_range(w.read_to - w.read_from, w.unit, w.unit + s.model.family->shift);
    n_expected += in->n;
    return counted_head(b, in, err);
}

/* block 0: the folder's */
static void check_exact_head(const char *folder, const char *cache, size_t block)
{
    open_counted(folder);
    dlx__backend_class class = *default_backend();
    class.step = counted_step;
    class.head = exact_head;
    dlx__engine_free(s.engine);
    open_engine(&s, &class, 1, NULL);
    s.opts.cache = cache;
    s.opts.block_length = block ? block : s.opts.block_length;
    fill_prompt(prompt, 45, 4);
    n_expected = 0;
    count(45);
    assert_int_equal(w.n_heads, w.n_steps);
    assert_int_equal(w.n_head_rows, n_expected);
    assert_int_equal(s.rec.n_denoise, w.n_steps);
    close_stage(&s);
}

static void test_masked_rows_alone(void **state)
{
    (void)state;
    check_exact_head("sdar-tiny-b4", "exact", 0);
    check_exact_head("sdar-tiny-b8", "exact", 0);
    check_exact_head("llada-tiny", "none", 0);
    check_exact_head("llada-tiny", "none", 8);
    check_exact_head("llada-tiny", "prefix", 8);
    check_exact_head("llada-tiny", "dual", 8);
    check_exact_head("dream-tiny", "none", 0);
}

/* Samplers that do not look at confidences: the head runs on what they reveal. */
static void test_blind_samplers(void **state)
{
    (void)state;
    static const char *const blind[][2] = {
        {"sdar-tiny-b8", "sequential"}, {"llada-tiny", "random"}, {"dream-tiny", "origin"}};
    for (size_t i = 0; i < 3; i++) {
        open_counted(blind[i][0]);
        s.opts.sampler = blind[i][1];
        fill_prompt(prompt, 21, 4);
        count(21);
        assert_int_equal(w.n_head_rows, s.rec.n_written);
        close_stage(&s);
    }
}

/* Fast-dLLM v2: the seed and its guess share the calls that are made anyway. */
static void test_seeds_share_the_head(void **state)
{
    (void)state;
    static const char *const caches[] = {"exact", "subblock"};
    for (size_t i = 0; i < 4; i++) {
        open_counted("fast-dllm-v2-tiny");
        s.opts.cache = caches[i % 2];
        s.opts.small_block = i < 2 ? 8 : 32;
        s.opts.max_tokens = 100;
        fill_prompt(prompt, 64, 9);
        count(64);
        assert_int_equal(w.n_heads, w.n_steps + w.n_more_heads); /* one a pass */
        printf("  %zu passes, %zu calls of the head on %zu rows, %zu of a guess alone\n", w.n_steps,
               w.n_heads, w.n_head_rows, w.n_more_heads);
        assert_true(w.n_more_heads < 2);
        size_t n_narrow = 0; /* passes of which the small block in work is read, little more */
        for (size_t k = 0; k < w.n_steps; k++)
            n_narrow += w.step_reads[k] <= s.opts.small_block + 1;
        assert_true(2 * n_narrow > w.n_steps);
        close_stage(&s);
    }
}

/* What the head reads beside the scope: the seed of a block whose first small block is given, the
 * guess for the next one where a block ends in given positions. counted_head judges. */
static void test_reads_reach_far_enough(void **state)
{
    (void)state;
    open_counted("fast-dllm-v2-tiny");
    s.opts.sampler = "leftmost";
    s.opts.threshold = 0.1;
    s.opts.temperature = 1;
    s.opts.block_length = 3;
    s.opts.small_block = 1;
    s.opts.max_tokens = 6;
    fill_prompt(prompt, 38, 4);
    for (uint64_t seed = 0; seed < 20; seed++) {
        s.opts.seed = seed;
        count(38);
        dlx__engine_forget(s.engine);
    }
    s.opts.infill = true;
    s.opts.max_tokens = 0;
    s.opts.block_length = 9;
    s.opts.small_block = 3;
    for (uint64_t seed = 0; seed < 40; seed++) {
        dlx__rng rng;
        dlx__rng_seed(&rng, seed);
        fill_prompt(prompt, 45, 4);
        for (size_t i = 1; i < 45; i++)
            prompt[i] = dlx__rng_uniform(&rng) < 0.4 ? mask_of(&s) : prompt[i];
        s.opts.seed = seed;
        w = (struct watch){.unit = 3, .n_positions = 45, .mask_id = mask_of(&s)};
        generate(&s, prompt, 45);
        assert_int_equal(count_masks(&s), 0);
    }
    close_stage(&s);
}

/* ---- passes ------------------------------------------------------------------------------------
 */

static void test_given_rows_share_a_pass(void **state)
{
    (void)state;
    open_counted("sdar-tiny-b4");
    fill_prompt(prompt, 130, 4);
    count(45); /* 44 rows of the prompt and the first block */
    assert_int_equal(w.step_rows[0], 48);
    assert_int_equal(w.step_reads[0], 4);
    assert_int_equal(s.rec.n_prefill, 1);
    assert_int_equal(s.rec.n_commit, 8);
    assert_int_equal(s.rec.n_denoise, w.n_steps); /* none of those cost a pass */
    dlx__engine_forget(s.engine);
    count(130); /* as long as a pass may be, then the rest with the first block */
    assert_int_equal(w.step_rows[0], 128);
    assert_int_equal(w.step_rows[1], 4);
    assert_int_equal(w.step_reads[0], 0);
    assert_int_equal(w.step_reads[1], 4);
    assert_int_equal(s.rec.n_prefill, 1);
    close_stage(&s);
    open_counted("fast-dllm-v2-tiny");
    fill_prompt(prompt, 150, 4);
    s.opts.max_tokens = 8;
    count(80);
    assert_int_equal(w.step_rows[0], 96);
    dlx__engine_forget(s.engine);
    count(150);
    assert_int_equal(w.step_rows[0], 128);
    assert_int_equal(w.step_rows[1], 32);
    assert_int_equal(w.step_reads[0], 0);
    close_stage(&s);
}

/* A session whose backend takes longer passes makes them. */
static void test_long_prefill(void **state)
{
    (void)state;
    open_counted("sdar-tiny-b4");
    fill_prompt(prompt, 150, 4);
    s.opts.block_length = 96; /* the widest pass is then two of these */
    s.opts.max_tokens = 42;
    count(150);
    s.opts.block_length = 4;
    s.opts.max_tokens = 8;
    count(150);
    assert_int_equal(s.result.n_reused, 0);
    assert_int_equal(w.step_rows[0], 152);
    close_stage(&s);
}

/* Greedy blocks end with their last mask: as many passes as it takes, none more. */
static void test_no_pass_after_the_last_mask(void **state)
{
    (void)state;
    static const char *const folders[] = {"sdar-tiny-b8", "llada-tiny", "dream-tiny"};
    for (size_t i = 0; i < 3; i++) {
        open_counted(folders[i]);
        s.opts.threshold = 0.0; /* whatever passes it is taken at once, where there is one */
        fill_prompt(prompt, 24, 4);
        count(24);
        size_t last = 0;
        for (size_t k = 0; k < s.rec.n_written; k++)
            last = s.rec.pass_of[k] > last ? s.rec.pass_of[k] : last;
        assert_int_equal(last + 1, w.n_steps);
        if (i == 0)
            assert_int_equal(w.n_steps, 4); /* a pass a block */
        close_stage(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_masked_rows_alone),
                                       cmocka_unit_test(test_blind_samplers),
                                       cmocka_unit_test(test_seeds_share_the_head),
                                       cmocka_unit_test(test_reads_reach_far_enough),
                                       cmocka_unit_test(test_given_rows_share_a_pass),
                                       cmocka_unit_test(test_long_prefill),
                                       cmocka_unit_test(test_no_pass_after_the_last_mask)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
