/* test_ml_store.c - weight.bin: header, records, forms, one copy of what is asked for twice,
 * stopping; names of systems and of what computes. */
#include "unit.h"

#include "base/fail.h"
#include "base/little.h"
#include "base/mem.h"
#include "dtype/convert.h"
#include "export/ml_store.h"
#include "export/ml_target.h"
#include "failing_mem.h"

#include <math.h>

enum { N = 3, K = 64, Q4_0_BYTES = 18 };

typedef struct sample {
    float w[N * K], v[K];
    dlx__tensor matrix, vector;
} sample;

static void sample_init(sample *s)
{
    for (int i = 0; i < N * K; i++)
        s->w[i] = sinf((float)i) * (float)(1 + i / K);
    for (int i = 0; i < K; i++)
        s->v[i] = (float)i;
    s->matrix = (dlx__tensor){"w", DLX__F32, 2, {N, K}, sizeof s->w, s->w};
    s->vector = (dlx__tensor){"v", DLX__F32, 1, {K}, sizeof s->v, s->v};
}

static const char *path(void)
{
    return DLX_TMP_DIR "/ml_store.bin";
}

/* The file as it was written; to be freed. */
static uint8_t *written(dlx__weight_store *s)
{
    char *bytes;
    size_t n;
    dlx_error err;
    dlx__weight_writing w = {.n_threads = 1};
    assert_ok(dlx__weight_store_write(s, path(), &w, &err), &err);
    assert_ok(dlx__os_read_file(&bytes, &n, path(), 1 << 20, NULL, &err), &err);
    assert_int_equal(n, s->n_bytes);
    return (uint8_t *)bytes;
}

/* The data behind a record, which says this type and size. */
static const uint8_t *data_of(const uint8_t *bytes, uint64_t offset, uint32_t type, uint64_t n)
{
    const uint8_t *r = bytes + offset;
    assert_int_equal(offset % 64, 0);
    assert_int_equal(dlx__le32(r), 0xDEADBEEF);
    assert_int_equal(dlx__le32(r + 4), type);
    assert_int_equal(dlx__le64(r + 8), n);
    assert_int_equal(dlx__le64(r + 16), offset + 64);
    for (size_t i = 24; i < 64; i++)
        assert_int_equal(r[i], 0);
    return r + 64;
}

static void what_is_asked_for_twice_is_there_once(void **state)
{
    (void)state;
    static const uint16_t halves[] = {1, 2, 3};
    sample x;
    dlx__model model = {.mem = NULL};
    dlx__weight_store s;
    sample_init(&x);
    dlx__weight_store_init(&s, &dlx__ml_layout, &model, NULL);
    const dlx__ml_blob a = dlx__ml_store_rows(&s, &x.vector, DLX__PACK_FP16, DLX__ROW_NUMBERS);
    const dlx__ml_blob b = dlx__ml_store_rows(&s, &x.matrix, DLX__PACK_FP16, DLX__ROW_NUMBERS);
    const dlx__ml_blob c = dlx__ml_store_halves(&s, "key", DLX__PART_BIASES, halves, 3);
    assert_int_equal(a.offset, 64);
    assert_int_equal(b.offset, 64 + 64 + 2 * K);
    assert_int_equal(dlx__ml_store_rows(&s, &x.matrix, DLX__PACK_FP16, DLX__ROW_NUMBERS).offset,
                     b.offset);
    assert_int_not_equal(
        dlx__ml_store_rows(&s, &x.matrix, DLX__PACK_INT8_HALF, DLX__ROW_NUMBERS).offset, b.offset);
    assert_int_equal(dlx__ml_store_halves(&s, "key", DLX__PART_BIASES, halves, 3).offset, c.offset);
    assert_int_equal(s.n, 4);
    uint8_t *bytes = written(&s);
    assert_int_equal(dlx__le32(bytes), 4);
    assert_int_equal(dlx__le32(bytes + 4), 2);
    const uint8_t *v = data_of(bytes, a.offset, 1, 2 * K);
    for (size_t i = 0; i < K; i++)
        assert_true(dlx__f16_to_f32(dlx__le16(v + 2 * i)) == x.v[i]);
    assert_memory_equal(data_of(bytes, c.offset, 1, 6), halves, 6);
    dlx__free(NULL, bytes);
    dlx__weight_store_release(&s);
}

/* Each form, read as Core ML reads it, is near the numbers: half a step of its scale. */
static void forms_stand_for_the_numbers(void **state)
{
    (void)state;
    sample x;
    dlx__model model = {.mem = NULL};
    dlx__weight_store s;
    sample_init(&x);
    dlx__weight_store_init(&s, &dlx__ml_layout, &model, NULL);
    const dlx__ml_blob four =
        dlx__ml_store_rows(&s, &x.matrix, DLX__PACK_INT4_HALF, DLX__ROW_NUMBERS);
    const dlx__ml_blob fours =
        dlx__ml_store_rows(&s, &x.matrix, DLX__PACK_INT4_HALF, DLX__ROW_SCALES);
    const dlx__ml_blob eight =
        dlx__ml_store_rows(&s, &x.matrix, DLX__PACK_INT8_HALF, DLX__ROW_NUMBERS);
    const dlx__ml_blob eights =
        dlx__ml_store_rows(&s, &x.matrix, DLX__PACK_INT8_HALF, DLX__ROW_SCALES);
    assert_int_equal(fours.shape.dims[1], K / 32);
    assert_int_equal(eights.shape.dims[1], 1);
    uint8_t *bytes = written(&s);
    const uint8_t *q4 = data_of(bytes, four.offset, 8, N * K / 2);
    const uint8_t *s4 = data_of(bytes, fours.offset, 1, N * (K / 32) * 2);
    const uint8_t *q8 = data_of(bytes, eight.offset, 4, N * K);
    const uint8_t *s8 = data_of(bytes, eights.offset, 1, N * 2);
    for (size_t i = 0; i < N * K; i++) {
        const int nibble = q4[i / 2] >> (i % 2 ? 4 : 0) & 15; /* two's complement */
        const float of_four = dlx__f16_to_f32(dlx__le16(s4 + i / 32 * 2));
        const float of_eight = dlx__f16_to_f32(dlx__le16(s8 + i / K * 2));
        const float w4 = of_four * (float)(nibble > 7 ? nibble - 16 : nibble);
        assert_true(fabsf(x.w[i] - w4) <= of_four); /* it may clip its largest */
        assert_true(fabsf(x.w[i] - of_eight * (float)(int8_t)q8[i]) <= 0.51f * of_eight);
    }
    dlx__free(NULL, bytes);
    dlx__weight_store_release(&s);
}

/* Blocks of q4_0 keep their integers and their scales, negative ones too. */
static void q4_0_goes_in_without_loss(void **state)
{
    (void)state;
    static const float scales[] = {0.125f, -0.0703125f};
    uint8_t blocks[2 * Q4_0_BYTES];
    const dlx__tensor t = {"q", DLX__Q4_0, 2, {1, K}, sizeof blocks, blocks};
    dlx__model model = {.mem = NULL};
    dlx__weight_store s;
    float x[K];
    for (int b = 0; b < 2; b++) {
        const uint16_t d = dlx__f32_to_f16(scales[b]);
        memcpy(blocks + b * Q4_0_BYTES, &d, sizeof d);
        for (int i = 0; i < 16; i++)
            blocks[b * Q4_0_BYTES + 2 + i] = (uint8_t)(37 * i + b);
    }
    dlx__to_f32(x, blocks, DLX__Q4_0, K);
    dlx__weight_store_init(&s, &dlx__ml_layout, &model, NULL);
    const dlx__ml_blob four = dlx__ml_store_rows(&s, &t, DLX__PACK_INT4_HALF, DLX__ROW_NUMBERS);
    const dlx__ml_blob fours = dlx__ml_store_rows(&s, &t, DLX__PACK_INT4_HALF, DLX__ROW_SCALES);
    uint8_t *bytes = written(&s);
    assert_int_equal(s.n_again, 0);
    for (size_t i = 0; i < K; i++) {
        const int nibble = bytes[four.offset + 64 + i / 2] >> (i % 2 ? 4 : 0) & 15;
        const float scale = dlx__f16_to_f32(dlx__le16(bytes + fours.offset + 64 + i / 32 * 2));
        assert_true(scale * (float)(nibble > 7 ? nibble - 16 : nibble) == x[i]);
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
    dlx__weight_store_init(&s, &dlx__ml_layout, &model, NULL);
    dlx__ml_store_rows(&s, &x.matrix, DLX__PACK_FP16, DLX__ROW_NUMBERS);
    assert_int_equal(dlx__weight_store_write(&s, path(), &w, &err), DLX_CANCELLED);
    assert_int_equal(dlx__os_path_kind(path()), DLX__PATH_ABSENT);
    w.on_progress = NULL;
    x.w[7] = 1e6f;
    assert_int_equal(dlx__weight_store_write(&s, path(), &w, &err), DLX_E_ARG);
    assert_says(&err, "beyond 65504");
    x.w[7] = NAN;
    assert_int_equal(dlx__weight_store_write(&s, path(), &w, &err), DLX_E_FORMAT);
    assert_int_equal(dlx__os_path_kind(path()), DLX__PATH_ABSENT);
    dlx__weight_store_release(&s);
}

static void no_memory_is_a_sentence(void **state)
{
    (void)state;
    static const uint16_t halves[] = {1, 2, 3};
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
        dlx__weight_store_init(&s, &dlx__ml_layout, &model, &mem.mem);
        dlx__ml_store_rows(&s, &x.matrix, DLX__PACK_INT4_HALF, DLX__ROW_NUMBERS);
        dlx__ml_store_halves(&s, "key", DLX__PART_BIASES, halves, 3);
        r = s.failure.code != DLX_OK ? dlx__fail(&err, s.failure.code, "%s", s.failure.text)
                                     : dlx__weight_store_write(&s, path(), &w, &err);
        if (r != DLX_OK)
            assert_says(&err, "out of memory");
        dlx__weight_store_release(&s);
        assert_int_equal(mem.n_alive, 0);
    }
}

static void systems_and_units_by_their_names(void **state)
{
    (void)state;
    const dlx__ml_target *target;
    const char *unit;
    dlx_error err;
    assert_ok(dlx__ml_target_find(&target, NULL, &err), &err);
    assert_int_equal(target->specification, 9);
    assert_string_equal(target->opset, "CoreML8");
    assert_ok(dlx__ml_target_find(&target, "iOS26", &err), &err);
    assert_int_equal(target->specification, 10);
    assert_string_equal(target->opset, "CoreML9");
    assert_int_equal(dlx__ml_target_find(&target, "iOS17", &err), DLX_E_UNSUPPORTED);
    assert_says(&err, "several functions over one file of weights");
    assert_int_equal(dlx__ml_target_find(&target, "ios1", &err), DLX_E_ARG);
    assert_ok(dlx__ml_unit_find(&unit, NULL, &err), &err);
    assert_string_equal(unit, "all");
    assert_ok(dlx__ml_unit_find(&unit, "cpu_and_ane", &err), &err);
    assert_string_equal(unit, "cpu-and-ne");
    assert_ok(dlx__ml_unit_find(&unit, "CPU_ONLY", &err), &err);
    assert_string_equal(unit, "cpu-only");
    assert_int_equal(dlx__ml_unit_find(&unit, "ane_only", &err), DLX_E_ARG);
    assert_says(&err, "Core ML knows no other sets");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_asked_for_twice_is_there_once),
        cmocka_unit_test(forms_stand_for_the_numbers),
        cmocka_unit_test(q4_0_goes_in_without_loss),
        cmocka_unit_test(stopping_and_failing_leave_no_file),
        cmocka_unit_test(no_memory_is_a_sentence),
        cmocka_unit_test(systems_and_units_by_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
