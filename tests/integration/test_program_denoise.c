// labels: golden export
/*
 * Programs with denoise, where the ExecuTorch runtime is here: which methods a decode asks for, and
 * that keys, values and answers are right whatever the head is asked, and when, and if at all.
 */
#include "unit.h"

#include <math.h>

#include "backends/xnnpack/xnnpack.h"
#include "export/exporter.h"
#include "failing_mem.h"
#include "runtime/decode.h"

enum { CTX = 160 };

/* ---- a program whose calls are counted ------------------------------------------------------- */

static const dlx__et_functions *real;
static struct {
    size_t n_denoise, n_forward;
} calls;

static int counted_run(dlx__et_module *module, const char *method, const dlx__et_tensor *in,
                       int n_in, dlx__et_tensor *out, int max_out, int *n_out)
{
    const bool denoise = strncmp(method, "denoise", 7) == 0;
    calls.n_denoise += denoise;
    calls.n_forward += !denoise;
    return real->run(module, method, in, n_in, out, max_out, n_out);
}

static void count_calls(dlx__backend *b)
{
    static dlx__et_functions counting;
    real = b->program.runtime.functions;
    counting = *real;
    counting.run = counted_run;
    b->program.runtime.functions = &counting;
    calls.n_denoise = calls.n_forward = 0;
}

static const dlx__backend_class *class_or_skip(void)
{
    const dlx__backend_class *class = dlx__backend_find("xnnpack");
    dlx_error why = {.code = DLX_OK};
    if (class->probe(&why) == DLX_OK)
        return class;
    print_message("skipped: %s\n", why.text);
    skip();
    return NULL;
}

static const char *write_program(dlx__model *m, const char *folder, dlx__export_cache cache)
{
    static const char path[] = DLX_TMP_DIR "/denoise.pte";
    char from[1024];
    dlx_error err = {.code = DLX_OK};
    dlx__export_written written;
    snprintf(from, sizeof from, "%s/golden/%s", DLX_TESTS_DIR, folder);
    assert_ok(dlx__model_open(m, from, DLX__NEED_WEIGHTS, NULL, &err), &err);
    const dlx__export_opts opts = {.path = path,
                                   .cache = cache,
                                   .n_ctx = CTX,
                                   .n_rows = m->family->visibility == DLX__VISIBLE_FULL ? CTX : 32,
                                   .n_ids = m->hp.n_vocab,
                                   .never_id = m->hp.mask_id.value,
                                   .written = &written};
    assert_ok(dlx__backend_find("xnnpack")->export_model(m, &opts, &err), &err);
    return path;
}

/* ---- whole runs ------------------------------------------------------------------------------ */

static void generate(const char *folder, dlx__export_cache cache, const dlx_gen_opts *more)
{
    static const dlx_token prompt[] = {3, 1, 4, 1, 5, 9};
    const dlx__backend_class *class = class_or_skip();
    dlx__model model;
    dlx__engine *engine;
    dlx_gen_opts opts;
    dlx_gen_result result;
    dlx_error err = {.code = DLX_OK};
    const char *path = write_program(&model, folder, cache);
    const dlx__engine_opts o = {
        .backend = class, .backend_path = path, .n_ctx = CTX, .n_threads = 1};
    assert_ok(dlx__engine_open(&engine, &model, &o, &err), &err);
    /* before the calls are counted, so that no run loads it again */
    assert_ok(dlx__engine_reserve(engine, CTX, more->cfg_scale > 0 ? 2 : 1, &err), &err);
    count_calls(engine->backend);
    dlx__gen_defaults(&model, &opts);
    opts.max_tokens = 16;
    opts.cfg_scale = more->cfg_scale;
    opts.temperature = more->temperature;
    opts.sampler = more->sampler ? more->sampler : opts.sampler;
    opts.cache = cache == DLX__EXPORT_NO_CACHE ? "none" : opts.cache;
    assert_ok(dlx__engine_generate(engine, prompt, 6, &opts, &result, &err), &err);
    assert_true(result.passes > 0);
    dlx__engine_free(engine);
    dlx__model_release(&model);
}

static void a_usual_decode_asks_denoise_alone(void **state)
{
    (void)state;
    static const char *const folders[] = {"sdar-tiny-b4", "fast-dllm-v2-tiny", "llada-tiny",
                                          "ar-qwen3-tiny"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        for (int io = 0; io < 2; io++) {
            generate(folders[i], io ? DLX__EXPORT_IO : DLX__EXPORT_STATE, &(dlx_gen_opts){0});
            assert_int_equal(calls.n_forward, 0);
            assert_true(calls.n_denoise > 0);
        }
}

static void what_wants_more_asks_forward(void **state)
{
    (void)state;
    const struct {
        const char *folder;
        dlx_gen_opts opts;
    } cases[] = {{"dream-tiny", {.sampler = "entropy"}},
                 {"dream-tiny", {.sampler = "topk_margin"}},
                 {"sdar-tiny-b4", {.sampler = "entropy_bounded"}},
                 {"llada-tiny", {.temperature = 0.5}},
                 {"llada-tiny", {.cfg_scale = 1.0}}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        generate(cases[i].folder, DLX__EXPORT_IO, &cases[i].opts);
        assert_true(calls.n_forward > 0);
        if (strncmp(cases[i].folder, "sdar", 4) != 0) /* a prompt alone is nobody's question */
            assert_int_equal(calls.n_denoise, 0);
    }
}

/* ---- single passes --------------------------------------------------------------------------- */

/* The same passes on a program and on the reference backend. */
typedef struct pair {
    dlx__model model;
    const dlx__backend_class *class[2];
    dlx__backend *backend[2]; /* program, reference */
} pair;

static void open_pair(pair *p, const char *folder, dlx__export_cache cache)
{
    dlx_error err = {.code = DLX_OK};
    p->class[0] = class_or_skip();
    p->class[1] = dlx__backend_find("reference");
    const dlx__backend_opts opts = {.n_ctx = CTX,
                                    .n_rows = CTX,
                                    .n_streams = 1,
                                    .n_threads = 1,
                                    .path = write_program(&p->model, folder, cache)};
    for (int i = 0; i < 2; i++)
        assert_ok(p->class[i] -> load(&p->backend[i], &p->model, &opts, &err), &err);
    count_calls(p->backend[0]);
}

static void close_pair(pair *p)
{
    for (int i = 0; i < 2; i++)
        p->class[i]->close(p->backend[i]);
    dlx__model_release(&p->model);
}

static bool stopped;

static bool is_stopped(void *user)
{
    return *(const bool *)user;
}

static void run_pass(pair *p, size_t start, size_t n, size_t n_keep)
{
    dlx_token ids[CTX];
    dlx_error err = {.code = DLX_OK};
    for (size_t i = 0; i < n; i++)
        ids[i] = (dlx_token)((start + i) * 7 % 200);
    const dlx__step step = {.ids = ids,
                            .n = n,
                            .start = start,
                            .n_kv = start,
                            .n_keep = n_keep,
                            .visibility = p->model.family->visibility,
                            .block = 4,
                            .stop = is_stopped,
                            .stop_user = &stopped};
    for (int i = 0; i < 2; i++)
        assert_ok(p->class[i] -> step(p->backend[i], &step, &err), &err);
    memset(ids, 0xFF, sizeof ids); /* the step's ids are lent until it returns */
}

static dlx__head question(const pair *p, const size_t *rows, size_t n, dlx__row_stat *stats)
{
    static dlx_token mask;
    mask = (dlx_token)p->model.hp.mask_id.value;
    return (dlx__head){.rows = rows,
                       .n = n,
                       .n_ids = p->model.hp.n_vocab,
                       .suppress = &mask,
                       .n_suppress = 1,
                       .best_only = true,
                       .stats = stats};
}

static void assert_alike(pair *p, const size_t *rows, size_t n, bool best_only)
{
    dlx__row_stat stats[2][CTX];
    dlx_error err = {.code = DLX_OK};
    for (int i = 0; i < 2; i++) {
        dlx__head head = question(p, rows, n, stats[i]);
        head.best_only = best_only;
        assert_ok(p->class[i] -> head(p->backend[i], &head, &err), &err);
    }
    for (size_t i = 0; i < n; i++) {
        assert_true(stats[0][i].finite);
        assert_int_equal(stats[0][i].best, stats[1][i].best);
        assert_true(fabsf(stats[0][i].logit - stats[1][i].logit) < 1e-3f);
        assert_true(fabsf(stats[0][i].prob - stats[1][i].prob) < 1e-4f);
        if (!best_only)
            assert_true(fabsf(stats[0][i].margin - stats[1][i].margin) < 1e-4f);
    }
}

static const size_t some[] = {2, 0, 3};

/* Keys and values of passes that nobody asked of are there for those that follow. */
static void passes_that_nobody_asks_of(void **state)
{
    (void)state;
    for (int io = 0; io < 2; io++) {
        pair p;
        open_pair(&p, "sdar-tiny-b4", io ? DLX__EXPORT_IO : DLX__EXPORT_STATE);
        run_pass(&p, 0, 80, 80); /* three calls with masks */
        run_pass(&p, 80, 4, 0);  /* of which nothing stays: it need not run */
        run_pass(&p, 80, 4, 4);
        run_pass(&p, 84, 4, 0);
        assert_alike(&p, some, 3, true);
        assert_int_equal(calls.n_denoise, 3 + 1 + 1);
        assert_int_equal(calls.n_forward, 0);
        close_pair(&p);
    }
}

/* Rows of several calls in one question; a second question; one that wants more, twice in a row. */
static void questions_of_all_kinds(void **state)
{
    (void)state;
    static const size_t far[] = {79, 1, 40};
    pair p;
    open_pair(&p, "sdar-tiny-b4", DLX__EXPORT_STATE);
    run_pass(&p, 0, 80, 80);
    assert_alike(&p, far, 3, true);
    assert_int_equal(calls.n_denoise, 3);
    assert_alike(&p, some, 3, true);
    assert_int_equal(calls.n_denoise, 6);
    assert_alike(&p, far, 3, false);
    assert_int_equal(calls.n_forward, 3);
    run_pass(&p, 80, 4, 4); /* as the last pass wanted more in the end, this one is taken to */
    assert_alike(&p, some, 3, true);
    assert_alike(&p, some, 3, false);
    assert_int_equal(calls.n_denoise, 6);
    assert_int_equal(calls.n_forward, 4);
    run_pass(&p, 84, 4, 4);
    assert_alike(&p, some, 3, true); /* it does not */
    run_pass(&p, 88, 4, 4);
    assert_alike(&p, some, 3, true);
    assert_int_equal(calls.n_denoise, 7);
    assert_int_equal(calls.n_forward, 5);
    close_pair(&p);
}

/* A pass that was stopped in the head is run again when the next one needs its keys and values. */
static void a_stopped_question(void **state)
{
    (void)state;
    pair p;
    dlx__row_stat stats[3];
    dlx_error err = {.code = DLX_OK};
    open_pair(&p, "sdar-tiny-b4", DLX__EXPORT_STATE);
    run_pass(&p, 0, 64, 64);
    dlx__head head = question(&p, some, 3, stats);
    stopped = true;
    assert_int_equal(p.class[0] -> head(p.backend[0], &head, &err), DLX_CANCELLED);
    stopped = false;
    run_pass(&p, 64, 4, 0);
    assert_alike(&p, some, 3, true);
    close_pair(&p);
}

/* Other ids left out, or more rows than denoise takes. */
static void questions_that_denoise_cannot_answer(void **state)
{
    (void)state;
    pair p;
    size_t rows[CTX];
    dlx__row_stat stats[CTX];
    dlx_error err = {.code = DLX_OK};
    for (size_t i = 0; i < CTX; i++)
        rows[i] = i;
    open_pair(&p, "llada-tiny", DLX__EXPORT_NO_CACHE);
    run_pass(&p, 0, CTX, 0);
    assert_alike(&p, rows, CTX, true);
    run_pass(&p, 0, CTX, 0);
    dlx__head all = question(&p, some, 3, stats);
    all.n_suppress = 0;
    assert_ok(p.class[0] -> head(p.backend[0], &all, &err), &err);
    assert_int_equal(calls.n_denoise, 0);
    assert_int_equal(calls.n_forward, 2);
    rows[0] = CTX;
    dlx__head outside = question(&p, rows, 1, stats);
    assert_int_equal(p.class[0] -> head(p.backend[0], &outside, &err), DLX_E_ARG);
    assert_says(&err, "row 160");
    close_pair(&p);
}

/* Opening, a pass, and both kinds of questions, with the allocation i missing. */
static dlx_result use_program(const pair *p, const dlx__backend_opts *o, dlx_error *err)
{
    static const dlx_token ids[] = {3, 1, 4, 1};
    dlx__row_stat stats[3];
    dlx__backend *b;
    const dlx__step step = {
        .ids = ids, .n = 4, .n_keep = 4, .visibility = p->model.family->visibility, .block = 4};
    dlx__head head = question(p, some, 3, stats);
    DLX__TRY(p->class[0] -> load(&b, &p->model, o, err));
    dlx_result r = p->class[0]->step(b, &step, err);
    if (r == DLX_OK)
        r = p->class[0]->head(b, &head, err);
    head.best_only = false;
    if (r == DLX_OK)
        r = p->class[0]->head(b, &head, err);
    p->class[0]->close(b);
    return r;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    static const dlx__export_cache caches[] = {DLX__EXPORT_STATE, DLX__EXPORT_IO,
                                               DLX__EXPORT_COMPAT};
    for (size_t c = 0; c < 3; c++) {
        pair p = {.class = {class_or_skip()}};
        dlx_result r = DLX_E_NOMEM;
        const char *path = write_program(&p.model, "sdar-tiny-b4", caches[c]);
        for (size_t i = 1; r != DLX_OK; i++) {
            failing_mem mem;
            dlx_error err = {.code = DLX_OK};
            failing_mem_init(&mem, i);
            const dlx__backend_opts opts = {
                .n_ctx = CTX, .n_rows = 32, .n_streams = 1, .path = path, .mem = &mem.mem};
            r = use_program(&p, &opts, &err);
            if (r != DLX_OK)
                assert_int_equal(r, DLX_E_NOMEM);
            assert_int_equal(mem.n_alive, 0);
        }
        dlx__model_release(&p.model);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_usual_decode_asks_denoise_alone),
                                       cmocka_unit_test(what_wants_more_asks_forward),
                                       cmocka_unit_test(passes_that_nobody_asks_of),
                                       cmocka_unit_test(questions_of_all_kinds),
                                       cmocka_unit_test(a_stopped_question),
                                       cmocka_unit_test(questions_that_denoise_cannot_answer),
                                       cmocka_unit_test(every_allocation_may_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
