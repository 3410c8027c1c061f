/*
 * coreml_fake.h - a runtime in the place of Core ML's. Attention is a sum: the K of a row is its id
 * and what a row is at the end is the sum of the ids that its mask lets it see. With ids of one bit
 * each that names the positions; rows that pad have K of a bit of their own.
 */
#ifndef COREML_FAKE_H
#define COREML_FAKE_H

#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "backends/coreml/coreml.h"
#include "dtype/convert.h"

enum { FAKE_CTX = 8, FAKE_EMBD = 2, FAKE_HEADS = 2, FAKE_WIDTH = 4, FAKE_VOCAB = 256 };
enum { FAKE_PAD = 512, FAKE_MOST_PORTS = 16 };

typedef struct fake_function {
    const char *name;
    dlx__coreml_sizes size;
    int n_runs;
} fake_function;

/* What the package is, and how it misbehaves. */
typedef struct fake_package {
    const char *facts[16][2]; /* NULL after the last */
    fake_function functions[4];
    const char *bad_port;               /* this one ... */
    void (*spoil)(dlx__coreml_port *p); /* ... is told so */
    int n_surplus;                      /* ports nobody knows */
    int32_t shift_best;                 /* added to the ids that are told */
    float logit;                        /* that is told; 0: the usual one */
    const char *failing;                /* "open", "load", "run", "state" */
    int n_alive;                        /* packages, functions, states */
    float cosine;                       /* of the last row of the last call, its first number */
} fake_package;

static fake_package fake;

static inline fake_package fake_blocks(void)
{
    return (fake_package){.facts = {{"dlx.format", "1"},
                                    {"dlx.family", "sdar"},
                                    {"dlx.cache", "io"},
                                    {"dlx.n_ctx", "8"},
                                    {"dlx.n_ids", "256"},
                                    {"dlx.compute_unit", "all"},
                                    {"dlx.functions", "prefill,denoise,logits"}},
                          .functions = {{"denoise", {4, 8, 2, false}, 0},
                                        {"prefill", {8, 8, 0, false}, 0},
                                        {"logits", {0, 0, 2, false}, 0}}};
}

static inline const char **fake_fact(const char *key)
{
    for (size_t i = 0; i < 16; i++)
        if (!fake.facts[i][0] || strcmp(fake.facts[i][0], key) == 0)
            return fake.facts[i];
    return NULL;
}

/* NULL: it says nothing of it. */
static inline void fake_say(const char *key, const char *value)
{
    const char **fact = fake_fact(key);
    fact[0] = value ? key : "nothing";
    fact[1] = value;
}

/* K and V inside, of one function. */
static inline fake_package fake_states(void)
{
    fake_package p = fake_blocks();
    p.facts[2][1] = "state";
    p.facts[6][1] = "denoise,logits";
    p.functions[0].size.states = true;
    return p;
}

/* ---- what a runtime does --------------------------------------------------------------------- */

static inline dlx_result fake_fails(const char *what, dlx_error *err)
{
    if (!fake.failing || strcmp(fake.failing, what) != 0)
        return DLX_OK;
    snprintf(err->text, sizeof err->text, "Core ML cannot %s: it is a fake", what);
    return err->code = DLX_E_UNSUPPORTED;
}

static inline dlx_result fake_open(void **package, const char *path, dlx_error *err)
{
    (void)path;
    DLX__TRY(fake_fails("open", err));
    *package = &fake;
    fake.n_alive++;
    return DLX_OK;
}

static inline void fake_close(void *handle)
{
    (void)handle;
    fake.n_alive--;
}

static inline bool fake_told(void *package, const char *key, char *to, size_t n)
{
    (void)package;
    const char **fact = fake_fact(key);
    return fact[1] && (size_t)snprintf(to, n, "%s", fact[1]) < n;
}

static inline dlx_result fake_load(void **function, void *package, const char *name,
                                   const char *unit, dlx_error *err)
{
    (void)package;
    assert_string_equal(unit, "all");
    DLX__TRY(fake_fails("load", err));
    for (size_t i = 0; i < 4; i++)
        if (fake.functions[i].name && strcmp(fake.functions[i].name, name) == 0) {
            *function = &fake.functions[i];
            fake.n_alive++;
            return DLX_OK;
        }
    snprintf(err->text, sizeof err->text, "Core ML knows no %s", name);
    return err->code = DLX_E_UNSUPPORTED;
}

static inline void fake_port(dlx__coreml_port *all, size_t *n, const char *name,
                             dlx__coreml_side side, dlx__coreml_type type, int n_dims,
                             const size_t *dims)
{
    dlx__coreml_port *p = &all[(*n)++];
    *p = (dlx__coreml_port){.side = side, .type = type, .n_dims = n_dims};
    snprintf(p->name, sizeof p->name, "%s", name);
    for (int i = 0; i < n_dims && i < DLX__COREML_DIMS; i++)
        p->dims[i] = dims[i];
    if (fake.bad_port && strcmp(fake.bad_port, name) == 0)
        fake.spoil(p);
}

#define FAKE_PORT(name, side, type, ...)                                                           \
    fake_port(all, &n, name, DLX__COREML_##side, DLX__COREML_##type,                               \
              (int)DLX__LEN(((const size_t[]){__VA_ARGS__})), (const size_t[]){__VA_ARGS__})

/* The list is written out here: nothing of it is the loader's. */
static inline size_t fake_ports(void *function, dlx__coreml_port *to, size_t most)
{
    const fake_function *f = function;
    const size_t T = f->size.n_rows, P = f->size.n_past, R = f->size.n_head_rows;
    const size_t d = FAKE_EMBD, c = FAKE_WIDTH, h = FAKE_HEADS;
    dlx__coreml_port all[FAKE_MOST_PORTS];
    size_t n = 0;
    if (T == 0) {
        FAKE_PORT("output_logits", OUTPUT, HALF, 1, R, FAKE_VOCAB);
        FAKE_PORT("rows", INPUT, HALF, 1, R, d);
    } else {
        FAKE_PORT("mask", INPUT, HALF, 1, 1, T, f->size.states ? P : P + T);
        FAKE_PORT("sin", INPUT, HALF, 1, 1, T, c);
        FAKE_PORT("cos", INPUT, HALF, 1, 1, T, c);
        FAKE_PORT("input_ids", INPUT, INT32, 1, T);
        FAKE_PORT("output_hidden", OUTPUT, HALF, 1, T, d);
    }
    if (T && R) {
        FAKE_PORT("head_rows", INPUT, INT32, R);
        FAKE_PORT("output_best", OUTPUT, INT32, R);
        FAKE_PORT("output_lse", OUTPUT, FLOAT, R);
        FAKE_PORT("output_logit", OUTPUT, FLOAT, R);
    }
    if (T && f->size.states) {
        FAKE_PORT("position", INPUT, INT32, 1);
        FAKE_PORT("k_0", STATE, HALF, 1, h, P, c);
        FAKE_PORT("v_0", STATE, HALF, 1, h, P, c);
    } else if (T) {
        FAKE_PORT("output_new_k_0", OUTPUT, HALF, 1, h, T, c);
        FAKE_PORT("output_new_v_0", OUTPUT, HALF, 1, h, T, c);
    }
    if (T && P && !f->size.states) {
        FAKE_PORT("past_v_0", INPUT, HALF, 1, h, P, c);
        FAKE_PORT("past_k_0", INPUT, HALF, 1, h, P, c);
    }
    for (int i = 0; i < fake.n_surplus; i++)
        FAKE_PORT("another", INPUT, HALF, 1);
    for (size_t i = 0; i < n && i < most; i++)
        to[i] = all[i];
    return n;
}

static inline void *fake_new_state(void *function)
{
    (void)function;
    dlx_error err;
    if (fake_fails("state", &err) != DLX_OK)
        return NULL;
    fake.n_alive++;
    return calloc(FAKE_CTX, sizeof(float));
}

static inline void fake_drop_state(void *state)
{
    free(state);
    fake.n_alive--;
}

static inline const void *fake_input(const dlx__coreml_array *in, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(in[i].port->name, name) == 0)
            return in[i].data;
    return NULL;
}

/* Every second number of its memory is the result's, so that strides matter. */
static inline dlx_result fake_give(const dlx__coreml_array *out, size_t n_out, const char *name,
                                   const void *numbers, size_t n, dlx_error *err)
{
    for (size_t i = 0; i < n_out; i++) {
        if (strcmp(out[i].port->name, name) != 0 || !out[i].data)
            continue;
        const size_t size = dlx__coreml_type_bytes(out[i].port->type);
        char *spread = malloc(2 * n * size);
        for (size_t j = 0; j < n; j++)
            memcpy(spread + 2 * j * size, (const char *)numbers + j * size, size);
        dlx__coreml_result from = {
            .port = *out[i].port, .data = spread, .n_bytes = (2 * n - 1) * size};
        size_t step = 2;
        for (int a = from.port.n_dims - 1; a >= 0; a--) {
            from.strides[a] = step;
            step *= from.port.dims[a];
        }
        const dlx_result r = dlx__coreml_take(&out[i], &from, err);
        free(spread);
        return r;
    }
    return DLX_OK;
}

/* [R, d] -> [R, V]: the first number of a row is the best id. */
static inline dlx_result fake_logits(const dlx__coreml_array *in, size_t n_in,
                                     const dlx__coreml_array *out, size_t n_out, size_t R,
                                     dlx_error *err)
{
    uint16_t logits[4 * FAKE_VOCAB] = {0};
    const uint16_t *rows = fake_input(in, n_in, "rows");
    for (size_t i = 0; i < R; i++)
        logits[i * FAKE_VOCAB + (size_t)dlx__f16_to_f32(rows[i * FAKE_EMBD])] =
            dlx__f32_to_f16(8.0f);
    return fake_give(out, n_out, "output_logits", logits, R * FAKE_VOCAB, err);
}

/* The sum of what row i sees, of kept positions [P] and of the call's rows [T]. */
static inline float fake_sum(const fake_function *f, const uint16_t *mask, const float *kept,
                             const float *own, size_t i)
{
    const size_t P = f->size.n_past, T = f->size.n_rows, width = f->size.states ? P : P + T;
    float sum = 0;
    for (size_t j = 0; j < width; j++)
        if (mask[i * width + j] == 0)
            sum += j < P ? kept[j] : own[j - P];
    return sum;
}

static inline dlx_result fake_rows(const fake_function *f, float *state,
                                   const dlx__coreml_array *in, size_t n_in,
                                   const dlx__coreml_array *out, size_t n_out, dlx_error *err)
{
    const size_t T = f->size.n_rows, R = f->size.n_head_rows, c = FAKE_WIDTH;
    const int32_t *ids = fake_input(in, n_in, "input_ids");
    const int32_t *asked = fake_input(in, n_in, "head_rows");
    const int32_t *position = fake_input(in, n_in, "position");
    const uint16_t *past = fake_input(in, n_in, "past_k_0");
    const uint16_t *mask = fake_input(in, n_in, "mask");
    const uint16_t *cosines = fake_input(in, n_in, "cos");
    float own[8], kept[FAKE_CTX] = {0}, logit[4], lse[4];
    uint16_t fresh[FAKE_HEADS * 8 * FAKE_WIDTH], hidden[8 * FAKE_EMBD] = {0};
    int32_t best[4];
    for (size_t i = 0; i < T; i++) {
        own[i] = ids[i] ? (float)ids[i] : FAKE_PAD;
        for (size_t j = 0; j < FAKE_HEADS * c; j++)
            fresh[(j / c * T + i) * c + j % c] = dlx__f32_to_f16(own[i]);
        if (state)
            state[(size_t)position[0] + i] = own[i];
    }
    for (size_t j = 0; j < FAKE_CTX && (state || past); j++) /* of the last head, the last number */
        kept[j] = state ? state[j] : dlx__f16_to_f32(past[((FAKE_HEADS - 1) * 8 + j) * c + c - 1]);
    for (size_t i = 0; i < T; i++)
        hidden[i * FAKE_EMBD] = dlx__f32_to_f16(fake_sum(f, mask, kept, own, i));
    for (size_t r = 0; r < R; r++) {
        best[r] = (int32_t)dlx__f16_to_f32(hidden[(size_t)asked[r] * FAKE_EMBD]) + fake.shift_best;
        logit[r] = lse[r] = fake.logit != 0.0f ? fake.logit : 8.0f;
    }
    fake.cosine = dlx__f16_to_f32(cosines[(T - 1) * c]);
    DLX__TRY(fake_give(out, n_out, "output_hidden", hidden, T * FAKE_EMBD, err));
    DLX__TRY(fake_give(out, n_out, "output_new_k_0", fresh, FAKE_HEADS * T * c, err));
    DLX__TRY(fake_give(out, n_out, "output_new_v_0", fresh, FAKE_HEADS * T * c, err));
    DLX__TRY(fake_give(out, n_out, "output_best", best, R, err));
    DLX__TRY(fake_give(out, n_out, "output_logit", logit, R, err));
    return fake_give(out, n_out, "output_lse", lse, R, err);
}

static inline dlx_result fake_run(void *function, void *state, const dlx__coreml_array *in,
                                  size_t n_in, const dlx__coreml_array *out, size_t n_out,
                                  dlx_error *err)
{
    fake_function *f = function;
    DLX__TRY(fake_fails("run", err));
    f->n_runs++;
    if (f->size.n_rows == 0)
        return fake_logits(in, n_in, out, n_out, f->size.n_head_rows, err);
    assert_true(f->size.states == (state != NULL));
    return fake_rows(f, state, in, n_in, out, n_out, err);
}

static const dlx__coreml_runtime fake_runtime = {.open = fake_open,
                                                 .close = fake_close,
                                                 .fact = fake_told,
                                                 .load = fake_load,
                                                 .unload = fake_close,
                                                 .ports = fake_ports,
                                                 .new_state = fake_new_state,
                                                 .drop_state = fake_drop_state,
                                                 .run = fake_run};

static inline void fake_model(dlx__model *m)
{
    *m = (dlx__model){.family = dlx__family_find("sdar"),
                      .hp = {.rope_theta = 10000},
                      .graph = {.n_layers = 1,
                                .n_embd = FAKE_EMBD,
                                .n_vocab = FAKE_VOCAB,
                                .n_heads_kv = FAKE_HEADS,
                                .head_dim = FAKE_WIDTH}};
}

#endif
