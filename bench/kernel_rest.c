/*
 * kernel_rest.c - what the kernels beside products cost, on one thread. Usage:
 *
 *   kernel_rest [kernels] [turns]     (the best, 50)
 *
 * attend, over keys and values of each type, as a fraction of the multiplications that registers
 * allow, which are measured in turns with it; loops over rows in nanoseconds a number; packing in
 * bytes of the stored weights a second. Best and median of the turns.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/os.h"
#include "base/rng.h"
#include "dtype/convert.h"
#include "kernel/kernel.h"
#include "kernel_peak.h"

enum { MOST_TURNS = 1000, ROWS = 32, N = 4864, SLOTS = 2048, MOST_DIM = 128 };

typedef struct times {
    double best, median;
} times;

typedef struct subject {
    const dlx__kernels *k;
    float *x, *y, *z; /* [ROWS][N] */
    dlx__acts acts;
    float *floats;            /* [SLOTS][MOST_DIM] */
    void *kept;               /* as many of the type that is timed: keys and values */
    float *scales;            /* [SLOTS] */
    float *queries, *q, *out; /* [MOST_DIM][DLX__LANES]; q: a copy, which is not kept */
    size_t width;             /* lanes */
    dlx__attend_in in;
    const dlx__probe_loop *peak;
    dlx__mat stored;
    dlx__form form;
    uint8_t *panel;
} subject;

static void *allocated(size_t n_bytes)
{
    void *p = dlx__alloc_aligned(NULL, n_bytes);
    if (!p)
        exit(1);
    memset(p, 0, n_bytes);
    return p;
}

static float *random_floats(size_t n, float spread)
{
    dlx__rng rng;
    dlx__rng_seed(&rng, n);
    float *x = allocated(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = spread * (float)(2 * dlx__rng_uniform(&rng) - 1);
    return x;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double seconds(void (*run)(subject *s), subject *s)
{
    const double start = dlx__os_seconds();
    run(s);
    return dlx__os_seconds() - start;
}

static times best_and_median(double *t, size_t n)
{
    qsort(t, n, sizeof *t, ascending);
    return (times){t[0], t[n / 2]};
}

static times timed(void (*run)(subject *s), subject *s, size_t n_turns)
{
    static double t[MOST_TURNS];
    run(s);
    for (size_t i = 0; i < n_turns; i++)
        t[i] = seconds(run, s);
    return best_and_median(t, n_turns);
}

static void run_attend(subject *s)
{
    memcpy(s->q, s->queries, s->in.head_dim * s->width * sizeof *s->q);
    s->k->attend(s->out, s->q, s->width, &s->in);
}

static void run_peak(subject *s)
{
    s->peak->run(1000000 * 2 / s->peak->n_ops);
}

static void run_norm(subject *s)
{
    for (size_t r = 0; r < ROWS; r++)
        s->k->norm(s->y + r * N, s->x + r * N, s->z, N, 1e-6f);
}

static void run_rope(subject *s)
{
    for (size_t i = 0; i + 128 <= ROWS * N; i += 128)
        s->k->rope(s->x + i, s->z, s->z + 64, 64);
}

static void run_silu_mul(subject *s)
{
    for (size_t r = 0; r < ROWS; r++)
        s->k->silu_mul(s->y + r * N, s->x + r * N, s->z + r * N, N);
}

static void run_add(subject *s)
{
    s->k->add(s->y, s->z, ROWS * N);
}

static void run_quantize(subject *s)
{
    for (size_t r = 0; r < ROWS; r++)
        s->k->quantize(&s->acts, r, 0, N, NULL);
}

/* As the head does it: runs of 128 ids. */
static void run_stats(subject *s)
{
    dlx__stats stats;
    dlx__stats_reset(&stats);
    for (size_t i = 0; i + 128 <= ROWS * N; i += 128)
        s->k->stats(&stats, s->z + i, 128, (int32_t)i);
}

static void run_pack(subject *s)
{
    for (size_t i = 0; i * DLX__PANEL < s->stored.n_rows; i++)
        s->k->pack(s->panel, s->form, &s->stored, i);
}

/* What attention reads, and how it multiplies. */
typedef struct way {
    dlx__kv_type type;
    bool pairs;
} way;

static void set_way(subject *s, way w, size_t head_dim, int32_t *n_seen)
{
    for (size_t l = 0; l < DLX__LANES; l++)
        n_seen[l] = SLOTS;
    for (size_t slot = 0; slot < SLOTS; slot++) {
        const size_t at = slot * head_dim;
        uint8_t *to = (uint8_t *)s->kept + at * dlx__kv_number_bytes(w.type);
        dlx__kv_round(w.type, to, 1, s->scales + slot, s->floats + at, head_dim);
    }
    const dlx__kv_rows rows = {s->kept, w.type == DLX__KV_INT8 ? s->scales : NULL};
    s->in = (dlx__attend_in){.type = w.type,
                             .keys = rows,
                             .values = rows,
                             .n_seen = n_seen,
                             .n_slots = SLOTS,
                             .head_dim = head_dim,
                             .scale = 1.0f / sqrtf((float)head_dim),
                             .pairs = w.pairs};
    s->peak = peak_loop(w.pairs ? DLX__PEAK_BF16 : DLX__PEAK_F32);
}

/* The seconds of attention over floats are taken in turns with it. */
static void measure_attend(subject *s, way w, size_t head_dim, size_t width, size_t n_turns)
{
    static double t[MOST_TURNS], at_peak[MOST_TURNS], of_floats[MOST_TURNS];
    int32_t n_seen[DLX__LANES];
    const dlx__kv_rows floats = {s->floats, NULL};
    set_way(s, w, head_dim, n_seen);
    s->width = width;
    const dlx__attend_in in = s->in;
    for (size_t i = 0; i < n_turns; i++) {
        s->in = in;
        t[i] = seconds(run_attend, s);
        at_peak[i] = seconds(run_peak, s);
        s->in.type = DLX__KV_F32;
        s->in.pairs = false;
        s->in.keys = s->in.values = floats;
        of_floats[i] = seconds(run_attend, s);
    }
    const times turn = best_and_median(t, n_turns), peak = best_and_median(at_peak, n_turns);
    const times plain = best_and_median(of_floats, n_turns);
    const double macs = 2.0 * SLOTS * (double)width * (double)head_dim / 1e6;
    printf(
        "attend %-7s%s head_dim %3zu, %2zu lanes: %.3f ms, %.2f best %.2f median of the %s peak, "
        "%.2f of the time of float32\n",
        dlx__kv_type_name(w.type), w.pairs ? " pairs" : "", head_dim, width, turn.best * 1e3,
        peak.best * macs / turn.best, peak.median * macs / turn.median, w.pairs ? "bf16" : "f32",
        turn.best / plain.best);
}

static void measure_attends(subject *s, way w, size_t n_turns)
{
    for (size_t head_dim = 64; head_dim <= MOST_DIM; head_dim *= 2)
        for (size_t width = 8; width <= DLX__LANES; width *= 2)
            measure_attend(s, w, head_dim, width, n_turns);
}

static void measure_row(const char *name, void (*run)(subject *s), subject *s, size_t n_turns)
{
    const times t = timed(run, s, n_turns);
    printf("%-8s %.3f best %.3f median ns a number\n", name, t.best * 1e9 / (ROWS * N),
           t.median * 1e9 / (ROWS * N));
}

static void measure_pack(subject *s, dlx__dtype dtype, dlx__form form, size_t n_turns)
{
    enum { COLS = 4096, N_OUT = 512 };
    const size_t row_bytes = dlx__dtype_bytes(dtype, COLS);
    uint8_t *rows = allocated(N_OUT * row_bytes);
    float *x = random_floats(COLS, 1);
    for (size_t r = 0; r < N_OUT; r++)
        dlx__from_f32(rows + r * row_bytes, dtype, x, COLS);
    s->stored = (dlx__mat){rows, dtype, N_OUT, COLS, row_bytes};
    s->form = form;
    s->panel = allocated(s->k->panel_bytes(form, COLS));
    const times t = timed(run_pack, s, n_turns);
    printf("pack %-5s of %-5s %.2f best %.2f median GB/s\n", dlx__form_name(form),
           dlx__dtype_of(dtype)->name, (double)(N_OUT * row_bytes) / t.best * 1e-9,
           (double)(N_OUT * row_bytes) / t.median * 1e-9);
    dlx__free_aligned(NULL, rows);
    dlx__free_aligned(NULL, x);
    dlx__free_aligned(NULL, s->panel);
}

int main(int argc, char **argv)
{
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    subject s = {
        .k = dlx__kernels_find(argc > 1 && strcmp(argv[1], "-") != 0 ? argv[1] : NULL, &cpu)};
    const size_t n_turns = argc > 2 ? (size_t)atoi(argv[2]) : 50;
    if (!s.k || n_turns < 1 || n_turns > MOST_TURNS)
        return 2;
    s.x = random_floats(ROWS * N, 4);
    s.y = random_floats(ROWS * N, 4);
    s.z = random_floats(ROWS * N + 1, 4);
    s.floats = random_floats(SLOTS * MOST_DIM, 1);
    s.kept = allocated(SLOTS * MOST_DIM * sizeof(float));
    s.scales = random_floats(SLOTS, 1);
    s.queries = random_floats(MOST_DIM * DLX__LANES, 4);
    s.q = random_floats(MOST_DIM * DLX__LANES, 4);
    s.out = random_floats(MOST_DIM * DLX__LANES, 1);
    s.acts = (dlx__acts){s.x, N, N, ROWS, allocated(s.k->ints_bytes(N, ROWS)), NULL};
    printf("kernels %s on %s\n", s.k->name, cpu.name);
    for (int t = DLX__KV_F32; t < DLX__N_KV_TYPES; t++)
        measure_attends(&s, (way){(dlx__kv_type)t, false}, n_turns);
    if (s.k->halve)
        measure_attends(&s, (way){DLX__KV_BF16, true}, n_turns);
    measure_row("norm", run_norm, &s, n_turns);
    measure_row("rope", run_rope, &s, n_turns);
    measure_row("silu_mul", run_silu_mul, &s, n_turns);
    measure_row("add", run_add, &s, n_turns);
    measure_row("quantize", run_quantize, &s, n_turns);
    measure_row("stats", run_stats, &s, n_turns);
    for (int d = 0; d < DLX__N_DTYPES; d++) {
        const dlx__form form = dlx__form_of((dlx__dtype)d);
        measure_pack(&s, (dlx__dtype)d, form, n_turns);
        if (!dlx__form_is_int(form))
            measure_pack(&s, (dlx__dtype)d, DLX__FORM_I8, n_turns);
    }
    return 0;
}
