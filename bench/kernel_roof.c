/*
 * kernel_roof.c - how close products come to what the machine could do: the time to read the same
 * panels, or that of as many multiplications in registers, whichever is longer. Usage:
 *
 *   kernel_roof [kernels] [form] [shape] [rows] [threads] [turns]     ("-": all; best, -, -, -, -,
 * 20)
 *
 * BF16 is measured twice where the kernels can: with rows of floats against the peak of floats, and
 * with rows rounded to bf16 too against that of bf16.
 *
 * Reading, multiplying in registers and the product take turns, since the machine's speed and its
 * other work come and go. A line says the fraction of the roof by the best of each, by the medians,
 * and which roof it is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/os.h"
#include "base/pool.h"
#include "base/rng.h"
#include "dtype/convert.h"
#include "kernel/kernel.h"
#include "kernel_peak.h"

enum { MOST_ROWS = 64, STEP = 4 /* panels of a call, as the backend does it */, MOST_TURNS = 1000 };

typedef struct shape {
    size_t n_out, n_in;
} shape;

static const shape shapes[] = {{9728, 896}, {896, 4864}, {37888, 3584}};
static const size_t row_counts[] = {1, 4, 8, 12, 16, 32, 64};

/* A form, a stored type to fill its panels from, what its products could reach; do they read rows
 * rounded to bf16? */
static const struct {
    dlx__form form;
    dlx__dtype from;
    dlx__peak peak;
    bool halves;
} subjects[] = {
    {DLX__FORM_F32, DLX__F32, DLX__PEAK_F32, false},
    {DLX__FORM_BF16, DLX__BF16, DLX__PEAK_F32, false},
    {DLX__FORM_BF16, DLX__BF16, DLX__PEAK_BF16, true},
    {DLX__FORM_F16, DLX__F16, DLX__PEAK_F32, false},
    {DLX__FORM_I8, DLX__F32, DLX__PEAK_INT8, false},
    {DLX__FORM_Q8_0, DLX__Q8_0, DLX__PEAK_INT8, false},
    {DLX__FORM_Q8_1, DLX__Q5_1, DLX__PEAK_INT4, false},
    {DLX__FORM_Q4_0, DLX__Q4_0, DLX__PEAK_INT4, false},
    {DLX__FORM_Q4_1, DLX__Q4_1, DLX__PEAK_INT4, false},
    {DLX__FORM_Q4_K, DLX__Q4_K, DLX__PEAK_INT4, false},
    {DLX__FORM_Q5_K, DLX__Q5_K, DLX__PEAK_INT4, false},
    {DLX__FORM_Q6_K, DLX__Q6_K, DLX__PEAK_INT4, false},
};

typedef struct work {
    const dlx__kernels *k;
    dlx__packed w;
    dlx__acts a;
    const dlx__probe_loop *peak;
    size_t n_peak; /* rounds of a turn of the peak's loop, each thread */
    uint8_t *copies;
    size_t n_copies, turn;
} work;

static uint8_t *huge_pages(size_t n_bytes)
{
    uint8_t *p = dlx__alloc_aligned(NULL, n_bytes);
    if (!p) {
        fprintf(stderr, "no memory for %zu bytes\n", n_bytes);
        exit(1);
    }
    dlx__os_advise_huge(p, n_bytes);
    return p;
}

static void *allocated(size_t n_bytes)
{
    void *p = huge_pages(n_bytes);
    memset(p, 0, n_bytes);
    return p;
}

static float *random_floats(size_t n, dlx__rng *rng)
{
    float *x = allocated(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(2 * dlx__rng_uniform(rng) - 1);
    return x;
}

/* 16 rows of random weights. */
static uint8_t *few_rows(dlx__mat *m, dlx__dtype from, size_t n_in, dlx__rng *rng)
{
    const size_t bytes = dlx__dtype_bytes(from, n_in);
    uint8_t *rows = allocated(DLX__PANEL * bytes);
    float *x = random_floats(n_in, rng);
    for (size_t r = 0; r < DLX__PANEL; r++)
        dlx__from_f32(rows + r * bytes, from, x, n_in);
    dlx__free_aligned(NULL, x);
    *m = (dlx__mat){rows, from, DLX__PANEL, n_in, bytes};
    return rows;
}

/* false: the form does not take these shapes, or the table rounds no rows. */
static bool work_open(work *t, const dlx__kernels *k, size_t subject, shape s, size_t most_bytes)
{
    const bool halves = subjects[subject].halves;
    if (k->panel_bytes(subjects[subject].form, s.n_in) == SIZE_MAX || (halves && !k->halve))
        return false;
    dlx__rng rng;
    dlx__rng_seed(&rng, 1);
    dlx__mat m;
    uint8_t *rows = few_rows(&m, subjects[subject].from, s.n_in, &rng);
    const dlx__form form = subjects[subject].form;
    *t = (work){.k = k, .peak = peak_loop(subjects[subject].peak)};
    t->w = (dlx__packed){.form = form, .n_out = s.n_out, .n_in = s.n_in};
    t->w.n_panels = s.n_out / DLX__PANEL;
    t->w.panel_bytes = k->panel_bytes(form, s.n_in);
    const size_t n_bytes = t->w.n_panels * t->w.panel_bytes;
    t->n_copies = dlx__max(2, most_bytes / n_bytes);
    t->copies = huge_pages(t->n_copies * n_bytes);
    k->pack(t->copies, form, &m, 0);
    for (size_t p = 1; p < t->n_copies * t->w.n_panels; p++)
        memcpy(t->copies + p * t->w.panel_bytes, t->copies, t->w.panel_bytes);
    t->w.data = t->copies;
    if (most_bytes == 0)
        t->n_copies = 1;
    t->a = (dlx__acts){.stride = s.n_in + DLX__PANEL, .n_in = s.n_in};
    t->a.x = random_floats(MOST_ROWS * (s.n_in + DLX__PANEL), &rng);
    t->a.ints = allocated(k->ints_bytes(s.n_in, MOST_ROWS));
    t->a.halves = halves ? allocated(k->halves_bytes(s.n_in, MOST_ROWS)) : NULL;
    dlx__free_aligned(NULL, rows);
    return true;
}

static void work_release(work *t)
{
    dlx__free_aligned(NULL, t->copies);
    dlx__free_aligned(NULL, t->a.x);
    dlx__free_aligned(NULL, t->a.ints);
    dlx__free_aligned(NULL, t->a.halves);
}

static void product(void *arg, int thread, int n_threads)
{
    work *t = arg;
    static _Thread_local float y[MOST_ROWS * STEP * DLX__PANEL];
    size_t begin, end;
    dlx__pool_share(t->w.n_panels, 1, thread, n_threads, &begin, &end);
    for (size_t p = begin; p < end; p += STEP)
        t->k->gemm(y, STEP * DLX__PANEL, &t->a, &t->w, p, dlx__min(STEP, end - p));
}

static void reading(void *arg, int thread, int n_threads)
{
    work *t = arg;
    size_t begin, end;
    dlx__pool_share(t->w.n_panels, 1, thread, n_threads, &begin, &end);
    peak_read(t->w.data + begin * t->w.panel_bytes, (end - begin) * t->w.panel_bytes);
}

static void multiplying(void *arg, int thread, int n_threads)
{
    work *t = arg;
    (void)thread;
    (void)n_threads;
    t->peak->run(t->n_peak);
}

/* The weights that were used longest ago. */
static void next_copy(work *t)
{
    t->turn = (t->turn + 1) % t->n_copies;
    t->w.data = t->copies + t->turn * t->w.n_panels * t->w.panel_bytes;
}

static double seconds(dlx__pool *pool, dlx__pool_fn fn, work *t)
{
    next_copy(t);
    const double start = dlx__os_seconds();
    dlx__pool_run(pool, fn, t);
    return dlx__os_seconds() - start;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(work *t, dlx__pool *pool, size_t n_rows, size_t n_turns)
{
    static double read[MOST_TURNS], multiply[MOST_TURNS], gemm[MOST_TURNS];
    const double macs = (double)(t->w.n_out * t->w.n_in * n_rows);
    /* As many multiplications as the product's: a shorter turn would meet a faster machine. */
    const size_t n_threads = (size_t)dlx__pool_size(pool);
    t->n_peak = 2 * t->w.n_out * t->w.n_in * n_rows / n_threads / t->peak->n_ops + 1;
    const double peak_macs = (double)(t->n_peak * t->peak->n_ops / 2 * n_threads);
    t->a.n_rows = n_rows;
    for (size_t r = 0; r < n_rows; r++) {
        t->k->quantize(&t->a, r, 0, t->a.n_in, NULL);
        if (t->a.halves)
            t->k->halve(&t->a, r, 0, t->a.n_in);
    }
    dlx__pool_run(pool, product, t);
    for (size_t i = 0; i < n_turns; i++) {
        read[i] = seconds(pool, reading, t);
        multiply[i] = seconds(pool, multiplying, t) / peak_macs * macs;
        gemm[i] = seconds(pool, product, t);
    }
    qsort(read, n_turns, sizeof *read, ascending);
    qsort(multiply, n_turns, sizeof *multiply, ascending);
    qsort(gemm, n_turns, sizeof *gemm, ascending);
    const size_t mid = n_turns / 2;
    const double best = read[0] > multiply[0] ? read[0] : multiply[0];
    const double median = read[mid] > multiply[mid] ? read[mid] : multiply[mid];
    printf("%-5s%s %5zu x %4zu rows %2zu threads %d: %8.3f ms  %.2f best %.2f median  of %s  "
           "(%.1f GB/s, peak %.1f GMAC/s, got %.1f)\n",
           dlx__form_name(t->w.form), t->a.halves ? " rows too" : "", t->w.n_out, t->w.n_in, n_rows,
           dlx__pool_size(pool), gemm[0] * 1e3, best / gemm[0], median / gemm[mid],
           read[0] > multiply[0] ? "reading" : "peak",
           (double)(t->w.n_panels * t->w.panel_bytes) / read[0] * 1e-9, macs / multiply[0] * 1e-9,
           macs / gemm[0] * 1e-9);
    fflush(stdout);
}

/* Is this item asked for? */
static bool wanted(int argc, char **argv, int i, const char *name)
{
    return argc <= i || strcmp(argv[i], "-") == 0 || strcmp(argv[i], name) == 0;
}

/* The shapes of the list, or the one that is named. */
static size_t shapes_wanted(shape out[DLX__LEN(shapes)], const char *name)
{
    if (name && sscanf(name, "%zux%zu", &out[0].n_out, &out[0].n_in) == 2)
        return 1;
    memcpy(out, shapes, sizeof shapes);
    return DLX__LEN(shapes);
}

static bool wanted_number(int argc, char **argv, int i, size_t n)
{
    char text[32];
    snprintf(text, sizeof text, "%zu", n);
    return wanted(argc, argv, i, text);
}

int main(int argc, char **argv)
{
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    const char *name = argc > 1 && strcmp(argv[1], "-") != 0 ? argv[1] : NULL;
    const dlx__kernels *k = dlx__kernels_find(name, &cpu);
    const size_t n_turns = argc > 6 ? (size_t)atoi(argv[6]) : 20;
    const size_t most_bytes = (argc > 7 ? (size_t)atoi(argv[7]) : 256) << 20;
    if (!k || n_turns < 1 || n_turns > MOST_TURNS)
        return 2;
    dlx__pool *pools[2];
    for (int n = 1; n <= 2; n++)
        if (dlx__pool_open(&pools[n - 1], n, NULL, NULL) != DLX_OK)
            return 1;
    printf("kernels %s on %s\n", k->name, cpu.name);
    shape asked[DLX__LEN(shapes)];
    const size_t n_shapes = shapes_wanted(asked, argc > 3 ? argv[3] : NULL);
    for (size_t f = 0; f < DLX__LEN(subjects); f++)
        for (size_t s = 0; s < n_shapes; s++) {
            work t;
            if (!wanted(argc, argv, 2, dlx__form_name(subjects[f].form)) ||
                !work_open(&t, k, f, asked[s], most_bytes))
                continue;
            for (size_t r = 0; r < DLX__LEN(row_counts); r++)
                for (size_t n = 1; n <= 2; n++)
                    if (wanted_number(argc, argv, 4, row_counts[r]) &&
                        wanted_number(argc, argv, 5, n))
                        measure(&t, pools[n - 1], row_counts[r], n_turns);
            work_release(&t);
        }
    for (int n = 0; n < 2; n++)
        dlx__pool_free(pools[n]);
    return 0;
}
