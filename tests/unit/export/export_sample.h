/*
 * export_sample.h - programs that the tests of this room write: a linear layer (y = x wT + b, rows
 * from 1 to 8), and one with every kind of value and step around it. Both can be spoilt between
 * building and writing, because what they are made of is in the open.
 */
#ifndef EXPORT_SAMPLE_H
#define EXPORT_SAMPLE_H

#include "unit.h"

#include "export/pte_read.h"
#include "export/pte_write.h"
#include "export/xnn_graph.h"

#include <stdio.h>
#include <stdlib.h>

enum { SAMPLE_ROWS = 8, SAMPLE_K = 64, SAMPLE_N = 96 };

typedef struct sample {
    dlx__xnn_graph graph;
    dlx__buf payload;
    dlx__pte program;
    dlx__pte_method *m;
    float w[SAMPLE_N * SAMPLE_K], b[SAMPLE_N];
} sample;

/* "<build>/tmp/<name>"; the last four stay. */
static inline const char *sample_path(const char *name)
{
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s", DLX_TMP_DIR, name);
    return path;
}

static inline void sample_open(sample *s, const dlx_allocator *mem)
{
    for (int i = 0; i < SAMPLE_N * SAMPLE_K; i++)
        s->w[i] = (float)((i * 7) % 23 - 11) / 16;
    for (int i = 0; i < SAMPLE_N; i++)
        s->b[i] = (float)(i % 5) / 4;
    dlx__xnn_init(&s->graph, mem);
    dlx__buf_init(&s->payload, mem);
    dlx__pte_init(&s->program, mem);
}

static inline void sample_close(sample *s)
{
    dlx__pte_release(&s->program);
    dlx__buf_release(&s->payload);
    dlx__xnn_release(&s->graph);
}

static inline void sample_graph(sample *s)
{
    dlx__xnn_graph *g = &s->graph;
    const size_t x[] = {SAMPLE_ROWS, SAMPLE_K}, w[] = {SAMPLE_N, SAMPLE_K}, b[] = {SAMPLE_N};
    dlx__xnn_value in = dlx__xnn_input(g, DLX__XNN_FP32, x, 2);
    dlx__xnn_value filter =
        dlx__xnn_weight(g, DLX__XNN_FP32, w, 2, dlx__xnn_named(g, "w", sizeof s->w), NULL);
    dlx__xnn_value bias =
        dlx__xnn_weight(g, DLX__XNN_FP32, b, 1, dlx__xnn_inline(g, s->b, sizeof s->b), NULL);
    dlx__xnn_output(g, dlx__xnn_fully_connected(g, in, filter, bias, DLX__XNN_FP32, NULL));
}

static inline dlx__pte_tensor sample_rows(size_t n_cols, bool planned)
{
    return (dlx__pte_tensor){.type = DLX__PTE_FLOAT,
                             .n_dims = 2,
                             .dims = {SAMPLE_ROWS, n_cols},
                             .dynamic = true,
                             .storage = planned ? DLX__PTE_PLANNED : DLX__PTE_CALLER,
                             .arena = planned};
}

/* Values: 0 x, 1 y. */
static inline void sample_linear(sample *s)
{
    dlx__pte *p = &s->program;
    const dlx__pte_tensor x = sample_rows(SAMPLE_K, false), y = sample_rows(SAMPLE_N, true);
    s->m = dlx__pte_add_method(p, "forward");
    const dlx__pte_value args[] = {dlx__pte_add_tensor(s->m, &x), dlx__pte_add_tensor(s->m, &y)};
    dlx__pte_input(s->m, args[0]);
    dlx__pte_output(s->m, args[1]);
    uint32_t d = dlx__pte_delegate(s->m, "XnnpackBackend", s->payload.data, s->payload.len);
    dlx__pte_call_delegate(s->m, d, args, 2);
    dlx__pte_name(p, "w", (dlx__pte_blob){.n_bytes = sizeof s->w, .bytes = s->w});
    dlx__pte_tell_int(p, "get_vocab_size", SAMPLE_N);
    dlx__pte_tell_bool(p, "use_kv_cache", true);
    dlx__pte_tell_text(p, "get_layout", "block");
    dlx__pte_tell_ints(p, "get_eos_ids", (const int64_t[]){7, 9}, 2);
}

/* Hands over a blob whose bytes count up from *user, in pieces. */
static inline dlx_result sample_count_up(void *user, dlx__pte_sink *sink, dlx_error *err)
{
    const uint8_t first = *(const uint8_t *)user;
    uint8_t piece[64];
    for (int i = 0; i < 10; i++) {
        for (int k = 0; k < 64; k++)
            piece[k] = (uint8_t)(first + i * 64 + k);
        dlx_result r = dlx__pte_sink_put(sink, piece, sizeof piece, err);
        if (r != DLX_OK)
            return r;
    }
    return DLX_OK;
}

/* A second method, "step": embedding, the delegate, state with a first value, lists, jumps. */
static inline void sample_step(sample *s)
{
    static uint8_t table_start = 3, state_start = 200;
    dlx__pte *p = &s->program;
    dlx__pte_method *m = dlx__pte_add_method(p, "step");
    const dlx__pte_blob table = {.n_bytes = 640, .produce = sample_count_up, .user = &table_start};
    const dlx__pte_blob start = {.n_bytes = 640, .produce = sample_count_up, .user = &state_start};
    dlx__pte_tensor t = {.type = DLX__PTE_LONG, .n_dims = 2, .dims = {1, 8}, .dynamic = true};
    dlx__pte_value ids = dlx__pte_add_tensor(m, &t);
    t = (dlx__pte_tensor){.type = DLX__PTE_HALF,
                          .n_dims = 2,
                          .dims = {5, SAMPLE_K},
                          .storage = DLX__PTE_CONSTANT,
                          .data = dlx__pte_constant(p, table)};
    dlx__pte_value weight = dlx__pte_add_tensor(m, &t);
    t = sample_rows(SAMPLE_K, true);
    t.offset = dlx__pte_take(m, 1, dlx__pte_tensor_bytes(&t));
    dlx__pte_value x = dlx__pte_add_tensor(m, &t);
    t = sample_rows(SAMPLE_N, true);
    t.offset = dlx__pte_take(m, 1, dlx__pte_tensor_bytes(&t));
    dlx__pte_value y = dlx__pte_add_tensor(m, &t);
    t = (dlx__pte_tensor){.type = DLX__PTE_FLOAT,
                          .n_dims = 2,
                          .dims = {5, 32},
                          .storage = DLX__PTE_INITIAL,
                          .data = dlx__pte_initial(p, start),
                          .arena = 2,
                          .name = "cache.0.k"};
    dlx__pte_value cache = dlx__pte_add_tensor(m, &t);
    dlx__pte_value null = dlx__pte_null(m), minus = dlx__pte_int(m, -1),
                   no = dlx__pte_bool(m, false);
    dlx__pte_value half = dlx__pte_double(m, 0.5), text = dlx__pte_string(m, "text");
    dlx__pte_value size = dlx__pte_int_list(m, (const dlx__pte_value[]){minus, minus}, 2);
    dlx__pte_value both = dlx__pte_tensor_list(m, (const dlx__pte_value[]){x, y}, 2);
    dlx__pte_value where =
        dlx__pte_optional_list(m, (const dlx__pte_value[]){DLX__PTE_NONE, ids}, 2);
    dlx__pte_input(m, ids);
    dlx__pte_output(m, y);
    const dlx__pte_value embed[] = {weight, ids, minus, no, no, x, x};
    dlx__pte_call(m, "aten::embedding", "out", embed, 7);
    const dlx__pte_value put[] = {cache, where, y, no, cache};
    const dlx__pte_value delegate[] = {x, y};
    uint32_t d = dlx__pte_delegate(m, "XnnpackBackend", s->payload.data, s->payload.len);
    dlx__pte_call_delegate(m, d, delegate, 2);
    uint32_t jump = dlx__pte_jump_false(m, no, 0);
    dlx__pte_call(m, "aten::index_put_", "", put, 5);
    dlx__pte_call(m, "odd::all", "kinds", (const dlx__pte_value[]){null, half, text, size, both},
                  5);
    dlx__pte_set_target(m, jump, 5);
    dlx__pte_move(m, half, null);
    dlx__pte_free(m, x);
    s->m = m;
}

/* Everything, up to the bytes of the payload. */
static inline dlx_result sample_build(sample *s, dlx_error *err)
{
    sample_graph(s);
    dlx_result r = dlx__xnn_serialize(&s->graph, &s->payload, err);
    if (r != DLX_OK)
        return r;
    sample_linear(s);
    sample_step(s);
    return DLX_OK;
}

#endif
