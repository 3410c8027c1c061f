/*
 * test_coreml_session.c - sessions on Core ML packages, by a runtime of the tests: which rows are
 * asked about and by which function, what every row sees, what is kept, what is refused.
 */
#include "coreml_fake.h"
#include "failing_mem.h"

static dlx__model model;
static dlx_error err;

static dlx__backend *open_session(const dlx_allocator *mem, int n_streams)
{
    dlx__backend *b;
    const dlx__backend_opts o = {
        .n_ctx = FAKE_CTX, .n_streams = n_streams, .path = "m.mlpackage", .mem = mem};
    fake_model(&model);
    return dlx__coreml_load_by(&b, &fake_runtime, &model, &o, &err) == DLX_OK ? b : NULL;
}

static dlx__backend *opened(fake_package p)
{
    fake = p;
    dlx__backend *b = open_session(NULL, 2);
    if (!b)
        fail_msg("%s", err.text);
    return b;
}

static void closed(dlx__backend *b)
{
    dlx__coreml_close(b);
    assert_int_equal(fake.n_alive, 0);
}

static void refused(fake_package p, const char *words)
{
    fake = p;
    assert_null(open_session(NULL, 2));
    assert_says(&err, words);
    assert_int_equal(fake.n_alive, 0);
}

/* The id of a position is a bit. */
static const dlx_token BITS[FAKE_CTX] = {1, 2, 4, 8, 16, 32, 64, 128};

static dlx__step rows_of(size_t start, size_t n, size_t n_kv, size_t block)
{
    return (dlx__step){.ids = BITS + start,
                       .n = n,
                       .start = start,
                       .n_kv = n_kv,
                       .n_keep = n,
                       .visibility = block ? DLX__VISIBLE_BLOCK_CAUSAL : DLX__VISIBLE_FULL,
                       .block = block};
}

static void step(dlx__backend *b, dlx__step s)
{
    assert_ok(dlx__fixed_step(&b->fixed, &s, &err), &err);
}

/* What n rows chose: the positions that they saw, as bits. */
static void sees(dlx__backend *b, size_t n, const size_t *rows, const dlx_token *bits)
{
    dlx__row_stat stats[FAKE_CTX];
    const dlx__head h = {.rows = rows, .n = n, .best_only = true, .stats = stats};
    assert_ok(dlx__fixed_head(&b->fixed, &h, &err), &err);
    for (size_t i = 0; i < n; i++) {
        assert_true(stats[i].finite);
        assert_int_equal(stats[i].best, bits[i]);
    }
}

#define SEES(b, rows, ...)                                                                         \
    sees(b, DLX__LEN(((const size_t[])rows)), (const size_t[])rows,                                \
         (const dlx_token[]){__VA_ARGS__})
#define ROWS(...)                                                                                  \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

/* ---- passes ---------------------------------------------------------------------------------- */

/* Rows that are wanted are asked of the function, wherever they are in the call. */
static void the_rows_that_are_wanted_are_asked(void **state)
{
    (void)state;
    dlx__backend *b = opened(fake_blocks());
    step(b, rows_of(0, 4, 0, 4));
    SEES(b, ROWS(3, 2), 15, 15);
    step(b, rows_of(4, 3, 4, 4)); /* the fourth pads */
    assert_float_equal(fake.cosine, cos(3), 1e-3);
    SEES(b, ROWS(2), 127);
    assert_float_equal(fake.cosine, cos(7), 1e-3);
    assert_int_equal(fake.functions[0].n_runs, 2);
    assert_int_equal(fake.functions[2].n_runs, 0);
    closed(b);
}

/* More rows than R, or none that the function has: of the logits R at a time. */
static void many_rows_are_told_by_logits_in_groups(void **state)
{
    (void)state;
    dlx__backend *b = opened(fake_blocks());
    step(b, rows_of(0, 4, 0, 4));
    SEES(b, ROWS(0, 1, 3), 15, 15, 15);
    assert_int_equal(fake.functions[0].n_runs, 1);
    assert_int_equal(fake.functions[2].n_runs, 2);
    SEES(b, ROWS(2), 15); /* the pass is not run again */
    assert_int_equal(fake.functions[0].n_runs, 1);
    step(b, rows_of(0, 8, 0, 4)); /* prefill has no head */
    SEES(b, ROWS(1, 6), 15, 255);
    assert_int_equal(fake.functions[1].n_runs, 1);
    assert_int_equal(fake.functions[2].n_runs, 4);
    closed(b);
}

/* A pass of which nobody asks is run all the same: its K and V are counted on. */
static void rows_are_kept(void **state)
{
    (void)state;
    dlx__backend *b = opened(fake_blocks());
    step(b, rows_of(0, 8, 0, 0));
    step(b, rows_of(2, 3, 8, 0)); /* in the midst of what is kept, and one row pads */
    SEES(b, ROWS(1), 255);
    step(b, rows_of(2, 3, 6, 0));
    SEES(b, ROWS(0, 2), 63, 63);
    step(b, rows_of(1, 1, 1, 1));
    SEES(b, ROWS(0), 3);
    closed(b);
}

/* Without prefill rows of several blocks take several calls, cut where a block ends. */
static void passes_are_cut_at_blocks(void **state)
{
    (void)state;
    fake_package p = fake_blocks();
    p.facts[6][1] = "denoise,logits";
    dlx__backend *b = opened(p);
    step(b, rows_of(0, 7, 0, 4));
    SEES(b, ROWS(0, 6), 15, 127);
    assert_int_equal(fake.functions[0].n_runs, 2);
    dlx__step s = rows_of(0, 7, 0, 0);
    assert_int_equal(dlx__fixed_step(&b->fixed, &s, &err), DLX_E_ARG);
    assert_says(&err, "passes of at most 4 rows, found 7; export it with --canvas 7");
    closed(b);
}

static void states_hold_rows_and_no_padding_is_seen(void **state)
{
    (void)state;
    dlx__backend *b = opened(fake_states());
    step(b, rows_of(0, 4, 0, 4));
    SEES(b, ROWS(0), 15);
    step(b, rows_of(4, 2, 4, 4)); /* writes 6 and 7 too */
    SEES(b, ROWS(1), 63);
    step(b, rows_of(4, 4, 4, 4));
    SEES(b, ROWS(0), 255);
    step(b, rows_of(0, 7, 0, 4)); /* padding of the first call is written by the next */
    SEES(b, ROWS(1, 6), 15, 127);
    closed(b);
}

static void states_refuse_what_padding_would_destroy(void **state)
{
    (void)state;
    dlx__backend *b = opened(fake_states());
    const dlx__step refusals[] = {
        rows_of(0, 3, 8, 4), /* sees position 3 behind its rows */
        rows_of(0, 2, 8, 2), /* sees nothing behind, and writes over 2 and 3 */
        rows_of(2, 3, 8, 0),
    };
    for (size_t i = 0; i < DLX__LEN(refusals); i++) {
        assert_int_equal(dlx__fixed_step(&b->fixed, &refusals[i], &err), DLX_E_UNSUPPORTED);
        assert_says(&err, "positions behind its rows");
    }
    dlx__step s = rows_of(6, 2, 6, 2);
    assert_int_equal(dlx__fixed_step(&b->fixed, &s, &err), DLX_E_ARG);
    assert_says(&err, "expected the 4 rows of a pass within 8 positions, found them from 6 on");
    closed(b);
}

static void without_a_cache_nothing_is_kept(void **state)
{
    (void)state;
    fake_package p = fake_blocks();
    p.facts[2][1] = "none";
    p.functions[0].size.n_past = p.functions[1].size.n_past = 0;
    dlx__backend *b = opened(p);
    step(b, rows_of(0, 3, 0, 0));
    SEES(b, ROWS(2), 7);
    dlx__step s = rows_of(4, 4, 4, 4);
    assert_int_equal(dlx__fixed_step(&b->fixed, &s, &err), DLX_E_UNSUPPORTED);
    assert_says(&err, "keeps no keys and values");
    closed(b);
}

/* c + s (c - u) over the logits of both streams, whose K and V are apart. */
static void streams_guide_each_other(void **state)
{
    (void)state;
    float logits[FAKE_VOCAB];
    dlx__row_stat stat;
    dlx__backend *b = opened(fake_blocks());
    dlx__step other = rows_of(2, 2, 0, 0);
    other.stream = 1;
    step(b, rows_of(0, 2, 0, 0));
    step(b, other);
    const dlx__head h = {
        .rows = (const size_t[]){1}, .n = 1, .cfg_scale = 0.5f, .stats = &stat, .logits = logits};
    assert_ok(dlx__fixed_head(&b->fixed, &h, &err), &err);
    assert_int_equal(stat.best, 3);
    assert_float_equal(logits[3], 12.0f, 1e-4);  /* c alone */
    assert_float_equal(logits[12], -4.0f, 1e-4); /* u alone */
    closed(b);
}

static bool always(void *user)
{
    (void)user;
    return true;
}

static void passes_stop_and_rows_must_be_there(void **state)
{
    (void)state;
    dlx__row_stat stat;
    dlx__backend *b = opened(fake_blocks());
    dlx__step s = rows_of(0, 4, 0, 4);
    const dlx__head h = {.rows = (const size_t[]){4}, .n = 1, .best_only = true, .stats = &stat};
    s.stop = always;
    assert_int_equal(dlx__fixed_step(&b->fixed, &s, &err), DLX_CANCELLED);
    step(b, rows_of(0, 4, 0, 4));
    assert_int_equal(dlx__fixed_head(&b->fixed, &h, &err), DLX_E_ARG);
    assert_says(&err, "found row 4 of stream 0");
    closed(b);
}

/* ---- what functions tell --------------------------------------------------------------------- */

static dlx_result ask(dlx__backend *b, dlx__row_stat *stat)
{
    const dlx__head h = {.rows = (const size_t[]){1}, .n = 1, .best_only = true, .stats = stat};
    step(b, rows_of(0, 4, 0, 4));
    return dlx__fixed_head(&b->fixed, &h, &err);
}

static void ids_that_are_none_are_refused(void **state)
{
    (void)state;
    dlx__row_stat stat;
    fake_package p = fake_blocks();
    p.shift_best = FAKE_VOCAB;
    dlx__backend *b = opened(p);
    assert_int_equal(ask(b, &stat), DLX_E_MISMATCH);
    assert_says(&err, "m.mlpackage: expected an id below 256 as the best of a row, found 271");
    fake.shift_best = -16;
    assert_int_equal(ask(b, &stat), DLX_E_MISMATCH);
    fake.logit = NAN; /* nobody looks at the id */
    assert_ok(ask(b, &stat), &err);
    assert_false(stat.finite);
    closed(b);
}

static void what_core_ml_says_names_the_package(void **state)
{
    (void)state;
    dlx__row_stat stat;
    dlx__backend *b = opened(fake_blocks());
    fake.failing = "run";
    assert_int_equal(ask(b, &stat), DLX_E_UNSUPPORTED);
    assert_says(&err, "m.mlpackage: Core ML cannot run: it is a fake");
    closed(b);
    fake_package p = fake_blocks();
    p.failing = "open";
    refused(p, "m.mlpackage: Core ML cannot open");
    p.failing = "load";
    refused(p, "m.mlpackage: Core ML cannot load");
    p = fake_states();
    p.failing = "state";
    refused(p, "out of memory while keeping K and V");
}

/* ---- opening --------------------------------------------------------------------------------- */

static void facts_are_held_against_the_model(void **state)
{
    (void)state;
    static const char *const rows[][3] = {
        {"dlx.functions", NULL,
         "expected a package that dlx export wrote, which says dlx.functions"},
        {"dlx.format", "2", "expected dlx.format from 1 to 1, found \"2\""},
        {"dlx.family", "llada", "expected a package of sdar, as its model is, found one of llada"},
        {"dlx.cache", "compat", "expected dlx.cache none, io or state, found \"compat\""},
        {"dlx.n_ctx", "7", "expected a context of at most 7 positions"},
        {"dlx.n_ctx", "8x", "expected dlx.n_ctx from 1 to"},
        {"dlx.n_ctx", "99999999999999999999", "expected dlx.n_ctx from 1 to"},
        {"dlx.n_ctx", "16", "expected mask as f16 [1, 1, 8, 24]"},
        {"dlx.n_ids", "257", "expected dlx.n_ids from 1 to 256, found \"257\""},
        {"dlx.never_id", "256", "expected dlx.never_id from 0 to 255"},
        {"dlx.functions", "denoise,,logits", "expected at most 64 names as dlx.functions"},
        {"dlx.functions", "denoise",
         "expected a function of logits and some of rows, found 0 and 1"},
        {"dlx.functions", "logits", "found 1 and 0"},
        {"dlx.functions", "denoise,logits,other", "Core ML knows no other"},
    };
    for (size_t i = 0; i < DLX__LEN(rows); i++) {
        fake = fake_blocks();
        fake_say(rows[i][0], rows[i][1]);
        refused(fake, rows[i][2]);
    }
    fake_package p = fake_states();
    p.facts[6][1] = "denoise,prefill,logits";
    p.functions[1].size = (dlx__coreml_sizes){4, 8, 2, true};
    refused(p, "expected a function of logits and one of rows, found 1 and 2");
}

static void widen_first(dlx__coreml_port *p)
{
    p->dims[0]++;
}

static void widen_last(dlx__coreml_port *p)
{
    p->dims[p->n_dims - 1]++;
}

static void add_axes(dlx__coreml_port *p)
{
    p->n_dims += 3;
}

static void turn_type(dlx__coreml_port *p)
{
    p->type = DLX__COREML_OTHER;
}

static void turn_side(dlx__coreml_port *p)
{
    p->side = (p->side + 1) % 3;
}

static void rename_port(dlx__coreml_port *p)
{
    p->name[0] = 'x';
}

/* No port of any function can be another one, in any respect. */
static void every_port_is_held_against_the_model(void **state)
{
    (void)state;
    static void (*const ways[])(dlx__coreml_port *) = {widen_first, widen_last, add_axes,
                                                       turn_type,   turn_side,  rename_port};
    static const char *const names[] = {
        "input_ids",      "cos",           "sin",         "mask",          "head_rows",
        "past_k_0",       "past_v_0",      "rows",        "output_logits", "output_new_k_0",
        "output_new_v_0", "output_hidden", "output_best", "output_logit",  "output_lse",
        "position",       "k_0",           "v_0"};
    for (size_t i = 0; i < DLX__LEN(names) * DLX__LEN(ways); i++) {
        const bool inside = i / DLX__LEN(ways) > 14;
        fake_package p = inside ? fake_states() : fake_blocks();
        p.bad_port = names[i / DLX__LEN(ways)];
        p.spoil = ways[i % DLX__LEN(ways)];
        refused(p, "m.mlpackage, ");
        assert_says(&err, "export it again");
    }
    fake_package p = fake_blocks();
    p.n_surplus = 1;
    refused(p, "expected 9 inputs, outputs and states for its model, found 10");
}

static void other_paths_and_contexts_are_refused(void **state)
{
    (void)state;
    dlx__backend *b;
    dlx__backend_opts o = {.n_ctx = 8, .n_streams = 1, .path = "a\xffz"};
    fake = fake_blocks();
    fake_model(&model);
    assert_int_equal(dlx__coreml_load_by(&b, &fake_runtime, &model, &o, &err), DLX_E_ARG);
    assert_says(&err, "a...: expected a path in UTF-8");
    o.path = NULL;
    model.checkpoint.path = (char *)"model.gguf";
    assert_int_equal(dlx__coreml_load_by(&b, &fake_runtime, &model, &o, &err), DLX_E_ARG);
    assert_says(&err, "the backend coreml runs packages");
    assert_int_equal(fake.n_alive, 0);
}

/* The session at that allocation failing and those after it; true: there was memory enough. */
static bool works_until(fake_package p, size_t at)
{
    failing_mem f;
    bool works = false;
    failing_mem_init(&f, at);
    fake = p;
    dlx__backend *b = open_session(&f.mem, 2);
    if (b) {
        dlx__row_stat stat;
        const dlx__step s = rows_of(0, 4, 0, 4);
        const dlx__head h = {.rows = (const size_t[]){1}, .n = 1, .stats = &stat};
        works = dlx__fixed_step(&b->fixed, &s, &err) == DLX_OK &&
                dlx__fixed_head(&b->fixed, &h, &err) == DLX_OK;
        dlx__coreml_close(b);
    }
    if (!works)
        assert_says(&err, "out of memory");
    assert_int_equal(f.n_alive, 0);
    assert_int_equal(fake.n_alive, 0);
    return works;
}

static void memory_may_fail_everywhere(void **state)
{
    (void)state;
    size_t with_caller = 1, inside = 1;
    while (!works_until(fake_blocks(), with_caller))
        with_caller++;
    while (!works_until(fake_states(), inside))
        inside++;
    assert_true(with_caller > 30 && inside > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rows_that_are_wanted_are_asked),
        cmocka_unit_test(many_rows_are_told_by_logits_in_groups),
        cmocka_unit_test(rows_are_kept),
        cmocka_unit_test(passes_are_cut_at_blocks),
        cmocka_unit_test(states_hold_rows_and_no_padding_is_seen),
        cmocka_unit_test(states_refuse_what_padding_would_destroy),
        cmocka_unit_test(without_a_cache_nothing_is_kept),
        cmocka_unit_test(streams_guide_each_other),
        cmocka_unit_test(passes_stop_and_rows_must_be_there),
        cmocka_unit_test(ids_that_are_none_are_refused),
        cmocka_unit_test(what_core_ml_says_names_the_package),
        cmocka_unit_test(facts_are_held_against_the_model),
        cmocka_unit_test(every_port_is_held_against_the_model),
        cmocka_unit_test(other_paths_and_contexts_are_refused),
        cmocka_unit_test(memory_may_fail_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
