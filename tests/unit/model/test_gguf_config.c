/*
 * test_gguf_config.c - models from GGUF files: the facts survive the way through the format, and
 * each key that does not fit is refused.
 */
#include "checkpoints.h"
#include "golden_gguf.h"

static const char *gguf_path(void)
{
    static char path[512];
    mkdir(DLX_TMP_DIR, 0777);
    snprintf(path, sizeof path, "%s/config.gguf", DLX_TMP_DIR);
    return path;
}

static void the_facts_survive(void **state)
{
    (void)state;
    static const char *const folders[] = {"llada-tiny",
                                          "llada-gqa-sharded",
                                          "dream-tied",
                                          "sdar-tiny-b8",
                                          "fast-dllm-v2-tiny-bf16-sharded",
                                          "ar-llama-tiny",
                                          "ar-qwen2-tiny",
                                          "ar-qwen3-tiny"};
    for (size_t i = 0; i < DLX__LEN(folders); i++) {
        dlx_error err = {0};
        dlx__model a;
        dlx__model b;
        open_golden(&a, folders[i]);
        write_golden_gguf(&a, gguf_path(), NULL);
        ok(dlx__model_open(&b, gguf_path(), DLX__NEED_WEIGHTS, NULL, &err), err);
        assert_ptr_equal(a.family, b.family);
        assert_int_equal(a.hp.n_layers, b.hp.n_layers);
        assert_int_equal(a.hp.n_embd, b.hp.n_embd);
        assert_int_equal(a.hp.n_heads, b.hp.n_heads);
        assert_int_equal(a.hp.n_heads_kv, b.hp.n_heads_kv);
        assert_int_equal(a.hp.head_dim, b.hp.head_dim);
        assert_int_equal(a.hp.n_ff, b.hp.n_ff);
        assert_int_equal(a.hp.n_vocab, b.hp.n_vocab);
        assert_int_equal(a.hp.n_rows_vocab, b.hp.n_rows_vocab);
        assert_int_equal(a.hp.n_ctx_train, b.hp.n_ctx_train);
        assert_float_equal(a.hp.rope_theta, b.hp.rope_theta, 0);
        assert_float_equal(a.hp.rms_eps, b.hp.rms_eps, 1e-12);
        assert_int_equal(a.hp.tied, b.hp.tied);
        assert_int_equal(a.hp.qk_norm, b.hp.qk_norm);
        assert_int_equal(a.hp.qkv_bias, b.hp.qkv_bias);
        assert_int_equal(a.hp.block_length.value, b.hp.block_length.value);
        assert_int_equal(a.hp.small_block.value, b.hp.small_block.value);
        assert_int_equal(a.hp.mask_id.value, b.hp.mask_id.value);
        assert_int_equal(a.hp.bos_id.value, b.hp.bos_id.value);
        assert_int_equal(a.hp.n_stop_ids, b.hp.n_stop_ids);
        assert_memory_equal(a.hp.stop_ids, b.hp.stop_ids, a.hp.n_stop_ids * sizeof(int32_t));
        assert_string_equal(b.hp.mask_id.from, a.family->autoregressive
                                                   ? "none"
                                                   : "GGUF tokenizer.ggml.mask_token_id");
        dlx__model_release(&a);
        dlx__model_release(&b);
    }
}

static void permuted_rows_are_put_back_in_owned_copies(void **state)
{
    (void)state;
    dlx_error err = {0};
    dlx__model a;
    dlx__model b;
    open_golden(&a, "llada-gqa-sharded");
    write_golden_gguf(&a, gguf_path(), NULL);
    ok(dlx__model_open(&b, gguf_path(), DLX__NEED_WEIGHTS, NULL, &err), err);
    size_t n_bytes = 0;
    for (size_t i = 0; i < a.hp.n_layers; i++) {
        for (int role = DLX__ROLE_Q; role <= DLX__ROLE_V; role++) {
            const dlx__tensor *x = dlx__model_tensor(&a, (dlx__role)role, i);
            const dlx__tensor *y = dlx__model_tensor(&b, (dlx__role)role, i);
            assert_int_equal(x->n_bytes, y->n_bytes);
            assert_memory_equal(x->data, y->data, x->n_bytes);
            n_bytes += role == DLX__ROLE_V ? 0 : x->n_bytes;
        }
    }
    assert_int_equal(b.n_copies, 2 * b.hp.n_layers);
    assert_int_equal(b.n_copied_bytes, n_bytes);
    /* the file itself holds another order: neighbours in a head belong to its two halves */
    size_t row = a.hp.n_embd * sizeof(float);
    const dlx__weights *w = dlx__checkpoint_weights(&b.checkpoint);
    const char *stored = w->tensors[dlx__weights_find(w, "blk.0.attn_q.weight")].data;
    const char *ours = dlx__model_tensor(&b, DLX__ROLE_Q, 0)->data;
    assert_memory_equal(stored + row, ours + a.hp.head_dim / 2 * row, row);
    dlx__model_release(&a);
    dlx__model_release(&b);
}

static void permuting_twice_changes_nothing(void **state)
{
    (void)state;
    enum { HEADS = 3, C = 6 };
    const uint16_t rows[HEADS * C] = {0,  1,  2,  3,  4,  5,  10, 11, 12,
                                      13, 14, 15, 20, 21, 22, 23, 24, 25};
    const uint16_t theirs[C] = {0, 3, 1, 4, 2, 5};
    uint16_t there[HEADS * C];
    uint16_t back[HEADS * C];
    dlx__rows_to_llama_cpp(there, rows, HEADS, C, sizeof *rows);
    dlx__rows_from_llama_cpp(back, there, HEADS, C, sizeof *rows);
    assert_memory_equal(there, theirs, sizeof theirs);
    assert_memory_equal(back, rows, sizeof rows);
}

typedef struct refusal {
    const char *folder;
    gguf_change change;
    dlx_result code;
    const char *part;
} refusal;

static const refusal refusals[] = {
    {"llada-tiny",
     {"general.architecture", GGUF_TEXT, 0, "qwen2moe"},
     DLX_E_UNSUPPORTED,
     "fast-dllm-v2, dream, llada, sdar, llama, qwen2, qwen3"},
    {"llada-tiny",
     {"general.architecture", GGUF_TEXT, 0, "llada-moe"},
     DLX_E_UNSUPPORTED,
     "llada-moe"},
    {"llada-tiny",
     {"general.architecture", GGUF_OMIT, 0, NULL},
     DLX_E_FORMAT,
     "general.architecture"},
    {"llada-tiny", {".block_count", GGUF_OMIT, 0, NULL}, DLX_E_FORMAT, "llada.block_count"},
    {"llada-tiny", {".block_count", GGUF_U32, 4e9, NULL}, DLX_E_FORMAT, "llada.block_count"},
    {"llada-tiny", {".block_count", GGUF_U32, 4, NULL}, DLX_E_MISMATCH, "blk.3."},
    {"llada-tiny", {".block_count", GGUF_U32, 2, NULL}, DLX_E_MISMATCH, "blk.2."},
    {"llada-tiny",
     {".embedding_length", GGUF_U32, 0, NULL},
     DLX_E_FORMAT,
     "llada.embedding_length"},
    {"llada-tiny", {".embedding_length", GGUF_U32, 128, NULL}, DLX_E_MISMATCH, "token_embd.weight"},
    {"llada-tiny", {".attention.head_count", GGUF_U32, 5, NULL}, DLX_E_FORMAT, "5 and 4"},
    {"llada-tiny", {".attention.key_length", GGUF_U32, 15, NULL}, DLX_E_UNSUPPORTED, "even head"},
    {"llada-tiny", {".attention.value_length", GGUF_U32, 8, NULL}, DLX_E_UNSUPPORTED, "values"},
    {"llada-tiny",
     {".rope.dimension_count", GGUF_U32, 8, NULL},
     DLX_E_UNSUPPORTED,
     "part of the head"},
    {"llada-tiny", {".rope.scaling.type", GGUF_TEXT, 0, "yarn"}, DLX_E_UNSUPPORTED, "scaled RoPE"},
    {"ar-llama-tiny", {".rope.scaling.type", GGUF_TEXT, 0, "linear"}, DLX_E_UNSUPPORTED, "scaled"},
    {"ar-llama-tiny", {".rope.scaling.factor", GGUF_F32, 8, NULL}, DLX_E_UNSUPPORTED, "scaled"},
    {"ar-llama-tiny", {"rope_freqs.weight", GGUF_VECTOR, 0, NULL}, DLX_E_UNSUPPORTED, "scaled"},
    {"ar-llama-tiny", {"other.weight", GGUF_VECTOR, 0, NULL}, DLX_E_MISMATCH, "other.weight"},
    {"ar-qwen2-tiny", {".rope.scale_linear", GGUF_F32, 2, NULL}, DLX_E_UNSUPPORTED, "scaled"},
    {"ar-qwen3-tiny", {".rope.freq_base", GGUF_OMIT, 0, NULL}, DLX_E_FORMAT, "rope.freq_base"},
    {"ar-qwen2-tiny",
     {".attention.sliding_window", GGUF_U32, 256, NULL},
     DLX_E_UNSUPPORTED,
     "a sliding window"},
    {"ar-llama-tiny", {".expert_count", GGUF_U32, 8, NULL}, DLX_E_UNSUPPORTED, "experts"},
    {"llada-tiny", {".rope.scaling.type", GGUF_U32, 1, NULL}, DLX_E_FORMAT, "rope.scaling.type"},
    {"llada-tiny", {".rope.freq_base", GGUF_F32, 0, NULL}, DLX_E_FORMAT, "rope.freq_base"},
    {"llada-tiny", {".rope.freq_base", GGUF_OMIT, 0, NULL}, DLX_E_FORMAT, "rope.freq_base"},
    {"llada-tiny",
     {".attention.layer_norm_rms_epsilon", GGUF_F32, -1, NULL},
     DLX_E_FORMAT,
     "epsilon"},
    {"llada-tiny", {".expert_count", GGUF_U32, 64, NULL}, DLX_E_UNSUPPORTED, "experts"},
    {"llada-tiny", {".vocab_size", GGUF_U32, 321, NULL}, DLX_E_FORMAT, "vocab_size 321"},
    {"llada-tiny", {"diffusion.shift_logits", GGUF_BOOL, 1, NULL}, DLX_E_MISMATCH, "shift_logits"},
    {"dream-tiny", {"diffusion.shift_logits", GGUF_BOOL, 0, NULL}, DLX_E_MISMATCH, "shift_logits"},
    {"dream-tiny",
     {"tokenizer.ggml.mask_token_id", GGUF_OMIT, 0, NULL},
     DLX_E_FORMAT,
     "mask_token_id"},
    {"dream-tiny",
     {"tokenizer.ggml.mask_token_id", GGUF_U32, 320, NULL},
     DLX_E_FORMAT,
     "mask_token_id"},
    {"dream-tiny",
     {"tokenizer.ggml.eos_token_id", GGUF_U32, 320, NULL},
     DLX_E_FORMAT,
     "eos_token_id"},
    {"sdar-tiny-b4", {".diffusion.block_length", GGUF_U32, 0, NULL}, DLX_E_FORMAT, "block_length"},
    {"sdar-tiny-b4", {".diffusion.stop_ids", GGUF_U32, 0, NULL}, DLX_E_FORMAT, "stop_ids"},
    {"sdar-tiny-b4", {".diffusion.stop_ids", GGUF_I32S, -1, NULL}, DLX_E_FORMAT, "stop ids"},
    {"sdar-tiny-b4", {".diffusion.stop_ids", GGUF_I32S, 320, NULL}, DLX_E_FORMAT, "320"},
};

static void changed_keys_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < DLX__LEN(refusals); i++) {
        dlx__model m;
        open_golden(&m, refusals[i].folder);
        write_golden_gguf(&m, gguf_path(), &refusals[i].change);
        expect_refusal(gguf_path(), DLX__NEED_WEIGHTS, refusals[i].code, refusals[i].part);
        dlx__model_release(&m);
    }
    print_message("%zu changed keys refused\n", DLX__LEN(refusals));
}

/* Llama files without a RoPE base mean 10000; a window as wide as the context hides nothing. */
static void harmless_keys_of_llama(void **state)
{
    (void)state;
    static const gguf_change changes[] = {
        {".rope.freq_base", GGUF_OMIT, 0, NULL},
        {".rope.scaling.type", GGUF_TEXT, 0, "none"},
        {".rope.scaling.factor", GGUF_F32, 1, NULL},
        {".attention.sliding_window", GGUF_U32, 512, NULL},
        {"tokenizer.ggml.mask_token_id", GGUF_U32, 5, NULL},
    };
    for (size_t i = 0; i < DLX__LEN(changes); i++) {
        dlx_error err = {0};
        dlx__model a;
        dlx__model b;
        open_golden(&a, "ar-llama-tiny");
        write_golden_gguf(&a, gguf_path(), &changes[i]);
        ok(dlx__model_open(&b, gguf_path(), DLX__NEED_WEIGHTS, NULL, &err), err);
        assert_float_equal(b.hp.rope_theta, 1e4, 0.0);
        expect_fact(b.hp.mask_id, -1, "none");
        dlx__model_release(&a);
        dlx__model_release(&b);
    }
}

static void optional_keys_have_defaults(void **state)
{
    (void)state;
    static const gguf_change changes[] = {
        {".diffusion.block_length", GGUF_OMIT, 0, NULL},
        {".diffusion.small_block_length", GGUF_U32, 5, NULL}, /* does not divide 32 */
        {".rope.scaling.type", GGUF_TEXT, 0, "none"},
        {".diffusion.stop_ids", GGUF_I32S, 6, NULL},
        {"diffusion.shift_logits", GGUF_OMIT, 0, NULL},
        {".rope.dimension_count", GGUF_OMIT, 0, NULL},
    };
    for (size_t i = 0; i < DLX__LEN(changes); i++) {
        dlx_error err = {0};
        dlx__model a;
        dlx__model b;
        open_golden(&a, "fast-dllm-v2-tiny");
        write_golden_gguf(&a, gguf_path(), &changes[i]);
        ok(dlx__model_open(&b, gguf_path(), DLX__NEED_WEIGHTS, NULL, &err), err);
        assert_int_equal(b.hp.block_length.value, 32);
        assert_string_equal(b.hp.block_length.from,
                            i == 0 ? "family default" : "GGUF diffusion.block_length");
        assert_int_equal(b.hp.small_block.value, 8);
        assert_int_equal(b.hp.n_stop_ids, 2);
        assert_int_equal(b.hp.stop_ids[0], i == 3 ? 6 : a.hp.stop_ids[0]); /* the list is all */
        dlx__model_release(&a);
        dlx__model_release(&b);
    }
}

/* A vector that was quantized, and rows that are no whole blocks. */
static void quantized_vectors_are_refused(void **state)
{
    (void)state;
    dlx__model a;
    open_golden(&a, "llada-tiny");
    dlx__tensor vector = *dlx__model_tensor(&a, DLX__ROLE_FINAL_NORM, 0); /* [64] */
    static char blocks[4096];
    vector.dtype = DLX__Q8_0;
    vector.n_bytes = dlx__dtype_bytes(DLX__Q8_0, 64);
    vector.data = blocks;
    a.roles[DLX__ROLE_FINAL_NORM * a.hp.n_layers] = &vector;
    write_golden_gguf(&a, gguf_path(), NULL);
    expect_refusal(gguf_path(), DLX__NEED_WEIGHTS, DLX_E_UNSUPPORTED, "output_norm.weight");
    dlx__model_release(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_facts_survive),
        cmocka_unit_test(permuted_rows_are_put_back_in_owned_copies),
        cmocka_unit_test(permuting_twice_changes_nothing),
        cmocka_unit_test(changed_keys_are_refused),
        cmocka_unit_test(harmless_keys_of_llama),
        cmocka_unit_test(optional_keys_have_defaults),
        cmocka_unit_test(quantized_vectors_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
