// labels: golden
/*
 * test_causal.c - plain causal attention (block-causal of width 1) on every backend, against a
 * forward that is written out here in double precision, straight from the file's tensors: no cache,
 * no graph, no step. The bodies are those of the golden checkpoints, whose own masks are not asked.
 */
#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "backends/backend.h"
#include "dtype/convert.h"

enum { N = 21 };
static const double TOLERANCE = 1e-5; /* of the largest logit */

typedef struct plain {
    const dlx__model *m;
    size_t layer;
    double *x;         /* [N, n_embd] */
    double *h, *a;     /* [N, n_embd]; [N, n_heads * head_dim] */
    double *q, *k, *v; /* [N, heads * head_dim] */
    double *gate, *up; /* [N, n_ff] */
} plain;

static double *numbers(size_t n)
{
    double *x = calloc(n, sizeof *x);
    assert_non_null(x);
    return x;
}

/* All numbers of a role's tensor; free with free. NULL: the family has none. */
static float *weights(const plain *p, dlx__role role)
{
    const dlx__tensor *t = dlx__model_tensor(p->m, role, p->layer);
    if (!t)
        return NULL;
    float *w = malloc(dlx__tensor_elems(t) * sizeof *w);
    assert_non_null(w);
    dlx__to_f32(w, t->data, t->dtype, dlx__tensor_elems(t));
    return w;
}

/* y [N, n_out] = x [N, n_in] wT + b */
static void multiply(const plain *p, double *y, const double *x, dlx__role role, dlx__role bias,
                     size_t n_in, size_t n_out)
{
    float *w = weights(p, role);
    float *b = bias == DLX__N_ROLES ? NULL : weights(p, bias);
    for (size_t i = 0; i < N; i++)
        for (size_t o = 0; o < n_out; o++) {
            double sum = b ? b[o] : 0.0;
            for (size_t j = 0; j < n_in; j++)
                sum += x[i * n_in + j] * w[o * n_in + j];
            y[i * n_out + o] = sum;
        }
    free(w);
    free(b);
}

/* Of n rows of n_cols; nothing where the family has no such norm. */
static void norm(const plain *p, double *y, const double *x, dlx__role role, size_t n,
                 size_t n_cols)
{
    float *w = weights(p, role);
    for (size_t i = 0; i < n && w; i++) {
        double sum = 0;
        for (size_t j = 0; j < n_cols; j++)
            sum += x[i * n_cols + j] * x[i * n_cols + j];
        double scale = 1.0 / sqrt(sum / (double)n_cols + p->m->hp.rms_eps);
        for (size_t j = 0; j < n_cols; j++)
            y[i * n_cols + j] = x[i * n_cols + j] * scale * w[j];
    }
    free(w);
}

/* Turns the pairs (j, j + c/2) of each head of row i by i * theta^(-2j/c). */
static void rope(const plain *p, double *x, size_t n_heads)
{
    size_t c = p->m->hp.head_dim;
    for (size_t i = 0; i < N; i++)
        for (size_t h = 0; h < n_heads; h++)
            for (size_t j = 0; j < c / 2; j++) {
                double angle = (double)i * pow(p->m->hp.rope_theta, -2.0 * (double)j / (double)c);
                double *at = x + (i * n_heads + h) * c + j;
                double low = at[0], high = at[c / 2];
                at[0] = low * cos(angle) - high * sin(angle);
                at[c / 2] = high * cos(angle) + low * sin(angle);
            }
}

/* What head h of row i sees: rows 0 .. i. */
static void attend(const plain *p, size_t i, size_t h)
{
    const dlx__hparams *hp = &p->m->hp;
    size_t c = hp->head_dim, kv = h / (hp->n_heads / hp->n_heads_kv);
    const double *q = p->q + (i * hp->n_heads + h) * c;
    double *out = p->a + (i * hp->n_heads + h) * c;
    double score[N], top = -INFINITY, sum = 0;
    for (size_t j = 0; j <= i; j++) {
        const double *k = p->k + (j * hp->n_heads_kv + kv) * c;
        score[j] = 0;
        for (size_t d = 0; d < c; d++)
            score[j] += q[d] * k[d] / sqrt((double)c);
        top = fmax(top, score[j]);
    }
    for (size_t j = 0; j <= i; j++)
        sum += score[j] = exp(score[j] - top);
    memset(out, 0, c * sizeof *out);
    for (size_t j = 0; j <= i; j++)
        for (size_t d = 0; d < c; d++)
            out[d] += score[j] / sum * p->v[(j * hp->n_heads_kv + kv) * c + d];
}

static void add(double *x, const double *y, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] += y[i];
}

static void run_layer(const plain *p)
{
    const dlx__hparams *hp = &p->m->hp;
    size_t d = hp->n_embd, c = hp->head_dim;
    norm(p, p->h, p->x, DLX__ROLE_ATTN_NORM, N, d);
    multiply(p, p->q, p->h, DLX__ROLE_Q, DLX__ROLE_Q_BIAS, d, hp->n_heads * c);
    multiply(p, p->k, p->h, DLX__ROLE_K, DLX__ROLE_K_BIAS, d, hp->n_heads_kv * c);
    multiply(p, p->v, p->h, DLX__ROLE_V, DLX__ROLE_V_BIAS, d, hp->n_heads_kv * c);
    norm(p, p->q, p->q, DLX__ROLE_Q_NORM, N * hp->n_heads, c);
    norm(p, p->k, p->k, DLX__ROLE_K_NORM, N * hp->n_heads_kv, c);
    rope(p, p->q, hp->n_heads);
    rope(p, p->k, hp->n_heads_kv);
    for (size_t i = 0; i < N; i++)
        for (size_t h = 0; h < hp->n_heads; h++)
            attend(p, i, h);
    multiply(p, p->h, p->a, DLX__ROLE_O, DLX__N_ROLES, hp->n_heads * c, d);
    add(p->x, p->h, N * d);
    norm(p, p->h, p->x, DLX__ROLE_MLP_NORM, N, d);
    multiply(p, p->gate, p->h, DLX__ROLE_GATE, DLX__N_ROLES, d, hp->n_ff);
    multiply(p, p->up, p->h, DLX__ROLE_UP, DLX__N_ROLES, d, hp->n_ff);
    for (size_t i = 0; i < N * hp->n_ff; i++)
        p->up[i] *= p->gate[i] / (1.0 + exp(-p->gate[i]));
    multiply(p, p->h, p->up, DLX__ROLE_DOWN, DLX__N_ROLES, hp->n_ff, d);
    add(p->x, p->h, N * d);
}

/* logits [N, n_rows_vocab]; free with free */
static double *forward(const dlx__model *m, const dlx_token *ids)
{
    const dlx__hparams *hp = &m->hp;
    size_t d = hp->n_embd, q = hp->n_heads * hp->head_dim;
    plain p = {.m = m,
               .x = numbers(N * d),
               .h = numbers(N * d),
               .a = numbers(N * q),
               .q = numbers(N * q),
               .k = numbers(N * q),
               .v = numbers(N * q),
               .gate = numbers(N * hp->n_ff),
               .up = numbers(N * hp->n_ff)};
    double *logits = numbers(N * hp->n_rows_vocab);
    float *table = weights(&p, DLX__ROLE_EMBED);
    for (size_t i = 0; i < N * d; i++)
        p.x[i] = table[(size_t)ids[i / d] * d + i % d];
    free(table);
    for (; p.layer < hp->n_layers; p.layer++)
        run_layer(&p);
    p.layer = 0;
    norm(&p, p.x, p.x, DLX__ROLE_FINAL_NORM, N, d);
    multiply(&p, logits, p.x, DLX__ROLE_HEAD, DLX__N_ROLES, d, hp->n_rows_vocab);
    double *all[] = {p.x, p.h, p.a, p.q, p.k, p.v, p.gate, p.up};
    for (size_t i = 0; i < DLX__LEN(all); i++)
        free(all[i]);
    return logits;
}

/* In passes of `tile` rows over what earlier ones left. */
static double worst_error(const dlx__backend_class *class, const dlx__model *m,
                          const dlx_token *ids, size_t tile, const double *want)
{
    size_t v = m->hp.n_rows_vocab;
    float *row = malloc(v * sizeof *row);
    double worst = 0, largest = 0;
    dlx_error err = {.code = DLX_OK};
    dlx__backend *b;
    dlx__backend_opts o = {.n_ctx = N, .n_rows = N, .n_streams = 1, .n_threads = 1};
    assert_ok(class->load(&b, m, &o, &err), &err);
    for (size_t i = 0; i < N * v; i++)
        largest = fmax(largest, fabs(want[i]));
    for (size_t at = 0; at < N; at += tile) {
        dlx__step step = {.ids = ids + at,
                          .n = dlx__min(tile, N - at),
                          .start = at,
                          .n_kv = at,
                          .n_keep = dlx__min(tile, N - at),
                          .visibility = DLX__VISIBLE_BLOCK_CAUSAL,
                          .block = 1};
        assert_ok(class->step(b, &step, &err), &err);
        for (size_t i = 0; i < step.n; i++) {
            dlx__head head = {.rows = &i, .n = 1, .logits = row};
            assert_ok(class->head(b, &head, &err), &err);
            for (size_t j = 0; j < v; j++)
                worst = fmax(worst, fabs(row[j] - want[(at + i) * v + j]) / largest);
        }
    }
    class->close(b);
    free(row);
    return worst;
}

static void a_width_of_one_is_plain_causal(void **state)
{
    (void)state;
    static const char *const folders[] = {"sdar-tiny-b4",  "sdar-tiny-b4-tied", "fast-dllm-v2-tiny",
                                          "ar-llama-tiny", "ar-qwen2-tiny",     "ar-qwen3-tiny"};
    static const size_t tiles[] = {N, 8, 1};
    for (size_t f = 0; f < DLX__LEN(folders); f++) {
        char path[1024];
        dlx__model m;
        dlx_token ids[N];
        dlx_error err = {.code = DLX_OK};
        snprintf(path, sizeof path, "%s/golden/%s", DLX_TESTS_DIR, folders[f]);
        assert_ok(dlx__model_open(&m, path, DLX__NEED_WEIGHTS, NULL, &err), &err);
        for (size_t i = 0; i < N; i++)
            ids[i] = (dlx_token)((i * 53 + 17) % 250);
        double *want = forward(&m, ids);
        for (const dlx__backend_class *const *b = dlx__backend_list(); *b; b++) {
            if ((*b)->programs)
                continue;
            for (size_t t = 0; t < DLX__LEN(tiles); t++) {
                double worst = worst_error(*b, &m, ids, tiles[t], want);
                printf("  %s, %s, %zu rows a pass: worst error %.1e of the largest\n", folders[f],
                       (*b)->name, tiles[t], worst);
                assert_true(worst < TOLERANCE);
            }
        }
        free(want);
        dlx__model_release(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_width_of_one_is_plain_causal)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
