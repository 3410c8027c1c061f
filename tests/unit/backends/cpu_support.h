/* cpu_support.h - what the tests of the cpu backend share: shapes, one pass, its numbers. */
#ifndef CPU_SUPPORT_H
#define CPU_SUPPORT_H

#include "unit.h"

#include "backends/cpu/session.h"
#include "random_model.h"

extern const dlx__backend_class dlx__backend_cpu;
extern const dlx__backend_class dlx__backend_reference;

enum { CPU_N_CTX = 320, CPU_MOST_ROWS = 300 };

/* Nothing here is a multiple of anything handy. */
static const random_shape cpu_odd_shape = {.n_layers = 2,
                                           .n_embd = 52,
                                           .n_heads = 6,
                                           .n_heads_kv = 2,
                                           .head_dim = 10,
                                           .n_ff = 101,
                                           .n_vocab = 3301,
                                           .qkv_bias = true,
                                           .qk_norm = true,
                                           .dtype = DLX__BF16};

/* Wide enough for the largest storage blocks. */
static const random_shape cpu_block_shape = {.n_layers = 2,
                                             .n_embd = 256,
                                             .n_heads = 4,
                                             .n_heads_kv = 2,
                                             .head_dim = 64,
                                             .n_ff = 512,
                                             .n_vocab = 600};

typedef struct cpu_numbers {
    float *hidden; /* [(n_layers + 2) * n * n_embd], NULL: no tap */
    size_t n_hidden;
    float *logits; /* [n, n_vocab] */
    dlx__row_stat stats[CPU_MOST_ROWS];
} cpu_numbers;

static inline void cpu_tap(void *user, size_t index, const float *x, size_t n, size_t n_embd)
{
    cpu_numbers *to = user;
    (void)index;
    memcpy(to->hidden + to->n_hidden, x, n * n_embd * sizeof *x);
    to->n_hidden += n * n_embd;
}

static inline dlx__backend *cpu_load(const dlx__backend_class *class, const dlx__model *m,
                                     int n_threads, int n_streams)
{
    dlx_error err = {.code = DLX_OK};
    dlx__backend *b = NULL;
    dlx__backend_opts opts = {.n_ctx = CPU_N_CTX,
                              .n_rows = CPU_MOST_ROWS,
                              .n_streams = n_streams,
                              .n_threads = n_threads};
    assert_ok(class->load(&b, m, &opts, &err), &err);
    return b;
}

static inline void cpu_step(const dlx__backend_class *class, dlx__backend *b, const dlx__model *m,
                            size_t n, size_t start, size_t n_kv, size_t block, int stream,
                            cpu_numbers *tapped)
{
    dlx_error err = {.code = DLX_OK};
    dlx_token ids[CPU_MOST_ROWS];
    for (size_t i = 0; i < n; i++)
        ids[i] = (dlx_token)((31 * (start + i) + 977 * (size_t)stream) % m->graph.n_vocab);
    dlx__step step = {.ids = ids,
                      .n = n,
                      .start = start,
                      .n_kv = n_kv,
                      .n_keep = n,
                      .visibility = block ? DLX__VISIBLE_BLOCK_CAUSAL : DLX__VISIBLE_FULL,
                      .block = block,
                      .stream = stream,
                      .tap = tapped ? cpu_tap : NULL,
                      .tap_user = tapped};
    assert_ok(class->step(b, &step, &err), &err);
}

/* A pass over all rows with everything that it tells. */
static inline cpu_numbers *cpu_pass(const dlx__backend_class *class, dlx__backend *b,
                                    const dlx__model *m, size_t n, size_t start, size_t block)
{
    dlx_error err = {.code = DLX_OK};
    const dlx__graph *g = &m->graph;
    cpu_numbers *x = calloc(1, sizeof *x);
    assert_non_null(x);
    x->hidden = malloc((g->n_layers + 2) * n * g->n_embd * sizeof *x->hidden);
    x->logits = malloc(n * g->n_vocab * sizeof *x->logits);
    assert_non_null(x->hidden);
    assert_non_null(x->logits);
    cpu_step(class, b, m, n, start, start, block, 0, x);
    size_t rows[CPU_MOST_ROWS];
    for (size_t i = 0; i < n; i++)
        rows[i] = i;
    dlx__head head = {.rows = rows, .n = n, .stats = x->stats, .logits = x->logits};
    assert_ok(class->head(b, &head, &err), &err);
    return x;
}

static inline void cpu_numbers_free(cpu_numbers *x)
{
    free(x->hidden);
    free(x->logits);
    free(x);
}

/* Largest difference as a fraction of the largest number. */
static inline double cpu_distance(const float *a, const float *b, size_t n)
{
    double max = 0, worst = 0;
    for (size_t i = 0; i < n; i++) {
        max = fmax(max, fabs((double)a[i]));
        double d = fabs((double)a[i] - (double)b[i]);
        worst = d <= worst ? worst : d; /* NaN passes on */
    }
    return worst / max;
}

#endif
