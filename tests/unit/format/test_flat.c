/* test_flat.c - flatbuffers: bytes as the format wants them, round trips, damages, no memory. */
#include "unit.h"

#include "failing_mem.h"
#include "format/flat.h"
#include "format/flat_view.h"

#include <stdio.h>

/* A root with every kind of field; the inner table twice. */
static dlx_result build(dlx__flat *f, const uint8_t **bytes, size_t *n, dlx_error *err)
{
    const uint64_t wide[] = {1, UINT64_C(1) << 40};
    const int32_t narrow[] = {-1, 7, 9};
    dlx__flat_ref inner[2];
    for (int i = 0; i < 2; i++) {
        dlx__flat_begin(f);
        dlx__flat_put_u32(f, 0, 5 + (uint32_t)i);
        dlx__flat_put_u8(f, 2, 1);
        inner[i] = dlx__flat_end(f);
    }
    dlx__flat_ref text = dlx__flat_text(f, "words");
    dlx__flat_ref none = dlx__flat_text(f, "");
    dlx__flat_ref v64 = dlx__flat_vector(f, wide, 2, 8, 8);
    dlx__flat_ref v32 = dlx__flat_vector(f, narrow, 3, 4, 4);
    dlx__flat_ref v8 = dlx__flat_vector(f, "abc", 3, 1, 16);
    dlx__flat_ref empty = dlx__flat_vector(f, NULL, 0, 8, 8);
    dlx__flat_ref refs = dlx__flat_refs(f, inner, 2);
    dlx__flat_begin(f);
    dlx__flat_put_u8(f, 0, 200);
    dlx__flat_put_u16(f, 1, 65535);
    dlx__flat_put_i32(f, 2, -3);
    dlx__flat_put_u64(f, 3, UINT64_MAX);
    dlx__flat_put_i64(f, 4, -9);
    dlx__flat_put_f32(f, 5, 0.5f);
    dlx__flat_put_f64(f, 6, -0.25);
    dlx__flat_put_ref(f, 7, text);
    dlx__flat_put_ref(f, 8, v64);
    dlx__flat_put_ref(f, 9, v32);
    dlx__flat_put_ref(f, 10, v8);
    dlx__flat_put_ref(f, 11, empty);
    dlx__flat_put_ref(f, 12, refs);
    dlx__flat_put_union(f, 13, 3, inner[1]);
    dlx__flat_put_u32(f, 15, 0); /* the default: left out */
    dlx__flat_put_ref(f, 16, 0); /* likewise */
    dlx__flat_put_ref(f, 17, none);
    return dlx__flat_finish(f, dlx__flat_end(f), "TEST", bytes, n, err);
}

/* Reads everything that `build` writes; the sum is for the damaged ones. */
static uint64_t visit(dlx__flat_view *v)
{
    dlx__flat_table t = dlx__flat_root(v, "TEST", NULL);
    uint64_t sum = dlx__flat_u8(&t, 0) + dlx__flat_u16(&t, 1) + (uint64_t)dlx__flat_i32(&t, 2) +
                   dlx__flat_u64(&t, 3) + (uint64_t)dlx__flat_i64(&t, 4) +
                   (uint64_t)(dlx__flat_f32(&t, 5) > 0) + (uint64_t)(dlx__flat_f64(&t, 6) > 0);
    dlx__flat_str text = dlx__flat_get_text(&t, 7);
    sum += strlen(text.data);
    dlx__flat_vec v64 = dlx__flat_get_vector(&t, 8, 8), v32 = dlx__flat_get_vector(&t, 9, 4);
    for (size_t i = 0; i < v64.n; i++)
        sum += dlx__flat_u64_at(&v64, i) + (uint64_t)dlx__flat_i64_at(&v64, i);
    for (size_t i = 0; i < v32.n; i++)
        sum += dlx__flat_u32_at(&v32, i) + (uint64_t)dlx__flat_i32_at(&v32, i);
    dlx__flat_vec inner = dlx__flat_get_refs(&t, 12);
    for (size_t i = 0; i < inner.n; i++) {
        dlx__flat_table in = dlx__flat_table_at(&inner, i);
        sum += dlx__flat_u32(&in, 0) + dlx__flat_u8(&in, 2);
    }
    dlx__flat_table of_union = dlx__flat_child(&t, 14);
    return sum + dlx__flat_u32(&of_union, 0) + dlx__flat_u8(&t, 13);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    dlx__flat f;
    dlx_error err;
    const uint8_t *bytes;
    size_t n;
    dlx__flat_init(&f, NULL);
    assert_ok(build(&f, &bytes, &n, &err), &err);
    assert_int_equal(n % DLX__FLAT_ALIGN, 0);
    dlx__flat_view v;
    dlx__flat_view_init(&v, bytes, n, "test");
    dlx__flat_table t = dlx__flat_root(&v, "NONE", "TEST");
    assert_int_equal(dlx__flat_u8(&t, 0), 200);
    assert_int_equal(dlx__flat_u16(&t, 1), 65535);
    assert_int_equal(dlx__flat_i32(&t, 2), -3);
    assert_true(dlx__flat_u64(&t, 3) == UINT64_MAX);
    assert_true(dlx__flat_i64(&t, 4) == -9);
    assert_true(dlx__flat_f32(&t, 5) == 0.5f);
    assert_true(dlx__flat_f64(&t, 6) == -0.25);
    assert_string_equal(dlx__flat_get_text(&t, 7).data, "words");
    assert_int_equal(dlx__flat_get_text(&t, 7).len, 5);
    dlx__flat_vec v64 = dlx__flat_get_vector(&t, 8, 8), v32 = dlx__flat_get_vector(&t, 9, 4);
    assert_int_equal(v64.n, 2);
    assert_true(dlx__flat_u64_at(&v64, 1) == UINT64_C(1) << 40);
    assert_int_equal((v64.data - bytes) % 8, 0);
    assert_int_equal(v32.n, 3);
    assert_int_equal(dlx__flat_i32_at(&v32, 0), -1);
    dlx__flat_vec v8 = dlx__flat_get_vector(&t, 10, 1), empty = dlx__flat_get_vector(&t, 11, 8);
    assert_int_equal(v8.n, 3);
    assert_int_equal((v8.data - bytes) % 16, 0);
    assert_true(empty.present && empty.n == 0);
    dlx__flat_vec inner = dlx__flat_get_refs(&t, 12);
    assert_int_equal(inner.n, 2);
    dlx__flat_table second = dlx__flat_table_at(&inner, 1);
    assert_int_equal(dlx__flat_u32(&second, 0), 6);
    assert_int_equal(dlx__flat_u8(&t, 13), 3);
    assert_int_equal(dlx__flat_child(&t, 14).at, second.at);
    assert_false(dlx__flat_has(&t, 15));
    assert_false(dlx__flat_has(&t, 16));
    assert_true(dlx__flat_get_text(&t, 17).present);
    assert_false(dlx__flat_get_text(&t, 18).present);
    assert_ok(dlx__flat_view_result(&v, &err), &err);
    dlx__flat_release(&f);
}

/* Worked out by hand from the definition of the format. */
static void the_bytes_are_those_of_the_format(void **state)
{
    (void)state;
    static const uint8_t expected[] = {
        20, 0, 0, 0, 'T', 'E', 'S', 'T', /* root at 20, identifier */
        0,  0, 0, 0,                     /* padding, so that 32 bytes come out */
        8,  0, 8, 0, 0,   0,   4,   0,   /* vtable at 12: its size, the table's, slots 0, 1 */
        8,  0, 0, 0, 42,  0,   0,   0,
        0,  0, 0, 0 /* table at 20: 8 bytes back to the vtable; 42 */
    };
    dlx__flat f;
    dlx_error err;
    const uint8_t *bytes;
    size_t n;
    dlx__flat_init(&f, NULL);
    const uint32_t zero = 0;
    (void)dlx__flat_vector(&f, &zero, 0, 4, 4); /* four bytes: a count of 0 */
    dlx__flat_begin(&f);
    dlx__flat_put_u32(&f, 1, 42);
    assert_ok(dlx__flat_finish(&f, dlx__flat_end(&f), "TEST", &bytes, &n, &err), &err);
    assert_int_equal(n, sizeof expected);
    assert_memory_equal(bytes, expected, n);
    dlx__flat_release(&f);
}

static void tables_of_one_layout_share_it(void **state)
{
    (void)state;
    dlx__flat f;
    dlx__flat_init(&f, NULL);
    size_t len[4] = {0};
    for (uint32_t i = 1; i < 4; i++) {
        dlx__flat_begin(&f);
        dlx__flat_put_u32(&f, 0, i);
        (void)dlx__flat_end(&f);
        len[i] = f.len;
    }
    assert_int_equal(len[1], 8 + 6);
    assert_int_equal(len[3] - len[2], 8); /* the table alone */
    dlx__flat_release(&f);
}

static void misuse_is_kept_as_the_failure(void **state)
{
    (void)state;
    dlx__flat f;
    dlx_error err;
    const uint8_t *bytes;
    size_t n;
    for (int way = 0; way < 5; way++) {
        static const char *const says[] = {"open table", "no table", "no table", "no root",
                                           "2 GiB"};
        dlx__flat_init(&f, NULL);
        if (way != 1 && way != 3 && way != 4)
            dlx__flat_begin(&f);
        if (way == 0)
            (void)dlx__flat_text(&f, "inside");
        if (way == 1)
            dlx__flat_put_u32(&f, 0, 1);
        if (way == 2)
            dlx__flat_put_u32(&f, DLX__FLAT_MAX_SLOTS, 1);
        if (way == 4)
            (void)dlx__flat_vector(&f, NULL, SIZE_MAX / 4, 8, 8);
        assert_int_not_equal(dlx__flat_finish(&f, 0, "TEST", &bytes, &n, &err), DLX_OK);
        assert_says(&err, says[way]);
        dlx__flat_release(&f);
    }
}

/* From allocation i on, or that one alone. */
static void fail_each(bool once)
{
    dlx_result r = DLX_E_NOMEM;
    for (size_t i = 1; r != DLX_OK; i++) {
        failing_mem mem;
        failing_mem_init(&mem, i);
        mem.once = once;
        dlx__flat f;
        dlx_error err;
        const uint8_t *bytes;
        size_t n;
        dlx__flat_init(&f, &mem.mem);
        r = build(&f, &bytes, &n, &err);
        if (r != DLX_OK)
            assert_says(&err, "out of memory");
        dlx__flat_release(&f);
        assert_int_equal(mem.n_alive, 0);
    }
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    fail_each(false);
    fail_each(true);
}

static void damages_are_found_or_harmless(void **state)
{
    (void)state;
    dlx__flat f;
    dlx_error err;
    const uint8_t *bytes;
    size_t n;
    dlx__flat_init(&f, NULL);
    assert_ok(build(&f, &bytes, &n, &err), &err);
    for (size_t cut = 0; cut < n; cut++) {
        uint8_t *copy = malloc(cut + 1);
        memcpy(copy, bytes, cut);
        dlx__flat_view v;
        dlx__flat_view_init(&v, copy, cut, "cut");
        (void)visit(&v);
        free(copy);
    }
    for (size_t bit = 0; bit < 8 * n; bit++) {
        uint8_t *copy = malloc(n);
        memcpy(copy, bytes, n);
        copy[bit / 8] ^= (uint8_t)(1u << bit % 8);
        dlx__flat_view v;
        dlx__flat_view_init(&v, copy, n, "flipped");
        (void)visit(&v);
        free(copy);
    }
    dlx__flat_release(&f);
}

static void visit_twice(const dlx__flat_table *t)
{
    dlx__flat_vec both = dlx__flat_get_refs(t, 0);
    for (size_t i = 0; i < both.n; i++) {
        dlx__flat_table next = dlx__flat_table_at(&both, i);
        visit_twice(&next);
    }
}

/* n levels, each of which leads to the next one `width` times. */
static void visit_levels(size_t n, size_t width, const char *says)
{
    dlx__flat f;
    dlx_error err;
    const uint8_t *bytes;
    size_t n_bytes;
    dlx__flat_init(&f, NULL);
    dlx__flat_begin(&f);
    dlx__flat_ref next[2] = {dlx__flat_end(&f)};
    for (size_t i = 0; i < n; i++) {
        next[1] = next[0];
        dlx__flat_ref refs = dlx__flat_refs(&f, next, width);
        dlx__flat_begin(&f);
        dlx__flat_put_ref(&f, 0, refs);
        next[0] = dlx__flat_end(&f);
    }
    assert_ok(dlx__flat_finish(&f, next[0], "TEST", &bytes, &n_bytes, &err), &err);
    dlx__flat_view v;
    dlx__flat_view_init(&v, bytes, n_bytes, "levels");
    dlx__flat_table t = dlx__flat_root(&v, "TEST", NULL);
    visit_twice(&t);
    assert_int_equal(dlx__flat_view_result(&v, &err), DLX_E_FORMAT);
    assert_says(&err, says);
    dlx__flat_release(&f);
}

/* Offsets lead forward only, so there is no circle, but 2^50 visits are as good as one. */
static void depth_and_number_of_tables_end(void **state)
{
    (void)state;
    visit_levels(DLX__FLAT_MAX_DEPTH + 1, 1, "levels: tables lead to tables");
    visit_levels(50, 2, "levels: ");
}

static void the_identifier_is_looked_at(void **state)
{
    (void)state;
    static const uint8_t other[] = {8, 0, 0, 0, 'E', 'L', 'S', 'E', 0, 0, 0, 0};
    dlx__flat_view v;
    dlx_error err;
    dlx__flat_view_init(&v, other, sizeof other, "file");
    assert_null(dlx__flat_root(&v, "TEST", NULL).view);
    assert_int_equal(dlx__flat_view_result(&v, &err), DLX_E_FORMAT);
    assert_says(&err, "file: expected the identifier TEST");
    dlx__flat_fault(&v, "a later fault");
    assert_says(&v.failure, "identifier");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(the_bytes_are_those_of_the_format),
        cmocka_unit_test(tables_of_one_layout_share_it),
        cmocka_unit_test(misuse_is_kept_as_the_failure),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(damages_are_found_or_harmless),
        cmocka_unit_test(depth_and_number_of_tables_end),
        cmocka_unit_test(the_identifier_is_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
