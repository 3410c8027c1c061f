/*
 * session.h - what one session of the cpu backend holds, shared by the files of this folder.
 *
 * Rows lie in lanes (kernel.h): row i of a buffer is lane i % 32 of chunk i / 32, and a chunk with
 * f features begins at 32 * f * (i / 32). The last chunk is as narrow as its rows allow.
 * Work that grows with the feed-forward width is done a tile of rows at a time.
 */
#ifndef DLX__CPU_SESSION_H
#define DLX__CPU_SESSION_H

#include "backends/backend.h"
#include "backends/cpu/program.h"
#include "base/pool.h"
#include "model/kv_cache.h"

enum {
    DLX__CPU_TILE = 128,        /* most rows of a tile; a multiple of the lanes */
    DLX__CPU_PANEL = 48,        /* weight rows between two epilogues: their results stay in cache */
    DLX__CPU_VOCAB_TILE = 1536, /* ids whose statistics are joined before they are merged */
    DLX__CPU_STREAMS = 2
};

struct dlx__backend {
    const dlx_allocator *mem;
    const dlx__kernels *kernels;
    dlx__pool *pool;
    dlx__cpu_shape shape;
    dlx__cpu_program program;
    size_t n_ctx, n_rows;
    int n_streams, n_threads;
    dlx__kv_cache kv[DLX__CPU_STREAMS];
    size_t n_last[DLX__CPU_STREAMS]; /* rows of the stream's last step */

    /* One block of memory; features by lanes unless said otherwise. */
    uint8_t *block;
    float *vectors;
    float *x[DLX__CPU_STREAMS]; /* [n_embd] x n_rows: residual stream; input of the head's norm */
    float *cosine, *sine;       /* [head_dim / 2] x n_rows */
    float *frequency;           /* [head_dim / 2], not in lanes */
    float *h;                   /* [n_embd] x tile: normed */
    float *h2;                  /* [n_embd] x tile: the other stream, two streams only */
    float *q;                   /* [n_heads * head_dim] x tile; then what attention gives */
    float *k, *v;               /* [n_heads_kv * head_dim] x tile */
    float *ff;                  /* [n_ff] x tile */
    dlx__lane_stats *stats;     /* [vocabulary tiles][chunks of a tile] */
    float *scratch;             /* [n_threads][n_scratch], each thread its own */
    size_t n_scratch;           /* floats */
};

static inline size_t dlx__cpu_chunks(size_t n_rows)
{
    return (n_rows + DLX__LANES - 1) / DLX__LANES;
}

/* Lanes of chunk c of n_rows rows. */
static inline size_t dlx__cpu_width(size_t n_rows, size_t c)
{
    return dlx__min(DLX__LANES, dlx__align(n_rows - c * DLX__LANES, DLX__LANE_STEP));
}

/* The number of `feature` of row `row`; the next feature is dlx__cpu_width further. */
static inline size_t dlx__cpu_at(size_t n_rows, size_t n_features, size_t feature, size_t row)
{
    size_t c = row / DLX__LANES;
    return c * DLX__LANES * n_features + feature * dlx__cpu_width(n_rows, c) + row % DLX__LANES;
}

static inline size_t dlx__cpu_vocab_tiles(size_t n_vocab)
{
    return (n_vocab + DLX__CPU_VOCAB_TILE - 1) / DLX__CPU_VOCAB_TILE;
}

/* Load with a table of kernels of the caller's choice: tests compare them. */
dlx_result dlx__cpu_open(dlx__backend **out, const dlx__model *m, const dlx__backend_opts *o,
                         const dlx__kernels *kernels, dlx_error *err);

dlx_result dlx__cpu_step(dlx__backend *b, const dlx__step *in, dlx_error *err);
dlx_result dlx__cpu_head(dlx__backend *b, const dlx__head *in, dlx_error *err);

/* One tile's attention, q in b->q, result there too. Called by every thread. */
typedef struct dlx__cpu_attend {
    dlx__backend *b;
    const dlx__step *in;
    size_t layer;
    float scale;
    size_t first_row; /* of the tile in the step */
    size_t n_rows;    /* of the tile */
} dlx__cpu_attend;

void dlx__cpu_attend_part(const dlx__cpu_attend *a, int thread, int n_threads);

/* Thread's share of y = w x (+ bias): y [w.n_rows] x n_rows, x [w.n_cols] x n_rows. */
void dlx__cpu_multiply(const dlx__kernels *kernels, const dlx__cpu_linear *linear, float *y,
                       const float *x, size_t n_rows, int thread, int n_threads);

#endif
