/*
 * pass_time.c - milliseconds of one pass of the cpu backend on a model with random weights, and
 * the memory that this takes. No file is read. Usage:
 *
 *   pass_time [rows] [threads] [type] [passes] [kernels]    (32 0 bf16 9, the best kernels)
 *
 * The shape is that of Qwen2.5-0.5B; a pass is a step and the statistics of the head on all rows.
 * Best and median of the passes are printed: on a machine with other work only the best tells
 * what the code needs.
 */
#include "backends/cpu/session.h"
#include "base/os.h"
#include "unit/backends/random_model.h"

enum { MOST_ROWS = 512, N_CTX = 1024, MOST_PASSES = 1000 };

static const random_shape shape = {.n_layers = 24,
                                   .n_embd = 896,
                                   .n_heads = 14,
                                   .n_heads_kv = 2,
                                   .head_dim = 64,
                                   .n_ff = 4864,
                                   .n_vocab = 151936,
                                   .qkv_bias = true,
                                   .tied = true};

extern const dlx__backend_class dlx__backend_cpu;

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void check(dlx_result r, const dlx_error *err)
{
    if (r == DLX_OK)
        return;
    fprintf(stderr, "%s\n", err->text);
    exit(1);
}

/* One pass: seconds of the step, and of the head beside it. */
static double pass(dlx__backend *b, size_t n, size_t start, double *head_seconds)
{
    static dlx_token ids[MOST_ROWS];
    static size_t rows[MOST_ROWS];
    static dlx__row_stat stats[MOST_ROWS];
    dlx_error err = {.code = DLX_OK};
    for (size_t i = 0; i < n; i++) {
        ids[i] = (dlx_token)((start + i) * 7919 % shape.n_vocab);
        rows[i] = i;
    }
    dlx__step step = {.ids = ids,
                      .n = n,
                      .start = start,
                      .n_kv = start,
                      .visibility = DLX__VISIBLE_BLOCK_CAUSAL,
                      .block = 32};
    dlx__head head = {.rows = rows, .n = n, .stats = stats};
    double t0 = dlx__os_seconds();
    check(dlx__backend_cpu.step(b, &step, &err), &err);
    double t1 = dlx__os_seconds();
    check(dlx__backend_cpu.head(b, &head, &err), &err);
    *head_seconds = dlx__os_seconds() - t1;
    return t1 - t0;
}

static void measure(dlx__backend *b, size_t n, size_t context, size_t n_passes)
{
    static double total[MOST_PASSES], step[MOST_PASSES], head[MOST_PASSES];
    for (size_t at = 0; at < context; at += 32) /* fills the cache */
        pass(b, 32, at, &head[0]);
    pass(b, n, context, &head[0]);
    for (size_t i = 0; i < n_passes; i++) {
        step[i] = pass(b, n, context, &head[i]);
        total[i] = step[i] + head[i];
    }
    qsort(total, n_passes, sizeof *total, ascending);
    qsort(step, n_passes, sizeof *step, ascending);
    qsort(head, n_passes, sizeof *head, ascending);
    printf("rows %zu context %zu: best %.1f ms (layers %.1f, head %.1f), median %.1f ms\n", n,
           context, total[0] * 1e3, step[0] * 1e3, head[0] * 1e3, total[n_passes / 2] * 1e3);
}

static dlx__dtype type_named(const char *name)
{
    for (int i = 0; i < DLX__N_DTYPES; i++)
        if (strcmp(dlx__dtype_of((dlx__dtype)i)->name, name) == 0)
            return (dlx__dtype)i;
    fprintf(stderr, "unknown type %s\n", name);
    exit(2);
}

static const dlx__kernels *kernels_named(const char *name)
{
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    const dlx__kernels *const *list = dlx__kernels_list();
    for (size_t i = 0; name && list[i]; i++)
        if (strcmp(list[i]->name, name) == 0 && list[i]->runs_on(&cpu))
            return list[i];
    return dlx__kernels_best(&cpu);
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? (size_t)atoi(argv[1]) : 32;
    int n_threads = argc > 2 ? atoi(argv[2]) : 0;
    random_shape s = shape;
    s.dtype = type_named(argc > 3 ? argv[3] : "bf16");
    size_t n_passes = argc > 4 ? (size_t)atoi(argv[4]) : 9;
    if (n < 1 || n > MOST_ROWS || n_passes < 1 || n_passes > MOST_PASSES)
        return 2;
    const dlx__kernels *kernels = kernels_named(argc > 5 ? argv[5] : NULL);
    random_model *m = random_model_open(&s, 1);
    dlx_error err = {.code = DLX_OK};
    check(dlx__graph_check(&m->model.graph, &err), &err);
    dlx__backend_opts opts = {
        .n_ctx = N_CTX, .n_rows = dlx__max(n, 32), .n_streams = 1, .n_threads = n_threads};
    dlx__backend *b;
    check(dlx__cpu_open(&b, &m->model, &opts, kernels, &err), &err);
    printf("kernels %s, threads %d, weights %s\n", kernels->name, b->n_threads,
           dlx__dtype_of(s.dtype)->name);
    measure(b, n, 0, n_passes);
    measure(b, n, 512, n_passes);
    double mib = 1024.0 * 1024.0;
    size_t kv = dlx__kv_bytes(shape.n_layers, shape.n_heads_kv, N_CTX, shape.head_dim);
    dlx__backend_plan plan = dlx__backend_cpu.plan(&m->model, &opts);
    printf(
        "weights %.1f MiB, packed %.1f MiB, kv %.1f MiB, scratch %.1f MiB, peak %.1f MiB: %.3f of "
        "weights + kv\n",
        (double)m->n_bytes / mib, (double)plan.packed / mib, (double)plan.kv / mib,
        (double)plan.scratch / mib, (double)dlx__os_peak_rss() / mib,
        (double)dlx__os_peak_rss() / (double)(m->n_bytes + kv));
    dlx__backend_cpu.close(b);
    random_model_release(m);
    return 0;
}
