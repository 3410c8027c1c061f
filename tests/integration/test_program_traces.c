// labels: golden export
/*
 * The decode runs of tests/golden through exported programs, where the ExecuTorch runtime is here:
 * every run with keys and values as inputs and outputs; those without caches, or with exact ones,
 * as dlx export writes programs by default.
 */
#include "golden_check.h"

#include "backends/backend.h"
#include "export/exporter.h"

static bool has_runtime(const dlx__backend_class *backend)
{
    dlx_error why = {.code = DLX_OK};
    if (backend->probe(&why) == DLX_OK)
        return true;
    print_message("skipped: %s\n", why.text);
    return false;
}

static void write_program(const dlx__backend_class *backend, const dlx__model *m, const char *path,
                          dlx__export_cache cache)
{
    dlx_error err = {.code = DLX_OK};
    dlx__export_written written;
    const bool full = m->family->visibility == DLX__VISIBLE_FULL;
    const dlx__export_opts opts = {.path = path,
                                   .cache = cache,
                                   .n_ctx = DECODE_CTX,
                                   .n_rows = full ? DECODE_CTX : 32,
                                   .written = &written};
    assert_ok(backend->export_model(m, &opts, &err), &err);
}

/* Can programs with this form of cache run it? */
static bool is_possible(const decode_file *f, dlx__export_cache cache)
{
    return cache == DLX__EXPORT_IO || !f->opts.cache || strcmp(f->opts.cache, "none") == 0 ||
           strcmp(f->opts.cache, "exact") == 0;
}

static size_t check_folder(const dlx__backend_class *backend, size_t at, bool io)
{
    static char names[MAX_FILES][128];
    char path[1024];
    dlx_error err = {.code = DLX_OK};
    dlx__model model;
    dlx__engine *engine;
    size_t n_done = 0;
    snprintf(path, sizeof path, "%s/golden/%s", DLX_TESTS_DIR, folders[at].name);
    assert_ok(dlx__model_open(&model, path, DLX__NEED_WEIGHTS, NULL, &err), &err);
    const bool full = model.family->visibility == DLX__VISIBLE_FULL;
    const dlx__export_cache cache = io     ? DLX__EXPORT_IO
                                    : full ? DLX__EXPORT_NO_CACHE
                                           : DLX__EXPORT_STATE;
    write_program(backend, &model, DLX_TMP_DIR "/traces.pte", cache);
    const dlx__engine_opts opts = {.backend = backend,
                                   .backend_path = DLX_TMP_DIR "/traces.pte",
                                   .n_ctx = DECODE_CTX,
                                   .n_threads = 1};
    assert_ok(dlx__engine_open(&engine, &model, &opts, &err), &err);
    const size_t n = decode_list(folders[at].name, names, MAX_FILES);
    for (size_t i = 0; i < n; i++) {
        decode_open(&file, folders[at].name, names[i], &model);
        if (is_possible(&file, cache)) {
            check_file(engine, &file, (dlx_token)model.hp.mask_id.value, true);
            n_done++;
        }
        decode_close(&file);
    }
    print_message("  %s, %s: %zu of %zu runs as recorded\n", folders[at].name,
                  io ? "io" : "state or none", n_done, n);
    dlx__engine_free(engine);
    dlx__model_release(&model);
    return n_done;
}

static void check_all(bool io, size_t n_wanted)
{
    const dlx__backend_class *backend = dlx__backend_find("xnnpack");
    size_t n = 0;
    if (!has_runtime(backend))
        skip();
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        n += check_folder(backend, i, io);
    assert_int_equal(n, n_wanted);
}

static void keys_and_values_outside(void **state)
{
    (void)state;
    check_all(true, N_ALL);
}

static void keys_and_values_inside_or_none(void **state)
{
    (void)state;
    check_all(false, 207);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keys_and_values_outside),
                                       cmocka_unit_test(keys_and_values_inside_or_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
