/*
 * test_published.c - the configurations and weight indexes as the families published them: shapes,
 * ids, parameter counts, names. Needs the real data, except for Dream.
 */
#include "checkpoints.h"
#include "real_data.h"

/* "<the real data>/configs/<name>", read. */
static json_t *load_config(const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "configs/%s", name);
    return load_json(data_file(path));
}

static const char *published_dir(const char *config, const char *index)
{
    const char *dir = fresh_dir("published");
    json_t *json = load_config(config);
    write_json(dir, "config.json", json);
    json_decref(json);
    if (index) {
        json = load_config(index);
        write_json(dir, "model.safetensors.index.json", json);
        json_decref(json);
    }
    return dir;
}

typedef struct published {
    const char *config, *index, *family;
    size_t n_layers, n_embd, n_heads, n_heads_kv, n_ff, n_rows_vocab, n_ctx_train;
    bool tied;
    int64_t block;
    const char *block_from;
    int64_t mask;
    const char *mask_from;
    int32_t stops[2];
    uint64_t n_params;
} published;

static const published models[] = {
    {"fast_dllm_v2_1.5b.config.json",
     NULL,
     "fast-dllm-v2",
     28,
     1536,
     12,
     2,
     8960,
     151936,
     32768,
     true,
     32,
     "config.json bd_size",
     151665,
     "family default",
     {151645, 151643},
     1543714304},
    {"fast_dllm_v2_7b.config.json",
     "fast_dllm_v2_7b.model.safetensors.index.json",
     "fast-dllm-v2",
     28,
     3584,
     28,
     4,
     18944,
     152064,
     32768,
     false,
     32,
     "config.json bd_size",
     151665,
     "family default",
     {151645, 151643},
     15231233024 / 2},
    {"llada_8b_instruct.config.json",
     "llada_8b_instruct.model.safetensors.index.json",
     "llada",
     32,
     4096,
     32,
     32,
     12288,
     126464,
     4096,
     false,
     -1,
     "none",
     126336,
     "config.json mask_token_id",
     {126081, 126348},
     16031162368 / 2},
    {"sdar_4b_chat.config.json",
     "sdar_4b_chat.model.safetensors.index.json",
     "sdar",
     36,
     2560,
     32,
     8,
     9728,
     151936,
     32768,
     false,
     4,
     "config.json block_size",
     151669,
     "config.json mask_token_id",
     {151643, 151645},
     8822848512 / 2},
    {"sdar_8b_chat.config.json",
     "sdar_8b_chat.model.safetensors.index.json",
     "sdar",
     36,
     4096,
     32,
     8,
     12288,
     151936,
     32768,
     false,
     4,
     "config.json block_size",
     151669,
     "config.json mask_token_id",
     {151643, 151645},
     16381470720 / 2},
    {"sdar_8b_chat.config_copy.json",
     NULL,
     "sdar",
     36,
     4096,
     32,
     8,
     12288,
     151936,
     32768,
     false,
     4,
     "family default",
     151669,
     "family default",
     {151643, 151645},
     16381470720 / 2},
};

/* The names of an index, exactly: binding would refuse a difference, here it is counted. */
static void expect_names(const dlx__model *m, const char *index)
{
    json_t *json = load_config(index);
    json_t *map = json_object_get(json, "weight_map");
    size_t n = 0;
    for (int role = 0; role < DLX__N_ROLES; role++) {
        size_t n_layers = strstr(m->family->hf_names[role] ? m->family->hf_names[role] : "", "%d")
                              ? m->hp.n_layers
                              : 1;
        char name[160];
        for (size_t i = 0; i < n_layers; i++) {
            if (!dlx__role_name(name, m->family, DLX__CHECKPOINT_HF, (dlx__role)role, i))
                continue;
            if (!json_object_get(map, name))
                fail_msg("%s is not in %s", name, index);
            assert_string_equal(dlx__model_tensor(m, (dlx__role)role, i)->name, name);
            n++;
        }
    }
    assert_int_equal(n, json_object_size(map));
    print_message("%s: %zu names\n", index, n);
    json_decref(json);
}

static uint64_t n_params(const dlx__model *m)
{
    uint64_t n = 0;
    for (size_t i = 0; i < m->graph.n; i++) {
        const dlx__node *node = &m->graph.nodes[i];
        if (node->weight && !(m->hp.tied && i == m->graph.logits))
            n += dlx__tensor_elems(node->weight);
        if (node->bias)
            n += dlx__tensor_elems(node->bias);
    }
    return n;
}

static void expect_published(const dlx__model *m, const published *p)
{
    const dlx__hparams *hp = &m->hp;
    assert_string_equal(m->family->name, p->family);
    assert_int_equal(hp->n_layers, p->n_layers);
    assert_int_equal(hp->n_embd, p->n_embd);
    assert_int_equal(hp->n_heads, p->n_heads);
    assert_int_equal(hp->n_heads_kv, p->n_heads_kv);
    assert_int_equal(hp->head_dim, 128);
    assert_int_equal(hp->n_ff, p->n_ff);
    assert_int_equal(hp->n_rows_vocab, p->n_rows_vocab);
    assert_int_equal(hp->n_ctx_train, p->n_ctx_train);
    assert_int_equal(hp->tied, p->tied);
    expect_fact(hp->block_length, p->block, p->block_from);
    expect_fact(hp->mask_id, p->mask, p->mask_from);
    expect_stops(hp, p->stops, 2, "configuration eos_token_id, family end ids");
    assert_false(m->has_weights);
    assert_true(n_params(m) == p->n_params);
    if (p->index)
        expect_names(m, p->index);
}

static void published_configurations_open(void **state)
{
    (void)state;
    for (size_t i = 0; i < DLX__LEN(models); i++) {
        dlx_error err = {0};
        dlx__model m;
        const char *dir = published_dir(models[i].config, models[i].index);
        ok(dlx__model_open(&m, dir, DLX__NEED_NAMES, NULL, &err), err);
        expect_published(&m, &models[i]);
        dlx__model_release(&m);
    }
}

/* Dream 7B by the fields of its published config.json; the published weights have 15231233024
 * bytes of bf16. K and V of a position are 28 layers of 4 heads of 128 float32, twice. */
static void dream_7b_opens(void **state)
{
    (void)state;
    static const published dream = {.family = "dream",
                                    .n_layers = 28,
                                    .n_embd = 3584,
                                    .n_heads = 28,
                                    .n_heads_kv = 4,
                                    .n_ff = 18944,
                                    .n_rows_vocab = 152064,
                                    .n_ctx_train = 131072,
                                    .block = -1,
                                    .block_from = "none",
                                    .mask = 151666,
                                    .mask_from = "config.json mask_token_id",
                                    .stops = {151643, 151645},
                                    .n_params = 15231233024 / 2};
    dlx_error err = {0};
    dlx__model m;
    const char *dir = fresh_dir("dream-7b");
    write_text(dir, "config.json",
               "{\"architectures\": [\"DreamModel\"], \"model_type\": \"Dream\", "
               "\"attention_dropout\": 0.0, \"hidden_act\": \"silu\", \"hidden_size\": 3584, "
               "\"intermediate_size\": 18944, \"num_hidden_layers\": 28, "
               "\"num_attention_heads\": 28, \"num_key_value_heads\": 4, \"vocab_size\": 152064, "
               "\"max_position_embeddings\": 131072, \"max_window_layers\": 28, "
               "\"rms_norm_eps\": 1e-06, \"rope_scaling\": null, \"rope_theta\": 1000000.0, "
               "\"sliding_window\": null, \"use_sliding_window\": false, \"use_mrope\": false, "
               "\"tie_word_embeddings\": false, \"torch_dtype\": \"bfloat16\", "
               "\"bos_token_id\": 151643, \"eos_token_id\": 151643, \"pad_token_id\": 151643, "
               "\"mask_token_id\": 151666}");
    ok(dlx__model_open(&m, dir, DLX__NEED_NAMES, NULL, &err), err);
    expect_published(&m, &dream);
    assert_int_equal(dlx__model_kv_bytes_per_token(&m), 28 * 2 * 4 * 128 * 4);
    dlx__model_release(&m);
}

static void an_index_must_hold_the_expected_names(void **state)
{
    (void)state;
    const char *dir = published_dir("sdar_4b_chat.config.json", NULL);
    json_t *json = load_config("sdar_4b_chat.model.safetensors.index.json");
    json_t *map = json_object_get(json, "weight_map");
    json_object_del(map, "model.layers.35.mlp.up_proj.weight");
    write_json(dir, "model.safetensors.index.json", json);
    expect_refusal(dir, DLX__NEED_NAMES, DLX_E_MISMATCH, "model.layers.35.mlp.up_proj.weight");
    json_object_set_new(map, "model.layers.35.mlp.up_proj.weight", json_string("a.safetensors"));
    json_object_set_new(map, "model.layers.36.mlp.up_proj.weight", json_string("a.safetensors"));
    write_json(dir, "model.safetensors.index.json", json);
    json_decref(json);
    expect_refusal(dir, DLX__NEED_NAMES, DLX_E_MISMATCH,
                   "found model.layers.36.mlp.up_proj.weight");
}

/* What Fast-dLLM v2, Dream and SDAR are made from; parameters as their model cards count them. */
static void the_bases_are_autoregressive(void **state)
{
    (void)state;
    static const struct {
        const char *config, *family;
        size_t n_layers, n_embd, head_dim, n_ff, n_ctx_train;
        bool tied;
        uint64_t n_params;
    } cases[] = {
        {"base_qwen2.5_0.5b_instruct.config.json", "qwen2", 24, 896, 64, 4864, 32768, true,
         494032768},
        {"base_qwen2_7b_instruct.config.json", "qwen2", 28, 3584, 128, 18944, 32768, false,
         7615616512},
        {"base_qwen3_1.7b.config.json", "qwen3", 28, 2048, 128, 6144, 40960, true, 1720574976},
        {"base_qwen3_4b.config.json", "qwen3", 36, 2560, 128, 9728, 40960, true, 4022468096},
    };
    for (size_t i = 0; i < DLX__LEN(cases); i++) {
        dlx_error err = {0};
        dlx__model m;
        ok(dlx__model_open(&m, published_dir(cases[i].config, NULL), DLX__NEED_NAMES, NULL, &err),
           err);
        assert_string_equal(m.family->name, cases[i].family);
        assert_true(m.family->autoregressive);
        assert_int_equal(m.hp.n_layers, cases[i].n_layers);
        assert_int_equal(m.hp.n_embd, cases[i].n_embd);
        assert_int_equal(m.hp.head_dim, cases[i].head_dim);
        assert_int_equal(m.hp.n_ff, cases[i].n_ff);
        assert_int_equal(m.hp.n_ctx_train, cases[i].n_ctx_train);
        assert_int_equal(m.hp.tied, cases[i].tied);
        assert_float_equal(m.hp.rope_theta, 1e6, 0.0);
        expect_fact(m.hp.mask_id, -1, "none");
        expect_stops(&m.hp, (int32_t[]){151645}, 1, "configuration eos_token_id");
        assert_true(n_params(&m) == cases[i].n_params);
        dlx__model_release(&m);
    }
}

static void relatives_are_refused_by_name(void **state)
{
    (void)state;
    static const char *const configs[] = {"llada2_mini.config.json", "llada2_flash.config.json"};
    for (size_t i = 0; i < DLX__LEN(configs); i++)
        expect_refusal(published_dir(configs[i], NULL), DLX__NEED_NAMES, DLX_E_UNSUPPORTED,
                       "LLaDA2MoeModelLM");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_configurations_open),
        cmocka_unit_test(dream_7b_opens),
        cmocka_unit_test(an_index_must_hold_the_expected_names),
        cmocka_unit_test(the_bases_are_autoregressive),
        cmocka_unit_test(relatives_are_refused_by_name),
    };
    return data_status(cmocka_run_group_tests(tests, NULL, NULL));
}
