/*
 * test_families.c - the facts that each family reads from its files, with their origin: goldens,
 * and the ids beside the config.
 */
#include "checkpoints.h"

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
    assert_int_equal(n, 7);
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

/* No mask, no block, no end ids but the file's; a mask that the file names is not asked for. */
static void golden_autoregressive(void **state)
{
    (void)state;
    static const struct {
        const char *folder, *family;
        bool tied, bias, norm;
        size_t head_dim;
    } cases[] = {{"ar-llama-tiny", "llama", true, false, false, 16},
                 {"ar-qwen2-tiny", "qwen2", false, true, false, 16},
                 {"ar-qwen3-tiny", "qwen3", true, false, true, 32}};
    for (size_t i = 0; i < DLX__LEN(cases); i++) {
        dlx__model m;
        open_golden(&m, cases[i].folder);
        assert_string_equal(m.family->name, cases[i].family);
        assert_true(m.family->autoregressive && m.family->shift);
        assert_int_equal(m.hp.tied, cases[i].tied);
        assert_int_equal(m.hp.qkv_bias, cases[i].bias);
        assert_int_equal(m.hp.qk_norm, cases[i].norm);
        assert_int_equal(m.hp.head_dim, cases[i].head_dim);
        expect_fact(m.hp.mask_id, -1, "none");
        expect_fact(m.hp.block_length, -1, "none");
        expect_stops(&m.hp, (int32_t[]){9}, 1,
                     "configuration and generation_config.json eos_token_id");
        dlx__model_release(&m);
    }
    dlx_error err = {0};
    dlx__model m;
    const char *dir = fresh_dir("autoregressive");
    json_t *config = golden_config("ar-llama-tiny");
    set_key(config, "mask_token_id", "5");
    set_key(config, "rope_parameters", NULL);
    set_key(config, "eos_token_id", NULL);
    write_json(dir, "config.json", config);
    json_decref(config);
    ok(dlx__model_open(&m, dir, DLX__NEED_NAMES, NULL, &err), err);
    expect_fact(m.hp.mask_id, -1, "none");
    expect_stops(&m.hp, NULL, 0, "none");
    assert_float_equal(m.hp.rope_theta, 1e4, 0.0); /* what Llama means by silence */
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registry_finds_by_every_name),
        cmocka_unit_test(golden_sdar),
        cmocka_unit_test(golden_llada),
        cmocka_unit_test(golden_dream_and_fast_dllm),
        cmocka_unit_test(golden_autoregressive),
        cmocka_unit_test(mask_id_is_looked_for_in_order),
        cmocka_unit_test(end_of_turn_is_found_by_its_text),
        cmocka_unit_test(generation_config_may_be_bad),
        cmocka_unit_test(sub_blocks_divide_the_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
