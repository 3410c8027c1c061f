// labels: golden export
/*
 * The decode runs of tests/golden through exported programs, where the ExecuTorch runtime is here:
 * every run with keys and values as inputs and outputs; those without caches, or with exact ones,
 * as dlx export writes programs by default. Programs with denoise decode by it wherever it is
 * enough, and the rest by forward.
 */
#include "golden_check.h"

#include "backends/backend.h"
#include "export/exporter.h"

/* What a program is, and how it decodes. */
typedef struct form {
    const char *name;
    dlx__export_cache full, blocks; /* of families that see the whole canvas, and of the others */
    bool denoise;
    bool allow_special;
} form;

static bool has_runtime(const dlx__backend_class *backend)
{
    dlx_error why = {.code = DLX_OK};
    if (backend->probe(&why) == DLX_OK)
        return true;
    print_message("skipped: %s\n", why.text);
    return false;
}

static void write_program(const dlx__backend_class *backend, const dlx__model *m, const char *path,
                          const form *f, dlx__export_cache cache)
{
    dlx_error err = {.code = DLX_OK};
    dlx__export_written written;
    const bool full = m->family->visibility == DLX__VISIBLE_FULL;
    const size_t n_ids = f->allow_special ? m->hp.n_rows_vocab : m->hp.n_vocab;
    const dlx__export_opts opts = {.path = path,
                                   .cache = cache,
                                   .n_ctx = DECODE_CTX,
                                   .n_rows = full ? DECODE_CTX : 32,
                                   .n_ids = f->denoise ? n_ids : 0,
                                   .never_id = f->allow_special ? -1 : m->hp.mask_id.value,
                                   .written = &written};
    assert_ok(backend->export_model(m, &opts, &err), &err);
}

/* Can programs with this form of cache run it? */
static bool is_possible(const decode_file *f, dlx__export_cache cache)
{
    return cache == DLX__EXPORT_IO || cache == DLX__EXPORT_COMPAT || !f->opts.cache ||
           strcmp(f->opts.cache, "none") == 0 || strcmp(f->opts.cache, "exact") == 0;
}

static size_t check_folder(const dlx__backend_class *backend, size_t at, const form *f)
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
    const dlx__export_cache cache = full ? f->full : f->blocks;
    write_program(backend, &model, DLX_TMP_DIR "/traces.pte", f, cache);
    const dlx__engine_opts opts = {.backend = backend,
                                   .backend_path = DLX_TMP_DIR "/traces.pte",
                                   .n_ctx = DECODE_CTX,
                                   .n_threads = 1};
    assert_ok(dlx__engine_open(&engine, &model, &opts, &err), &err);
    const size_t n = decode_list(folders[at].name, names, MAX_FILES);
    for (size_t i = 0; i < n; i++) {
        decode_open(&file, folders[at].name, names[i], &model);
        if (is_possible(&file, cache)) {
            check_file(engine, &file, (dlx_token)model.hp.mask_id.value, f->allow_special);
            n_done++;
        }
        decode_close(&file);
    }
    print_message("  %s, %s: %zu of %zu runs as recorded\n", folders[at].name, f->name, n_done, n);
    dlx__engine_free(engine);
    dlx__model_release(&model);
    return n_done;
}

static void check_all(form f, size_t n_wanted)
{
    const dlx__backend_class *backend = dlx__backend_find("xnnpack");
    size_t n = 0;
    if (!has_runtime(backend))
        skip();
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        n += check_folder(backend, i, &f);
    assert_int_equal(n, n_wanted);
}

enum { N_WITHOUT_CACHES = 207 };

static void keys_and_values_outside(void **state)
{
    (void)state;
    check_all((form){"io", DLX__EXPORT_IO, DLX__EXPORT_IO, false, true}, N_ALL);
}

static void keys_and_values_inside_or_none(void **state)
{
    (void)state;
    check_all((form){"state or none", DLX__EXPORT_NO_CACHE, DLX__EXPORT_STATE, false, true},
              N_WITHOUT_CACHES);
}

/* As dlx export and dlx run go together where nobody says otherwise. */
static void denoise_outside(void **state)
{
    (void)state;
    check_all((form){"io, denoise", DLX__EXPORT_IO, DLX__EXPORT_IO, true, false}, N_ALL);
}

static void denoise_inside_or_none(void **state)
{
    (void)state;
    check_all(
        (form){"state or none, denoise", DLX__EXPORT_NO_CACHE, DLX__EXPORT_STATE, true, false},
        N_WITHOUT_CACHES);
}

/* Guesses and seeds leave out the mask id where nothing else is left out: both methods in a pass.
 */
static void denoise_and_forward(void **state)
{
    (void)state;
    check_all((form){"io, denoise and forward", DLX__EXPORT_IO, DLX__EXPORT_IO, true, true}, N_ALL);
}

static void in_the_form_of_the_original(void **state)
{
    (void)state;
    check_all((form){"compat", DLX__EXPORT_COMPAT, DLX__EXPORT_COMPAT, false, true}, N_ALL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_and_values_outside), cmocka_unit_test(keys_and_values_inside_or_none),
        cmocka_unit_test(denoise_outside),         cmocka_unit_test(denoise_inside_or_none),
        cmocka_unit_test(denoise_and_forward),     cmocka_unit_test(in_the_form_of_the_original)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
