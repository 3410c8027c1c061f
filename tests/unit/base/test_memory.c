// labels: quick
/* test_memory.c - allocation, arenas and buffers: sizes, alignment, and every failure survived. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "failing_mem.h"
#include "unit.h"

static void sizes_saturate(void **state)
{
    (void)state;
    assert_true(dlx__mul(SIZE_MAX / 2, 3) == SIZE_MAX);
    assert_true(dlx__mul(0, SIZE_MAX) == 0);
    assert_true(dlx__add(SIZE_MAX, 1) == SIZE_MAX);
    assert_true(dlx__align(SIZE_MAX - 3, 16) == SIZE_MAX);
    assert_int_equal(dlx__align(17, 16), 32);
    assert_int_equal(dlx__align(16, 16), 16);
}

static void saturated_sizes_fail(void **state)
{
    (void)state;
    assert_null(dlx__alloc(NULL, SIZE_MAX));
    assert_null(dlx__alloc_zero(NULL, SIZE_MAX / 2, 3));
    assert_null(dlx__alloc_aligned(NULL, SIZE_MAX - 8));
    char *p = dlx__alloc(NULL, 4);
    assert_null(dlx__realloc(NULL, p, SIZE_MAX));
    dlx__free(NULL, p);
    dlx__free(NULL, dlx__alloc(NULL, 0));
}

static void aligned_blocks_are_aligned(void **state)
{
    (void)state;
    failing_mem f;
    failing_mem_init(&f, 0);
    for (size_t n = 0; n < 300; n += 7) {
        unsigned char *p = dlx__alloc_aligned(&f.mem, n);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 64, 0);
        memset(p, 0xAA, n);
        dlx__free_aligned(&f.mem, p);
    }
    dlx__free_aligned(&f.mem, NULL);
    assert_int_equal(f.n_alive, 0);
}

static void arena_keeps_objects_apart(void **state)
{
    (void)state;
    failing_mem f;
    failing_mem_init(&f, 0);
    dlx__arena arena;
    dlx__arena_init(&arena, &f.mem);
    unsigned char *objects[2000];
    for (int i = 0; i < 2000; i++) {
        objects[i] = dlx__arena_alloc(&arena, 1, (size_t)i % 97 + 1);
        assert_int_equal((uintptr_t)objects[i] % 16, 0);
        for (int j = 0; j < i % 97 + 1; j++)
            assert_int_equal(objects[i][j], 0);
        memset(objects[i], i & 0xFF, (size_t)i % 97 + 1);
    }
    for (int i = 0; i < 2000; i++)
        assert_int_equal(objects[i][i % 97], i & 0xFF);
    assert_non_null(dlx__arena_alloc(&arena, 1, 5u << 20));
    assert_null(dlx__arena_alloc(&arena, SIZE_MAX / 2, 3));
    assert_string_equal(dlx__arena_strndup(&arena, "abcdef", 3), "abc");
    dlx__arena_release(&arena);
    assert_int_equal(f.n_alive, 0);
}

static void buf_grows_and_survives_failure(void **state)
{
    (void)state;
    failing_mem f;
    failing_mem_init(&f, 2);
    dlx__buf buf;
    dlx__buf_init(&buf, &f.mem);
    assert_true(dlx__buf_format(&buf, "%d-%s", 42, "x"));
    char block[100] = {0};
    assert_false(dlx__buf_append(&buf, block, sizeof block));
    assert_string_equal(buf.data, "42-x");
    assert_int_equal(buf.len, 4);
    dlx__buf_reset(&buf);
    assert_string_equal(buf.data, "");
    dlx__buf_release(&buf);
    assert_int_equal(f.n_alive, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_saturate),
        cmocka_unit_test(saturated_sizes_fail),
        cmocka_unit_test(aligned_blocks_are_aligned),
        cmocka_unit_test(arena_keeps_objects_apart),
        cmocka_unit_test(buf_grows_and_survives_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
