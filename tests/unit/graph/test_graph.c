/* test_graph.c - building, checking and printing graphs, the misfits one by one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/mem.h"
#include "graph/graph.h"

enum { D = 8, HEADS = 4, KV = 2, C = 6, FF = 10, VOCAB = 12 };

#define MATRIX(tensor, rows, cols)                                                                 \
    static const dlx__tensor tensor = {                                                            \
        .name = #tensor, .dtype = DLX__F32, .n_dims = 2, .shape = {rows, cols}}
#define VECTOR(tensor, n)                                                                          \
    static const dlx__tensor tensor = {                                                            \
        .name = #tensor, .dtype = DLX__BF16, .n_dims = 1, .shape = {n}}

MATRIX(table, VOCAB, D);
MATRIX(wq, HEADS *C, D);
MATRIX(wk, KV *C, D);
MATRIX(wo, D, HEADS *C);
MATRIX(gate, FF, D);
MATRIX(down, D, FF);
VECTOR(norm, D);
VECTOR(head_norm, C);
VECTOR(bias, KV *C);

static dlx__value layer(dlx__graph *g, dlx__value x)
{
    dlx__value h = dlx__graph_rmsnorm(g, x, &norm, 1e-6f);
    dlx__value q = dlx__graph_split_heads(g, dlx__graph_linear(g, h, &wq, NULL), HEADS);
    dlx__value k = dlx__graph_split_heads(g, dlx__graph_linear(g, h, &wk, &bias), KV);
    dlx__value v = dlx__graph_split_heads(g, dlx__graph_linear(g, h, &wk, NULL), KV);
    q = dlx__graph_rope(g, dlx__graph_rmsnorm(g, q, &head_norm, 1e-6f), 10000.0);
    k = dlx__graph_rope(g, k, 10000.0);
    dlx__value a = dlx__graph_merge_heads(g, dlx__graph_attend(g, q, k, v, 0.5f));
    x = dlx__graph_add(g, x, dlx__graph_linear(g, a, &wo, NULL));
    dlx__value up = dlx__graph_linear(g, x, &gate, NULL);
    x = dlx__graph_add(g, x, dlx__graph_linear(g, dlx__graph_silu_mul(g, up, up), &down, NULL));
    dlx__graph_end_layer(g, x);
    return x;
}

static void build(dlx__graph *g, int n_layers)
{
    dlx__value x = dlx__graph_embed(g, &table);
    for (int i = 0; i < n_layers; i++)
        x = layer(g, x);
    dlx__value hidden = dlx__graph_rmsnorm(g, x, &norm, 1e-6f);
    dlx__graph_finish(g, hidden, dlx__graph_linear(g, hidden, &table, NULL));
}

static void a_whole_graph_is_sound(void **state)
{
    (void)state;
    dlx_error err = {0};
    dlx__graph g;
    dlx__graph_init(&g, NULL);
    build(&g, 3);
    assert_int_equal(g.failure.code, DLX_OK);
    assert_int_equal(dlx__graph_check(&g, &err), DLX_OK);
    assert_int_equal(g.n_layers, 3);
    assert_int_equal(g.n_embd, D);
    assert_int_equal(g.n_vocab, VOCAB);
    assert_int_equal(g.n_heads_kv, KV);
    assert_int_equal(g.head_dim, C);
    assert_int_equal(g.nodes[g.embedded].layer, -1);
    assert_int_equal(g.nodes[1].layer, 0);
    assert_int_equal(g.nodes[g.layer_out[2]].layer, 2);
    assert_int_equal(g.nodes[g.hidden].layer, -1);
    assert_int_equal(g.nodes[g.logits].layer, -1);
    dlx__graph_release(&g);
}

static void printing_is_the_same_every_time(void **state)
{
    (void)state;
    static const char expected[] = "%0 embed table [12, 8] f32 -> [n, 1, 8]\n"
                                   "%1 rmsnorm %0 norm [8] bf16 eps 1e-06 -> [n, 1, 8]\n"
                                   "%2 linear %1 wq [24, 8] f32 -> [n, 1, 24]\n"
                                   "%3 split_heads %2 -> [n, 4, 6]\n"
                                   "%4 linear %1 wk [12, 8] f32 bias [12] bf16 -> [n, 1, 12]\n"
                                   "%5 split_heads %4 -> [n, 2, 6]\n"
                                   "%6 linear %1 wk [12, 8] f32 -> [n, 1, 12]\n"
                                   "%7 split_heads %6 -> [n, 2, 6]\n"
                                   "%8 rmsnorm %3 head_norm [6] bf16 eps 1e-06 -> [n, 4, 6]\n"
                                   "%9 rope %8 theta 10000 -> [n, 4, 6]\n"
                                   "%10 rope %5 theta 10000 -> [n, 2, 6]\n"
                                   "%11 attend %9 %10 %7 layer 0 scale 0.5 -> [n, 4, 6]\n"
                                   "%12 merge_heads %11 -> [n, 1, 24]\n"
                                   "%13 linear %12 wo [8, 24] f32 -> [n, 1, 8]\n"
                                   "%14 add %0 %13 -> [n, 1, 8]\n"
                                   "%15 linear %14 gate [10, 8] f32 -> [n, 1, 10]\n"
                                   "%16 silu_mul %15 %15 -> [n, 1, 10]\n"
                                   "%17 linear %16 down [8, 10] f32 -> [n, 1, 8]\n"
                                   "%18 add %14 %17 -> [n, 1, 8]\n"
                                   "%19 rmsnorm %18 norm [8] bf16 eps 1e-06 -> [n, 1, 8]\n"
                                   "%20 linear %19 table [12, 8] f32 -> [n, 1, 12]\n"
                                   "hidden %19\n"
                                   "logits %20\n";
    for (int i = 0; i < 2; i++) {
        dlx__graph g;
        dlx__buf text;
        dlx__graph_init(&g, NULL);
        dlx__buf_init(&text, NULL);
        build(&g, 1);
        assert_true(dlx__graph_print(&g, &text));
        assert_string_equal(text.data, expected);
        dlx__buf_release(&text);
        dlx__graph_release(&g);
    }
}

/* Begins a graph whose embedding is x, does one thing, and expects the sentence to hold `part`. */
#define EXPECT_MISFIT(part, what)                                                                  \
    do {                                                                                           \
        dlx__graph g_;                                                                             \
        dlx__graph *g = &g_;                                                                       \
        dlx__graph_init(g, NULL);                                                                  \
        dlx__value x = dlx__graph_embed(g, &table);                                                \
        (void)x;                                                                                   \
        what;                                                                                      \
        assert_int_not_equal(g->failure.code, DLX_OK);                                             \
        assert_non_null(strstr(g->failure.text, part));                                            \
        size_t n_ = g->n;                                                                          \
        dlx__graph_add(g, x, x); /* later calls do nothing */                                      \
        assert_int_equal(g->n, n_);                                                                \
        dlx_error err = {0};                                                                       \
        assert_int_equal(dlx__graph_check(g, &err), g->failure.code);                              \
        assert_string_equal(err.text, g->failure.text);                                            \
        dlx__graph_release(g);                                                                     \
    } while (0)

static void misfits_are_sentences(void **state)
{
    (void)state;
    EXPECT_MISFIT("first node", dlx__graph_embed(g, &table));
    EXPECT_MISFIT("table [vocab, d]", {
        dlx__graph_release(g);
        dlx__graph_init(g, NULL);
        dlx__graph_embed(g, &norm);
    });
    EXPECT_MISFIT("linear wo [8, 24] on [n, 1, 8]", dlx__graph_linear(g, x, &wo, NULL));
    EXPECT_MISFIT("matrix", dlx__graph_linear(g, x, &norm, NULL));
    EXPECT_MISFIT("matrix", dlx__graph_linear(g, x, NULL, NULL));
    EXPECT_MISFIT("bias", dlx__graph_linear(g, x, &wq, &bias));
    EXPECT_MISFIT("not computed", dlx__graph_linear(g, 7, &wq, NULL));
    EXPECT_MISFIT("last axis", dlx__graph_rmsnorm(g, x, &head_norm, 1e-6f));
    EXPECT_MISFIT("eps", dlx__graph_rmsnorm(g, x, &norm, 0.0f));
    EXPECT_MISFIT("heads divide", dlx__graph_split_heads(g, x, 3));
    EXPECT_MISFIT("heads divide", dlx__graph_split_heads(g, x, 0));
    EXPECT_MISFIT("theta", dlx__graph_rope(g, x, 0.0));
    EXPECT_MISFIT("even", dlx__graph_rope(g, dlx__graph_split_heads(g, x, 8), 1e4));
    EXPECT_MISFIT("keys and values",
                  dlx__graph_attend(g, x, x, dlx__graph_linear(g, x, &gate, NULL), 1.0f));
    EXPECT_MISFIT("as wide as the keys",
                  dlx__graph_attend(g, dlx__graph_linear(g, x, &gate, NULL), x, x, 1.0f));
    EXPECT_MISFIT("every layer", {
        dlx__value y = dlx__graph_linear(g, x, &gate, NULL);
        dlx__graph_attend(g, x, x, x, 1.0f);
        dlx__graph_attend(g, y, y, y, 1.0f);
    });
    EXPECT_MISFIT("one shape", dlx__graph_add(g, x, dlx__graph_linear(g, x, &gate, NULL)));
    EXPECT_MISFIT("one shape", dlx__graph_silu_mul(g, x, dlx__graph_split_heads(g, x, 2)));
    EXPECT_MISFIT("residual", dlx__graph_end_layer(g, dlx__graph_linear(g, x, &gate, NULL)));
}

/* Builds, spoils, expects the check to name `part`. */
#define EXPECT_UNSOUND(part, what)                                                                 \
    do {                                                                                           \
        dlx__graph g_;                                                                             \
        dlx__graph *g = &g_;                                                                       \
        dlx_error err = {0};                                                                       \
        dlx__graph_init(g, NULL);                                                                  \
        what;                                                                                      \
        assert_int_equal(g->failure.code, DLX_OK);                                                 \
        assert_int_equal(dlx__graph_check(g, &err), DLX_E_MISMATCH);                               \
        if (!strstr(err.text, part))                                                               \
            fail_msg("%s", err.text);                                                              \
        dlx__graph_release(g);                                                                     \
    } while (0)

static void unsound_graphs_are_refused(void **state)
{
    (void)state;
    EXPECT_UNSOUND("embedding", (void)0);
    EXPECT_UNSOUND("layer to be ended", build(g, 0));
    EXPECT_UNSOUND("to be named", layer(g, dlx__graph_embed(g, &table)));
    EXPECT_UNSOUND("final norm", {
        build(g, 1);
        g->hidden = 2;
    });
    EXPECT_UNSOUND("last node", {
        build(g, 1);
        g->logits = g->hidden;
    });
    EXPECT_UNSOUND("to be used", {
        build(g, 2);
        g->nodes[18].in[1] = 14; /* the sum of layer 0 skips its MLP */
    });
    EXPECT_UNSOUND("one attend", {
        build(g, 2);
        g->nodes[11].op = DLX__OP_ADD;
    });
    EXPECT_UNSOUND("one attend", {
        build(g, 2);
        g->nodes[29].op = DLX__OP_ADD;
    });
    EXPECT_UNSOUND("inside a layer", {
        build(g, 1);
        g->nodes[g->hidden].op = DLX__OP_ATTEND;
    });
    EXPECT_UNSOUND("stand together", {
        build(g, 2);
        g->nodes[25].layer = 0;
    });
    EXPECT_UNSOUND("computed before", {
        build(g, 1);
        g->nodes[4].in[0] = 9;
    });
}

/* Memory that gives out after `left` allocations. */
typedef struct budget {
    int left;
} budget;

static void *limited(void *user, void *p, size_t n_bytes)
{
    budget *b = user;
    if (n_bytes == 0) {
        free(p);
        return NULL;
    }
    return b->left-- > 0 ? realloc(p, n_bytes) : NULL;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (int n = 0;; n++) {
        budget b = {n};
        dlx_allocator mem = {limited, &b};
        dlx_error err = {0};
        dlx__graph g;
        dlx__graph_init(&g, &mem);
        build(&g, 40); /* more than one chunk */
        dlx_result r = dlx__graph_check(&g, &err);
        dlx__graph_release(&g);
        if (r == DLX_OK)
            break;
        assert_int_equal(r, DLX_E_NOMEM);
        assert_int_not_equal(err.text[0], 0);
        assert_true(n < 1000);
    }
}

static void names_and_inputs(void **state)
{
    (void)state;
    assert_string_equal(dlx__op_name(DLX__OP_SILU_MUL), "silu_mul");
    assert_int_equal(dlx__op_n_inputs(DLX__OP_EMBED), 0);
    assert_int_equal(dlx__op_n_inputs(DLX__OP_ATTEND), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_graph_is_sound),
        cmocka_unit_test(printing_is_the_same_every_time),
        cmocka_unit_test(misfits_are_sentences),
        cmocka_unit_test(unsound_graphs_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(names_and_inputs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
