/*
 * test_bind.c - tensors against roles: a golden checkpoint written again with one tensor dropped,
 * added, of another shape or type.
 */
#include "checkpoints.h"

#include "format/safetensors.h"

#include <math.h>

enum { MAX_TENSORS = 64 };

typedef struct copy {
    dlx__model m;
    dlx__tensor tensors[MAX_TENSORS];
    size_t n;
    json_t *config;
} copy;

static void begin_copy(copy *c, const char *folder)
{
    open_golden(&c->m, folder);
    const dlx__weights *w = dlx__checkpoint_weights(&c->m.checkpoint);
    assert_true(w->n + 2 < MAX_TENSORS);
    c->n = w->n;
    memcpy(c->tensors, w->tensors, w->n * sizeof *c->tensors);
    c->config = golden_config(folder);
}

static dlx__tensor *tensor_of(copy *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++)
        if (strcmp(c->tensors[i].name, name) == 0)
            return &c->tensors[i];
    fail_msg("no tensor %s", name);
    return NULL;
}

static void drop(copy *c, const char *name)
{
    dlx__tensor *t = tensor_of(c, name);
    memmove(t, t + 1, (size_t)(c->tensors + c->n - (t + 1)) * sizeof *t);
    c->n--;
}

static void add(copy *c, const char *name, const char *like)
{
    c->tensors[c->n] = *tensor_of(c, like);
    c->tensors[c->n++].name = name;
}

static const char *end_copy(copy *c)
{
    dlx_error err = {0};
    char path[640];
    const char *dir = fresh_dir("bind");
    write_json(dir, "config.json", c->config);
    snprintf(path, sizeof path, "%s/model.safetensors", dir);
    ok(dlx__safetensors_write(path, c->tensors, c->n, NULL, &err), err);
    json_decref(c->config);
    dlx__model_release(&c->m);
    return dir;
}

static void expect_opens(const char *dir)
{
    dlx_error err = {0};
    dlx__model m;
    ok(dlx__model_open(&m, dir, DLX__NEED_WEIGHTS, NULL, &err), err);
    dlx__model_release(&m);
}

static void an_unchanged_copy_opens(void **state)
{
    (void)state;
    copy c;
    begin_copy(&c, "sdar-tiny-b4");
    expect_opens(end_copy(&c));
}

static void a_missing_tensor_is_named(void **state)
{
    (void)state;
    static const char *const names[] = {
        "lm_head.weight",
        "model.embed_tokens.weight",
        "model.norm.weight",
        "model.layers.2.self_attn.q_norm.weight",
        "model.layers.0.mlp.gate_proj.weight",
    };
    for (size_t i = 0; i < DLX__LEN(names); i++) {
        copy c;
        begin_copy(&c, "sdar-tiny-b4");
        drop(&c, names[i]);
        expect_refusal(end_copy(&c), DLX__NEED_WEIGHTS, DLX_E_MISMATCH, names[i]);
    }
}

static void a_surplus_tensor_is_named(void **state)
{
    (void)state;
    copy c;
    begin_copy(&c, "sdar-tiny-b4");
    add(&c, "model.layers.0.self_attn.q_proj.bias", "model.norm.weight");
    expect_refusal(end_copy(&c), DLX__NEED_WEIGHTS, DLX_E_MISMATCH,
                   "model.layers.0.self_attn.q_proj.bias");
    begin_copy(&c, "dream-tiny");
    set_key(c.config, "num_hidden_layers", "2");
    expect_refusal(end_copy(&c), DLX__NEED_WEIGHTS, DLX_E_MISMATCH, "model.layers.2.");
}

static void frequency_buffers_are_ignored(void **state)
{
    (void)state;
    copy c;
    begin_copy(&c, "sdar-tiny-b4");
    add(&c, "model.layers.0.self_attn.rotary_emb.inv_freq", "model.norm.weight");
    add(&c, "model.rotary_emb.inv_freq", "model.norm.weight");
    expect_opens(end_copy(&c));
}

static void a_misshapen_tensor_is_named_with_both_shapes(void **state)
{
    (void)state;
    copy c;
    begin_copy(&c, "sdar-tiny-b4");
    dlx__tensor *t = tensor_of(&c, "model.layers.1.mlp.down_proj.weight");
    t->shape[0] = 160;
    t->shape[1] = 96;
    const char *dir = end_copy(&c);
    expect_refusal(dir, DLX__NEED_WEIGHTS, DLX_E_MISMATCH,
                   "model.layers.1.mlp.down_proj.weight to be [96, 160]");
    expect_refusal(dir, DLX__NEED_WEIGHTS, DLX_E_MISMATCH, "found [160, 96]");
    begin_copy(&c, "sdar-tiny-b4");
    t = tensor_of(&c, "model.norm.weight");
    t->n_dims = 2;
    t->shape[0] = 1;
    t->shape[1] = 96;
    expect_refusal(end_copy(&c), DLX__NEED_NAMES, DLX_E_MISMATCH, "model.norm.weight to be [96]");
    begin_copy(&c, "sdar-tiny-b4"); /* a config that claims more than the file holds */
    set_key(c.config, "vocab_size", "4000000");
    expect_refusal(end_copy(&c), DLX__NEED_WEIGHTS, DLX_E_MISMATCH, "[4000000, 96]");
}

/* tie_word_embeddings: false, true, absent - lm_head: there, a copy of the embedding, absent. */
static void a_tied_head_is_believed_when_the_files_agree(void **state)
{
    (void)state;
    static const struct {
        const char *folder, *said; /* NULL: the key is absent */
        bool head, same, opens, tied;
    } cases[] = {
        {"sdar-tiny-b4", "false", true, false, true, false},
        {"sdar-tiny-b4", NULL, true, false, true, false},
        {"sdar-tiny-b4", "true", true, false, false, false},
        {"sdar-tiny-b4", "true", true, true, true, true},
        {"sdar-tiny-b4", "true", false, false, true, true},
        {"sdar-tiny-b4", NULL, false, false, true, true},
        {"sdar-tiny-b4", "false", false, false, false, false},
    };
    for (size_t i = 0; i < DLX__LEN(cases); i++) {
        dlx_error err = {0};
        copy c;
        begin_copy(&c, cases[i].folder);
        set_key(c.config, "tie_word_embeddings", cases[i].said);
        if (cases[i].same)
            tensor_of(&c, "lm_head.weight")->data =
                tensor_of(&c, "model.embed_tokens.weight")->data;
        if (!cases[i].head)
            drop(&c, "lm_head.weight");
        const char *dir = end_copy(&c);
        if (!cases[i].opens) {
            expect_refusal(dir, DLX__NEED_WEIGHTS, DLX_E_MISMATCH, "lm_head.weight");
            continue;
        }
        dlx__model m;
        ok(dlx__model_open(&m, dir, DLX__NEED_WEIGHTS, NULL, &err), err);
        assert_int_equal(m.hp.tied, cases[i].tied);
        assert_int_equal(dlx__model_tensor(&m, DLX__ROLE_HEAD, 0) ==
                             dlx__model_tensor(&m, DLX__ROLE_EMBED, 0),
                         cases[i].tied);
        dlx__model_release(&m);
    }
}

static void the_graph_reads_the_bound_tensors(void **state)
{
    (void)state;
    dlx__model m;
    open_golden(&m, "llada-tiny");
    size_t n = 0;
    for (size_t i = 0; i < m.graph.n; i++)
        n += m.graph.nodes[i].weight != NULL;
    assert_int_equal(n, 3 + 9 * m.hp.n_layers);
    /* ff_out outside a block is the head, inside it is the down projection */
    assert_string_equal(m.graph.nodes[m.graph.logits].weight->name,
                        "model.transformer.ff_out.weight");
    assert_string_equal(dlx__model_tensor(&m, DLX__ROLE_DOWN, 1)->name,
                        "model.transformer.blocks.1.ff_out.weight");
    assert_string_equal(dlx__model_tensor(&m, DLX__ROLE_GATE, 1)->name,
                        "model.transformer.blocks.1.ff_proj.weight");
    dlx__model_release(&m);
}

/* Memory that gives out after `left` allocations. */
static void *limited(void *user, void *p, size_t n_bytes)
{
    int *left = user;
    if (n_bytes == 0) {
        free(p);
        return NULL;
    }
    return (*left)-- > 0 ? realloc(p, n_bytes) : NULL;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    char path[640];
    snprintf(path, sizeof path, "%s/golden/llada-tiny", DLX_TESTS_DIR);
    for (int n = 0;; n++) {
        int left = n;
        dlx_allocator mem = {limited, &left};
        dlx_error err = {0};
        dlx__model m;
        dlx_result r = dlx__model_open(&m, path, DLX__NEED_WEIGHTS, &mem, &err);
        if (r == DLX_OK) {
            dlx__model_release(&m);
            print_message("%d allocations\n", n);
            break;
        }
        assert_int_equal(r, DLX_E_NOMEM);
        assert_int_not_equal(err.text[0], 0);
        assert_true(n < 2000);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_unchanged_copy_opens),
        cmocka_unit_test(a_missing_tensor_is_named),
        cmocka_unit_test(a_surplus_tensor_is_named),
        cmocka_unit_test(frequency_buffers_are_ignored),
        cmocka_unit_test(a_misshapen_tensor_is_named_with_both_shapes),
        cmocka_unit_test(a_tied_head_is_believed_when_the_files_agree),
        cmocka_unit_test(the_graph_reads_the_bound_tensors),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
