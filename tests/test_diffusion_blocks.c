/*
 * The contract of diffusion blocks: creating, looking up, revealing, completing, listing masks,
 * resetting. Named as in the original system, whose block tests these follow one by one.
 */
#include "unit.h"

#include "base/base.h"
#include "runtime/diffusion.h"

enum { MASK = 126336, N = 64, MAX_BLOCKS = 8, LONG = 10000 };

typedef struct fixture {
    dlx_token canvas[LONG];
    dlx__block storage[MAX_BLOCKS];
    dlx__block_manager m;
    dlx_error err;
} fixture;

static fixture f;

static int setup(void **state)
{
    (void)state;
    memset(&f, 0, sizeof f);
    for (size_t i = 0; i < LONG; i++)
        f.canvas[i] = MASK;
    dlx__block_manager_init(&f.m, f.canvas, N, MASK, f.storage, MAX_BLOCKS);
    return 0;
}

static size_t create(size_t start, size_t n)
{
    size_t id = SIZE_MAX;
    assert_ok(dlx__block_create(&f.m, start, n, &id, &f.err), &f.err);
    return id;
}

static void accept(size_t id, size_t local, dlx_token token)
{
    assert_ok(dlx__block_accept(&f.m, id, local, token, &f.err), &f.err);
}

static void refused_accept(size_t id, size_t local, dlx_token token, const char *words)
{
    assert_int_equal(dlx__block_accept(&f.m, id, local, token, &f.err), DLX_E_ARG);
    assert_says(&f.err, words);
}

static void refused_create(size_t start, size_t n, const char *words)
{
    size_t id;
    assert_true(dlx__block_create(&f.m, start, n, &id, &f.err) < 0);
    assert_says(&f.err, words);
}

static void test_fields_of_a_new_block(void **state)
{
    (void)state;
    const dlx__block *b = dlx__block_get(&f.m, create(10, 5));
    assert_int_equal(b->id, 0);
    assert_int_equal(b->start, 10);
    assert_int_equal(b->n, 5);
    assert_int_equal(b->n_masked, 5);
    assert_true(b->is_active);
    assert_int_equal(f.m.mask_id, MASK);
}

static void test_accept_writes_the_canvas(void **state)
{
    (void)state;
    size_t id = create(10, 5);
    accept(id, 2, 42);
    assert_int_equal(f.canvas[12], 42);
    assert_int_equal(dlx__block_get(&f.m, id)->n_masked, 4);
}

static void test_masks_at_first_are_all_positions(void **state)
{
    (void)state;
    size_t out[8];
    const dlx__block *b = dlx__block_get(&f.m, create(10, 5));
    assert_int_equal(dlx__block_masks(&f.m, b, 0, b->n, out, 8), 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(out[i], 10 + i);
}

static void test_accepted_positions_are_no_masks(void **state)
{
    (void)state;
    size_t out[8];
    size_t id = create(10, 5);
    accept(id, 1, 7);
    accept(id, 4, 8);
    const dlx__block *b = dlx__block_get(&f.m, id);
    assert_int_equal(dlx__block_masks(&f.m, b, 0, b->n, out, 8), 3);
    assert_int_equal(out[0], 10);
    assert_int_equal(out[1], 12);
    assert_int_equal(out[2], 13);
}

static void test_part_of_a_block(void **state)
{
    (void)state;
    size_t out[8];
    const dlx__block *b = dlx__block_get(&f.m, create(10, 8));
    assert_int_equal(dlx__block_masks(&f.m, b, 4, 99, out, 8), 4);
    assert_int_equal(out[0], 14);
    assert_int_equal(dlx__block_masks(&f.m, b, 0, 8, out, 2), 8); /* counts beyond the capacity */
    assert_int_equal(dlx__block_masks(&f.m, b, 0, 8, NULL, 0), 8);
}

static void test_complete_blocks_become_inactive(void **state)
{
    (void)state;
    size_t id = create(0, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_true(dlx__block_get(&f.m, id)->is_active);
        accept(id, i, (dlx_token)i);
    }
    assert_false(dlx__block_get(&f.m, id)->is_active);
    assert_int_equal(dlx__block_get(&f.m, id)->n_masked, 0);
}

static void test_given_tokens_are_no_masks(void **state)
{
    (void)state;
    f.canvas[4] = 9; /* the prompt's tail shares the first block */
    const dlx__block *b = dlx__block_get(&f.m, create(4, 4));
    assert_int_equal(b->n_masked, 3);
    f.canvas[8] = f.canvas[9] = 1;
    assert_false(dlx__block_get(&f.m, create(8, 2))->is_active);
    refused_accept(0, 0, 5, "revealed already");
    assert_int_equal(f.canvas[4], 9);
}

static void test_manager_begins_empty(void **state)
{
    (void)state;
    size_t out[4];
    assert_int_equal(f.m.n, 0);
    assert_false(dlx__block_any_active(&f.m));
    assert_null(dlx__block_next_active(&f.m, 0));
    assert_int_equal(dlx__block_all_masks(&f.m, out, 4), 0);
}

static void test_ids_count_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(create(i * 4, 4), i);
}

static void test_lookup(void **state)
{
    (void)state;
    create(0, 4);
    create(4, 8);
    assert_int_equal(dlx__block_get(&f.m, 1)->start, 4);
    assert_int_equal(dlx__block_get(&f.m, 1)->n, 8);
    assert_null(dlx__block_get(&f.m, 2));
    assert_null(dlx__block_get(&f.m, SIZE_MAX));
}

static void test_active_blocks_exclude_finished_ones(void **state)
{
    (void)state;
    create(0, 1);
    create(1, 2);
    create(3, 1);
    accept(0, 0, 5);
    const dlx__block *b = dlx__block_next_active(&f.m, 0);
    assert_int_equal(b->id, 1);
    assert_int_equal(dlx__block_next_active(&f.m, b->id + 1)->id, 2);
    assert_null(dlx__block_next_active(&f.m, 3));
}

static void test_any_active(void **state)
{
    (void)state;
    create(0, 2);
    assert_true(dlx__block_any_active(&f.m));
    accept(0, 0, 1);
    accept(0, 1, 2);
    assert_false(dlx__block_any_active(&f.m));
}

static void test_masks_of_all_blocks_in_order(void **state)
{
    (void)state;
    size_t out[8];
    const size_t want[] = {0, 2, 3, 5};
    create(0, 3);
    create(3, 3);
    accept(0, 1, 1);
    accept(1, 1, 1);
    assert_int_equal(dlx__block_all_masks(&f.m, out, 8), 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(out[i], want[i]);
    assert_int_equal(dlx__block_all_masks(&f.m, out, 1), 4);
}

static void test_reset(void **state)
{
    (void)state;
    create(0, 3);
    accept(0, 0, 1);
    dlx__block_manager_reset(&f.m);
    assert_int_equal(f.m.n, 0);
    assert_null(dlx__block_get(&f.m, 0));
    assert_int_equal(create(0, 3), 0);
    assert_int_equal(dlx__block_get(&f.m, 0)->n_masked, 2); /* the canvas stays */
}

static void test_block_of_one(void **state)
{
    (void)state;
    size_t id = create(63, 1);
    accept(id, 0, 3);
    assert_false(dlx__block_get(&f.m, id)->is_active);
}

static void test_long_block(void **state)
{
    (void)state;
    dlx__block_manager_init(&f.m, f.canvas, LONG, MASK, f.storage, MAX_BLOCKS);
    size_t id = create(0, LONG);
    assert_int_equal(dlx__block_get(&f.m, id)->n_masked, LONG);
    accept(id, LONG - 1, 1);
    refused_accept(id, LONG, 1, "outside");
}

static void test_positions_outside(void **state)
{
    (void)state;
    size_t id = create(10, 5);
    refused_accept(id, 5, 1, "outside");
    refused_accept(id, 100, 1, "outside");
    refused_accept(id, SIZE_MAX, 1, "outside"); /* what -1 becomes */
    accept(id, 0, 1);
    accept(id, 4, 1);
    assert_int_equal(f.canvas[10], 1);
    assert_int_equal(f.canvas[14], 1);
    assert_int_equal(f.canvas[15], MASK);
}

static void test_twice_is_refused(void **state)
{
    (void)state;
    size_t id = create(0, 4);
    accept(id, 2, 11);
    refused_accept(id, 2, 12, "revealed already");
    assert_int_equal(f.canvas[2], 11);
    assert_int_equal(dlx__block_get(&f.m, id)->n_masked, 3);
}

static void test_mask_reveals_nothing(void **state)
{
    (void)state;
    size_t id = create(0, 4);
    refused_accept(id, 0, MASK, "mask id");
    assert_int_equal(dlx__block_get(&f.m, id)->n_masked, 4);
}

static void test_unknown_block(void **state)
{
    (void)state;
    refused_accept(0, 0, 1, "no diffusion block 0");
    create(0, 4);
    refused_accept(7, 0, 1, "no diffusion block 7");
}

static void test_bad_extents(void **state)
{
    (void)state;
    refused_create(0, 0, "at least one");
    refused_create(N, 1, "leaves the canvas");
    refused_create(N - 1, 2, "leaves the canvas");
    refused_create(SIZE_MAX, 1, "leaves the canvas"); /* what -1 becomes */
    refused_create(1, SIZE_MAX, "leaves the canvas");
    assert_int_equal(f.m.n, 0);
}

static void test_capacity(void **state)
{
    (void)state;
    for (size_t i = 0; i < MAX_BLOCKS; i++)
        create(i, 1);
    refused_create(20, 1, "no room");
}

#define T(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {T(test_fields_of_a_new_block),
                                       T(test_accept_writes_the_canvas),
                                       T(test_masks_at_first_are_all_positions),
                                       T(test_accepted_positions_are_no_masks),
                                       T(test_part_of_a_block),
                                       T(test_complete_blocks_become_inactive),
                                       T(test_given_tokens_are_no_masks),
                                       T(test_manager_begins_empty),
                                       T(test_ids_count_up),
                                       T(test_lookup),
                                       T(test_active_blocks_exclude_finished_ones),
                                       T(test_any_active),
                                       T(test_masks_of_all_blocks_in_order),
                                       T(test_reset),
                                       T(test_block_of_one),
                                       T(test_long_block),
                                       T(test_positions_outside),
                                       T(test_twice_is_refused),
                                       T(test_mask_reveals_nothing),
                                       T(test_unknown_block),
                                       T(test_bad_extents),
                                       T(test_capacity)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
