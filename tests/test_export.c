// labels: quick export
/*
 * test_export.c - what every exporter starts from: the model's graph, sound, complete, and printed
 * the same way every time. The exporters themselves bring their tests along.
 */
#include "support.h"

#include "backends/backend.h"
#include "model/model.h"

static const char *const FOLDERS[] = {"fast-dllm-v2-tiny", "dream-tied", "llada-tiny",
                                      "sdar-tiny-b4"};

static void open_model(dlx__model *model, const char *folder)
{
    dlx_error err;
    if (dlx__model_open(model, support_golden(folder), DLX__NEED_WEIGHTS, NULL, &err) != DLX_OK)
        fail_msg("%s", err.text);
}

static void every_family_has_a_sound_graph(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof FOLDERS / sizeof *FOLDERS; f++) {
        dlx__model model;
        dlx_error err;
        open_model(&model, FOLDERS[f]);
        assert_int_equal(dlx__graph_check(&model.graph, &err), DLX_OK);
        size_t n_ops[DLX__N_OPS] = {0};
        for (size_t i = 0; i < model.graph.n; i++)
            n_ops[model.graph.nodes[i].op]++;
        assert_int_equal(n_ops[DLX__OP_EMBED], 1);
        assert_int_equal(n_ops[DLX__OP_ATTEND], model.hp.n_layers);
        assert_int_equal(n_ops[DLX__OP_ROPE], 2 * model.hp.n_layers);
        assert_int_equal(n_ops[DLX__OP_SILU_MUL], model.hp.n_layers);
        assert_int_equal(n_ops[DLX__OP_LINEAR], 7 * model.hp.n_layers + 1);
        assert_int_equal(n_ops[DLX__OP_RMSNORM],
                         (model.hp.qk_norm ? 4 : 2) * model.hp.n_layers + 1);
        dlx__model_release(&model);
    }
}

static void the_graph_prints_the_same_twice(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof FOLDERS / sizeof *FOLDERS; f++) {
        dlx__buf text[2];
        for (int k = 0; k < 2; k++) {
            dlx__model model;
            open_model(&model, FOLDERS[f]);
            dlx__buf_init(&text[k], NULL);
            assert_true(dlx__graph_print(&model.graph, &text[k]));
            dlx__model_release(&model);
        }
        assert_int_equal(text[0].len, text[1].len);
        assert_memory_equal(text[0].data, text[1].data, text[0].len);
        assert_non_null(strstr(text[0].data, "attend"));
        dlx__buf_release(&text[0]);
        dlx__buf_release(&text[1]);
    }
}

/* A tied head reads the embedding itself: an exporter must see one tensor, not two. */
static void a_tied_head_stays_tied(void **state)
{
    (void)state;
    dlx__model model;
    open_model(&model, "dream-tied");
    assert_true(model.hp.tied);
    const dlx__node *head = &model.graph.nodes[model.graph.logits];
    const dlx__node *embed = &model.graph.nodes[model.graph.embedded];
    assert_ptr_equal(head->weight->data, embed->weight->data);
    dlx__model_release(&model);
}

static void backends_without_a_program_say_so(void **state)
{
    (void)state;
    assert_null(dlx__backend_find("reference")->export_model);
    assert_null(dlx__backend_find("cpu")->export_model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_family_has_a_sound_graph),
        cmocka_unit_test(the_graph_prints_the_same_twice),
        cmocka_unit_test(a_tied_head_stays_tied),
        cmocka_unit_test(backends_without_a_program_say_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
