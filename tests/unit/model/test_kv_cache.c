/* test_kv_cache.c - storage, commit and rewind of keys and values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/kv_cache.h"

#include "dtype/convert.h"

enum { LAYERS = 2, HEADS = 3, SLOTS = 5, C = 4 };

static void rows_are_found_by_layer_head_and_slot(void **state)
{
    (void)state;
    dlx_error err = {0};
    dlx__kv_cache kv;
    assert_int_equal(dlx__kv_open(&kv, LAYERS, HEADS, SLOTS, C, false, NULL, &err), DLX_OK);
    float k[2][HEADS][C];
    float v[2][HEADS][C];
    for (int layer = 0; layer < LAYERS; layer++) {
        for (int i = 0; i < 2 * HEADS * C; i++) {
            (&k[0][0][0])[i] = (float)(layer * 1000 + i);
            (&v[0][0][0])[i] = (float)(layer * 1000 + 500 + i);
        }
        dlx__kv_write(&kv, (size_t)layer, 3, 2, &k[0][0][0], &v[0][0][0]);
    }
    for (int layer = 0; layer < LAYERS; layer++)
        for (int head = 0; head < HEADS; head++)
            for (int row = 0; row < 2; row++)
                for (int c = 0; c < C; c++) {
                    float want = (float)(layer * 1000 + (row * HEADS + head) * C + c);
                    size_t at = (size_t)(3 + row) * C + (size_t)c;
                    assert_float_equal(dlx__kv_keys(&kv, (size_t)layer, (size_t)head)[at], want, 0);
                    assert_float_equal(dlx__kv_values(&kv, (size_t)layer, (size_t)head)[at],
                                       want + 500, 0);
                }
    dlx__kv_release(&kv);
    assert_null(kv.data);
}

/* Number `i` of what a head keeps in a slot; every one is a bf16 number. */
static float half_number(size_t layer, size_t head, size_t slot, size_t i)
{
    return (float)(layer * 64 + head * 32 + slot * 4 + i);
}

static void values_kept_as_halves_are_pairs_of_slots(void **state)
{
    (void)state;
    enum { ODD = 5 };
    dlx_error err = {0};
    dlx__kv_cache kv;
    assert_int_equal(dlx__kv_open(&kv, LAYERS, HEADS, ODD, C, true, NULL, &err), DLX_OK);
    memset(kv.data, 0xFF, dlx__kv_bytes(LAYERS, HEADS, ODD, C, true));
    for (size_t layer = 0; layer < LAYERS; layer++)
        for (size_t head = 0; head < HEADS; head++) {
            float x[C];
            for (size_t slot = ODD; slot-- > 0;) {
                for (size_t i = 0; i < C; i++)
                    x[i] = half_number(layer, head, slot, i);
                dlx__kv_put_key(&kv, layer, head, slot, x);
                dlx__kv_put_value(&kv, layer, head, slot, x);
            }
        }
    for (size_t layer = 0; layer < LAYERS; layer++)
        for (size_t head = 0; head < HEADS; head++)
            for (size_t slot = 0; slot < ODD; slot++)
                for (size_t i = 0; i < C; i++) {
                    const uint16_t *keys = dlx__kv_key_halves(&kv, layer, head);
                    const uint16_t *values = dlx__kv_value_halves(&kv, layer, head);
                    const uint16_t value = values[(slot / 2 * C + i) * 2 + slot % 2];
                    const float want = half_number(layer, head, slot, i);
                    assert_float_equal(dlx__bf16_to_f32(value), want, 0);
                    assert_float_equal(dlx__bf16_to_f32(keys[slot * C + i]), want, 0);
                }
    dlx__kv_release(&kv);
}

static void commit_and_rewind_are_numbers(void **state)
{
    (void)state;
    dlx_error err = {0};
    dlx__kv_cache kv;
    assert_int_equal(dlx__kv_open(&kv, LAYERS, HEADS, SLOTS, C, false, NULL, &err), DLX_OK);
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

static void sizes_do_not_overflow(void **state)
{
    (void)state;
    dlx_error err = {0};
    dlx__kv_cache kv;
    assert_int_equal(dlx__kv_bytes(LAYERS, HEADS, SLOTS, C, false),
                     LAYERS * 2 * HEADS * SLOTS * C * 4);
    assert_int_equal(dlx__kv_bytes(LAYERS, HEADS, 5, C, true), LAYERS * 2 * HEADS * 6 * C * 2);
    assert_true(dlx__kv_bytes(SIZE_MAX / 2, 3, 5, 7, false) == SIZE_MAX);
    assert_int_equal(dlx__kv_open(&kv, SIZE_MAX / 2, 3, 5, 7, false, NULL, &err), DLX_E_NOMEM);
    assert_int_not_equal(err.text[0], 0);
    dlx__kv_release(&kv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_found_by_layer_head_and_slot),
        cmocka_unit_test(values_kept_as_halves_are_pairs_of_slots),
        cmocka_unit_test(commit_and_rewind_are_numbers),
        cmocka_unit_test(sizes_do_not_overflow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
