/* Options that make no sense are refused before anything is computed, each in a sentence. */
#include "generation_support.h"

#include <math.h>

static stage s;
static const dlx_token hello[] = {1, 2, 3};

static void open(const char *folder)
{
    memset(&s, 0, sizeof s);
    open_model(&s.model, folder);
    dlx__gen_defaults(&s.model, &s.opts);
    s.opts.max_tokens = 32;
}

static dlx_result check(const dlx_token *prompt, size_t n)
{
    return dlx__gen_check(&s.model, &s.opts, prompt, n, 128, &s.err);
}

static void refused(const char *words)
{
    assert_int_equal(check(hello, 3), DLX_E_ARG);
    assert_says(&s.err, words);
    dlx__gen_defaults(&s.model, &s.opts);
    s.opts.max_tokens = 32;
}

static void accepted(void)
{
    assert_ok(check(hello, 3), &s.err);
    dlx__gen_defaults(&s.model, &s.opts);
    s.opts.max_tokens = 32;
}

#define WITH(field, value, verdict)                                                                \
    do {                                                                                           \
        s.opts.field = (value);                                                                    \
        verdict;                                                                                   \
    } while (0)

static void test_defaults_are_accepted(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        open(one_of_each[i]);
        s.opts.max_tokens = 64;
        accepted();
        assert_string_equal(s.opts.sampler, s.model.family->samplers[0]);
        assert_true(s.opts.temperature == 0.0 && s.opts.top_p == 1.0 && s.opts.top_k == 0);
        assert_true(s.opts.threshold == 0.9 || s.opts.threshold == 0.95); /* not 0.899999976 */
        assert_true(s.opts.n_stop_ids > 0);
        WITH(max_tokens, 16, accepted()); /* shorter than a block */
        WITH(sampler, NULL, accepted());
        WITH(cache, NULL, accepted());
        dlx__model_release(&s.model);
    }
}

static void test_numbers(void **state)
{
    (void)state;
    open("sdar-tiny-b4");
    WITH(temperature, -0.5, refused("temperature is -0.5"));
    WITH(temperature, (double)NAN, refused("temperature"));
    WITH(temperature, (double)INFINITY, refused("temperature"));
    WITH(top_p, 0.0, refused("top_p is 0"));
    WITH(top_p, 1.5, refused("top_p is 1.5"));
    WITH(top_p, (double)NAN, refused("top_p"));
    WITH(threshold, -1.0, refused("threshold"));
    WITH(threshold, (double)NAN, refused("threshold"));
    WITH(eb_threshold, -1.0, refused("eb_threshold"));
    WITH(max_tokens, 0, refused("max_tokens is 0"));
    WITH(block_length, 0, refused("block_length is 0"));
    WITH(n_stop_ids, 99, refused("at most 16"));
    WITH(threshold, 1.0, accepted());
    WITH(top_p, 1e-9, accepted());
    dlx__model_release(&s.model);
}

static void test_names(void **state)
{
    (void)state;
    open("sdar-tiny-b4");
    WITH(sampler, "low_confidence_dynamik", refused("nearest: low_confidence_dynamic"));
    WITH(sampler, "nonsense", refused("sequential"));
    WITH(sampler, "maskgit_plus", refused("belongs to dream"));
    WITH(sampler, "factor", refused("belongs to llada"));
    WITH(cache, "dual", refused("belongs to"));
    WITH(cache, "exakt", refused("nearest: exact"));
    WITH(cache, "subblock", refused("belongs to fast-dllm-v2"));
    dlx__model_release(&s.model);
    open("fast-dllm-v2-tiny");
    WITH(sampler, "origin", refused("belongs to dream"));
    WITH(sampler, "leftmost", accepted());
    WITH(cache, "subblock", accepted());
    WITH(cache, "none", refused("belongs to"));
    dlx__model_release(&s.model);
}

static void test_options_of_other_families(void **state)
{
    (void)state;
    static const char *const others[] = {"dream-tiny", "sdar-tiny-b4", "fast-dllm-v2-tiny"};
    for (size_t i = 0; i < 3; i++) {
        open(others[i]);
        WITH(cfg_scale, 1.5, refused("has no cfg_scale"));
        WITH(logits_eos_inf, true, refused("has no logits_eos_inf"));
        WITH(confidence_eos_eot_inf, true, refused("has no confidence_eos_eot_inf"));
        if (i > 0) {
            WITH(alg_temp, 0.5, refused("has no alg_temp"));
            WITH(eps, 0.1, refused("has no eps"));
        }
        if (i < 2)
            WITH(small_block, 8, refused("has no small_block"));
        WITH(factor, 1.0, refused("has no factor"));
        dlx__model_release(&s.model);
    }
    open("fast-dllm-v2-tiny");
    WITH(steps, 8, refused("has no steps"));
    WITH(small_block, 5, refused("must divide the block length 32"));
    WITH(small_block, 0, refused("must divide"));
    WITH(eb_threshold, 0.5, refused("has no eb_threshold"));
    dlx__model_release(&s.model);
}

static void test_llada_divisions(void **state)
{
    (void)state;
    open("llada-tiny");
    s.opts.block_length = 16;
    s.opts.max_tokens = 40;
    refused("max_tokens 40 is not a multiple of the block length 16");
    s.opts.block_length = 8;
    s.opts.steps = 10;
    refused("10 steps do not spread evenly over 4 blocks");
    s.opts.block_length = 8;
    s.opts.steps = 12;
    accepted();
    dlx__model_release(&s.model);
}

static void test_dream_modes(void **state)
{
    (void)state;
    open("dream-tiny");
    WITH(block_length, 8, refused("only with the cache"));
    s.opts.cache = "prefix";
    WITH(block_length, 8, accepted());
    s.opts.cache = "dual";
    WITH(sampler, "maskgit_plus", refused("needs the cache none"));
    s.opts.cache = "dual";
    WITH(sampler, "confidence_threshold", accepted());
    s.opts.cache = "dual";
    s.opts.block_length = 8;
    WITH(steps, 6, refused("6 steps do not spread evenly over 4 blocks"));
    s.opts.sampler = "confidence_threshold";
    WITH(steps, 5, refused("choose steps that divide"));
    s.opts.sampler = "origin";
    WITH(alg_temp, 0.5, refused("'origin' has none"));
    WITH(alg_temp, 0.5, accepted());
    WITH(eps, 2.0, refused("eps"));
    dlx__model_release(&s.model);
}

static void test_prompts(void **state)
{
    (void)state;
    dlx_token ids[200] = {0};
    open("llada-tiny");
    assert_int_equal(check(NULL, 0), DLX_E_ARG);
    assert_says(&s.err, "prompt is empty");
    ids[2] = 320;
    assert_int_equal(check(ids, 4), DLX_E_ARG);
    assert_says(&s.err, "id 320 at position 2");
    ids[2] = -1;
    assert_int_equal(check(ids, 4), DLX_E_ARG);
    assert_says(&s.err, "id -1 at position 2");
    ids[2] = 0;
    assert_int_equal(check(ids, 129), DLX_E_FULL);
    assert_says(&s.err, "prompt of 129 ids is longer than the context of 128");
    assert_int_equal(check(ids, 97), DLX_E_FULL);
    assert_says(&s.err, "need 129 positions, the context has 128");
    assert_ok(check(ids, 96), &s.err);
    s.opts.max_tokens = SIZE_MAX / 32 * 32;
    s.opts.block_length = 32;
    assert_int_equal(check(ids, 96), DLX_E_FULL);
    s.opts.max_tokens = 32;
    s.opts.infill = true;
    assert_int_equal(check(ids, 96), DLX_E_ARG);
    assert_says(&s.err, "holds none");
    ids[5] = mask_of(&s);
    assert_ok(check(ids, 128), &s.err);
    s.opts.max_tokens = 0; /* infill appends nothing */
    assert_ok(check(ids, 128), &s.err);
    dlx__model_release(&s.model);
}

static void test_id_lists(void **state)
{
    (void)state;
    open("llada-tiny");
    static const dlx_token bad[] = {5, 320};
    s.opts.suppress = bad;
    WITH(n_suppress, 2, refused("suppressed id 320"));
    s.opts.n_stop_ids = 1;
    WITH(stop_ids[0], -7, refused("stop id -7"));
    dlx__model_release(&s.model);
}

/* Positions of a run: prompt and answer, rounded up as the family rounds. */
static void test_positions(void **state)
{
    (void)state;
    open("sdar-tiny-b4");
    s.opts.max_tokens = 10;
    assert_int_equal(dlx__gen_positions(&s.model, &s.opts, 9), 20);
    assert_int_equal(dlx__gen_positions(&s.model, &s.opts, 10), 20);
    s.opts.infill = true;
    assert_int_equal(dlx__gen_positions(&s.model, &s.opts, 9), 9);
    dlx__model_release(&s.model);
    open("fast-dllm-v2-tiny");
    s.opts.max_tokens = 31;
    assert_int_equal(dlx__gen_positions(&s.model, &s.opts, 33), 64);
    s.opts.max_tokens = 32; /* only the seed of the third block is asked for */
    assert_int_equal(dlx__gen_positions(&s.model, &s.opts, 33), 65);
    s.opts.max_tokens = 33;
    assert_int_equal(dlx__gen_positions(&s.model, &s.opts, 33), 96);
    dlx__model_release(&s.model);
    open("llada-tiny");
    assert_int_equal(dlx__gen_positions(&s.model, &s.opts, 9), 41);
    dlx__model_release(&s.model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_defaults_are_accepted),
                                       cmocka_unit_test(test_numbers),
                                       cmocka_unit_test(test_names),
                                       cmocka_unit_test(test_options_of_other_families),
                                       cmocka_unit_test(test_llada_divisions),
                                       cmocka_unit_test(test_dream_modes),
                                       cmocka_unit_test(test_prompts),
                                       cmocka_unit_test(test_id_lists),
                                       cmocka_unit_test(test_positions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
