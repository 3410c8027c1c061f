// labels: golden
/*
 * Every decode run of tests/golden on every backend: which positions, which ids, in which pass,
 * with which confidence, and what came out. Runs that show a defect of the reference must differ.
 */
#include "golden_check.h"

#include "backends/backend.h"

static void check_folder(const dlx__backend_class *backend, size_t at, bool allow_special,
                         size_t *n_files, size_t *n_bugs)
{
    static char names[MAX_FILES][128];
    char path[1024];
    dlx_error err = {.code = DLX_OK};
    dlx__model model;
    dlx__engine *engine;
    snprintf(path, sizeof path, "%s/golden/%s", DLX_TESTS_DIR, folders[at].name);
    assert_ok(dlx__model_open(&model, path, DLX__NEED_WEIGHTS, NULL, &err), &err);
    dlx__engine_opts opts = {.backend = backend, .n_ctx = DECODE_CTX, .n_threads = 1};
    assert_ok(dlx__engine_open(&engine, &model, &opts, &err), &err);
    size_t n = decode_list(folders[at].name, names, MAX_FILES);
    size_t bugs = 0;
    for (size_t i = 0; i < n; i++) {
        decode_open(&file, folders[at].name, names[i], &model);
        check_file(engine, &file, (dlx_token)model.hp.mask_id.value, allow_special);
        bugs += file.is_bug;
        decode_close(&file);
    }
    printf("  %s, %s: %zu runs equal, %zu defects not copied\n", backend->name, folders[at].name,
           n - bugs, bugs);
    assert_int_equal(n, folders[at].n_files);
    assert_int_equal(bugs, folders[at].n_bugs);
    *n_files += n;
    *n_bugs += bugs;
    dlx__engine_free(engine);
    dlx__model_release(&model);
}

static void check_all(bool allow_special, bool default_backend_only)
{
    for (const dlx__backend_class *const *b = dlx__backend_list(); *b; b++) {
        if (default_backend_only && b[1])
            continue; /* the default is the last of the list */
        size_t n_files = 0;
        size_t n_bugs = 0;
        if ((*b)->programs) /* test_program_traces.c */
            continue;
        for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
            check_folder(*b, i, allow_special, &n_files, &n_bugs);
        assert_int_equal(n_files, N_ALL);
        assert_int_equal(n_bugs, N_BUGS);
    }
}

static void test_as_the_references_decode(void **state)
{
    (void)state;
    check_all(true, false);
}

/* Leaving the mask id and the padded rows out changes confidences, never a decision. */
static void test_without_special_ids(void **state)
{
    (void)state;
    check_all(false, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_as_the_references_decode),
                                       cmocka_unit_test(test_without_special_ids)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
