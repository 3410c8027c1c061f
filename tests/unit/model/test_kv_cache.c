/* test_kv_cache.c - storage of keys and values in every type, commit and rewind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/kv_cache.h"

#include "base/rng.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS = 2, HEADS = 3, SLOTS = 5, C = 4 };

#define EACH_TYPE(type)                                                                            \
    for (dlx__kv_type type = DLX__KV_F32; type < DLX__N_KV_TYPES; type = (dlx__kv_type)(type + 1))

static void open_cache(dlx__kv_cache *kv, dlx__kv_type type, size_t n_slots, size_t head_dim)
{
    dlx_error err = {0};
    assert_int_equal(dlx__kv_open(kv, LAYERS, HEADS, n_slots, head_dim, type, NULL, &err), DLX_OK);
    memset(kv->data, 0xFF, dlx__kv_bytes(LAYERS, HEADS, n_slots, head_dim, type));
}

/* Number `i` of what a head keeps in a slot; exact in every type: 127 makes the scale of int8 1. */
static float exact_number(size_t layer, size_t head, size_t slot, size_t i)
{
    return i == 0 ? 127 : -(float)(layer * 60 + head * 20 + slot * 4 + i);
}

static void put_all(const dlx__kv_cache *kv)
{
    for (size_t layer = 0; layer < LAYERS; layer++)
        for (size_t head = 0; head < HEADS; head++)
            for (size_t slot = SLOTS; slot-- > 0;) {
                float k[C], v[C];
                for (size_t i = 0; i < C; i++) {
                    k[i] = exact_number(layer, head, slot, i);
                    v[i] = -k[i];
                }
                dlx__kv_put_key(kv, layer, head, slot, k);
                dlx__kv_put_value(kv, layer, head, slot, v);
            }
}

/* A number of each slot, by what reads it for one slot and by what reads a head's matrix. */
static void assert_slot(const dlx__kv_cache *kv, size_t layer, size_t head, size_t slot)
{
    float room[C];
    const dlx__kv_rows keys = dlx__kv_keys(kv, layer, head);
    const dlx__kv_rows values = dlx__kv_values(kv, layer, head);
    for (size_t i = 0; i < C; i++) {
        const float want = exact_number(layer, head, slot, i);
        const size_t key_at = dlx__kv_key_at(C, slot, i);
        const size_t value_at = dlx__kv_value_at(kv->type, C, slot, i);
        assert_float_equal(dlx__kv_key(kv, layer, head, slot, room)[i], want, 0);
        assert_float_equal(dlx__kv_value(kv, layer, head, slot, room)[i], -want, 0);
        assert_float_equal(dlx__kv_number(kv->type, keys, key_at, slot), want, 0);
        assert_float_equal(dlx__kv_number(kv->type, values, value_at, slot), -want, 0);
    }
}

static void rows_are_found_by_layer_head_and_slot(void **state)
{
    (void)state;
    EACH_TYPE(type)
    {
        dlx__kv_cache kv;
        open_cache(&kv, type, SLOTS, C);
        put_all(&kv);
        for (size_t layer = 0; layer < LAYERS; layer++)
            for (size_t head = 0; head < HEADS; head++)
                for (size_t slot = 0; slot < SLOTS; slot++)
                    assert_slot(&kv, layer, head, slot);
        dlx__kv_release(&kv);
        assert_null(kv.data);
    }
}

static void rows_of_all_heads_are_written_at_once(void **state)
{
    (void)state;
    EACH_TYPE(type)
    {
        dlx__kv_cache kv;
        float k[2][HEADS][C], v[2][HEADS][C];
        open_cache(&kv, type, SLOTS, C);
        for (size_t row = 0; row < 2; row++)
            for (size_t head = 0; head < HEADS; head++)
                for (size_t i = 0; i < C; i++) {
                    k[row][head][i] = exact_number(1, head, 3 + row, i);
                    v[row][head][i] = -k[row][head][i];
                }
        dlx__kv_write(&kv, 1, 3, 2, &k[0][0][0], &v[0][0][0]);
        for (size_t head = 0; head < HEADS; head++)
            for (size_t row = 0; row < 2; row++)
                assert_slot(&kv, 1, head, 3 + row);
        dlx__kv_release(&kv);
    }
}

/* Pairs of slots, as products of pairs read them. */
static void values_in_bf16_are_pairs_of_slots(void **state)
{
    (void)state;
    dlx__kv_cache kv;
    open_cache(&kv, DLX__KV_BF16, SLOTS, C);
    put_all(&kv);
    const uint16_t *values = dlx__kv_values(&kv, 1, 2).numbers;
    for (size_t slot = 0; slot < SLOTS; slot++)
        for (size_t i = 0; i < C; i++)
            assert_float_equal(dlx__bf16_to_f32(values[(slot / 2 * C + i) * 2 + slot % 2]),
                               -exact_number(1, 2, slot, i), 0);
    dlx__kv_release(&kv);
}

/* What rounding may take away: half of a unit in the last place, of int8 half of a step. */
static float allowed(dlx__kv_type type, float x, float largest)
{
    if (type == DLX__KV_F32)
        return 0;
    if (type == DLX__KV_INT8)
        return largest / 254 * 1.0001f;
    return type == DLX__KV_BF16 ? fabsf(x) / 256 : fabsf(x) / 2048 + 0x1p-25f;
}

static void what_comes_back_is_near(void **state)
{
    (void)state;
    enum { WIDE = 96 };
    dlx__rng rng;
    dlx__rng_seed(&rng, 1);
    EACH_TYPE(type)
    {
        dlx__kv_cache kv;
        open_cache(&kv, type, SLOTS, WIDE);
        for (int turn = -12; turn < 12; turn++) {
            float x[WIDE], room[WIDE], largest = 0;
            for (size_t i = 0; i < WIDE; i++) {
                x[i] = ldexpf((float)(2 * dlx__rng_uniform(&rng) - 1), turn);
                largest = fmaxf(largest, fabsf(x[i]));
            }
            dlx__kv_put_key(&kv, 0, 1, 2, x);
            dlx__kv_put_value(&kv, 0, 1, 3, x);
            for (size_t i = 0; i < WIDE; i++) {
                const float bound = allowed(type, x[i], largest);
                assert_true(fabsf(dlx__kv_key(&kv, 0, 1, 2, room)[i] - x[i]) <= bound);
                assert_true(fabsf(dlx__kv_value(&kv, 0, 1, 3, room)[i] - x[i]) <= bound);
            }
        }
        dlx__kv_release(&kv);
    }
}

/* x [C] to a slot and back as a value. */
static const float *there_and_back(const dlx__kv_cache *kv, const float *x, float *room)
{
    dlx__kv_put_value(kv, 1, 0, 3, x);
    return dlx__kv_value(kv, 1, 0, 3, room);
}

static void zeros_and_what_is_no_number(void **state)
{
    (void)state;
    static const float zeros[C] = {0, -0.0f, 0, 0}, tiny[C] = {1e-31f, -1e-38f, 0, 1e-42f};
    static const float sick[C] = {1, NAN, 2, 3}, endless[C] = {1, -INFINITY, 2, 3};
    static const float huge[C] = {FLT_MAX, -FLT_MAX, 1, 0};
    EACH_TYPE(type)
    {
        dlx__kv_cache kv;
        float room[C];
        const bool int8 = type == DLX__KV_INT8;
        open_cache(&kv, type, SLOTS, C);
        for (size_t i = 0; i < C; i++) {
            assert_true(there_and_back(&kv, zeros, room)[i] == 0);
            assert_true(fabsf(there_and_back(&kv, tiny, room)[i]) <= 1.01e-31f);
            assert_true(isnan(there_and_back(&kv, sick, room)[i]) == (int8 || i == 1));
            if (int8)
                assert_true(isnan(there_and_back(&kv, endless, room)[i]));
            else
                assert_true(there_and_back(&kv, endless, room)[i] == endless[i]);
        }
        const float largest = there_and_back(&kv, huge, room)[0];
        assert_true(int8 || type == DLX__KV_F32 ? largest >= FLT_MAX * 0.999f : isinf(largest));
        assert_true(there_and_back(&kv, zeros, room)[1] == 0); /* nothing stays of the scale */
        dlx__kv_release(&kv);
    }
}

/* Halves between two steps go to the even one; the ends of the range are reached on both sides. */
static void int8_rounds_to_even(void **state)
{
    (void)state;
    static const float x[C] = {254, -254, 1, 3}; /* a scale of 2 */
    dlx__kv_cache kv;
    float room[C];
    open_cache(&kv, DLX__KV_INT8, SLOTS, C);
    const float *got = there_and_back(&kv, x, room);
    assert_float_equal(got[0], 254, 0);
    assert_float_equal(got[1], -254, 0);
    assert_float_equal(got[2], 0, 0);
    assert_float_equal(got[3], 4, 0);
    dlx__kv_release(&kv);
}

static void commit_and_rewind_are_numbers(void **state)
{
    (void)state;
    dlx_error err = {0};
    dlx__kv_cache kv;
    assert_int_equal(dlx__kv_open(&kv, LAYERS, HEADS, SLOTS, C, DLX__KV_F32, NULL, &err), DLX_OK);
    assert_int_equal(kv.n_kept, 0);
    dlx__kv_commit(&kv, 4);
    assert_int_equal(kv.n_kept, 4);
    dlx__kv_commit(&kv, 2); /* keeps what is kept */
    assert_int_equal(kv.n_kept, 4);
    dlx__kv_rewind(&kv, 5);
    assert_int_equal(kv.n_kept, 4);
    dlx__kv_rewind(&kv, 1);
    assert_int_equal(kv.n_kept, 1);
    dlx__kv_commit(&kv, SLOTS + 9);
    assert_int_equal(kv.n_kept, SLOTS);
    dlx__kv_release(&kv);
}

static void sizes(void **state)
{
    (void)state;
    enum { N = LAYERS * 2 * HEADS };
    assert_int_equal(dlx__kv_bytes(LAYERS, HEADS, SLOTS, C, DLX__KV_F32), N * SLOTS * C * 4);
    assert_int_equal(dlx__kv_bytes(LAYERS, HEADS, 5, C, DLX__KV_F16), N * 5 * C * 2);
    assert_int_equal(dlx__kv_bytes(LAYERS, HEADS, 5, C, DLX__KV_BF16), N * 6 * C * 2);
    assert_int_equal(dlx__kv_bytes(LAYERS, HEADS, 5, C, DLX__KV_INT8), N * 5 * (C + 4));
    EACH_TYPE(type)
    assert_int_equal(dlx__kv_slot_bytes(LAYERS, HEADS, C, type) * 6,
                     dlx__kv_bytes(LAYERS, HEADS, 6, C, type));
    /* LLaDA 8B: 32 layers of 32 heads of 128 */
    assert_int_equal(dlx__kv_slot_bytes(32, 32, 128, DLX__KV_F32), 1024 * 1024);
    assert_int_equal(dlx__kv_slot_bytes(32, 32, 128, DLX__KV_BF16), 512 * 1024);
    assert_int_equal(dlx__kv_slot_bytes(32, 32, 128, DLX__KV_F16), 512 * 1024);
    assert_int_equal(dlx__kv_slot_bytes(32, 32, 128, DLX__KV_INT8), 264 * 1024);
}

static void sizes_do_not_overflow(void **state)
{
    (void)state;
    EACH_TYPE(type)
    {
        dlx_error err = {0};
        dlx__kv_cache kv;
        assert_true(dlx__kv_bytes(SIZE_MAX / 2, 3, 5, 7, type) == SIZE_MAX);
        assert_true(dlx__kv_bytes(3, 5, SIZE_MAX, 7, type) == SIZE_MAX);
        assert_true(dlx__kv_slot_bytes(3, 5, SIZE_MAX, type) == SIZE_MAX);
        assert_int_equal(dlx__kv_open(&kv, SIZE_MAX / 2, 3, 5, 7, type, NULL, &err), DLX_E_NOMEM);
        assert_int_not_equal(err.text[0], 0);
        dlx__kv_release(&kv);
    }
}

static void names(void **state)
{
    (void)state;
    EACH_TYPE(type)
    assert_int_equal(dlx__kv_type_find(dlx__kv_type_name(type)), type);
    assert_int_equal(dlx__kv_type_find("q4_0"), DLX__KV_NONE);
    assert_int_equal(dlx__kv_type_find("none"), DLX__KV_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_found_by_layer_head_and_slot),
        cmocka_unit_test(rows_of_all_heads_are_written_at_once),
        cmocka_unit_test(values_in_bf16_are_pairs_of_slots),
        cmocka_unit_test(what_comes_back_is_near),
        cmocka_unit_test(zeros_and_what_is_no_number),
        cmocka_unit_test(int8_rounds_to_even),
        cmocka_unit_test(commit_and_rewind_are_numbers),
        cmocka_unit_test(sizes),
        cmocka_unit_test(sizes_do_not_overflow),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
