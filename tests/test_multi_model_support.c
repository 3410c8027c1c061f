// labels: quick
/* test_multi_model_support.c - one interface, all families: who is recognised, with which facts.
 */
#include "support.h"

#include <dlx/tools.h>

static const struct {
    const char *folder, *family;
    dlx_token mask;
    size_t block;
} FAMILIES[] = {
    {"fast-dllm-v2-tiny", "fast-dllm-v2", 303, 32},
    {"dream-tiny", "dream", 306, 0},
    {"llada-tiny", "llada", 300, 0},
    {"sdar-tiny-b4", "sdar", 305, 4},
    {"ar-llama-tiny", "llama", -1, 0},
    {"ar-qwen2-tiny", "qwen2", -1, 0},
    {"ar-qwen3-tiny", "qwen3", -1, 0},
};

static void each_family_is_recognised(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof FAMILIES / sizeof *FAMILIES; i++) {
        dlx_model *model = support_open(FAMILIES[i].folder);
        dlx_model_info info;
        dlx_model_get_info(model, &info);
        assert_string_equal(info.family, FAMILIES[i].family);
        assert_int_equal(info.mask_id, FAMILIES[i].mask);
        assert_int_equal(info.block_length, FAMILIES[i].block);
        assert_int_equal(info.n_layers, FAMILIES[i].mask < 0 ? 2 : 3);
        assert_true(info.has_weights);
        assert_false(info.has_tokenizer);
        assert_true(info.n_params > 70000);
        dlx_model_free(model);
    }
}

static void an_unknown_architecture_is_refused_by_name(void **state)
{
    (void)state;
    char path[4200];
    snprintf(path, sizeof path, "%s", support_tmp("unknown-architecture"));
    char command[9000];
    snprintf(command, sizeof command, "mkdir -p '%s'", path);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof command, "cp '%s' ", support_golden("sdar-tiny-b4/model.safetensors"));
    size_t used = strlen(command);
    snprintf(command + used, sizeof command - used, "'%s'", path);
    assert_int_equal(system(command), 0);
    snprintf(command, sizeof command, "%s/config.json", path);
    support_write(command, "{\"architectures\": [\"MambaForCausalLM\"], \"model_type\": \"sdar\"}");
    dlx_model *model;
    dlx_error err;
    assert_int_equal(dlx_model_open(&model, path, NULL, &err), DLX_E_UNSUPPORTED);
    assert_null(model);
    support_sentence(&err, "MambaForCausalLM");
    support_sentence(&err, "SDARForCausalLM");
}

static void each_family_generates_what_was_asked(void **state)
{
    (void)state;
    const dlx_token prompt[] = {11, 12, 13, 14, 15};
    for (size_t i = 0; i < sizeof FAMILIES / sizeof *FAMILIES; i++) {
        dlx_model *model = support_open(FAMILIES[i].folder);
        dlx_session *session = support_session(model, "reference", 128);
        dlx_gen_opts gen;
        dlx_gen_init(model, &gen);
        gen.max_tokens = 16;
        gen.steps = strcmp(FAMILIES[i].family, "sdar") == 0 ? 4 : gen.steps ? 16 : 0;
        if (strcmp(FAMILIES[i].family, "llada") == 0)
            gen.block_length = 16;
        gen.n_stop_ids = 0;
        dlx_gen_result out;
        dlx_error err;
        if (dlx_generate(session, prompt, 5, &gen, &out, &err) != DLX_OK)
            fail_msg("%s: %s", FAMILIES[i].family, err.text);
        assert_int_equal(out.n_ids, 16);
        assert_int_equal(out.finish, DLX_FINISH_LENGTH);
        assert_int_equal(out.n_prompt, 5);
        assert_memory_equal(out.canvas, prompt, sizeof prompt);
        for (size_t k = 0; k < out.n_ids; k++) {
            assert_true(out.ids[k] >= 0 && out.ids[k] < 320);
            assert_int_not_equal(out.ids[k], FAMILIES[i].mask);
        }
        assert_true(out.passes > 0 && out.rows >= out.passes);
        dlx_session_free(session);
        dlx_model_free(model);
    }
}

static void the_lists_name_all(void **state)
{
    (void)state;
    size_t n = 0;
    for (const char *name = dlx_family_name(n); name; name = dlx_family_name(++n)) {
        assert_non_null(dlx_sampler_names(name));
        assert_non_null(dlx_cache_names(name));
        assert_non_null(dlx_sampler_names(name)[0]);
    }
    assert_int_equal(n, 7);
    assert_null(dlx_sampler_names("gpt"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_family_is_recognised),
        cmocka_unit_test(an_unknown_architecture_is_refused_by_name),
        cmocka_unit_test(each_family_generates_what_was_asked),
        cmocka_unit_test(the_lists_name_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
