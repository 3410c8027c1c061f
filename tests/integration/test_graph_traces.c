// labels: golden export
/*
 * The decode runs of tests/golden through directories of ONNX graphs, where ONNX Runtime is here:
 * every run with keys and values as inputs and outputs; those without caches also as whole
 * canvases.
 */
#include "golden_check.h"

#include "backends/backend.h"
#include "export/exporter.h"

/* An NPU computes in fp16. */
static const dlx__runtime_paths by_cpu = {.qnn_provider = "none"};

static bool has_runtime(const dlx__backend_class *backend)
{
    dlx_error why = {.code = DLX_OK};
    dlx__buf found;
    dlx__buf_init(&found, NULL);
    const bool here = backend->probe_runtime(&by_cpu, &found, &why) == DLX_OK;
    print_message(here ? "%s\n" : "skipped: %s\n", here ? found.data : why.text);
    dlx__buf_release(&found);
    return here;
}

/* A description is what sessions that are opened by hand do not read. */
static void write_graphs(const dlx__backend_class *backend, const dlx__model *m, const char *path,
                         dlx__export_cache cache)
{
    static const size_t canvases[] = {96, DECODE_CTX};
    dlx_error err = {.code = DLX_OK};
    dlx__export_written written;
    const dlx__export_opts opts = {
        .path = path,
        .rules = backend->exports,
        .forms = backend->exports->forms(DLX__PACK_FP32, DLX__SCHEME_WEIGHT_ONLY),
        .profile = "f32",
        .cache = cache,
        .n_ctx = DECODE_CTX,
        .n_rows = 32,
        .canvases = canvases,
        .n_canvases = 2,
        .n_ids = m->hp.n_vocab,
        .never_id = m->hp.mask_id.value,
        .description = "",
        .n_threads = 1,
        .written = &written};
    assert_ok(backend->export_model(m, &opts, &err), &err);
}

/* Can graphs with this form of cache run it? */
static bool is_possible(const decode_file *f, dlx__export_cache cache)
{
    return cache == DLX__EXPORT_IO || !f->opts.cache || strcmp(f->opts.cache, "none") == 0;
}

static size_t check_folder(const dlx__backend_class *backend, size_t at, bool outside,
                           bool allow_special)
{
    static char names[MAX_FILES][128];
    static const char graphs[] = DLX_TMP_DIR "/traces";
    char path[1024];
    dlx_error err = {.code = DLX_OK};
    dlx__model model;
    dlx__engine *engine;
    size_t n_done = 0;
    snprintf(path, sizeof path, "%s/golden/%s", DLX_TESTS_DIR, folders[at].name);
    assert_ok(dlx__model_open(&model, path, DLX__NEED_WEIGHTS, NULL, &err), &err);
    const bool full = model.family->visibility == DLX__VISIBLE_FULL;
    const dlx__export_cache cache = full && !outside ? DLX__EXPORT_NO_CACHE : DLX__EXPORT_IO;
    write_graphs(backend, &model, graphs, cache);
    const dlx__engine_opts opts = {.backend = backend,
                                   .backend_path = graphs,
                                   .runtimes = &by_cpu,
                                   .n_ctx = DECODE_CTX,
                                   .n_threads = 1};
    assert_ok(dlx__engine_open(&engine, &model, &opts, &err), &err);
    const size_t n = decode_list(folders[at].name, names, MAX_FILES);
    for (size_t i = 0; i < n; i++) {
        decode_open(&file, folders[at].name, names[i], &model);
        if (is_possible(&file, cache)) {
            check_file(engine, &file, (dlx_token)model.hp.mask_id.value, allow_special);
            n_done++;
        }
        decode_close(&file);
    }
    print_message("  %s: %zu of %zu runs as recorded\n", folders[at].name, n_done, n);
    dlx__engine_free(engine);
    dlx__model_release(&model);
    return n_done;
}

static size_t check_all(bool outside, bool allow_special)
{
    const dlx__backend_class *backend = dlx__backend_find("qnn");
    size_t n = 0;
    if (!has_runtime(backend))
        skip();
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        n += check_folder(backend, i, outside, allow_special);
    return n;
}

/* Of families that see the whole canvas; the others keep theirs in any case. */
enum { N_WITHOUT_CACHES = 227 };

static void keys_and_values_outside(void **state)
{
    (void)state;
    assert_int_equal(check_all(true, false), N_ALL);
}

/* Ids are asked about that the graphs do not choose among: by all logits. */
static void every_id_may_be_chosen(void **state)
{
    (void)state;
    assert_int_equal(check_all(true, true), N_ALL);
}

static void whole_canvases(void **state)
{
    (void)state;
    assert_int_equal(check_all(false, false), N_WITHOUT_CACHES);
}

/* One that was named, and is no provider, is not passed over for the CPU. */
static void a_provider_that_is_named_must_be_there(void **state)
{
    (void)state;
    static const dlx__runtime_paths named = {.qnn_provider = "/no/provider"};
    const dlx__backend_class *backend = dlx__backend_find("qnn");
    dlx_error err = {.code = DLX_OK};
    dlx__buf found;
    if (!has_runtime(backend))
        skip();
    dlx__buf_init(&found, NULL);
    assert_int_not_equal(backend->probe_runtime(&named, &found, &err), DLX_OK);
    assert_non_null(strstr(err.text, "/no/provider: expected ONNX Runtime's QNN provider"));
    dlx__buf_release(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_and_values_outside), cmocka_unit_test(every_id_may_be_chosen),
        cmocka_unit_test(whole_canvases), cmocka_unit_test(a_provider_that_is_named_must_be_there)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
