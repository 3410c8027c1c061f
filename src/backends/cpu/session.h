/*
 * session.h - what one session of the cpu backend holds, shared by the files of this folder.
 *
 * Rows are row-major. Work that grows with the feed-forward width is done a tile of rows at a time.
 * A phase is one function that every thread runs on its own outputs; a barrier follows it.
 */
#ifndef DLX__CPU_SESSION_H
#define DLX__CPU_SESSION_H

#include "backends/backend.h"
#include "backends/cpu/cpu_weights.h"
#include "base/pool.h"
#include "model/kv_cache.h"

#include <string.h>

enum {
    DLX__CPU_TILE = 128,        /* most rows of a tile */
    DLX__CPU_PRIVATE = 32,      /* a tile of at most so many rows is normed by every thread for
                                   itself, which costs less than a barrier */
    DLX__CPU_STEP = 64,         /* outputs between two epilogues: their results stay in cache */
    DLX__CPU_RUN = 128,         /* ids whose statistics are taken at once */
    DLX__CPU_VOCAB_TILE = 1536, /* ids whose statistics are joined before they are merged */
    DLX__CPU_STREAMS = 2
};

struct dlx__backend {
    const dlx_allocator *mem;
    const dlx__kernels *kernels;
    dlx__pool *pool;
    dlx__cpu_shape shape;
    dlx__cpu_weights *weights;
    const dlx__cpu_program *program; /* of the weights */
    size_t n_ctx, n_rows;
    int n_streams, n_threads;
    bool pairs;         /* attention multiplies pairs of bf16 */
    dlx__scheme scheme; /* of the rows that products of integer weights read */
    dlx__kv_cache kv[DLX__CPU_STREAMS];
    dlx__row_span read[DLX__CPU_STREAMS]; /* of the stream's last step */

    /* One block of memory. */
    uint8_t *block;
    float *x[DLX__CPU_STREAMS]; /* [n_rows][n_embd] residual stream; input of the head's norm */
    float *cosine, *sine;       /* [n_rows][head_dim / 2] */
    float *frequency;           /* [head_dim / 2] */
    dlx__acts h;                /* [tile][n_embd]: normed */
    dlx__acts q;                /* [tile][n_heads * head_dim]; then what attention gives */
    dlx__acts ff;               /* [tile][n_ff] */
    dlx__stats *stats;          /* [vocabulary tiles][tile] */
    struct dlx__cpu_thread *threads; /* [n_threads] */
};

/* What a thread has for itself. */
typedef struct dlx__cpu_thread {
    dlx__acts h; /* [DLX__CPU_PRIVATE][n_embd]: normed */
    dlx__acts q; /* only `ints` and `halves`, of as many rows, where attention does not make them */
    float *buffer; /* [buffer_floats]: outputs before their epilogue, a pack of heads */
} dlx__cpu_thread;

/* The scheme of the rows that integer weights are multiplied by. */
static inline dlx__scheme dlx__cpu_scheme(const dlx__backend_opts *o)
{
    return o->scheme == DLX__SCHEME_NONE ? DLX__SCHEME_DYNAMIC : o->scheme;
}

/* What keys and values are kept in. */
static inline dlx__kv_type dlx__cpu_kv_type(const dlx__backend_opts *o, const dlx__kernels *kernels)
{
    if (o->kv_type != DLX__KV_NONE)
        return o->kv_type;
    return o->bf16 && kernels->halve ? DLX__KV_BF16 : DLX__KV_F32;
}

/* Does attention multiply pairs of bf16? */
static inline bool dlx__cpu_pairs(const dlx__backend_opts *o, const dlx__kernels *kernels)
{
    return o->bf16 && kernels->halve && dlx__cpu_kv_type(o, kernels) == DLX__KV_BF16;
}

/* Columns of the panels that hold the outputs [begin, end), and how far `begin` lies in them. */
static inline size_t dlx__cpu_panels(size_t begin, size_t end, size_t *first_panel, size_t *skip)
{
    *first_panel = begin / DLX__PANEL;
    *skip = begin % DLX__PANEL;
    return (end + DLX__PANEL - 1) / DLX__PANEL - *first_panel;
}

static inline size_t dlx__cpu_vocab_tiles(size_t n_vocab)
{
    return (n_vocab + DLX__CPU_VOCAB_TILE - 1) / DLX__CPU_VOCAB_TILE;
}

/* The first n_rows rows of a buffer, as the products of a tile see them. */
static inline dlx__acts dlx__cpu_rows(const dlx__acts *a, size_t n_rows)
{
    dlx__acts rows = *a;
    rows.n_rows = n_rows;
    return rows;
}

/* Do products read a row otherwise than as its numbers: quantized, or rounded? */
static inline bool dlx__cpu_rounds(const dlx__backend *b, const dlx__acts *a)
{
    return a->ints || a->halves || dlx__scheme_is_for_all(b->scheme);
}

/* Can it be rounded in parts, before all of it is there? */
static inline bool dlx__cpu_rounds_parts(const dlx__backend *b)
{
    return b->scheme != DLX__SCHEME_DYNAMIC_ROW && b->scheme != DLX__SCHEME_DYNAMIC_AFFINE;
}

/*
 * Makes what products read of a row whose numbers are there; or, where it can be rounded in parts,
 * of the inputs [col, col + n); col as for kernels.quantize. What calibration saw in such rows is
 * that of `reader`, a product that reads them; without it static schemes leave them alone.
 */
void dlx__cpu_round_row(const dlx__backend *b, const dlx__acts *a, size_t row,
                        const dlx__cpu_linear *reader);
void dlx__cpu_round_part(const dlx__backend *b, const dlx__acts *a, size_t row, size_t col,
                         size_t n, const dlx__cpu_linear *reader);

/* What a product wrote, its bias added, where the scheme rounds that too. */
void dlx__cpu_round_result(const dlx__backend *b, const dlx__cpu_linear *product, float *y,
                           size_t n);

/* Load with a table of kernels of the caller's choice: tests compare them. */
dlx_result dlx__cpu_open(dlx__backend **out, const dlx__model *m, const dlx__backend_opts *o,
                         const dlx__kernels *kernels, dlx_error *err);

dlx_result dlx__cpu_step(dlx__backend *b, const dlx__step *in, dlx_error *err);
dlx_result dlx__cpu_head(dlx__backend *b, const dlx__head *in, dlx_error *err);

/* One phase's work: what every thread's function gets. */
typedef struct dlx__cpu_job {
    dlx__backend *b;
    const dlx__step *in;
    const dlx__cpu_layer *layer;
    size_t layer_index;
    size_t first_row; /* of the tile in the step */
    size_t n_rows;    /* of the tile */
    float *x;         /* [n_rows][n_embd]: the tile's residual stream */
    const dlx__cpu_norm *norm;
    const dlx__cpu_linear *reader; /* of what is normed */
    bool as_is;                    /* what is normed is not rounded */
    bool queries, keys;            /* which projections this round makes */
    float *room;       /* [dlx__cpu_written_bytes] where the caller observes what products write;
                          NULL: it does not */
    float *written[3]; /* [n_rows][n_out] in it, of the products of the phase; NULL: not kept */
} dlx__cpu_job;

/* Room for what the products of any phase write. */
size_t dlx__cpu_written_bytes(const dlx__cpu_shape *s);
/* Before a phase: of up to three products (q, k, v; gate, up; or one) what they write is kept,
 * where the caller observes it; NULL: not this one. Behind the phase it is shown to the caller. */
void dlx__cpu_keep_products(dlx__cpu_job *j, const dlx__cpu_linear *const products[3]);
void dlx__cpu_show_products(const dlx__cpu_job *j, const dlx__cpu_linear *const products[3]);

/* Keeps the columns [col, col + n) of row r of product k of the phase, n_out wide. */
static inline void dlx__cpu_keep(const dlx__cpu_job *j, int k, size_t n_out, size_t r, size_t col,
                                 const float *y, size_t n)
{
    if (j->written[k])
        memcpy(j->written[k] + r * n_out + col, y, n * sizeof *y);
}

/* Does attention round what it writes? Only whole spans; other heads wait for all to be there. */
static inline bool dlx__cpu_attend_rounds(const dlx__backend *b)
{
    return b->shape.head_dim % DLX__SPAN == 0 && dlx__cpu_rounds_parts(b);
}

/* The phases of a layer. */
void dlx__cpu_norm_phase(void *job, int thread, int n_threads);
void dlx__cpu_project_phase(void *job, int thread, int n_threads);
void dlx__cpu_attend_phase(void *job, int thread, int n_threads);
void dlx__cpu_round_q_phase(void *job, int thread, int n_threads);
void dlx__cpu_output_phase(void *job, int thread, int n_threads);
void dlx__cpu_gate_phase(void *job, int thread, int n_threads);
void dlx__cpu_round_ff_phase(void *job, int thread, int n_threads);
void dlx__cpu_down_phase(void *job, int thread, int n_threads);

/* The tile's normed rows for this thread's products. */
dlx__acts dlx__cpu_normed(const dlx__cpu_job *j, int thread);
/* Is every thread to norm the tile for itself? */
bool dlx__cpu_norms_alone(const dlx__cpu_job *j);
/* Is what attention gave rounded in a phase of its own? */
bool dlx__cpu_rounds_q_apart(const dlx__cpu_job *j);

#endif
