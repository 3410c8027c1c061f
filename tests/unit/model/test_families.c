/*
 * test_families.c - the facts that each family reads from its files, with their origin: goldens,
 * the published configurations (where the test data is at hand), and the ids beside the config.
 */
#include "checkpoints.h"

static void expect_fact(dlx__fact fact, int64_t value, const char *from)
{
    assert_int_equal(fact.value, value);
    assert_string_equal(fact.from, from);
}

static void expect_stops(const dlx__hparams *hp, const int32_t *ids, size_t n, const char *from)
{
    assert_int_equal(hp->n_stop_ids, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(hp->stop_ids[i], ids[i]);
    assert_string_equal(hp->stop_from, from);
}

static void registry_finds_by_every_name(void **state)
{
    (void)state;
    size_t n = 0;
    for (const dlx__family *const *f = dlx__families(); *f; f++, n++) {
        assert_ptr_equal(dlx__family_find((*f)->name), *f);
        assert_ptr_equal(dlx__family_find((*f)->architectures[0]), *f);
        assert_non_null((*f)->samplers[0]);
        assert_non_null((*f)->caches[0]);
    }
    assert_int_equal(n, 4);
    assert_null(dlx__family_find("llada2_moe"));
}

static void golden_sdar(void **state)
{
    (void)state;
    dlx__model m;
    open_golden(&m, "sdar-tiny-b4");
    const dlx__hparams *hp = &m.hp;
    assert_string_equal(m.family->name, "sdar");
    assert_int_equal(hp->n_layers, 3);
    assert_int_equal(hp->n_embd, 96);
    assert_int_equal(hp->n_heads, 4);
    assert_int_equal(hp->n_heads_kv, 2);
    assert_int_equal(hp->head_dim, 32); /* its own field: 4 * 32 is not 96 */
    assert_int_equal(hp->n_ff, 160);
    assert_int_equal(hp->n_vocab, 320);
    assert_int_equal(hp->n_ctx_train, 1024);
    assert_true(hp->qk_norm && !hp->qkv_bias && !hp->tied);
    expect_fact(hp->block_length, 4, "config.json block_size");
    expect_fact(hp->mask_id, 305, "config.json mask_token_id");
    expect_fact(hp->bos_id, 300, "config.json bos_token_id");
    expect_fact(hp->eot_id, -1, "none");
    expect_fact(hp->small_block, -1, "none");
    expect_stops(hp, (int32_t[]){300, 301}, 2,
                 "configuration and generation_config.json eos_token_id");
    assert_int_equal(dlx__model_kv_bytes_per_token(&m), 3 * 2 * 2 * 32 * 4);
    assert_true(m.has_weights);
    dlx__model_release(&m);
}

static void golden_llada(void **state)
{
    (void)state;
    dlx__model m;
    open_golden(&m, "llada-gqa-sharded");
    assert_string_equal(m.family->name, "llada");
    assert_int_equal(m.hp.n_vocab, 310);
    assert_int_equal(m.hp.n_rows_vocab, 384);
    assert_int_equal(m.graph.n_vocab, 384);
    assert_int_equal(m.hp.n_heads_kv, 2);
    assert_int_equal(m.hp.head_dim, 16);
    assert_float_equal(m.hp.rms_eps, 1e-5, 1e-12);
    assert_float_equal(m.hp.rope_theta, 5e5, 0.0);
    expect_fact(m.hp.block_length, -1, "none");
    expect_fact(m.hp.mask_id, 300, "config.json mask_token_id");
    expect_fact(m.hp.eot_id, -1, "none"); /* 126348 lies outside this vocabulary */
    expect_stops(&m.hp, (int32_t[]){288}, 1,
                 "configuration and generation_config.json eos_token_id");
    dlx__model_release(&m);
}

static void golden_dream_and_fast_dllm(void **state)
{
    (void)state;
    dlx__model m;
    open_golden(&m, "dream-tied");
    assert_true(m.hp.tied && m.hp.qkv_bias && !m.hp.qk_norm);
    assert_ptr_equal(dlx__model_tensor(&m, DLX__ROLE_HEAD, 0),
                     dlx__model_tensor(&m, DLX__ROLE_EMBED, 0));
    assert_null(dlx__model_tensor(&m, DLX__ROLE_Q_NORM, 1));
    assert_non_null(dlx__model_tensor(&m, DLX__ROLE_Q_BIAS, 2));
    expect_stops(&m.hp, (int32_t[]){290}, 1,
                 "configuration and generation_config.json eos_token_id");
    dlx__model_release(&m);

    open_golden(&m, "fast-dllm-v2-realvocab");
    assert_true(m.hp.tied && m.family->shift && m.family->seeds_blocks);
    expect_fact(m.hp.block_length, 32, "config.json bd_size");
    expect_fact(m.hp.small_block, 8, "family default");
    expect_stops(&m.hp, (int32_t[]){151645, 151643}, 2,
                 "configuration and generation_config.json eos_token_id");
    dlx__model_release(&m);
}

/* The files beside the config, in the order in which they are asked. */
static void mask_id_is_looked_for_in_order(void **state)
{
    (void)state;
    static const struct {
        const char *config, *added, *tokenizer;
        int64_t id;
        const char *from;
    } cases[] = {
        {"300", "{\"|<MASK>|\":301}", NULL, 300, "config.json mask_token_id"},
        {NULL, "{\"|<MASK>|\":301}",
         "{\"added_tokens_decoder\":{\"302\":{\"content\":\"|<MASK>|\"}}}", 301,
         "added_tokens.json"},
        {NULL, "{\"<x>\":301}",
         "{\"added_tokens_decoder\":{\"7\":3,\"302\":{\"content\":\"|<MASK>|\"}}}", 302,
         "tokenizer_config.json added_tokens_decoder"},
    };
    for (size_t i = 0; i < DLX__LEN(cases); i++) {
        dlx_error err = {0};
        dlx__model m;
        const char *dir = fresh_dir("mask");
        json_t *config = golden_config("fast-dllm-v2-tiny");
        set_key(config, "mask_token_id", cases[i].config);
        write_json(dir, "config.json", config);
        json_decref(config);
        write_text(dir, "added_tokens.json", cases[i].added);
        if (cases[i].tokenizer)
            write_text(dir, "tokenizer_config.json", cases[i].tokenizer);
        ok(dlx__model_open(&m, dir, DLX__NEED_NAMES, NULL, &err), err);
        expect_fact(m.hp.mask_id, cases[i].id, cases[i].from);
        dlx__model_release(&m);
    }
    /* Keys that are no ids of this vocabulary do not count. */
    static const char *const useless[] = {
        "{\"added_tokens_decoder\":{\"320\":{\"content\":\"|<MASK>|\"}}}",
        "{\"added_tokens_decoder\":{\"99999999999999999999\":{\"content\":\"|<MASK>|\"}}}",
        "{\"added_tokens_decoder\":{\"3x\":{\"content\":\"|<MASK>|\"}}}",
        "{\"added_tokens_decoder\":{\"\":{\"content\":\"|<MASK>|\"}}}",
        "{\"added_tokens_decoder\":[1]}",
        "[]",
    };
    for (size_t i = 0; i < DLX__LEN(useless); i++) {
        const char *dir = fresh_dir("mask");
        json_t *config = golden_config("fast-dllm-v2-tiny");
        set_key(config, "mask_token_id", NULL);
        write_json(dir, "config.json", config);
        json_decref(config);
        write_text(dir, "tokenizer_config.json", useless[i]);
        expect_refusal(dir, DLX__NEED_NAMES, DLX_E_FORMAT, "mask_token_id");
    }
}

static void end_of_turn_is_found_by_its_text(void **state)
{
    (void)state;
    dlx_error err = {0};
    dlx__model m;
    const char *dir = fresh_dir("eot");
    json_t *config = golden_config("llada-tiny");
    write_json(dir, "config.json", config);
    json_decref(config);
    write_text(dir, "added_tokens.json", "{\"<|eot_id|>\":302}");
    ok(dlx__model_open(&m, dir, DLX__NEED_NAMES, NULL, &err), err);
    expect_fact(m.hp.eot_id, 302, "added_tokens.json");
    expect_stops(&m.hp, (int32_t[]){288, 302}, 2, "configuration eos_token_id, family end ids");
    dlx__model_release(&m);
}

static void generation_config_may_be_bad(void **state)
{
    (void)state;
    const char *dir = fresh_dir("generation");
    json_t *config = golden_config("sdar-tiny-b4");
    write_json(dir, "config.json", config);
    json_decref(config);
    write_text(dir, "generation_config.json", "{\"eos_token_id\":[301,true]}");
    expect_refusal(dir, DLX__NEED_NAMES, DLX_E_FORMAT,
                   "generation_config.json: expected eos_token_id");
    write_text(dir, "generation_config.json", "{\"bos_token_id\":400}");
    expect_refusal(dir, DLX__NEED_NAMES, DLX_E_FORMAT, "bos_token_id");
}

static void sub_blocks_divide_the_block(void **state)
{
    (void)state;
    dlx_error err = {0};
    dlx__model m;
    const char *dir = fresh_dir("small-block");
    json_t *config = golden_config("fast-dllm-v2-tiny");
    set_key(config, "bd_size", "12");
    write_json(dir, "config.json", config);
    ok(dlx__model_open(&m, dir, DLX__NEED_NAMES, NULL, &err), err);
    expect_fact(m.hp.block_length, 12, "config.json bd_size");
    expect_fact(m.hp.small_block, 12, "family default");
    dlx__model_release(&m);
    set_key(config, "bd_size", NULL);
    write_json(dir, "config.json", config);
    json_decref(config);
    ok(dlx__model_open(&m, dir, DLX__NEED_NAMES, NULL, &err), err);
    expect_fact(m.hp.block_length, 32, "family default");
    dlx__model_release(&m);
}

/* ---- published configurations ------------------------------------------------------------- */

static const char *data_file(const char *name)
{
    static char path[640];
    const char *data = getenv("DLX_TEST_DATA");
    snprintf(path, sizeof path, "%s/configs/%s", data ? data : "", name);
    return path;
}

static bool have_data(void)
{
    return getenv("DLX_TEST_DATA") &&
           dlx__os_path_kind(data_file("sdar_4b_chat.config.json")) == DLX__PATH_FILE;
}

static const char *published_dir(const char *config, const char *index)
{
    const char *dir = fresh_dir("published");
    json_t *json = load_json(data_file(config));
    write_json(dir, "config.json", json);
    json_decref(json);
    if (index) {
        json = load_json(data_file(index));
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
    json_t *json = load_json(data_file(index));
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

static void published_configurations_open(void **state)
{
    (void)state;
    if (!have_data())
        skip();
    for (size_t i = 0; i < DLX__LEN(models); i++) {
        const published *p = &models[i];
        dlx_error err = {0};
        dlx__model m;
        const char *dir = published_dir(p->config, p->index);
        ok(dlx__model_open(&m, dir, DLX__NEED_NAMES, NULL, &err), err);
        const dlx__hparams *hp = &m.hp;
        assert_string_equal(m.family->name, p->family);
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
        assert_false(m.has_weights);
        assert_true(n_params(&m) == p->n_params);
        if (p->index)
            expect_names(&m, p->index);
        dlx__model_release(&m);
    }
}

static void an_index_must_hold_the_expected_names(void **state)
{
    (void)state;
    if (!have_data())
        skip();
    const char *dir = published_dir("sdar_4b_chat.config.json", NULL);
    json_t *json = load_json(data_file("sdar_4b_chat.model.safetensors.index.json"));
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

static void relatives_are_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *config, *architecture;
    } cases[] = {
        {"llada2_mini.config.json", "LLaDA2MoeModelLM"},
        {"llada2_flash.config.json", "LLaDA2MoeModelLM"},
        {"base_qwen2.5_0.5b_instruct.config.json", "Qwen2ForCausalLM"},
        {"base_qwen2_7b_instruct.config.json", "Qwen2ForCausalLM"},
        {"base_qwen3_1.7b.config.json", "Qwen3ForCausalLM"},
        {"base_qwen3_4b.config.json", "Qwen3ForCausalLM"},
    };
    if (!have_data())
        skip();
    for (size_t i = 0; i < DLX__LEN(cases); i++)
        expect_refusal(published_dir(cases[i].config, NULL), DLX__NEED_NAMES, DLX_E_UNSUPPORTED,
                       cases[i].architecture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registry_finds_by_every_name),
        cmocka_unit_test(golden_sdar),
        cmocka_unit_test(golden_llada),
        cmocka_unit_test(golden_dream_and_fast_dllm),
        cmocka_unit_test(mask_id_is_looked_for_in_order),
        cmocka_unit_test(end_of_turn_is_found_by_its_text),
        cmocka_unit_test(generation_config_may_be_bad),
        cmocka_unit_test(sub_blocks_divide_the_block),
        cmocka_unit_test(published_configurations_open),
        cmocka_unit_test(an_index_must_hold_the_expected_names),
        cmocka_unit_test(relatives_are_refused_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
