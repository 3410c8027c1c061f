// labels: quick
/* test_cpu_head.c - what the head of the cpu backend tells of a row: ids left out, guidance by two
 * streams, broken numbers. The raw logits that it gives beside the statistics are the measure. */
#include "cpu_support.h"

static const random_shape shape = {.n_layers = 1,
                                   .n_embd = 40,
                                   .n_heads = 2,
                                   .n_heads_kv = 1,
                                   .head_dim = 16,
                                   .n_ff = 48,
                                   .n_vocab = 1700};

enum { ROWS = 5 };

static void ask(dlx__backend *b, const dlx__head *head)
{
    dlx_error err = {.code = DLX_OK};
    assert_ok(dlx__backend_cpu.head(b, head, &err), &err);
}

/* Statistics in double over the ids that `allowed` names. */
static void check_stat(const dlx__row_stat *stat, const float *logits, size_t n_vocab,
                       const bool *allowed)
{
    size_t best = SIZE_MAX;
    double second = -INFINITY, sum = 0, weighted = 0;
    for (size_t i = 0; i < n_vocab; i++)
        if (allowed[i] && (best == SIZE_MAX || logits[i] > logits[best]))
            best = i;
    for (size_t i = 0; i < n_vocab; i++) {
        if (!allowed[i])
            continue;
        double d = (double)logits[i] - (double)logits[best];
        sum += exp(d);
        weighted += exp(d) * d;
        if (i != best)
            second = fmax(second, d);
    }
    assert_true(stat->finite);
    assert_int_equal(stat->best, best);
    assert_true(stat->logit == logits[best]);
    assert_true(fabs((double)stat->prob - 1 / sum) <= 1e-5);
    assert_true(fabs((double)stat->margin - (1 - exp(second)) / sum) <= 1e-5);
    assert_true(fabs((double)stat->neg_entropy - (weighted / sum - log(sum))) <= 1e-4);
}

static void left_out(void **state)
{
    (void)state;
    static const size_t n_ids[] = {0, 1700, 1699, 1537, 1536, 40, 1};
    random_model *m = random_model_open(&shape, 4);
    dlx__backend *b = cpu_load(&dlx__backend_cpu, &m->model, 2, 1);
    const size_t n_vocab = shape.n_vocab, rows[ROWS] = {4, 0, 2, 2, 1};
    float *logits = malloc(ROWS * n_vocab * sizeof *logits); /* [ROWS, n_vocab] */
    cpu_step(&dlx__backend_cpu, b, &m->model, ROWS, 0, 0, 0, 0, NULL);
    for (size_t i = 0; i < DLX__LEN(n_ids); i++) {
        dlx__row_stat with[ROWS], without[ROWS];
        bool allowed[1700];
        dlx__head head = {
            .rows = rows, .n = ROWS, .n_ids = n_ids[i], .stats = with, .logits = logits};
        ask(b, &head);
        dlx_token suppress[] = {-1, 0, with[0].best, with[1].best, 1536, 5000};
        if (suppress[2] > suppress[3]) {
            suppress[2] = with[1].best;
            suppress[3] = with[0].best;
        }
        head.suppress = suppress;
        head.n_suppress = n_ids[i] == 1 ? 0 : DLX__LEN(suppress);
        for (size_t v = 0; v < n_vocab; v++)
            allowed[v] = n_ids[i] == 0 || v < n_ids[i];
        for (size_t s = 1; s < 5 && head.n_suppress; s++)
            allowed[suppress[s]] = false;
        ask(b, &head);
        head.logits = NULL; /* nothing beyond n_ids is computed then */
        head.stats = without;
        ask(b, &head);
        for (size_t r = 0; r < ROWS; r++) {
            check_stat(&with[r], logits + r * n_vocab, n_vocab, allowed);
            assert_int_equal(with[r].best, without[r].best);
            assert_true(with[r].prob == without[r].prob);
        }
    }
    free(logits);
    dlx__backend_cpu.close(b);
    random_model_release(m);
}

/* Logits of u + (s + 1)(c - u), computed from the streams' own logits. */
static void guidance(void **state)
{
    (void)state;
    random_model *m = random_model_open(&shape, 5);
    dlx__backend *b = cpu_load(&dlx__backend_cpu, &m->model, 2, 2);
    const size_t n_vocab = shape.n_vocab, rows[ROWS] = {0, 1, 2, 3, 4};
    float *c = malloc(ROWS * n_vocab * sizeof *c), *u = malloc(ROWS * n_vocab * sizeof *u);
    float *got = malloc(ROWS * n_vocab * sizeof *got); /* [ROWS, n_vocab] each */
    cpu_step(&dlx__backend_cpu, b, &m->model, ROWS, 0, 0, 0, 0, NULL);
    cpu_step(&dlx__backend_cpu, b, &m->model, ROWS, 0, 0, 0, 1, NULL);
    dlx__head head = {.rows = rows, .n = ROWS, .logits = c};
    ask(b, &head);
    head.stream = 1;
    head.logits = u;
    ask(b, &head);
    assert_true(cpu_distance(c, u, ROWS * n_vocab) > 0.1);
    head.stream = 0;
    head.cfg_scale = 1.5f;
    head.logits = got;
    ask(b, &head);
    for (size_t i = 0; i < ROWS * n_vocab; i++)
        c[i] = u[i] + 2.5f * (c[i] - u[i]);
    assert_true(cpu_distance(c, got, ROWS * n_vocab) < 1e-5);
    free(c);
    free(u);
    free(got);
    dlx__backend_cpu.close(b);
    random_model_release(m);
}

/* One weight of the head is not a number: `finite` falls unless that id is left out. */
static void broken(void **state)
{
    (void)state;
    static const float sick[] = {NAN, INFINITY};
    const size_t rows[] = {0, 1};
    for (size_t i = 0; i < DLX__LEN(sick); i++) {
        random_model *m = random_model_open(&shape, 6);
        const dlx__tensor *head_w = m->model.graph.nodes[m->model.graph.logits].weight;
        float *row = (float *)(uintptr_t)head_w->data + 1601 * shape.n_embd; /* [n_embd] */
        for (size_t k = 0; k < shape.n_embd; k++)
            row[k] = k == 3 ? sick[i] : 0;
        dlx__backend *b = cpu_load(&dlx__backend_cpu, &m->model, 1, 1);
        dlx__row_stat stats[2];
        const dlx_token suppress[] = {1601};
        dlx__head head = {.rows = rows, .n = 2, .stats = stats};
        cpu_step(&dlx__backend_cpu, b, &m->model, 2, 0, 0, 0, 0, NULL);
        ask(b, &head);
        assert_true(!stats[0].finite || !stats[1].finite || sick[i] > 0);
        head.suppress = suppress;
        head.n_suppress = 1;
        ask(b, &head);
        assert_true(stats[0].finite && stats[1].finite);
        dlx_token all[1700];
        for (int v = 0; v < 1700; v++)
            all[v] = v;
        head.suppress = all;
        head.n_suppress = 1700;
        ask(b, &head);
        assert_false(stats[0].finite || stats[1].finite);
        dlx__backend_cpu.close(b);
        random_model_release(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(left_out),
        cmocka_unit_test(guidance),
        cmocka_unit_test(broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
