// labels: quick
/*
 * test_likelihood.c - the masked likelihood where it can be worked out by hand: one hidden token is
 * one softmax, a block's seed comes from the row before it; and where it must only be sane.
 */
#include "support.h"

#include "runtime/likelihood.h"

#include <math.h>

typedef struct fixture {
    dlx__model model;
    dlx__engine *engine;
} fixture;

static void open_fixture(fixture *f, const char *folder, const char *backend)
{
    dlx_error err;
    if (dlx__model_open(&f->model, support_golden(folder), DLX__NEED_WEIGHTS, NULL, &err) != DLX_OK)
        fail_msg("%s", err.text);
    dlx__engine_opts opts = {.backend = dlx__backend_find(backend), .n_ctx = 96, .n_threads = 1};
    if (dlx__engine_open(&f->engine, &f->model, &opts, &err) != DLX_OK)
        fail_msg("%s", err.text);
}

static void close_fixture(fixture *f)
{
    dlx__engine_free(f->engine);
    dlx__model_release(&f->model);
}

static double likelihood(fixture *f, const dlx_token *ids, size_t n, size_t first, size_t n_samples)
{
    dlx__likelihood_opts opts = {.n_samples = n_samples, .seed = 5};
    double nats;
    dlx_error err;
    if (dlx__engine_likelihood(f->engine, ids, n, first, &opts, &nats, &err) != DLX_OK)
        fail_msg("%s", err.text);
    return nats;
}

/* -ln p(id) by row `row` of one forward over ids[n], the mask id left out. */
static double by_hand(fixture *f, const dlx_token *ids, size_t n, size_t row, dlx_token id)
{
    size_t width = f->model.hp.n_rows_vocab, n_ids = f->model.hp.n_vocab;
    float *logits = malloc(n * width * sizeof *logits);
    dlx_error err;
    assert_int_equal(dlx__engine_logits(f->engine, ids, n, logits, &err), DLX_OK);
    const float *x = logits + row * width;
    double sum = 0;
    for (size_t i = 0; i < n_ids; i++)
        if ((int64_t)i != f->model.hp.mask_id.value)
            sum += exp((double)x[i] - x[id]);
    free(logits);
    return log(sum);
}

static void fill(dlx_token *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ids[i] = (dlx_token)((i * 53 + 17) % 280);
}

static void one_hidden_token_is_one_softmax(void **state)
{
    (void)state;
    static const struct {
        const char *folder;
        size_t n, n_canvas, row;
    } cases[] = {{"llada-tiny", 8, 8, 7},
                 {"dream-tiny", 8, 8, 6},
                 {"sdar-tiny-b4", 8, 8, 7},
                 {"sdar-tiny-b8", 11, 16, 10},
                 {"fast-dllm-v2-tiny", 8, 32, 6}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int b = 0; b < 2; b++) {
            fixture f;
            dlx_token ids[32], masked[32];
            size_t n = cases[i].n;
            open_fixture(&f, cases[i].folder, b ? "cpu" : "reference");
            fill(ids, n);
            memcpy(masked, ids, sizeof ids);
            for (size_t k = n - 1; k < 32; k++)
                masked[k] = (dlx_token)f.model.hp.mask_id.value;
            double want = by_hand(&f, masked, cases[i].n_canvas, cases[i].row, ids[n - 1]);
            assert_true(fabs(likelihood(&f, ids, n, n - 1, 3) - want) < 1e-3 * (1 + want));
            close_fixture(&f);
        }
}

static void a_seed_comes_from_the_row_before_its_block(void **state)
{
    (void)state;
    fixture f;
    dlx_token ids[33];
    open_fixture(&f, "fast-dllm-v2-tiny", "reference");
    fill(ids, 33);
    double want = by_hand(&f, ids, 32, 31, ids[32]);
    assert_true(fabs(likelihood(&f, ids, 33, 32, 1) - want) < 1e-4 * (1 + want));
    close_fixture(&f);
}

/* Autoregressive: the sum of what each row says of the next token, over tiles; no sample matters.
 */
static void left_to_right_is_exact(void **state)
{
    (void)state;
    dlx_token ids[90];
    fixture f;
    open_fixture(&f, "ar-qwen2-tiny", "reference");
    fill(ids, 90);
    for (size_t first = 0; first < 90; first += 30) {
        double want = 0;
        for (size_t i = first ? first : 1; i < 90; i++)
            want += by_hand(&f, ids, i, i - 1, ids[i]);
        double got = likelihood(&f, ids, 90, first, 1);
        assert_true(fabs(got - want) < 1e-5 * want);
        assert_true(likelihood(&f, ids, 90, first, 7) == got);
    }
    assert_true(likelihood(&f, ids, 1, 0, 1) == 0); /* nothing predicts it */
    close_fixture(&f);
}

static void seeds_repeat_and_samples_settle(void **state)
{
    (void)state;
    static const char *const folders[] = {"llada-tiny", "dream-tiny", "sdar-tiny-b4",
                                          "fast-dllm-v2-tiny"};
    for (size_t i = 0; i < 4; i++) {
        fixture f;
        dlx_token ids[20];
        open_fixture(&f, folders[i], "cpu");
        fill(ids, 20);
        double a = likelihood(&f, ids, 20, 5, 40);
        assert_true(a > 0 && isfinite(a));
        assert_true(likelihood(&f, ids, 20, 5, 40) == a);
        double b = likelihood(&f, ids, 20, 5, 120);
        assert_true(fabs(a - b) < 0.5 * (a + b));
        assert_true(likelihood(&f, ids, 20, 20, 4) == 0);
        close_fixture(&f);
    }
}

static void bad_ids_and_long_texts_are_refused(void **state)
{
    (void)state;
    fixture f;
    dlx_token ids[200];
    double nats;
    dlx_error err;
    dlx__likelihood_opts opts = {.n_samples = 1};
    open_fixture(&f, "llada-tiny", "reference");
    fill(ids, 200);
    assert_int_equal(dlx__engine_likelihood(f.engine, ids, 200, 0, &opts, &nats, &err), DLX_E_FULL);
    support_sentence(&err, "96");
    ids[3] = -1;
    assert_int_equal(dlx__engine_likelihood(f.engine, ids, 8, 0, &opts, &nats, &err), DLX_E_ARG);
    support_sentence(&err, "position 3");
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_hidden_token_is_one_softmax),
        cmocka_unit_test(a_seed_comes_from_the_row_before_its_block),
        cmocka_unit_test(left_to_right_is_exact),
        cmocka_unit_test(seeds_repeat_and_samples_settle),
        cmocka_unit_test(bad_ids_and_long_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
