// labels: quick
/* test_layer.c - the passes of calibration, and a model computed a layer at a time. */
#include "unit.h"

#include "base/mem.h"
#include "quant/layer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const folders[] = {
    "sdar-tiny-b4",           "sdar-tiny-b8", "fast-dllm-v2-tiny", "dream-tiny",
    "fast-dllm-v2-tiny-tied", "llada-tiny",   "llada-gqa-sharded"};

static void open_folder(dlx__model *m, const char *folder)
{
    char path[512];
    dlx_error err = {.code = DLX_OK};
    snprintf(path, sizeof path, "%s/golden/%s", DLX_TESTS_DIR, folder);
    assert_ok(dlx__model_open(m, path, DLX__NEED_WEIGHTS, NULL, &err), &err);
}

/* Three texts: one shorter than a block, one with a prompt. */
static void some_texts(dlx__calibration *c, const dlx__model *m, uint64_t seed)
{
    static const size_t lengths[][2] = {{40, 0}, {3, 0}, {70, 33}};
    dlx_error err = {.code = DLX_OK};
    dlx__calibration_init(c, m, seed, NULL);
    for (size_t t = 0; t < DLX__LEN(lengths); t++) {
        dlx_token ids[70];
        for (size_t i = 0; i < lengths[t][0]; i++)
            ids[i] = (dlx_token)((7 * i + 31 * t) % 50);
        assert_ok(dlx__calibration_add(c, m, ids, lengths[t][0], lengths[t][1], &err), &err);
    }
}

/* Every layer by itself gives the stream that the whole model has there, bit by bit. */
typedef struct whole {
    float *rows;
    size_t layer;
} whole;

static void take(void *user, size_t index, const float *x, size_t n, size_t n_embd)
{
    const whole *w = user;
    if (index == w->layer)
        memcpy(w->rows, x, n * n_embd * sizeof *x);
}

static float *stream_of_the_whole(const dlx__model *m, const dlx__calibration *c, size_t layer)
{
    dlx_error err = {.code = DLX_OK};
    const dlx__backend_class *class = dlx__backend_find("cpu");
    const dlx__backend_opts opts = {
        .n_ctx = c->n_ctx, .n_rows = c->most_rows, .n_streams = 1, .n_threads = 2};
    float *stream = malloc(c->n_rows * m->hp.n_embd * sizeof *stream);
    dlx__backend *b;
    assert_ok(class->load(&b, m, &opts, &err), &err);
    for (size_t p = 0; p < c->n_passes; p++) {
        const dlx__calibration_pass *pass = &c->passes[p];
        whole to = {stream + pass->first_row * m->hp.n_embd, layer};
        const dlx__step step = {.ids = c->ids + pass->first_row,
                                .n = pass->n,
                                .start = pass->start,
                                .n_kv = pass->start,
                                .n_keep = pass->keep ? pass->n : 0,
                                .visibility = c->visibility,
                                .block = c->block,
                                .tap = take,
                                .tap_user = &to};
        assert_ok(class->step(b, &step, &err), &err);
    }
    class->close(b);
    return stream;
}

static void layers_equal_the_model(void **state)
{
    (void)state;
    for (size_t f = 0; f < DLX__LEN(folders); f++) {
        dlx_error err = {.code = DLX_OK};
        dlx__model m;
        dlx__calibration c;
        open_folder(&m, folders[f]);
        some_texts(&c, &m, 1);
        assert_true(c.n_rows > 100);
        const size_t n_bytes = c.n_rows * m.hp.n_embd * sizeof(float);
        float *stream = malloc(n_bytes);
        dlx__layer_embed(stream, &m, &c);
        for (size_t i = 0; i < m.hp.n_layers; i++) {
            dlx__layer layer;
            assert_ok(dlx__layer_open(&layer, &m, i, &err), &err);
            const dlx__layer_run run = {
                .model = &m, .weights = layer.tensors, .passes = &c, .n_threads = 2};
            assert_ok(dlx__layer_compute(stream, &run, &err), &err);
            float *want = stream_of_the_whole(&m, &c, i + 1);
            assert_memory_equal(stream, want, n_bytes);
            free(want);
            dlx__layer_release(&layer);
        }
        free(stream);
        dlx__calibration_release(&c);
        dlx__model_release(&m);
    }
}

/* Blocks lie on multiples of their length, prompts stay clean, every ratio leaves a mask. */
static void passes_are_what_decoding_meets(void **state)
{
    (void)state;
    for (size_t f = 0; f < DLX__LEN(folders); f++) {
        dlx__model m;
        dlx__calibration c;
        open_folder(&m, folders[f]);
        some_texts(&c, &m, 1);
        const bool blocks = c.visibility == DLX__VISIBLE_BLOCK_CAUSAL;
        size_t n_masked = 0;
        for (size_t p = 0; p < c.n_passes; p++) {
            const dlx__calibration_pass *pass = &c.passes[p];
            size_t n = 0;
            for (size_t i = 0; i < pass->n; i++)
                n += c.ids[pass->first_row + i] == c.mask;
            n_masked += n;
            assert_int_equal(pass->keep, blocks && pass->start == 0 && n == 0);
            assert_true(pass->keep || n > 0);
            assert_true(!blocks || (pass->start % c.block == 0 && pass->n % c.block == 0));
            assert_true(pass->start + pass->n <= c.n_ctx && pass->n <= c.most_rows);
        }
        assert_true(n_masked > c.n_rows / 8 && n_masked < c.n_rows * 7 / 8);
        dlx__calibration_release(&c);
        dlx__model_release(&m);
    }
}

static void seeds_decide(void **state)
{
    (void)state;
    dlx__model m;
    dlx__calibration a, b, other;
    open_folder(&m, "dream-tiny");
    some_texts(&a, &m, 1);
    some_texts(&b, &m, 1);
    some_texts(&other, &m, 2);
    assert_memory_equal(a.ids, b.ids, a.n_rows * sizeof *a.ids);
    assert_memory_not_equal(a.ids, other.ids, a.n_rows * sizeof *a.ids);
    dlx__calibration_release(&a);
    dlx__calibration_release(&b);
    dlx__calibration_release(&other);
    dlx__model_release(&m);
}

static void foreign_ids(void **state)
{
    (void)state;
    dlx_error err = {.code = DLX_OK};
    dlx__model m;
    dlx__calibration c;
    open_folder(&m, "dream-tiny");
    dlx__calibration_init(&c, &m, 1, NULL);
    const dlx_token wrong[][2] = {{1, -1}, {(dlx_token)m.hp.n_rows_vocab, 1}};
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(dlx__calibration_add(&c, &m, wrong[i], 2, 0, &err), DLX_E_ARG);
        assert_non_null(strstr(err.text, "tokenizer"));
    }
    assert_int_equal(c.n_rows, 0);
    dlx__calibration_release(&c);
    dlx__model_release(&m);
}

/* Each product's rows are shown once, all of them, and are what the norm makes of the stream. */
typedef struct shown {
    const dlx__layer *layer;
    size_t n[DLX__N_ROLES];
    double sum;
} shown;

static void look(void *user, const dlx__tensor *weight, const float *x, size_t stride, size_t n,
                 size_t n_in)
{
    shown *s = user;
    for (int role = 0; role < DLX__N_ROLES; role++)
        if (weight == &s->layer->tensors[role]) {
            assert_int_equal(n_in, weight->shape[1]);
            s->n[role] += n;
        }
    for (size_t r = 0; r < n; r++)
        for (size_t i = 0; i < n_in; i++)
            s->sum += (double)x[r * stride + i];
}

static void rows_are_shown(void **state)
{
    (void)state;
    dlx_error err = {.code = DLX_OK};
    dlx__model m;
    dlx__calibration c;
    dlx__layer layer;
    open_folder(&m, "sdar-tiny-b4");
    some_texts(&c, &m, 1);
    assert_ok(dlx__layer_open(&layer, &m, 0, &err), &err);
    float *stream = malloc(c.n_rows * m.hp.n_embd * sizeof *stream);
    dlx__layer_embed(stream, &m, &c);
    shown s = {.layer = &layer};
    const dlx__layer_run run = {.model = &m,
                                .weights = layer.tensors,
                                .passes = &c,
                                .n_threads = 2,
                                .observe = look,
                                .user = &s};
    assert_ok(dlx__layer_compute(stream, &run, &err), &err);
    for (int role = 0; role < DLX__N_ROLES; role++) {
        const bool first = role == DLX__ROLE_Q || role == DLX__ROLE_O || role == DLX__ROLE_GATE ||
                           role == DLX__ROLE_DOWN;
        assert_int_equal(s.n[role], first ? c.n_rows : 0);
    }
    assert_true(isfinite(s.sum));
    free(stream);
    dlx__layer_release(&layer);
    dlx__calibration_release(&c);
    dlx__model_release(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_equal_the_model), cmocka_unit_test(passes_are_what_decoding_meets),
        cmocka_unit_test(seeds_decide),           cmocka_unit_test(foreign_ids),
        cmocka_unit_test(rows_are_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
