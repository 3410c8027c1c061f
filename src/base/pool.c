/*
 * pool.c - a fork-join team. A generation number starts the workers, a counter of the unfinished
 * shares ends the run.
 *
 * What makes this slow is another process on one of the cores. The thread whose turn it is not
 * holds up all the others, for milliseconds where a run takes microseconds. Therefore:
 *   - a share is not bound to its thread: whoever is done with his own takes what nobody has begun,
 *     and the run ends with the last share, not with the last thread;
 *   - waiting is two-staged: spin, because the next piece of work usually comes within
 *     microseconds, then sleep, because the thread waited for may need this very core. How long
 *     to spin is learned from the waits before;
 *   - nobody yields: the core would be gone for the whole time slice of the busy process.
 * What remains is the wait for a thread that the system stops within its share.
 */
#if !defined(_WIN32) && !defined(__APPLE__)
#define _POSIX_C_SOURCE 200809L
#endif

#include "base/pool.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"

#include <pthread.h>
#include <stdatomic.h>

/*
 * Patience is counted in pauses of the processor: MOST_PAUSES is some tens of microseconds. A wait
 * that spinning ends adds MORE_PAUSES. One that ends in sleep halves it, unless the sleep was so
 * short that spinning would have been better: that doubles it, lest a team that began to sleep
 * spend each run on waking up.
 */
static const double SHORT_SLEEP = 100e-6; /* seconds */
enum { FEW_PAUSES = 50, MOST_PAUSES = 2000, MORE_PAUSES = 4, LINE = 64, MOST_THREADS = 1024 };

/* What each thread has for itself, on a line of its own. */
typedef struct member {
    _Alignas(LINE) atomic_bool share_is_free; /* its share of the run is there to be taken */
    int patience;
    dlx__pool *pool;
    pthread_t thread;
    int index;
} member;

struct dlx__pool {
    const dlx_allocator *mem;
    member *members; /* [n_threads]; the first is the caller */
    int n_threads;
    int most_pauses;
    dlx__pool_fn fn; /* written before the shares become free, read by who has taken one */
    void *arg;
    atomic_bool leave;
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

static void set_patience(member *m, int patience)
{
    int most = m->pool->most_pauses;
    patience = patience < FEW_PAUSES ? FEW_PAUSES : patience;
    m->patience = patience > most ? most : patience;
}

/* What a wait that slept since `begun` teaches: had it been better to spin on? */
static void learn_from_sleep(member *m, double begun)
{
    bool short_sleep = dlx__os_seconds() - begun < SHORT_SLEEP;
    set_patience(m, short_sleep ? 2 * m->patience : m->patience / 2);
}

/* Until `generation` differs from `seen`. Sleeping is announced before the last look, and the
 * caller looks for sleepers after it has moved the number: one of the two always sees the other. */
static void await_start(member *m, unsigned seen)
{
    dlx__pool *pool = m->pool;
    for (int i = 0; i <= m->patience; i++) {
        if (atomic_load_explicit(&pool->generation, memory_order_acquire) != seen) {
            set_patience(m, m->patience + MORE_PAUSES);
            return;
        }
        relax();
    }
    double begun = dlx__os_seconds();
    pthread_mutex_lock(&pool->mutex);
    atomic_fetch_add(&pool->n_asleep, 1);
    while (atomic_load(&pool->generation) == seen)
        pthread_cond_wait(&pool->start, &pool->mutex);
    atomic_fetch_sub(&pool->n_asleep, 1);
    pthread_mutex_unlock(&pool->mutex);
    learn_from_sleep(m, begun);
}

static void await_finish(dlx__pool *pool)
{
    member *caller = &pool->members[0];
    for (int i = 0; i <= caller->patience; i++) {
        if (atomic_load_explicit(&pool->n_unfinished, memory_order_acquire) == 0) {
            set_patience(caller, caller->patience + MORE_PAUSES);
            return;
        }
        relax();
    }
    double begun = dlx__os_seconds();
    pthread_mutex_lock(&pool->mutex);
    atomic_store(&pool->caller_asleep, true);
    while (atomic_load(&pool->n_unfinished) != 0)
        pthread_cond_wait(&pool->finish, &pool->mutex);
    atomic_store(&pool->caller_asleep, false);
    pthread_mutex_unlock(&pool->mutex);
    learn_from_sleep(caller, begun);
}

static void start_all(dlx__pool *pool)
{
    atomic_fetch_add(&pool->generation, 1);
    if (atomic_load(&pool->n_asleep) > 0) {
        pthread_mutex_lock(&pool->mutex);
        pthread_cond_broadcast(&pool->start);
        pthread_mutex_unlock(&pool->mutex);
    }
}

static void finish_share(dlx__pool *pool)
{
    if (atomic_fetch_sub(&pool->n_unfinished, 1) == 1 && atomic_load(&pool->caller_asleep)) {
        pthread_mutex_lock(&pool->mutex);
        pthread_cond_signal(&pool->finish);
        pthread_mutex_unlock(&pool->mutex);
    }
}

/*
 * Its own share first, then what is left of the others'. Whoever comes late, even a run too late,
 * finds either no share or one of the run that is on: that run cannot end before him.
 */
static void take_shares(dlx__pool *pool, int first)
{
    for (int i = 0; i < pool->n_threads; i++) {
        int share = (first + i) % pool->n_threads;
        atomic_bool *is_free = &pool->members[share].share_is_free;
        if (!atomic_load_explicit(is_free, memory_order_relaxed) ||
            !atomic_exchange_explicit(is_free, false, memory_order_acquire))
            continue;
        pool->fn(pool->arg, share, pool->n_threads);
        finish_share(pool);
    }
}

static void *work(void *self)
{
    member *m = self;
    for (unsigned seen = 0;;) {
        await_start(m, seen);
        seen = atomic_load(&m->pool->generation);
        if (atomic_load(&m->pool->leave))
            return NULL;
        take_shares(m->pool, m->index);
    }
}

/* Ends the threads 1 .. n_threads - 1 and gives everything back. */
static void disband(dlx__pool *pool)
{
    const dlx_allocator *mem = pool->mem;
    atomic_store(&pool->leave, true);
    start_all(pool);
    for (int i = 1; i < pool->n_threads; i++)
        pthread_join(pool->members[i].thread, NULL);
    pthread_cond_destroy(&pool->finish);
    pthread_cond_destroy(&pool->start);
    pthread_mutex_destroy(&pool->mutex);
    dlx__free_aligned(mem, pool->members);
    dlx__free_aligned(mem, pool);
}

static dlx_result spawn(dlx__pool *pool, int n_threads, dlx_error *err)
{
    for (int i = 1; i < n_threads; i++) {
        member *m = &pool->members[i];
        if (pthread_create(&m->thread, NULL, work, m) != 0)
            return dlx__fail(err, DLX_E_NOMEM,
                             "the system gives no thread number %d of %d; ask for fewer threads",
                             i + 1, n_threads);
        pool->n_threads = i + 1;
    }
    return DLX_OK;
}

static void set_up(dlx__pool *pool, member *members, int n_threads, const dlx_allocator *mem)
{
    pool->mem = mem;
    pool->members = members;
    pool->n_threads = 1;
    /* With more threads than cores, spinning only steals from the others. */
    pool->most_pauses = n_threads <= dlx__os_n_cores() ? MOST_PAUSES : 0;
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->start, NULL);
    pthread_cond_init(&pool->finish, NULL);
    atomic_init(&pool->generation, 0);
    atomic_init(&pool->n_asleep, 0);
    atomic_init(&pool->n_unfinished, 0);
    atomic_init(&pool->caller_asleep, false);
    atomic_init(&pool->leave, false);
    for (int i = 0; i < n_threads; i++) {
        members[i] = (member){.pool = pool, .index = i, .patience = pool->most_pauses};
        atomic_init(&members[i].share_is_free, false);
    }
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
    size_t n_bytes = dlx__mul((size_t)n_threads, sizeof(member));
    member *members = dlx__alloc_aligned(mem, n_bytes);
    if (!pool || !members) {
        dlx__free_aligned(mem, pool);
        dlx__free_aligned(mem, members);
        return dlx__fail_memory(err, "making the thread pool", sizeof *pool + n_bytes);
    }
    set_up(pool, members, n_threads, mem);
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
    pool->fn = fn;
    pool->arg = arg;
    atomic_store_explicit(&pool->n_unfinished, pool->n_threads, memory_order_relaxed);
    for (int i = 0; i < pool->n_threads; i++)
        atomic_store_explicit(&pool->members[i].share_is_free, true, memory_order_release);
    start_all(pool);
    take_shares(pool, 0);
    await_finish(pool);
}

void dlx__pool_share(size_t n, size_t grain, int share, int n_shares, size_t *begin, size_t *end)
{
    size_t n_grains = n / grain + (n % grain != 0);
    size_t each = n_grains / (size_t)n_shares;
    size_t extra = n_grains % (size_t)n_shares; /* the first shares have one more */
    size_t t = (size_t)share;
    size_t first = t * each + dlx__min(t, extra);
    size_t last = first + each + (t < extra);
    *begin = dlx__min(dlx__mul(first, grain), n);
    *end = dlx__min(dlx__mul(last, grain), n);
}
