// labels: golden
/* test_gguf_logits.c - a GGUF file made from a golden checkpoint computes its logits, to the bit.
 */
#include "gguf_copy.h"
#include "golden_folders.h"
#include "unit.h"

#include <stdio.h>
#include <sys/stat.h>

#include "backends/backend.h"

extern const dlx__backend_class dlx__backend_reference;

enum { N_IDS = 24, FEW_ROWS = 2, REAL_VOCAB = 1000 };

/* Logits [*n_rows, n_vocab] of a made-up sequence; free with free. */
static float *logits_of(const dlx__model *m, size_t *n_rows)
{
    dlx_error err = {0};
    const dlx__backend_class *class = &dlx__backend_reference;
    dlx__backend *backend = NULL;
    dlx_token ids[N_IDS];
    size_t rows[N_IDS];
    for (size_t i = 0; i < N_IDS; i++) {
        rows[i] = i;
        ids[i] = i % 3 == 1 ? (dlx_token)m->hp.mask_id.value : (dlx_token)((i * 37 + 5) % 280);
    }
    dlx__backend_opts opts = {.n_ctx = N_IDS, .n_rows = N_IDS, .n_streams = 1, .n_threads = 1};
    assert_ok(class->load(&backend, m, &opts, &err), &err);
    int64_t block = m->hp.block_length.value;
    dlx__step step = {.ids = ids,
                      .n = N_IDS,
                      .n_keep = N_IDS,
                      .visibility = m->family->visibility,
                      .block = block > 0 ? (size_t)block : 1};
    assert_ok(class->step(backend, &step, &err), &err);
    *n_rows = m->hp.n_rows_vocab > REAL_VOCAB ? FEW_ROWS : N_IDS;
    float *logits = malloc(*n_rows * m->graph.n_vocab * sizeof *logits);
    assert_non_null(logits);
    dlx__head head = {.rows = rows + N_IDS - *n_rows, .n = *n_rows, .logits = logits};
    assert_ok(class->head(backend, &head, &err), &err);
    class->close(backend);
    return logits;
}

static void folder(void **state)
{
    dlx_error err = {0};
    char path[640], golden[640];
    dlx__model a, b;
    size_t n = 0;
    mkdir(DLX_TMP_DIR, 0777);
    snprintf(path, sizeof path, "%s/%s.gguf", DLX_TMP_DIR, (const char *)*state);
    snprintf(golden, sizeof golden, "%s/golden/%s", DLX_TESTS_DIR, (const char *)*state);
    assert_ok(dlx__model_open(&a, golden, DLX__NEED_WEIGHTS, NULL, &err), &err);
    float *want = logits_of(&a, &n);
    static const dlx__dtype types[] = {GGUF_AS_STORED, DLX__F32};
    for (size_t i = 0; i < DLX__LEN(types); i++) {
        assert_ok(gguf_copy(&a, path, types[i], NULL, NULL, NULL, &err), &err);
        assert_ok(dlx__model_open(&b, path, DLX__NEED_WEIGHTS, NULL, &err), &err);
        float *got = logits_of(&b, &n);
        assert_memory_equal(got, want, n * a.graph.n_vocab * sizeof *got);
        free(got);
        dlx__model_release(&b);
    }
    free(want);
    remove(path);
    dlx__model_release(&a);
}

int main(void)
{
    enum { N = DLX__LEN(golden_folders) };
    struct CMUnitTest tests[N];
    for (size_t i = 0; i < N; i++)
        tests[i] = (struct CMUnitTest){
            .name = golden_folders[i],
            .test_func = folder,
            .initial_state = (void *)(uintptr_t)golden_folders[i],
        };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
