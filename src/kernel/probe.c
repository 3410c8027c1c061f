/*
 * probe.c - runs the loops of a set on all threads together. A repetition ends when the slowest
 * thread has ended, and its rate counts what all of them did.
 */
#include "kernel/probe.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"

#include <stdatomic.h>
#include <string.h>

static const dlx__probe_set *const sets[] = {
    &dlx__probe_scalar,
#if defined(__x86_64__)
    &dlx__probe_avx2,
    &dlx__probe_avx512,
#elif defined(__aarch64__)
    &dlx__probe_neon,
#endif
    NULL,
};

const dlx__probe_set *const *dlx__probe_sets(void)
{
    return sets;
}

const dlx__probe_set *dlx__probe_best(const dlx__cpu *cpu)
{
    const dlx__probe_set *best = sets[0];
    for (size_t i = 1; sets[i]; i++)
        if (sets[i]->runs_on(cpu))
            best = sets[i];
    return best;
}

const char *dlx__peak_name(dlx__peak peak)
{
    static const char *const names[] = {
#define PEAK_NAME(name, text) text,
        DLX__PEAKS(PEAK_NAME)
#undef PEAK_NAME
    };
    return names[peak];
}

enum { REPETITIONS = 8, MOST_LOOPS = 8, PAGE = 1 << 21 };
static const double LONG_ENOUGH = 0.001; /* seconds of a repetition */
static const size_t BUFFER = (size_t)256 << 20, WINDOW = (size_t)32 << 20;

struct dlx__probe {
    const dlx_allocator *mem;
    const dlx__probe_set *set;
    dlx__cpu cpu;
    dlx__pool *pool;
    uint8_t *block;
    uint8_t *bytes; /* [n_bytes], in the block, at a large page's edge */
    size_t n_bytes;
    size_t window;                   /* bytes that all threads read in one repetition of MEMORY */
    size_t at;                       /* of the next window, so that no cache has it yet */
    size_t n_read[DLX__N_READS];     /* bytes of a sweep */
    size_t n_sweeps[DLX__N_READS];   /* of a repetition */
    size_t n_rounds[MOST_LOOPS];     /* likewise */
    _Atomic uint64_t read_something; /* what was read is used, so that it must be read */
};

/* A piece of work that every thread does its part of. */
typedef struct job {
    dlx__probe *probe;
    const dlx__probe_loop *loop; /* NULL: read */
    size_t n_times;
    size_t from, n; /* bytes to read */
} job;

static void work(void *arg, int thread, int n_threads)
{
    const job *j = arg;
    size_t begin, end;
    if (j->loop) {
        j->loop->run(j->n_times);
        return;
    }
    uint64_t sum = 0;
    dlx__pool_share(j->n, DLX__PROBE_GRAIN, thread, n_threads, &begin, &end);
    for (size_t i = 0; i < j->n_times; i++)
        sum += j->probe->set->read(j->probe->bytes + j->from + begin, end - begin);
    atomic_fetch_xor(&j->probe->read_something, sum);
}

static void nothing(void *arg, int thread, int n_threads)
{
    (void)arg;
    (void)thread;
    (void)n_threads;
}

/* Seconds of a job. The threads are woken first: getting up is not part of the rate. */
static double seconds_of(job *j)
{
    dlx__pool_run(j->probe->pool, nothing, NULL);
    double start = dlx__os_seconds();
    dlx__pool_run(j->probe->pool, work, j);
    return dlx__os_seconds() - start;
}

static double best_seconds(job *j)
{
    double best = seconds_of(j);
    for (int i = 1; i < REPETITIONS; i++) {
        double seconds = seconds_of(j);
        best = seconds < best ? seconds : best;
    }
    return best;
}

/*
 * Repeats what takes `amount` as often as fills a repetition. How often that is comes from the
 * best repetition, which other work on the machine disturbed least; it is kept for the next round.
 */
static double best_rate(job *j, size_t *n_times, double amount)
{
    for (;;) {
        j->n_times = *n_times;
        double best = best_seconds(j);
        double short_by = LONG_ENOUGH / (best > 1e-9 ? best : 1e-9);
        if (short_by < 2 || *n_times > SIZE_MAX / 1000)
            return amount * (double)*n_times / best;
        *n_times *= short_by < 1000 ? (size_t)short_by + 1 : 1000;
    }
}

/* Each repetition reads the next window of the buffer: the caches hold what was read before it. */
static double memory_rate(dlx__probe *p)
{
    double best = 0;
    for (int i = 0; i < REPETITIONS; i++) {
        job j = {.probe = p, .n_times = 1, .from = p->at, .n = p->window};
        p->at = p->at + 2 * p->window <= p->n_bytes ? p->at + p->window : 0;
        double rate = (double)p->window / seconds_of(&j);
        best = rate > best ? rate : best;
    }
    return best;
}

static double read_rate(dlx__probe *p, dlx__read what)
{
    size_t n = p->n_read[what];
    if (n >= p->n_bytes)
        return memory_rate(p);
    job j = {.probe = p, .n = n};
    return best_rate(&j, &p->n_sweeps[what], (double)n);
}

static double peak_rate(dlx__probe *p, size_t loop)
{
    job j = {.probe = p, .loop = &p->set->loops[loop]};
    double n_ops = (double)j.loop->n_ops * dlx__pool_size(p->pool);
    return best_rate(&j, &p->n_rounds[loop], n_ops);
}

void dlx__probe_run(dlx__probe *p, dlx__rates *rates)
{
    *rates = (dlx__rates){.read = {0}};
    for (int i = 0; i < DLX__N_READS; i++)
        rates->read[i] = read_rate(p, (dlx__read)i);
    for (size_t i = 0; i < p->set->n_loops; i++) {
        const dlx__probe_loop *loop = &p->set->loops[i];
        double rate = loop->runs_on(&p->cpu) ? peak_rate(p, i) : 0;
        if (rate > rates->peak[loop->peak])
            rates->peak[loop->peak] = rate;
    }
    const double f32 = rates->peak[DLX__PEAK_F32], int8 = rates->peak[DLX__PEAK_INT8];
    if (rates->peak[DLX__PEAK_BF16] < f32)
        rates->peak[DLX__PEAK_BF16] = f32;
    if (int8 < f32)
        rates->peak[DLX__PEAK_INT8] = f32;
    if (rates->peak[DLX__PEAK_INT4] < rates->peak[DLX__PEAK_INT8])
        rates->peak[DLX__PEAK_INT4] = rates->peak[DLX__PEAK_INT8];
}

size_t dlx__probe_bytes(int n_threads)
{
    size_t threads = (size_t)(n_threads > 0 ? n_threads : dlx__os_n_fast_cores());
    size_t n = dlx__max(BUFFER, dlx__mul(4 * WINDOW, threads));
    size_t memory = dlx__os_total_memory();
    if (memory)
        n = dlx__min(n, memory / 8);
    return dlx__align(n, PAGE);
}

static size_t whole_grains(size_t n)
{
    return dlx__max(n / DLX__PROBE_GRAIN, 1) * DLX__PROBE_GRAIN;
}

/* Written once, so that every page is there. */
static void fill(void *arg, int thread, int n_threads)
{
    dlx__probe *p = arg;
    size_t begin, end;
    dlx__pool_share(p->n_bytes, PAGE, thread, n_threads, &begin, &end);
    memset(p->bytes + begin, 1, end - begin);
}

dlx_result dlx__probe_open(dlx__probe **out, const dlx__probe_opts *o, const dlx_allocator *mem,
                           dlx_error *err)
{
    *out = NULL;
    dlx__probe *p = dlx__alloc_zero(mem, 1, sizeof *p);
    if (!p)
        return dlx__fail_memory(err, "preparing to probe the machine", sizeof *p);
    p->mem = mem;
    dlx__cpu_detect(&p->cpu);
    p->set = dlx__probe_best(&p->cpu);
    dlx_result r = dlx__pool_open(&p->pool, o->n_threads, mem, err);
    if (r != DLX_OK) {
        dlx__free(mem, p);
        return r;
    }
    size_t n_threads = (size_t)dlx__pool_size(p->pool);
    p->n_bytes = dlx__probe_bytes((int)n_threads);
    p->window = whole_grains(dlx__min(dlx__mul(WINDOW, n_threads), p->n_bytes / 2));
    for (int i = 0; i < DLX__N_READS; i++)
        p->n_sweeps[i] = 1;
    for (int i = 0; i < MOST_LOOPS; i++)
        p->n_rounds[i] = 1;
    p->n_read[DLX__READ_MEMORY] = p->n_bytes;
    p->n_read[DLX__READ_WEIGHTS] = whole_grains(o->weights_bytes);
    p->n_read[DLX__READ_LAYER] = whole_grains(o->layer_bytes);
    p->block = dlx__alloc_aligned(mem, p->n_bytes + PAGE);
    if (!p->block) {
        dlx__probe_free(p);
        return dlx__fail_memory(err, "preparing to probe the machine; fewer threads need less",
                                dlx__probe_bytes((int)n_threads));
    }
    p->bytes = p->block + (dlx__align((uintptr_t)p->block, PAGE) - (uintptr_t)p->block);
    dlx__os_advise_huge(p->bytes, p->n_bytes);
    dlx__pool_run(p->pool, fill, p);
    *out = p;
    return DLX_OK;
}

void dlx__probe_free(dlx__probe *p)
{
    if (!p)
        return;
    dlx__pool_free(p->pool);
    dlx__free_aligned(p->mem, p->block);
    dlx__free(p->mem, p);
}

const char *dlx__probe_name(const dlx__probe *p)
{
    return p->set->name;
}
