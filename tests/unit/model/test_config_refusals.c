/*
 * test_config_refusals.c - every trap of a config.json that is refused, and those changes that
 * must not be: a golden config with one key changed, opened without weights.
 */
#include "checkpoints.h"

#define LLADA "llada-tiny"
#define DREAM "dream-tiny"
#define SDAR "sdar-tiny-b4"
#define FAST "fast-dllm-v2-tiny"
#define LLAMA "ar-llama-tiny"
#define QWEN2 "ar-qwen2-tiny"
#define QWEN3 "ar-qwen3-tiny"
#define HUGE_NUMBER "99999999999"

typedef struct change {
    const char *folder, *key, *value; /* value NULL: removed */
    dlx_result code;
    const char *part; /* of the sentence */
} change;

static const change refused[] = {
    /* another architecture */
    {SDAR, "architectures", "[\"LLaDA2MoeModelLM\"]", DLX_E_UNSUPPORTED, "LLaDA2MoeModelLM"},
    {LLADA, "architectures", "[\"LLaDAMoEModelLM\"]", DLX_E_UNSUPPORTED, "LLaDAMoEModelLM"},
    {LLADA, "architectures", "[\"ILLaDAForCausalLM\"]", DLX_E_UNSUPPORTED, "ILLaDAForCausalLM"},
    {SDAR, "architectures", "[\"SDARMoeForCausalLM\"]", DLX_E_UNSUPPORTED, "SDARMoeForCausalLM"},
    {DREAM, "architectures", "[\"Qwen2MoeForCausalLM\"]", DLX_E_UNSUPPORTED, "Qwen2MoeForCausalLM"},
    {LLAMA, "architectures", "[\"MistralForCausalLM\"]", DLX_E_UNSUPPORTED, "MistralForCausalLM"},
    {SDAR, "architectures", "[\"Qwen3NextForCausalLM\"]", DLX_E_UNSUPPORTED,
     "Fast_dLLM_QwenForCausalLM, DreamModel, LLaDAModelLM, SDARForCausalLM, LlamaForCausalLM, "
     "Qwen2ForCausalLM, Qwen3ForCausalLM"},
    {SDAR, "architectures", NULL, DLX_E_UNSUPPORTED, "no \"architectures\""},
    {SDAR, "architectures", "\"SDARForCausalLM\"", DLX_E_UNSUPPORTED, "no \"architectures\""},
    {SDAR, "architectures", "[]", DLX_E_UNSUPPORTED, "no \"architectures\""},
    {SDAR, "architectures", "[4]", DLX_E_UNSUPPORTED, "no \"architectures\""},
    /* sizes: missing, of another type, zero, absurd */
    {SDAR, "num_hidden_layers", NULL, DLX_E_FORMAT, "num_hidden_layers"},
    {SDAR, "num_hidden_layers", "0", DLX_E_FORMAT, "num_hidden_layers"},
    {SDAR, "num_hidden_layers", HUGE_NUMBER, DLX_E_FORMAT, "num_hidden_layers"},
    {SDAR, "num_hidden_layers", "\"3\"", DLX_E_FORMAT, "num_hidden_layers"},
    {SDAR, "num_hidden_layers", "2.5", DLX_E_FORMAT, "num_hidden_layers"},
    {SDAR, "hidden_size", NULL, DLX_E_FORMAT, "hidden_size"},
    {SDAR, "hidden_size", "-96", DLX_E_FORMAT, "hidden_size"},
    {SDAR, "hidden_size", HUGE_NUMBER, DLX_E_FORMAT, "hidden_size"},
    {SDAR, "num_attention_heads", "0", DLX_E_FORMAT, "num_attention_heads"},
    {SDAR, "num_attention_heads", HUGE_NUMBER, DLX_E_FORMAT, "num_attention_heads"},
    {SDAR, "num_key_value_heads", "3", DLX_E_FORMAT, "4 and 3"},
    {SDAR, "num_key_value_heads", "0", DLX_E_FORMAT, "num_key_value_heads"},
    {SDAR, "head_dim", "31", DLX_E_UNSUPPORTED, "even head width"},
    {SDAR, "head_dim", HUGE_NUMBER, DLX_E_FORMAT, "head_dim"},
    {DREAM, "num_attention_heads", "6", DLX_E_FORMAT, "the heads divide"},
    {SDAR, "intermediate_size", NULL, DLX_E_FORMAT, "intermediate_size"},
    {SDAR, "intermediate_size", HUGE_NUMBER, DLX_E_FORMAT, "intermediate_size"},
    {SDAR, "vocab_size", NULL, DLX_E_FORMAT, "vocab_size"},
    {SDAR, "vocab_size", HUGE_NUMBER, DLX_E_FORMAT, "vocab_size"},
    {SDAR, "max_position_embeddings", NULL, DLX_E_FORMAT, "max_position_embeddings"},
    {SDAR, "max_position_embeddings", HUGE_NUMBER, DLX_E_FORMAT, "max_position_embeddings"},
    {SDAR, "rope_theta", NULL, DLX_E_FORMAT, "rope_theta"},
    {SDAR, "rope_theta", "0", DLX_E_FORMAT, "rope_theta"},
    {SDAR, "rope_theta", "\"1e6\"", DLX_E_FORMAT, "rope_theta"},
    {SDAR, "rms_norm_eps", NULL, DLX_E_FORMAT, "rms_norm_eps"},
    {SDAR, "rms_norm_eps", "0", DLX_E_FORMAT, "rms_norm_eps"},
    {SDAR, "tie_word_embeddings", "1", DLX_E_FORMAT, "tie_word_embeddings"},
    {SDAR, "block_size", "0", DLX_E_FORMAT, "block_size"},
    {SDAR, "block_size", HUGE_NUMBER, DLX_E_FORMAT, "block_size"},
    {FAST, "bd_size", "-1", DLX_E_FORMAT, "bd_size"},
    /* Qwen switches */
    {SDAR, "hidden_act", "\"gelu\"", DLX_E_UNSUPPORTED, "gelu"},
    {DREAM, "hidden_act", "\"relu\"", DLX_E_UNSUPPORTED, "hidden_act"},
    {FAST, "hidden_act", "7", DLX_E_FORMAT, "hidden_act"},
    {SDAR, "rope_scaling", "{\"rope_type\":\"yarn\",\"factor\":4}", DLX_E_UNSUPPORTED, "yarn"},
    {DREAM, "rope_scaling", "{\"type\":\"linear\"}", DLX_E_UNSUPPORTED, "rope_scaling"},
    {DREAM, "rope_scaling", "4", DLX_E_UNSUPPORTED, "rope_scaling"},
    {SDAR, "rope_parameters", "{\"rope_type\":\"llama3\"}", DLX_E_UNSUPPORTED, "llama3"},
    {SDAR, "use_sliding_window", "true", DLX_E_UNSUPPORTED, "use_sliding_window"},
    {DREAM, "use_sliding_window", "true", DLX_E_UNSUPPORTED, "use_sliding_window"},
    {FAST, "use_sliding_window", "true", DLX_E_UNSUPPORTED, "use_sliding_window"},
    {FAST, "layer_types", "[\"full_attention\",\"sliding_attention\",\"full_attention\"]",
     DLX_E_UNSUPPORTED, "sliding_attention"},
    {FAST, "layer_types", "[1]", DLX_E_UNSUPPORTED, "layer_types"},
    {SDAR, "attention_bias", "true", DLX_E_UNSUPPORTED, "attention_bias"},
    {DREAM, "use_mrope", "true", DLX_E_UNSUPPORTED, "use_mrope"},
    {SDAR, "mlp_bias", "true", DLX_E_UNSUPPORTED, "mlp_bias"},
    {SDAR, "partial_rotary_factor", "0.5", DLX_E_UNSUPPORTED, "partial_rotary_factor"},
    {SDAR, "quantization_config", "{\"quant_method\":\"gptq\"}", DLX_E_UNSUPPORTED,
     "quantization_config"},
    /* the same of the autoregressive families */
    {LLAMA, "rope_scaling", "{\"rope_type\":\"llama3\",\"factor\":8.0}", DLX_E_UNSUPPORTED,
     "llama3"},
    {LLAMA, "rope_parameters", "{\"rope_type\":\"llama3\",\"rope_theta\":5e5}", DLX_E_UNSUPPORTED,
     "llama3"},
    {LLAMA, "rope_scaling", "{\"type\":\"linear\",\"factor\":2.0}", DLX_E_UNSUPPORTED, "linear"},
    {LLAMA, "attention_bias", "true", DLX_E_UNSUPPORTED, "attention_bias"},
    {LLAMA, "mlp_bias", "true", DLX_E_UNSUPPORTED, "mlp_bias"},
    {LLAMA, "hidden_act", "\"gelu\"", DLX_E_UNSUPPORTED, "gelu"},
    {LLAMA, "rope_theta", "0", DLX_E_FORMAT, "rope_theta"},
    {QWEN2, "rope_scaling", "{\"rope_type\":\"dynamic\",\"factor\":2.0}", DLX_E_UNSUPPORTED,
     "dynamic"},
    {QWEN2, "rope_scaling", "{\"type\":\"yarn\",\"factor\":4.0}", DLX_E_UNSUPPORTED, "yarn"},
    {QWEN2, "use_sliding_window", "true", DLX_E_UNSUPPORTED, "use_sliding_window"},
    {QWEN2, "layer_types", "[\"full_attention\",\"sliding_attention\"]", DLX_E_UNSUPPORTED,
     "sliding_attention"},
    {QWEN3, "rope_scaling", "{\"rope_type\":\"yarn\",\"factor\":4.0}", DLX_E_UNSUPPORTED, "yarn"},
    {QWEN3, "use_sliding_window", "true", DLX_E_UNSUPPORTED, "use_sliding_window"},
    {QWEN3, "attention_bias", "true", DLX_E_UNSUPPORTED, "attention_bias"},
    {QWEN3, "quantization_config", "{\"quant_method\":\"awq\"}", DLX_E_UNSUPPORTED,
     "quantization_config"},
    {QWEN3, "eos_token_id", "[1, 9999]", DLX_E_FORMAT, "9999"},
    /* LLaDA switches */
    {LLADA, "alibi", "true", DLX_E_UNSUPPORTED, "alibi"},
    {LLADA, "input_emb_norm", "true", DLX_E_UNSUPPORTED, "input_emb_norm"},
    {LLADA, "scale_logits", "true", DLX_E_UNSUPPORTED, "scale_logits"},
    {LLADA, "include_bias", "true", DLX_E_UNSUPPORTED, "include_bias"},
    {LLADA, "include_qkv_bias", "true", DLX_E_UNSUPPORTED, "include_qkv_bias"},
    {LLADA, "attention_layer_norm", "true", DLX_E_UNSUPPORTED, "attention_layer_norm"},
    {LLADA, "multi_query_attention", "true", DLX_E_UNSUPPORTED, "multi_query_attention"},
    {LLADA, "bias_for_layer_norm", "true", DLX_E_UNSUPPORTED, "bias_for_layer_norm"},
    {LLADA, "layer_norm_with_affine", "false", DLX_E_UNSUPPORTED, "layer_norm_with_affine"},
    {LLADA, "rope", "false", DLX_E_UNSUPPORTED, "rope"},
    {LLADA, "rope_scaling", "{\"type\":\"linear\"}", DLX_E_UNSUPPORTED, "rope_scaling"},
    {LLADA, "quantization_config", "{}", DLX_E_UNSUPPORTED, "quantization_config"},
    {LLADA, "clip_qkv", "8.0", DLX_E_UNSUPPORTED, "clip_qkv"},
    {LLADA, "layer_norm_type", "\"default\"", DLX_E_UNSUPPORTED, "layer_norm_type"},
    {LLADA, "activation_type", "\"swiglu\"", DLX_E_UNSUPPORTED, "activation_type"},
    {LLADA, "block_type", "\"sequential\"", DLX_E_UNSUPPORTED, "block_type"},
    {LLADA, "block_group_size", "2", DLX_E_UNSUPPORTED, "block_group_size"},
    {LLADA, "d_model", NULL, DLX_E_FORMAT, "d_model"},
    {LLADA, "n_layers", HUGE_NUMBER, DLX_E_FORMAT, "n_layers"},
    {LLADA, "embedding_size", "310", DLX_E_FORMAT, "at least vocab_size rows"},
    {LLADA, "embedding_size", HUGE_NUMBER, DLX_E_FORMAT, "embedding_size"},
    {LLADA, "max_sequence_length", NULL, DLX_E_FORMAT, "max_sequence_length"},
    /* ids */
    {SDAR, "mask_token_id", NULL, DLX_E_FORMAT, "151669"},
    {LLADA, "mask_token_id", "null", DLX_E_FORMAT, "mask_token_id"},
    {SDAR, "mask_token_id", "320", DLX_E_FORMAT, "320"},
    {SDAR, "mask_token_id", "-1", DLX_E_FORMAT, "mask_token_id"},
    {SDAR, "mask_token_id", "\"<MASK>\"", DLX_E_FORMAT, "mask_token_id"},
    {SDAR, "eos_token_id", "[1, 2, 9999]", DLX_E_FORMAT, "9999"},
    {SDAR, "eos_token_id", "\"x\"", DLX_E_FORMAT, "eos_token_id"},
    {SDAR, "eos_token_id", "[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]", DLX_E_FORMAT,
     "at most 16"},
    {SDAR, "bos_token_id", "321", DLX_E_FORMAT, "bos_token_id"},
};

static void changed_configs_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < DLX__LEN(refused); i++) {
        const change *c = &refused[i];
        const char *dir = fresh_dir("refused");
        json_t *config = golden_config(c->folder);
        set_key(config, c->key, c->value);
        write_json(dir, "config.json", config);
        expect_refusal(dir, DLX__NEED_NAMES, c->code, c->part);
        json_decref(config);
    }
    print_message("%zu changed configs refused\n", DLX__LEN(refused));
}

static void mlp_ratio_stands_in_for_a_missing_width(void **state)
{
    (void)state;
    static const struct {
        const char *ratio, *part;
    } cases[] = {{"4", NULL}, {NULL, "mlp_ratio"}, {"0", "mlp_ratio"}, {"1e9", "mlp_ratio"}};
    for (size_t i = 0; i < DLX__LEN(cases); i++) {
        const char *dir = fresh_dir("mlp-ratio");
        json_t *config = golden_config(LLADA);
        set_key(config, "mlp_hidden_size", i % 2 ? "null" : NULL);
        set_key(config, "mlp_ratio", cases[i].ratio);
        write_json(dir, "config.json", config);
        json_decref(config);
        if (cases[i].part) {
            expect_refusal(dir, DLX__NEED_NAMES, DLX_E_FORMAT, cases[i].part);
            continue;
        }
        dlx_error err = {0};
        dlx__model m;
        ok(dlx__model_open(&m, dir, DLX__NEED_NAMES, NULL, &err), err);
        assert_int_equal(m.hp.n_ff, 4 * 64);
        dlx__model_release(&m);
    }
    const char *dir = fresh_dir("mlp-ratio");
    json_t *config = golden_config(LLADA);
    set_key(config, "d_model", "65536");
    set_key(config, "mlp_hidden_size", "null");
    set_key(config, "mlp_ratio", "64");
    write_json(dir, "config.json", config);
    json_decref(config);
    expect_refusal(dir, DLX__NEED_NAMES, DLX_E_FORMAT, "mlp_ratio times d_model");
}

static const change accepted[] = {
    {SDAR, "rope_scaling", "{\"rope_type\":\"default\"}", DLX_OK, NULL},
    {SDAR, "hidden_act", NULL, DLX_OK, NULL},
    {SDAR, "sliding_window", "4096", DLX_OK, NULL},
    {SDAR, "attention_bias", NULL, DLX_OK, NULL},
    {SDAR, "num_hidden_layers", "3.0", DLX_OK, NULL},
    {SDAR, "architectures", "[\"Extra\", \"SDARForCausalLM\"]", DLX_OK, NULL},
    {SDAR, "eos_token_id", "null", DLX_OK, NULL},
    {SDAR, "model_type", "\"qwen3\"", DLX_OK, NULL},
    {LLAMA, "rope_scaling", "null", DLX_OK, NULL},
    {QWEN2, "sliding_window", "4096", DLX_OK, NULL},
    {QWEN3, "head_dim", NULL, DLX_OK, NULL},
    {QWEN3, "mask_token_id", "9999", DLX_OK, NULL},
    {LLADA, "n_kv_heads", "null", DLX_OK, NULL},
    {LLADA, "n_kv_heads", NULL, DLX_OK, NULL},
    {LLADA, "embedding_size", "null", DLX_OK, NULL},
    {LLADA, "embedding_size", "384", DLX_OK, NULL},
    {LLADA, "weight_tying", "true", DLX_OK, NULL},
};

static void harmless_changes_are_not_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < DLX__LEN(accepted); i++) {
        dlx_error err = {0};
        dlx__model m;
        const char *dir = fresh_dir("accepted");
        json_t *config = golden_config(accepted[i].folder);
        set_key(config, accepted[i].key, accepted[i].value);
        write_json(dir, "config.json", config);
        json_decref(config);
        ok(dlx__model_open(&m, dir, DLX__NEED_NAMES, NULL, &err), err);
        assert_false(m.has_weights);
        dlx__model_release(&m);
    }
}

static void rope_theta_may_stand_in_rope_parameters(void **state)
{
    (void)state;
    dlx_error err = {0};
    dlx__model m;
    const char *dir = fresh_dir("rope-parameters");
    json_t *config = golden_config(SDAR);
    set_key(config, "rope_theta", NULL);
    set_key(config, "rope_parameters", "{\"rope_type\":\"default\",\"rope_theta\":5000}");
    write_json(dir, "config.json", config);
    json_decref(config);
    ok(dlx__model_open(&m, dir, DLX__NEED_NAMES, NULL, &err), err);
    assert_float_equal(m.hp.rope_theta, 5000.0, 0.0);
    dlx__model_release(&m);
}

static void weights_are_asked_for_only_when_needed(void **state)
{
    (void)state;
    const char *dir = fresh_dir("no-weights");
    json_t *config = golden_config(DREAM);
    write_json(dir, "config.json", config);
    json_decref(config);
    expect_refusal(dir, DLX__NEED_WEIGHTS, DLX_E_IO, "model.safetensors");
    dlx_error err = {0};
    dlx__model m;
    ok(dlx__model_open(&m, dir, DLX__NEED_NOTHING, NULL, &err), err);
    dlx__model_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changed_configs_are_refused),
        cmocka_unit_test(mlp_ratio_stands_in_for_a_missing_width),
        cmocka_unit_test(harmless_changes_are_not_refused),
        cmocka_unit_test(rope_theta_may_stand_in_rope_parameters),
        cmocka_unit_test(weights_are_asked_for_only_when_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
