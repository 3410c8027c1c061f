// labels: quick
/* test_pool.c - every share once, every index once, the same result for any number of threads. */
#include "base/mem.h"
#include "base/os.h"
#include "base/pool.h"
#include "failing_mem.h"
#include "unit.h"

#include <pthread.h>

enum { N = 10007, MOST = 9 };

typedef struct job {
    double *out; /* [N] */
    int calls[MOST];
    int n_threads;
    int slow; /* this share less one takes its time; 0: none */
} job;

static void fill(void *arg, int thread, int n_threads)
{
    job *j = arg;
    size_t begin, end;
    dlx__pool_share(N, 16, thread, n_threads, &begin, &end);
    double until = j->slow == thread + 1 ? dlx__os_seconds() + 0.001 : 0.0;
    while (until > 0.0 && dlx__os_seconds() < until)
        continue;
    for (size_t i = begin; i < end; i++)
        j->out[i] += 1.0 / (double)(i + 1);
    j->calls[thread]++;
    if (thread == 0)
        j->n_threads = n_threads;
}

static void same_bits_for_any_team(void **state)
{
    (void)state;
    static double expected[N], out[N];
    memset(expected, 0, sizeof expected);
    job alone = {.out = expected};
    enum { RUNS = 200 };
    for (int i = 0; i < RUNS; i++)
        dlx__pool_run(NULL, fill, &alone);
    for (int n = 1; n < MOST; n++) {
        dlx__pool *pool;
        dlx_error err;
        assert_ok(dlx__pool_open(&pool, n, NULL, &err), &err);
        assert_int_equal(dlx__pool_size(pool), n);
        memset(out, 0, sizeof out);
        job j = {.out = out};
        for (int i = 0; i < RUNS; i++)
            dlx__pool_run(pool, fill, &j);
        dlx__pool_free(pool);
        assert_int_equal(j.n_threads, n);
        for (int t = 0; t < MOST; t++)
            assert_int_equal(j.calls[t], t < n ? RUNS : 0);
        assert_memory_equal(out, expected, sizeof out);
    }
}

static void nothing(void *arg, int thread, int n_threads)
{
    (void)arg;
    (void)thread;
    (void)n_threads;
}

static pthread_t ran[MOST];

static void note_thread(void *arg, int share, int n_shares)
{
    (void)arg;
    (void)n_shares;
    ran[share] = pthread_self();
}

/* The shares of threads that sleep are not waited for: whoever runs does them. */
static void shares_are_not_bound_to_threads(void **state)
{
    (void)state;
    dlx__pool *pool;
    dlx_error err;
    int n_taken = 0;
    assert_ok(dlx__pool_open(&pool, 3, NULL, &err), &err);
    for (int i = 0; i < 50; i++) {
        double until = dlx__os_seconds() + 0.002; /* all fall asleep */
        while (dlx__os_seconds() < until)
            continue;
        dlx__pool_run(pool, note_thread, NULL);
        n_taken += pthread_equal(ran[0], ran[1]) || pthread_equal(ran[0], ran[2]) ||
                   pthread_equal(ran[1], ran[2]);
    }
    dlx__pool_free(pool);
    assert_true(n_taken > 0);
}

/* A share that takes longest by far ends the run, whoever has it. */
static void last_one_is_awaited(void **state)
{
    (void)state;
    static double out[N];
    dlx__pool *pool;
    dlx_error err;
    assert_ok(dlx__pool_open(&pool, 4, NULL, &err), &err);
    for (int slow = 0; slow < 4; slow++)
        for (int i = 0; i < 20; i++) {
            job j = {.out = out, .slow = slow + 1};
            memset(out, 0, sizeof out);
            dlx__pool_run(pool, fill, &j);
            for (size_t k = 0; k < N; k++)
                assert_true(out[k] == 1.0 / (double)(k + 1));
        }
    dlx__pool_free(pool);
}

/* After a pause the workers sleep; the next run must wake them. Busy teams must not starve. */
static void sleepers_wake(void **state)
{
    (void)state;
    dlx__pool *pool;
    dlx_error err;
    assert_ok(dlx__pool_open(&pool, 4, NULL, &err), &err);
    for (int i = 0; i < 20; i++) {
        double until = dlx__os_seconds() + 0.005;
        while (dlx__os_seconds() < until)
            continue;
        for (int k = 0; k < 20; k++)
            dlx__pool_run(pool, nothing, NULL);
    }
    dlx__pool_free(pool);
    dlx__pool_free(NULL);
    assert_int_equal(dlx__pool_size(NULL), 1);
}

static void shares_tile_the_range(void **state)
{
    (void)state;
    static const size_t ns[] = {0, 1, 15, 16, 17, 100, 4096, 4097};
    static const size_t grains[] = {1, 2, 16, 33, 8192};
    for (size_t a = 0; a < DLX__LEN(ns); a++) {
        for (size_t b = 0; b < DLX__LEN(grains); b++) {
            for (int n_threads = 1; n_threads < 20; n_threads++) {
                size_t at = 0, most = 0, least = SIZE_MAX;
                for (int t = 0; t < n_threads; t++) {
                    size_t begin, end;
                    dlx__pool_share(ns[a], grains[b], t, n_threads, &begin, &end);
                    assert_int_equal(begin, at);
                    assert_true(end >= begin);
                    assert_true(end == ns[a] || end % grains[b] == 0);
                    size_t n_grains = (end - begin + grains[b] - 1) / grains[b];
                    most = n_grains > most ? n_grains : most;
                    least = n_grains < least ? n_grains : least;
                    at = end;
                }
                assert_int_equal(at, ns[a]);
                assert_true(most - least <= 1);
            }
        }
    }
    size_t begin, end;
    dlx__pool_share(SIZE_MAX, 64, 1, 2, &begin, &end);
    assert_true(end == SIZE_MAX && begin < end);
}

static void failures_are_sentences(void **state)
{
    (void)state;
    dlx__pool *pool;
    dlx_error err;
    assert_int_equal(dlx__pool_open(&pool, -1, NULL, &err), DLX_E_ARG);
    assert_says(&err, "found -1");
    for (size_t at = 1; at <= 2; at++) {
        failing_mem f;
        failing_mem_init(&f, at);
        assert_int_equal(dlx__pool_open(&pool, 3, &f.mem, &err), DLX_E_NOMEM);
        assert_null(pool);
        assert_int_equal(f.n_alive, 0);
    }
    assert_ok(dlx__pool_open(&pool, 0, NULL, &err), &err);
    assert_int_equal(dlx__pool_size(pool), dlx__os_n_fast_cores());
    dlx__pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bits_for_any_team), cmocka_unit_test(shares_are_not_bound_to_threads),
        cmocka_unit_test(last_one_is_awaited),    cmocka_unit_test(sleepers_wake),
        cmocka_unit_test(shares_tile_the_range),  cmocka_unit_test(failures_are_sentences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
