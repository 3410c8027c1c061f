/* test_weight_store.c - the file of weights, as ONNX has it: places, forms, one copy of what is
 * asked for twice, stopping. */
#include "unit.h"

#include "base/fail.h"
#include "base/little.h"
#include "base/mem.h"
#include "dtype/convert.h"
#include "export/onnx_model.h"
#include "export/soc.h"
#include "failing_mem.h"

#include <math.h>

enum { N = 3, K = 64, WIDE = 2048 };

typedef struct sample {
    float w[N * K], v[K], wide[WIDE];
    dlx__tensor matrix, vector, large;
} sample;

static void sample_init(sample *s)
{
    for (int i = 0; i < N * K; i++)
        s->w[i] = sinf((float)i) * (float)(1 + i / K);
    for (int i = 0; i < K; i++)
        s->v[i] = (float)i;
    for (int i = 0; i < WIDE; i++)
        s->wide[i] = -(float)i;
    s->matrix = (dlx__tensor){"w", DLX__F32, 2, {N, K}, sizeof s->w, s->w};
    s->vector = (dlx__tensor){"v", DLX__F32, 1, {K}, sizeof s->v, s->v};
    s->large = (dlx__tensor){"large", DLX__F32, 1, {WIDE}, sizeof s->wide, s->wide};
}

static const char *path(void)
{
    return DLX_TMP_DIR "/weight_store.bin";
}

static dlx__weight_place rows(dlx__weight_store *s, const dlx__tensor *t, dlx__packing packing)
{
    return dlx__weight_store_rows(s, t, packing, DLX__ROW_NUMBERS);
}

static dlx__weight_place scales(dlx__weight_store *s, const dlx__tensor *t, dlx__packing packing)
{
    return dlx__weight_store_rows(s, t, packing, DLX__ROW_SCALES);
}

/* The file as it was written; to be freed. */
static uint8_t *written(dlx__weight_store *s, dlx__weight_writing *w)
{
    char *bytes;
    size_t n;
    dlx_error err;
    assert_ok(dlx__weight_store_write(s, path(), w, &err), &err);
    assert_ok(dlx__os_read_file(&bytes, &n, path(), 1 << 20, NULL, &err), &err);
    assert_int_equal(n, s->n_bytes);
    return (uint8_t *)bytes;
}

static void what_is_asked_for_twice_is_there_once(void **state)
{
    (void)state;
    sample x;
    dlx__model model = {.mem = NULL};
    dlx__weight_store s;
    sample_init(&x);
    dlx__weight_store_init(&s, &dlx__onnx_layout, &model, NULL);
    const dlx__weight_place a = rows(&s, &x.vector, DLX__PACK_FP32);
    const dlx__weight_place b = rows(&s, &x.large, DLX__PACK_FP32);
    const dlx__weight_place c = rows(&s, &x.matrix, DLX__PACK_FP16);
    assert_int_equal(a.offset, 0);
    assert_int_equal(a.n_bytes, 4 * K);
    assert_int_equal(b.offset, 4096); /* large ones begin a page */
    assert_int_equal(c.offset, 4096 + 4 * WIDE);
    assert_int_equal(rows(&s, &x.large, DLX__PACK_FP32).offset, b.offset);
    assert_int_not_equal(rows(&s, &x.large, DLX__PACK_FP16).offset, b.offset);
    assert_int_equal(dlx__weight_store_bytes(&s, "key", DLX__PART_HEAD, "abc", 3).offset,
                     dlx__weight_store_bytes(&s, "key", DLX__PART_HEAD, "abc", 3).offset);
    assert_int_equal(s.n, 5);
    dlx__weight_writing w = {.n_threads = 1};
    uint8_t *bytes = written(&s, &w);
    assert_memory_equal(bytes, x.v, sizeof x.v);
    for (size_t i = sizeof x.v; i < 4096; i++)
        assert_int_equal(bytes[i], 0);
    assert_memory_equal(bytes + b.offset, x.wide, sizeof x.wide);
    assert_memory_equal(bytes + s.items[4].place.offset, "abc", 3);
    dlx__sha256 sha;
    char hex[DLX__SHA256_HEX];
    dlx__sha256_init(&sha);
    dlx__sha256_add(&sha, bytes, s.n_bytes);
    dlx__sha256_hex(&sha, hex);
    assert_string_equal(w.sha256, hex);
    dlx__free(NULL, bytes);
    dlx__weight_store_release(&s);
}

static float scale_at(const uint8_t *bytes, dlx__weight_place place, size_t i)
{
    return dlx__le_f32(bytes + place.offset + 4 * i);
}

/* Each form, read as the runtime reads it, is near the numbers: half a step of its scale. */
static void forms_stand_for_the_numbers(void **state)
{
    (void)state;
    sample x;
    dlx__model model = {.mem = NULL};
    dlx__weight_store s;
    dlx__weight_writing w = {.n_threads = 1};
    sample_init(&x);
    dlx__weight_store_init(&s, &dlx__onnx_layout, &model, NULL);
    const dlx__weight_place four = rows(&s, &x.matrix, DLX__PACK_INT4_FLOAT);
    const dlx__weight_place four_scales = scales(&s, &x.matrix, DLX__PACK_INT4_FLOAT);
    const dlx__weight_place eight = rows(&s, &x.matrix, DLX__PACK_INT8);
    const dlx__weight_place eight_scales = scales(&s, &x.matrix, DLX__PACK_INT8);
    assert_int_equal(four.n_bytes, N * K / 2);
    assert_int_equal(four_scales.n_bytes, N * (K / 32) * 4);
    assert_int_equal(eight.n_bytes, N * K);
    assert_int_equal(eight_scales.n_bytes, N * 4);
    uint8_t *bytes = written(&s, &w);
    for (size_t i = 0; i < N * K; i++) {
        const float of_four = scale_at(bytes, four_scales, i / 32);
        const float of_eight = scale_at(bytes, eight_scales, i / K);
        const int q4 = (bytes[four.offset + i / 2] >> (i % 2 ? 4 : 0) & 15) - 8;
        const int q8 = (int8_t)bytes[eight.offset + i];
        assert_true(fabsf(x.w[i] - of_four * (float)q4) <= of_four); /* it may clip its largest */
        assert_true(fabsf(x.w[i] - of_eight * (float)q8) <= 0.51f * of_eight);
        assert_true(dlx__f16_to_f32(dlx__f32_to_f16(of_four)) == of_four);
    }
    dlx__free(NULL, bytes);
    dlx__weight_store_release(&s);
}

static unsigned nibble_at(const uint8_t *bytes, size_t i)
{
    return bytes[i / 2] >> i % 2 * 4 & 15u;
}

/* Integers and levels of INT4_LPBQ go by columns, also where a column ends within a byte. */
static void turned_forms_go_by_columns(void **state)
{
    (void)state;
    sample x;
    dlx__model model = {.mem = NULL};
    dlx__weight_store s;
    dlx__weight_writing w = {.n_threads = 1};
    sample_init(&x);
    dlx__weight_store_init(&s, &dlx__onnx_layout, &model, NULL);
    const dlx__weight_place four = rows(&s, &x.matrix, DLX__PACK_INT4_LPBQ);
    const dlx__weight_place row_scales = scales(&s, &x.matrix, DLX__PACK_INT4_LPBQ);
    const dlx__weight_place levels =
        dlx__weight_store_rows(&s, &x.matrix, DLX__PACK_INT4_LPBQ, DLX__ROW_LEVELS);
    assert_int_equal(four.n_bytes, N * K / 2);
    assert_int_equal(row_scales.n_bytes, N * 4);
    assert_int_equal(levels.n_bytes, N * K / DLX__PACK_GROUP);
    uint8_t *bytes = written(&s, &w);
    for (size_t row = 0; row < N; row++) {
        uint8_t numbers[K / 2], of_groups[K / DLX__PACK_GROUP];
        float scale;
        const float *from = x.w + row * K;
        dlx__pack_row(numbers, DLX__PACK_INT4_LPBQ, DLX__ROW_NUMBERS, from, K);
        dlx__pack_row(of_groups, DLX__PACK_INT4_LPBQ, DLX__ROW_LEVELS, from, K);
        dlx__pack_row(&scale, DLX__PACK_INT4_LPBQ, DLX__ROW_SCALES, from, K);
        assert_true(scale_at(bytes, row_scales, row) == scale);
        for (size_t i = 0; i < K; i++)
            assert_int_equal(nibble_at(bytes + four.offset, i * N + row), nibble_at(numbers, i));
        for (size_t g = 0; g < K / DLX__PACK_GROUP; g++)
            assert_int_equal(bytes[levels.offset + g * N + row], of_groups[g]);
    }
    dlx__free(NULL, bytes);
    dlx__weight_store_release(&s);
}

static bool stop_at_half(void *user, uint64_t n_done, uint64_t n_total)
{
    (void)user;
    return n_done < n_total / 2;
}

static void stopping_and_failing_leave_no_file(void **state)
{
    (void)state;
    sample x;
    dlx__model model = {.mem = NULL};
    dlx_error err;
    sample_init(&x);
    dlx__os_remove(path());
    dlx__weight_store s;
    dlx__weight_writing w = {.n_threads = 1, .on_progress = stop_at_half};
    dlx__weight_store_init(&s, &dlx__onnx_layout, &model, NULL);
    rows(&s, &x.large, DLX__PACK_FP32);
    assert_int_equal(dlx__weight_store_write(&s, path(), &w, &err), DLX_CANCELLED);
    assert_int_equal(dlx__os_path_kind(path()), DLX__PATH_ABSENT);
    w.on_progress = NULL;
    x.wide[7] = NAN;
    assert_int_equal(dlx__weight_store_write(&s, path(), &w, &err), DLX_E_FORMAT);
    assert_says(&err, "large");
    assert_int_equal(dlx__os_path_kind(path()), DLX__PATH_ABSENT);
    dlx__weight_store_release(&s);
}

static void no_memory_is_a_sentence(void **state)
{
    (void)state;
    sample x;
    dlx__model model = {.mem = NULL};
    dlx_result r = DLX_E_NOMEM;
    sample_init(&x);
    for (size_t i = 1; r != DLX_OK; i++) {
        failing_mem mem;
        dlx_error err;
        dlx__weight_store s;
        dlx__weight_writing w = {.n_threads = 1};
        failing_mem_init(&mem, i);
        dlx__weight_store_init(&s, &dlx__onnx_layout, &model, &mem.mem);
        rows(&s, &x.matrix, DLX__PACK_INT4_FLOAT);
        rows(&s, &x.matrix, DLX__PACK_INT4_LPBQ);
        dlx__weight_store_bytes(&s, "key", DLX__PART_HEAD, "abc", 3);
        r = s.failure.code != DLX_OK ? dlx__fail(&err, s.failure.code, "%s", s.failure.text)
                                     : dlx__weight_store_write(&s, path(), &w, &err);
        if (r != DLX_OK)
            assert_says(&err, "out of memory");
        dlx__weight_store_release(&s);
        assert_int_equal(mem.n_alive, 0);
    }
}

static void chips_by_their_names(void **state)
{
    (void)state;
    const dlx__soc *soc;
    dlx_error err;
    assert_ok(dlx__soc_find(&soc, "sm8650", &err), &err);
    assert_string_equal(soc->name, "SM8650");
    assert_int_equal(soc->id, 57);
    assert_string_equal(soc->arch, "v75");
    assert_int_equal(dlx__soc_find(&soc, "SM865", &err), DLX_E_ARG);
    assert_says(&err, "soc: expected one of SM8450, SXR2230P,");
    assert_says(&err, "SM8850, found SM865");
    assert_int_equal(dlx__soc_find(&soc, "SM86500", &err), DLX_E_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked_for_twice_is_there_once),
        cmocka_unit_test(forms_stand_for_the_numbers),
        cmocka_unit_test(turned_forms_go_by_columns),
        cmocka_unit_test(stopping_and_failing_leave_no_file),
        cmocka_unit_test(no_memory_is_a_sentence),
        cmocka_unit_test(chips_by_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
