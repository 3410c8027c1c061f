/* Options that make no sense are refused before anything is computed, each in a sentence. */
#include "generation_support.h"

#include <math.h>

#include "runtime/gen_options.h"

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
    for (size_t i = 0; i < N_DIFFUSION; i++) {
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
    WITH(temperature, -0.5, refused("temperature: expected a number from 0 to 1e+06, found -0.5"));
    WITH(temperature, (double)NAN, refused("temperature"));
    WITH(temperature, (double)INFINITY, refused("temperature"));
    WITH(top_p, 0.0, refused("top-p: expected a number above 0 and at most 1 (1 is off), found 0"));
    WITH(top_p, 1.5, refused("found 1.5"));
    WITH(top_p, (double)NAN, refused("top-p"));
    WITH(threshold, -1.0, refused("threshold"));
    WITH(threshold, (double)NAN, refused("threshold"));
    WITH(eb_threshold, -1.0, refused("eb-threshold"));
    WITH(max_tokens, 0, refused("max-tokens: expected at least 1"));
    WITH(block_length, 0, refused("block-length: expected at least 1, found 0"));
    WITH(n_stop_ids, 99, refused("stop ids: expected at most 16, found 99"));
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
        WITH(cfg_scale, 1.5, refused("cfg-scale: expected an option of "));
        WITH(logits_eos_inf, true, refused("found one of llada: leave it out"));
        WITH(confidence_eos_eot_inf, true, refused("confidence-eos-eot-inf: "));
        WITH(eot_id, 5, refused("eot-id: "));
        if (i > 0) {
            WITH(alg_temp, 0.5, refused("found one of dream"));
            WITH(eps, 0.1, refused("eps: "));
        }
        if (i < 2)
            WITH(small_block, 8, refused("found one of fast-dllm-v2"));
        WITH(factor, 1.0, refused("factor: "));
        dlx__model_release(&s.model);
    }
    open("fast-dllm-v2-tiny");
    WITH(steps, 8, refused("steps: expected an option of fast-dllm-v2, found one of "));
    WITH(small_block, 5,
         refused("small-block: expected a divisor of the block length 32, found 5"));
    WITH(small_block, 0, refused("found 0"));
    WITH(eb_threshold, 0.5, refused("found one of sdar"));
    dlx__model_release(&s.model);
}

/* Is an option of use to this family, this sampler, this kind of run? */
static void of_use(const char *sampler, const char *option, const char *words)
{
    dlx_error err = {.code = DLX_OK};
    s.opts.sampler = sampler;
    dlx_result r = dlx__gen_uses(s.model.family, &s.opts, option, &err);
    if (!words) {
        assert_ok(r, &err);
        return;
    }
    assert_int_equal(r, DLX_E_ARG);
    assert_says(&err, words);
}

static void test_what_is_of_use(void **state)
{
    (void)state;
    open("llada-tiny");
    of_use("low_confidence", "threshold",
           "does not use it; leave it out, or choose a sampler of "
           "llada that does: threshold");
    of_use("threshold", "threshold", NULL);
    of_use("threshold", "factor", "that does: factor");
    of_use("factor", "factor", NULL);
    of_use("factor", "threshold", "threshold: the sampler factor does not use it");
    of_use("threshold", "steps", NULL); /* the references take both */
    of_use("random", "confidence-eos-eot-inf", "the sampler random");
    of_use("low_confidence", "confidence-eos-eot-inf", NULL);
    of_use("low_confidence", "cfg-scale", NULL);
    of_use("low_confidence", "eot-id", NULL);
    of_use("low_confidence", "eb-threshold", "found one of sdar");
    of_use(NULL, "top-p", NULL);
    s.opts.infill = true;
    of_use("low_confidence", "max-tokens", "infill fills");
    of_use("low_confidence", "eos-ids", "infill fills");
    s.opts.logits_eos_inf = true;
    of_use("low_confidence", "eos-ids", NULL);
    dlx__model_release(&s.model);
    open("dream-tiny");
    of_use("confidence_threshold", "eps", "that does: entropy, origin, maskgit_plus, topk_margin");
    of_use("confidence_threshold", "threshold", NULL);
    of_use("origin", "eps", NULL);
    of_use("origin", "alg-temp", "that does: entropy, maskgit_plus, topk_margin");
    dlx__model_release(&s.model);
    open("sdar-tiny-b4");
    of_use("leftmost", "threshold", NULL);
    of_use("low_confidence_dynamic", "threshold", NULL);
    of_use("low_confidence_static", "threshold", "that does: low_confidence_dynamic, leftmost");
    of_use("sequential", "eb-threshold", "that does: entropy_bounded");
    dlx__model_release(&s.model);
}

/* One token a pass, left to right: nothing of how masks are chosen. */
static void test_autoregressive(void **state)
{
    (void)state;
    static const char *const folders[] = {"ar-llama-tiny", "ar-qwen2-tiny", "ar-qwen3-tiny"};
    for (size_t i = 0; i < 3; i++) {
        open(folders[i]);
        assert_string_equal(s.opts.sampler, "next");
        assert_string_equal(s.opts.cache, "exact");
        assert_int_equal(s.opts.block_length, 0);
        assert_true(s.opts.threshold == 0.0 && s.opts.eps == 0.0 && s.opts.eot_id == -1);
        assert_int_equal(dlx__gen_positions(&s.model, &s.opts, 3), 35);
        accepted();
        WITH(temperature, 0.7, accepted());
        WITH(top_k, 5, accepted());
        WITH(top_p, 0.5, accepted());
        WITH(max_tokens, 7, accepted());
        WITH(allow_special, true, accepted());
        WITH(block_length, 1, refused("found one of fast-dllm-v2, dream, llada, sdar: leave it"));
        WITH(steps, 4, refused("steps: expected an option of "));
        WITH(threshold, 0.9, refused("threshold: expected an option of "));
        WITH(small_block, 8, refused("found one of fast-dllm-v2: leave it out"));
        WITH(eb_threshold, 0.3, refused("found one of sdar"));
        WITH(factor, 1.0, refused("found one of llada"));
        WITH(alg_temp, 0.1, refused("found one of dream"));
        WITH(cfg_scale, 1.0, refused("found one of llada"));
        WITH(eot_id, 9, refused("eot-id: "));
        WITH(sampler, "low_confidence", refused("belongs to llada; choose one of "));
        WITH(sampler, "leftmost", refused("belongs to fast-dllm-v2"));
        WITH(cache, "none", refused("belongs to dream"));
        WITH(infill, true, refused("fills no gap; take a diffusion model"));
        of_use("next", "threshold", "threshold: expected an option of ");
        of_use("next", "block-length", "block-length: expected an option of ");
        of_use("next", "steps", "steps: ");
        of_use("next", "top-k", NULL);
        of_use("next", "stop", NULL);
        dlx__model_release(&s.model);
    }
    open("sdar-tiny-b4");
    WITH(sampler, "next", refused("belongs to llama"));
    of_use(NULL, "block-length", NULL);
    dlx__model_release(&s.model);
}

static void test_llada_divisions(void **state)
{
    (void)state;
    open("llada-tiny");
    s.opts.block_length = 16;
    s.opts.max_tokens = 40;
    refused("max-tokens: expected a multiple of the block length 16, found 40: use 48");
    s.opts.block_length = 8;
    s.opts.steps = 10;
    refused("steps: expected a multiple of 4, for as many blocks (max-tokens 32 / block length 8), "
            "found 10: use 12");
    s.opts.block_length = 8;
    s.opts.steps = 12;
    accepted();
    dlx__model_release(&s.model);
}

static void test_dream_modes(void **state)
{
    (void)state;
    open("dream-tiny");
    WITH(block_length, 8, refused("block-length: dream decodes in blocks only with the cache"));
    s.opts.cache = "prefix";
    WITH(block_length, 8, accepted());
    s.opts.cache = "dual";
    WITH(sampler, "maskgit_plus", refused("needs the cache none"));
    s.opts.cache = "dual";
    WITH(sampler, "confidence_threshold", accepted());
    s.opts.cache = "dual";
    s.opts.block_length = 8;
    WITH(steps, 6, refused("expected a multiple of 4"));
    s.opts.sampler = "confidence_threshold";
    WITH(steps, 5, refused("steps: expected a divisor of the 32 masks"));
    s.opts.sampler = "origin";
    WITH(alg_temp, 0.5, refused("the sampler origin does not use it"));
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
    assert_int_equal(check(ids, 129), DLX_E_FULL);
    assert_says(&s.err, "the text with its gaps of 129 ids is longer than the context of 128");
    assert_int_equal(check(NULL, 0), DLX_E_ARG);
    assert_says(&s.err, "the text is empty");
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
    WITH(eot_id, 320, refused("eot-id 320 is not in the vocabulary of 320: ids go from 0 to 319"));
    WITH(eot_id, -2, refused("eot-id -2"));
    WITH(eot_id, -1, accepted());
    WITH(eot_id, 319, accepted());
    static const char *const texts[] = {"x", ""};
    s.opts.stop_texts = texts;
    WITH(n_stop_texts, 2, refused("stop texts: expected at least one character"));
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
                                       cmocka_unit_test(test_what_is_of_use),
                                       cmocka_unit_test(test_autoregressive),
                                       cmocka_unit_test(test_llada_divisions),
                                       cmocka_unit_test(test_dream_modes),
                                       cmocka_unit_test(test_prompts),
                                       cmocka_unit_test(test_id_lists),
                                       cmocka_unit_test(test_positions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
