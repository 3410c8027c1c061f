/*
 * pool.c - a fork-join team. A generation number starts the workers, a counter of the unfinished
 * ends the run. Waiting is two-staged on both sides: spin a little, because the next piece of work
 * usually comes within microseconds, then sleep on a condition variable.
 */
#if !defined(_WIN32) && !defined(__APPLE__)
#define _POSIX_C_SOURCE 200809L
#endif

#include "base/pool.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

/*
 * PAUSES is some tens of microseconds; the few yields that follow let an oversubscribed machine run
 * whoever we wait for. When there are more threads than cores, spinning only steals from the
 * others.
 */
enum { PAUSES = 2000, YIELDS = 8, LINE = 64, MOST_THREADS = 1024 };

typedef struct worker {
    dlx__pool *pool;
    pthread_t thread;
    int index; /* 1 .. n_threads - 1 */
} worker;

struct dlx__pool {
    const dlx_allocator *mem;
    worker *workers; /* [n_threads - 1] */
    int n_threads;
    int n_pauses;
    dlx__pool_fn fn; /* NULL: leave. Written before `generation`, read after it */
    void *arg;
    pthread_mutex_t mutex;
    pthread_cond_t start;
    pthread_cond_t finish;
    /* On lines of their own, lest a waiting thread slow down the ones that write. */
    _Alignas(LINE) atomic_uint generation;
    atomic_int n_asleep;
    _Alignas(LINE) atomic_int n_unfinished;
    atomic_bool caller_asleep;
};

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Until `generation` differs from `seen`. Sleeping is announced before the last look, and the
 * caller looks for sleepers after it has moved the number: one of the two always sees the other. */
static void await_start(dlx__pool *pool, unsigned seen)
{
    for (int i = 0; i < pool->n_pauses + YIELDS; i++) {
        if (atomic_load_explicit(&pool->generation, memory_order_acquire) != seen)
            return;
        if (i < pool->n_pauses)
            relax();
        else
            sched_yield();
    }
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->n_asleep, 1);
    while (atomic_load(&pool->generation) == seen)
        pthread_cond_wait(&pool->start, &pool->mutex);
    atomic_fetch_sub(&pool->n_asleep, 1);
    pthread_mutex_unlock(&pool->mutex);
}

static void await_finish(dlx__pool *pool)
{
    for (int i = 0; i < pool->n_pauses + YIELDS; i++) {
        if (atomic_load_explicit(&pool->n_unfinished, memory_order_acquire) == 0)
            return;
        if (i < pool->n_pauses)
            relax();
        else
            sched_yield();
    }
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->caller_asleep, true);
    while (atomic_load(&pool->n_unfinished) != 0)
        pthread_cond_wait(&pool->finish, &pool->mutex);
    atomic_store(&pool->caller_asleep, false);
    pthread_mutex_unlock(&pool->mutex);
}

static void start_all(dlx__pool *pool, dlx__pool_fn fn, void *arg)
{
    pool->fn = fn;
    pool->arg = arg;
    atomic_store(&pool->n_unfinished, pool->n_threads - 1);
    atomic_fetch_add(&pool->generation, 1);
    if (atomic_load(&pool->n_asleep) > 0) {
        pthread_mutex_lock(&pool->mutex);
        pthread_cond_broadcast(&pool->start);
        pthread_mutex_unlock(&pool->mutex);
    }
}

static void *work(void *self_)
{
    worker *self = self_;
    dlx__pool *pool = self->pool;
    for (unsigned seen = 0;; seen++) {
        await_start(pool, seen);
        if (!pool->fn)
            return NULL;
        pool->fn(pool->arg, self->index, pool->n_threads);
        if (atomic_fetch_sub(&pool->n_unfinished, 1) == 1 && atomic_load(&pool->caller_asleep)) {
            pthread_mutex_lock(&pool->mutex);
            pthread_cond_signal(&pool->finish);
            pthread_mutex_unlock(&pool->mutex);
        }
    }
}

/* Ends the threads 1 .. n_threads - 1 and gives everything back. */
static void disband(dlx__pool *pool)
{
    const dlx_allocator *mem = pool->mem;
    start_all(pool, NULL, NULL);
    for (int i = 0; i < pool->n_threads - 1; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->finish);
    pthread_cond_destroy(&pool->start);
    pthread_mutex_destroy(&pool->mutex);
    dlx__free(mem, pool->workers);
    dlx__free_aligned(mem, pool);
}

static dlx_result spawn(dlx__pool *pool, int n_threads, dlx_error *err)
{
    for (int i = 1; i < n_threads; i++) {
        worker *w = &pool->workers[i - 1];
        *w = (worker){.pool = pool, .index = i};
        if (pthread_create(&w->thread, NULL, work, w) != 0)
            return dlx__fail(err, DLX_E_NOMEM,
                             "the system gives no thread number %d of %d; ask for fewer threads",
                             i + 1, n_threads);
        pool->n_threads = i + 1;
    }
    return DLX_OK;
}

dlx_result dlx__pool_open(dlx__pool **out, int n_threads, const dlx_allocator *mem, dlx_error *err)
{
    *out = NULL;
    if (n_threads < 0 || n_threads > MOST_THREADS)
        return dlx__fail(err, DLX_E_ARG, "threads: expected 0 (automatic) to %d, found %d",
                         MOST_THREADS, n_threads);
    if (n_threads == 0)
        n_threads = dlx__os_n_fast_cores();
    dlx__pool *pool = dlx__alloc_aligned(mem, sizeof *pool);
    worker *workers = dlx__alloc_zero(mem, (size_t)n_threads, sizeof *workers);
    if (!pool || !workers) {
        dlx__free_aligned(mem, pool);
        dlx__free(mem, workers);
        return dlx__fail_memory(err, "making the thread pool",
                                sizeof *pool + dlx__mul((size_t)n_threads, sizeof *workers));
    }
    pool->mem = mem;
    pool->workers = workers;
    pool->n_threads = 1;
    pool->n_pauses = n_threads <= dlx__os_n_cores() ? PAUSES : 0;
    pool->fn = NULL;
    pool->arg = NULL;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->start, NULL);
    pthread_cond_init(&pool->finish, NULL);
    atomic_init(&pool->generation, 0);
    atomic_init(&pool->n_asleep, 0);
    atomic_init(&pool->n_unfinished, 0);
    atomic_init(&pool->caller_asleep, false);
    dlx_result r = spawn(pool, n_threads, err);
    if (r != DLX_OK) {
        disband(pool);
        return r;
    }
    *out = pool;
    return DLX_OK;
}

void dlx__pool_free(dlx__pool *pool)
{
    if (pool)
        disband(pool);
}

int dlx__pool_size(const dlx__pool *pool)
{
    return pool ? pool->n_threads : 1;
}

void dlx__pool_run(dlx__pool *pool, dlx__pool_fn fn, void *arg)
{
    if (!pool || pool->n_threads == 1) {
        fn(arg, 0, 1);
        return;
    }
    start_all(pool, fn, arg);
    fn(arg, 0, pool->n_threads);
    await_finish(pool);
}

void dlx__pool_share(size_t n, size_t grain, int thread, int n_threads, size_t *begin, size_t *end)
{
    size_t n_grains = n / grain + (n % grain != 0);
    size_t each = n_grains / (size_t)n_threads;
    size_t extra = n_grains % (size_t)n_threads; /* the first threads take one more */
    size_t t = (size_t)thread;
    size_t first = t * each + dlx__min(t, extra);
    size_t last = first + each + (t < extra);
    *begin = dlx__min(dlx__mul(first, grain), n);
    *end = dlx__min(dlx__mul(last, grain), n);
}
