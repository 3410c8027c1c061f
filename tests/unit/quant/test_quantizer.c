// labels: quick
/* test_quantizer.c - a model from its first tensor to its last: types, methods, ranges, refusals.
 */
#include "unit.h"

#include "base/mem.h"
#include "dtype/convert.h"
#include "quant/quantizer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void open_folder(dlx__model *m, const char *folder)
{
    char path[512];
    dlx_error err = {.code = DLX_OK};
    snprintf(path, sizeof path, "%s/golden/%s", DLX_TESTS_DIR, folder);
    assert_ok(dlx__model_open(m, path, DLX__NEED_WEIGHTS, NULL, &err), &err);
}

static void some_texts(dlx__calibration *c, const dlx__model *m)
{
    dlx_error err = {.code = DLX_OK};
    dlx__calibration_init(c, m, 1, NULL);
    for (size_t t = 0; t < 4; t++) {
        dlx_token ids[64];
        for (size_t i = 0; i < 64; i++)
            ids[i] = (dlx_token)((7 * i + 31 * t) % 50);
        assert_ok(dlx__calibration_add(c, m, ids, 64, 0, &err), &err);
    }
}

/* Everything that a sink was given. */
enum { MOST = 4 << 20 };
typedef struct given {
    uint8_t *bytes;
    size_t n_bytes, n_tensors, n_ranges;
    dlx__product_ranges ranges[256];
} given;

static dlx_result put(void *user, dlx__role role, size_t layer, const dlx__tensor *t, size_t first,
                      size_t n, dlx_error *err)
{
    given *g = user;
    const size_t n_rows = t->n_dims > 1 ? t->shape[0] : 1, row_bytes = t->n_bytes / n_rows;
    (void)role;
    (void)layer;
    (void)err;
    g->n_tensors += first == 0;
    assert_true(g->n_bytes + n * row_bytes <= MOST);
    memcpy(g->bytes + g->n_bytes, t->data, n * row_bytes);
    g->n_bytes += n * row_bytes;
    return DLX_OK;
}

static dlx_result range(void *user, dlx__role role, size_t layer, const dlx__product_ranges *ranges,
                        dlx_error *err)
{
    given *g = user;
    (void)role;
    (void)layer;
    (void)err;
    g->ranges[g->n_ranges++] = *ranges;
    return DLX_OK;
}

static given given_open(void)
{
    given g = {.bytes = malloc(MOST)};
    assert_non_null(g.bytes);
    return g;
}

static dlx_result quantize_into(given *g, const dlx__model *m, const dlx__quantize_opts *o,
                                dlx_error *err)
{
    const dlx__quantizer_sink sink = {put, range, g};
    g->n_bytes = g->n_tensors = g->n_ranges = 0;
    return dlx__quantize(m, o, &sink, err);
}

static dlx__quantize_opts opts_of(dlx__dtype type, dlx__method method, const dlx__calibration *c)
{
    return (dlx__quantize_opts){.rules = {.type = type, .group = DLX__GRID_OWN},
                                .method = method,
                                .scheme = DLX__SCHEME_DYNAMIC,
                                .calibration = c,
                                .n_threads = 2};
}

/* Every method on every family gives the same bytes for 1, 2 and 8 threads, and other bytes than
 * rounding to the nearest. */
static void same_bytes_for_any_number_of_threads(void **state)
{
    (void)state;
    static const char *const folders[] = {"sdar-tiny-b4", "fast-dllm-v2-tiny", "dream-tiny",
                                          "llada-gqa-sharded"};
    static const int n_threads[] = {1, 2, 8};
    given first = given_open(), other = given_open(), nearest = given_open();
    for (size_t f = 0; f < DLX__LEN(folders); f++) {
        dlx_error err = {.code = DLX_OK};
        dlx__model m;
        dlx__calibration c;
        open_folder(&m, folders[f]);
        some_texts(&c, &m);
        for (int method = 0; method < DLX__N_METHODS; method++) {
            dlx__quantize_opts o = opts_of(DLX__Q4_0, (dlx__method)method, &c);
            for (size_t t = 0; t < DLX__LEN(n_threads); t++) {
                given *to = t ? &other : &first;
                o.n_threads = n_threads[t];
                assert_ok(quantize_into(to, &m, &o, &err), &err);
                assert_int_equal(to->n_bytes, first.n_bytes);
                assert_memory_equal(to->bytes, first.bytes, first.n_bytes);
            }
            if (method == DLX__METHOD_RTN)
                memcpy(nearest.bytes, first.bytes, first.n_bytes);
            else
                assert_memory_not_equal(nearest.bytes, first.bytes, first.n_bytes);
        }
        dlx__calibration_release(&c);
        dlx__model_release(&m);
    }
    free(first.bytes);
    free(other.bytes);
    free(nearest.bytes);
}

/* Rounding to the nearest is what ggml does to every row, and needs no texts. */
typedef struct expecting {
    const dlx__model *m;
    const dlx__rules *rules;
    const uint8_t *at;
} expecting;

static dlx_result expect_rows(void *user, dlx__role role, size_t layer, dlx_error *err)
{
    expecting *e = user;
    const dlx__tensor *t = dlx__model_tensor(e->m, role, layer);
    const dlx__ruling ruling = dlx__rules_apply(e->rules, e->m, role, layer);
    const size_t n_cols = t->shape[t->n_dims - 1], n_rows = t->n_dims > 1 ? t->shape[0] : 1;
    const size_t row_bytes = dlx__dtype_bytes(ruling.type, n_cols);
    float x[512];
    uint8_t bytes[2048];
    (void)err;
    for (size_t r = 0; r < n_rows; r++, e->at += row_bytes) {
        dlx__to_f32(x, (const uint8_t *)t->data + r * dlx__dtype_bytes(t->dtype, n_cols), t->dtype,
                    n_cols);
        dlx__from_f32(bytes, ruling.type, x, n_cols);
        assert_memory_equal(bytes, e->at, row_bytes);
    }
    return DLX_OK;
}

static void nearest_is_what_ggml_rounds(void **state)
{
    (void)state;
    static const dlx__dtype dtypes[] = {DLX__F32,  DLX__F16,  DLX__BF16, DLX__Q8_0,
                                        DLX__Q4_0, DLX__Q4_1, DLX__Q5_0, DLX__Q5_1};
    given g = given_open();
    dlx__model m;
    open_folder(&m, "sdar-tiny-b4");
    for (size_t t = 0; t < DLX__LEN(dtypes); t++) {
        dlx_error err = {.code = DLX_OK};
        const dlx__quantize_opts o = opts_of(dtypes[t], DLX__METHOD_RTN, NULL);
        assert_ok(quantize_into(&g, &m, &o, &err), &err);
        expecting e = {&m, &o.rules, g.bytes};
        assert_ok(dlx__quantizer_each(&m, expect_rows, &e, &err), &err);
        assert_int_equal(e.at - g.bytes, g.n_bytes);
    }
    dlx__model_release(&m);
    free(g.bytes);
}

/* Scales move between the matrices of a layer without changing what it computes. */
static void scales_change_nothing(void **state)
{
    (void)state;
    static const char *const folders[] = {"sdar-tiny-b4", "fast-dllm-v2-tiny", "llada-gqa-sharded"};
    for (size_t f = 0; f < DLX__LEN(folders); f++) {
        dlx_error err = {.code = DLX_OK};
        dlx__model m;
        dlx__calibration c;
        open_folder(&m, folders[f]);
        some_texts(&c, &m);
        const size_t n = c.n_rows * m.hp.n_embd;
        float *before = malloc(n * sizeof *before), *behind = malloc(n * sizeof *behind);
        dlx__layer_embed(before, &m, &c);
        memcpy(behind, before, n * sizeof *before);
        dlx__layer l;
        assert_ok(dlx__layer_open(&l, &m, 0, &err), &err);
        const dlx__layer_run run = {.model = &m, .weights = l.tensors, .passes = &c};
        assert_ok(dlx__layer_compute(before, &run, &err), &err);
        for (int site = 0; site < DLX__N_SITES; site++) {
            float scales[1024];
            for (size_t i = 0; i < 1024; i++)
                scales[i] = 0.25f + (float)(i * 7 % 13);
            dlx__site_share(scales, (dlx__site_index)site, &m.hp);
            dlx__site_scale(&l, (dlx__site_index)site, scales, &m.hp);
        }
        assert_ok(dlx__layer_compute(behind, &run, &err), &err);
        double most = 0, worst = 0;
        for (size_t i = 0; i < n; i++) {
            most = fmax(most, fabs((double)before[i]));
            worst = fmax(worst, fabs((double)before[i] - (double)behind[i]));
        }
        assert_true(worst <= 1e-5 * most);
        dlx__layer_release(&l);
        free(before);
        free(behind);
        dlx__calibration_release(&c);
        dlx__model_release(&m);
    }
}

/* A static scheme records what each product met; all but it record nothing. */
static void ranges_are_recorded(void **state)
{
    (void)state;
    given g = given_open();
    dlx_error err = {.code = DLX_OK};
    dlx__model m;
    dlx__calibration c;
    open_folder(&m, "sdar-tiny-b4");
    some_texts(&c, &m);
    const dlx__observer_spec spec = {.kind = DLX__OBSERVER_MINMAX};
    dlx__observer_set seen;
    const dlx__ranges ranges = {.spec = &spec, .seen = &seen};
    dlx__quantize_opts o = opts_of(DLX__Q8_0, DLX__METHOD_RTN, &c);
    o.ranges = &ranges;
    assert_ok(quantize_into(&g, &m, &o, &err), &err);
    assert_int_equal(g.n_ranges, 0);
    for (int s = DLX__SCHEME_STATIC; s <= DLX__SCHEME_STATIC16; s++) {
        o.scheme = (dlx__scheme)s;
        dlx__observer_set_init(&seen, NULL);
        assert_ok(quantize_into(&g, &m, &o, &err), &err);
        assert_int_equal(seen.n, 4 * m.hp.n_layers + 1);
        dlx__observer_set_release(&seen);
        assert_int_equal(g.n_ranges, 7 * m.hp.n_layers + 1);
        for (size_t i = 0; i < g.n_ranges; i++)
            assert_true(g.ranges[i].largest > 0 && isfinite(g.ranges[i].largest));
        for (size_t i = 0; i < m.hp.n_layers; i++) { /* q, k and v read the same rows */
            assert_true(g.ranges[7 * i].largest == g.ranges[7 * i + 1].largest);
            assert_true(g.ranges[7 * i].largest == g.ranges[7 * i + 2].largest);
        }
    }
    dlx__calibration_release(&c);
    dlx__model_release(&m);
    free(g.bytes);
}

/* Which number each product of a model wrote least and most. */
typedef struct written {
    const dlx__model *m;
    dlx__range of[DLX__N_ROLES][8]; /* by role and layer */
    size_t n_rows[DLX__N_ROLES][8];
} written;

static void note_written(void *user, const dlx__tensor *weight, const float *y, size_t stride,
                         size_t n, size_t n_out)
{
    written *w = user;
    for (int role = 0; role < DLX__N_ROLES; role++)
        for (size_t layer = 0; layer < w->m->hp.n_layers; layer++) {
            if (dlx__site_of((dlx__role)role) == DLX__N_SITES ||
                dlx__model_tensor(w->m, (dlx__role)role, layer) != weight)
                continue;
            dlx__range *r = &w->of[role][layer];
            assert_int_equal(n_out, weight->shape[0]);
            for (size_t i = 0; i < n; i++)
                for (size_t c = 0; c < n_out; c++)
                    *r = (dlx__range){fminf(r->min, y[i * stride + c]),
                                      fmaxf(r->max, y[i * stride + c])};
            w->n_rows[role][layer] += n;
        }
}

/* The passes of a calibration by the reference backend. */
static void run_reference(written *w, const dlx__model *m, const dlx__calibration *c)
{
    const dlx__backend_class *class = dlx__backend_find("reference");
    const dlx__backend_opts opts = {.n_ctx = c->n_ctx, .n_rows = c->most_rows, .n_streams = 1};
    dlx_error err = {.code = DLX_OK};
    dlx__backend *b;
    *w = (written){.m = m};
    assert_ok(class->load(&b, m, &opts, &err), &err);
    for (size_t p = 0; p < c->n_passes; p++) {
        const dlx__calibration_pass *pass = &c->passes[p];
        const dlx__step step = {.ids = c->ids + pass->first_row,
                                .n = pass->n,
                                .start = pass->start,
                                .n_kv = pass->start,
                                .n_keep = pass->keep ? pass->n : 0,
                                .visibility = c->visibility,
                                .block = c->block,
                                .observe_out = note_written,
                                .observe_user = w};
        assert_ok(class->step(b, &step, &err), &err);
    }
    class->close(b);
}

static bool is_near(float a, float b, float scale)
{
    return fabsf(a - b) <= 1e-4f * scale;
}

static void compare_written(const dlx__observer_set *seen, const written *w, size_t n_rows)
{
    char name[DLX__RANGE_NAME_BYTES];
    for (int role = 0; role < DLX__N_ROLES; role++)
        for (size_t layer = 0; layer < w->m->hp.n_layers; layer++) {
            if (!dlx__range_out_name(name, (dlx__role)role, layer))
                continue;
            const dlx__observer *o = dlx__observer_set_find(seen, name);
            const dlx__range r = w->of[role][layer];
            assert_non_null(o);
            assert_int_equal(o->n_rows, n_rows);
            assert_int_equal(w->n_rows[role][layer], n_rows);
            if (!is_near(o->ranges[0].min, r.min, r.max - r.min) ||
                !is_near(o->ranges[0].max, r.max, r.max - r.min))
                fail_msg("%s: %g to %g, the reference wrote %g to %g", name,
                         (double)o->ranges[0].min, (double)o->ranges[0].max, (double)r.min,
                         (double)r.max);
        }
}

/* What products write, their bias added, before norms of heads and rotation: as the reference
 * backend writes it, in passes of more rows than a tile too, the same for any number of threads. */
static void what_products_write_is_recorded(void **state)
{
    (void)state;
    static const char *const folders[] = {"sdar-tiny-b4", "fast-dllm-v2-tiny", "dream-tiny",
                                          "llada-gqa-sharded", "ar-qwen3-tiny"};
    static const int n_threads[] = {1, 2, 8};
    given g = given_open();
    for (size_t f = 0; f < DLX__LEN(folders); f++) {
        dlx_error err = {.code = DLX_OK};
        dlx__model m;
        dlx__calibration c;
        dlx__buf first, other;
        dlx__observer_set seen;
        dlx_token ids[160];
        written w;
        open_folder(&m, folders[f]);
        some_texts(&c, &m);
        for (size_t i = 0; i < DLX__LEN(ids); i++)
            ids[i] = (dlx_token)((11 * i + 5) % 50);
        assert_ok(dlx__calibration_add(&c, &m, ids, DLX__LEN(ids), 0, &err), &err);
        run_reference(&w, &m, &c);
        const dlx__observer_spec spec = {.kind = DLX__OBSERVER_MINMAX};
        const dlx__ranges ranges = {.spec = &spec, .seen = &seen, .outputs = true};
        dlx__quantize_opts o = opts_of(DLX__F32, DLX__METHOD_RTN, &c);
        o.scheme = DLX__SCHEME_STATIC;
        o.ranges = &ranges;
        dlx__buf_init(&first, NULL);
        for (size_t t = 0; t < DLX__LEN(n_threads); t++) {
            dlx__buf_init(&other, NULL);
            dlx__observer_set_init(&seen, NULL);
            o.n_threads = n_threads[t];
            assert_ok(quantize_into(&g, &m, &o, &err), &err);
            assert_int_equal(seen.n, 11 * m.hp.n_layers + 1);
            compare_written(&seen, &w, c.n_rows);
            assert_ok(dlx__observer_set_write(&seen, t ? &other : &first, &err), &err);
            if (t > 0) {
                assert_int_equal(other.len, first.len);
                assert_memory_equal(other.data, first.data, first.len);
            }
            assert_ok(dlx__ranges_check(&seen, &m, &err), &err);
            dlx__observer_set_release(&seen);
            dlx__buf_release(&other);
        }
        for (size_t i = 0; i < g.n_ranges; i++) { /* of the head nothing is written */
            const dlx__range out = g.ranges[i].out;
            assert_true(i + 1 < g.n_ranges ? out.min < out.max : out.max == 0);
            assert_true(g.ranges[i].in.min < g.ranges[i].in.max);
        }
        dlx__buf_release(&first);
        dlx__calibration_release(&c);
        dlx__model_release(&m);
    }
    free(g.bytes);
}

/* Texts in two shards, each observed by itself, then both together without any text: the same
 * ranges as of all texts at once. What was observed of another model is refused by name. */
static void shards_make_the_whole(void **state)
{
    (void)state;
    static const char *const folders[] = {"sdar-tiny-b4", "fast-dllm-v2-tiny", "llada-tiny"};
    given whole = given_open(), part = given_open();
    for (size_t f = 0; f < DLX__LEN(folders); f++) {
        dlx_error err = {.code = DLX_OK};
        dlx__model m;
        dlx__calibration shards[3]; /* the first half, the second, all */
        dlx__observer_set sets[3], both, none;
        const dlx__observer_spec spec = {.kind = DLX__OBSERVER_MSE};
        dlx__ranges ranges = {.spec = &spec, .outputs = f != 1}; /* older files have none */
        dlx__quantize_opts o = opts_of(DLX__Q8_0, DLX__METHOD_RTN, NULL);
        o.scheme = DLX__SCHEME_STATIC;
        o.ranges = &ranges;
        open_folder(&m, folders[f]);
        for (size_t s = 0; s < 3; s++) {
            dlx__calibration_init(&shards[s], &m, 1, NULL);
            for (size_t t = s == 1 ? 2 : 0; t < (s == 0 ? 2 : 4); t++) {
                dlx_token ids[64];
                for (size_t i = 0; i < 64; i++)
                    ids[i] = (dlx_token)((7 * i + 31 * t) % 50);
                assert_ok(dlx__calibration_add(&shards[s], &m, ids, 64, 64, &err), &err);
            }
            dlx__observer_set_init(&sets[s], NULL);
            o.calibration = &shards[s];
            ranges.seen = &sets[s];
            assert_ok(quantize_into(&whole, &m, &o, &err), &err);
        }
        dlx__observer_set_init(&both, NULL);
        o.calibration = &shards[1];
        dlx__observer_set_release(&sets[1]);
        ranges.seen = &sets[1];
        ranges.earlier = &sets[0];
        assert_ok(quantize_into(&part, &m, &o, &err), &err); /* the second, and the first merged */
        assert_int_equal(part.n_ranges, whole.n_ranges);
        assert_memory_equal(part.ranges, whole.ranges, whole.n_ranges * sizeof *whole.ranges);
        o.calibration = NULL;
        ranges.seen = &both;
        ranges.earlier = &sets[1];
        assert_ok(quantize_into(&part, &m, &o, &err), &err); /* what both saw, and no text */
        assert_memory_equal(part.ranges, whole.ranges, whole.n_ranges * sizeof *whole.ranges);
        assert_int_equal(part.n_bytes, whole.n_bytes);
        assert_memory_equal(part.bytes, whole.bytes, whole.n_bytes);
        dlx__observer_set_release(&both);
        dlx__observer_set_init(&none, NULL);
        ranges.earlier = &none;
        assert_int_equal(quantize_into(&part, &m, &o, &err), DLX_E_MISMATCH);
        assert_non_null(strstr(err.text, "blk.0.attn"));
        dlx__observer_set_release(&both);
        for (size_t s = 0; s < 3; s++) {
            dlx__observer_set_release(&sets[s]);
            dlx__calibration_release(&shards[s]);
        }
        dlx__model_release(&m);
    }
    free(whole.bytes);
    free(part.bytes);
}

static bool stop_at_once(void *user, size_t done, size_t all)
{
    (void)user;
    assert_true(done <= all);
    return false;
}

static bool note_done(void *user, size_t done, size_t all)
{
    *(double *)user = (double)done / (double)all;
    return true;
}

static void refusals(void **state)
{
    (void)state;
    given g = given_open();
    dlx_error err = {.code = DLX_OK};
    dlx__model m;
    dlx__calibration c, empty;
    open_folder(&m, "sdar-tiny-b4");
    some_texts(&c, &m);
    dlx__calibration_init(&empty, &m, 1, NULL);
    const dlx__observer_spec spec = {.kind = DLX__OBSERVER_MINMAX};
    dlx__observer_set seen;
    const dlx__ranges ranges = {.spec = &spec, .seen = &seen};
    dlx__quantize_opts o = opts_of(DLX__Q4_0, DLX__METHOD_GPTQ, NULL);
    assert_int_equal(quantize_into(&g, &m, &o, &err), DLX_E_ARG);
    assert_non_null(strstr(err.text, "gptq needs calibration"));
    o.calibration = &empty;
    assert_int_equal(quantize_into(&g, &m, &o, &err), DLX_E_ARG);
    assert_non_null(strstr(err.text, "calibration"));
    o = opts_of(DLX__Q4_0, DLX__METHOD_RTN, NULL);
    o.scheme = DLX__SCHEME_STATIC;
    o.ranges = &ranges;
    dlx__observer_set_init(&seen, NULL);
    assert_int_equal(quantize_into(&g, &m, &o, &err), DLX_E_ARG);
    assert_non_null(strstr(err.text, "static needs calibration"));
    for (int method = 0; method < DLX__N_METHODS; method++) {
        double done = 0;
        o = opts_of(DLX__Q4_0, (dlx__method)method, &c);
        o.progress = stop_at_once;
        assert_int_equal(quantize_into(&g, &m, &o, &err), DLX_CANCELLED);
        o.progress = note_done;
        o.user = &done;
        assert_ok(quantize_into(&g, &m, &o, &err), &err);
        assert_true(done == 1);
    }
    const dlx_token foreign[] = {1, 2, (dlx_token)m.hp.n_rows_vocab, 3}, negative[] = {1, -1};
    assert_int_equal(dlx__calibration_add(&c, &m, foreign, 4, 0, &err), DLX_E_ARG);
    assert_non_null(strstr(err.text, "expected ids below 320"));
    assert_int_equal(dlx__calibration_add(&c, &m, negative, 2, 0, &err), DLX_E_ARG);
    dlx__calibration_release(&c);
    dlx__calibration_release(&empty);
    dlx__model_release(&m);
    free(g.bytes);
}

/* A weight that is no number is found and named, whichever way the model goes. */
static void broken_weights(void **state)
{
    (void)state;
    given g = given_open();
    dlx_error err = {.code = DLX_OK};
    dlx__model m;
    dlx__calibration c;
    open_folder(&m, "sdar-tiny-b4");
    some_texts(&c, &m);
    const dlx__tensor **role = &m.roles[(size_t)DLX__ROLE_DOWN * m.hp.n_layers + 1];
    dlx__tensor broken = **role;
    uint8_t *data = malloc(broken.n_bytes);
    memcpy(data, broken.data, broken.n_bytes);
    memset(data + broken.n_bytes / 2 / 4 * 4, 0xFF, 4); /* NaN in every float type */
    broken.data = data;
    *role = &broken;
    const dlx__quantize_opts plain = opts_of(DLX__Q4_0, DLX__METHOD_RTN, NULL);
    assert_int_equal(quantize_into(&g, &m, &plain, &err), DLX_E_FORMAT);
    assert_non_null(strstr(err.text, broken.name));
    const dlx__quantize_opts fed = opts_of(DLX__Q4_0, DLX__METHOD_AWQ, &c);
    assert_int_equal(quantize_into(&g, &m, &fed, &err), DLX_E_FORMAT);
    free(data);
    dlx__calibration_release(&c);
    dlx__model_release(&m);
    free(g.bytes);
}

/* All zeros are a matrix like others. */
static void zero_weights(void **state)
{
    (void)state;
    given g = given_open();
    dlx_error err = {.code = DLX_OK};
    dlx__model m;
    dlx__calibration c;
    open_folder(&m, "sdar-tiny-b4");
    some_texts(&c, &m);
    const dlx__tensor **role = &m.roles[(size_t)DLX__ROLE_UP * m.hp.n_layers];
    dlx__tensor zero = **role;
    void *data = calloc(1, zero.n_bytes);
    zero.data = data;
    *role = &zero;
    for (int method = 0; method < DLX__N_METHODS; method++) {
        const dlx__quantize_opts o = opts_of(DLX__Q4_0, (dlx__method)method, &c);
        assert_ok(quantize_into(&g, &m, &o, &err), &err);
    }
    free(data);
    dlx__calibration_release(&c);
    dlx__model_release(&m);
    free(g.bytes);
}

static void patterns(void **state)
{
    (void)state;
    assert_true(dlx__pattern_fits("blk.*.attn_v.weight", "blk.12.attn_v.weight"));
    assert_true(dlx__pattern_fits("*", ""));
    assert_true(dlx__pattern_fits("blk.?.*", "blk.1.ffn_up.weight"));
    assert_true(dlx__pattern_fits("*down*", "blk.1.ffn_down.weight"));
    assert_false(dlx__pattern_fits("blk.?.*", "blk.11.ffn_up.weight"));
    assert_false(dlx__pattern_fits("output", "output.weight"));
    assert_false(dlx__pattern_fits("*a", "b"));
    assert_false(dlx__pattern_fits("", "b"));
}

static void rules(void **state)
{
    (void)state;
    dlx__model m;
    open_folder(&m, "sdar-tiny-b4");
    const dlx__keep keeps[] = {{"blk.0.ffn_down.weight", DLX__F16}, {"blk.*.attn_q.*", DLX__Q8_0}};
    dlx__rules r = {.type = DLX__Q4_0, .group = 64, .keeps = keeps, .n_keeps = 2};
    assert_int_equal(dlx__rules_apply(&r, &m, DLX__ROLE_ATTN_NORM, 0).type, DLX__F32);
    assert_int_equal(dlx__rules_apply(&r, &m, DLX__ROLE_EMBED, 0).type, DLX__Q8_0);
    assert_int_equal(dlx__rules_apply(&r, &m, DLX__ROLE_DOWN, 0).type, DLX__F16);
    assert_int_equal(dlx__rules_apply(&r, &m, DLX__ROLE_DOWN, 1).type, DLX__Q4_0);
    assert_int_equal(dlx__rules_apply(&r, &m, DLX__ROLE_Q, 1).type, DLX__Q8_0);
    assert_int_equal(dlx__rules_apply(&r, &m, DLX__ROLE_Q, 1).group, DLX__GRID_OWN);
    assert_int_equal(dlx__rules_apply(&r, &m, DLX__ROLE_K, 1).group, m.hp.n_embd % 64 ? 32 : 64);
    r.all = true;
    assert_int_equal(dlx__rules_apply(&r, &m, DLX__ROLE_EMBED, 0).type, DLX__Q4_0);
    r.mixed = true;
    r.type = DLX__Q4_K;
    assert_int_equal(dlx__rules_apply(&r, &m, DLX__ROLE_V, 0).type, DLX__Q8_0);
    r = (dlx__rules){.type = DLX__Q4_K, .group = DLX__GRID_OWN};
    const dlx__ruling up = dlx__rules_apply(&r, &m, DLX__ROLE_UP, 0); /* rows under 256 */
    assert_int_equal(up.type, DLX__Q5_0);
    assert_true(up.other_type && !up.other_group);
    r.type = DLX__F16;
    assert_int_equal(dlx__rules_apply(&r, &m, DLX__ROLE_EMBED, 0).type, DLX__F16);
    dlx__model_release(&m);
}

static void method_names(void **state)
{
    (void)state;
    dlx__method method;
    for (int i = 0; i < DLX__N_METHODS; i++) {
        assert_true(dlx__method_find(&method, dlx__method_name((dlx__method)i)));
        assert_int_equal(method, i);
    }
    assert_false(dlx__method_find(&method, "best"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bytes_for_any_number_of_threads),
        cmocka_unit_test(nearest_is_what_ggml_rounds),
        cmocka_unit_test(scales_change_nothing),
        cmocka_unit_test(ranges_are_recorded),
        cmocka_unit_test(what_products_write_is_recorded),
        cmocka_unit_test(shards_make_the_whole),
        cmocka_unit_test(refusals),
        cmocka_unit_test(broken_weights),
        cmocka_unit_test(zero_weights),
        cmocka_unit_test(patterns),
        cmocka_unit_test(rules),
        cmocka_unit_test(method_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
