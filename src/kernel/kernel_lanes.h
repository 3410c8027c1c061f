/*
 * kernel_lanes.h - the loops of kernel.h over an abstract vector, included once by each
 * kernel_<isa>.c after it has defined:
 *
 *   VL              floats in a vector, a divisor of 8
 *   vec, ids, test  VL floats, VL int32, VL truth values
 *   vec_load vec_store vec_set vec_add vec_sub vec_mul vec_div vec_sqrt
 *   vec_max(a, b)   b where either is NaN
 *   vec_fma(a, b, c)     a * b + c, rounded once
 *   vec_above(a, b)      a > b, false for NaN;  vec_regular(a): neither NaN nor +infinity
 *   vec_select(t, a, b)  t ? a : b
 *   vec_exp2_int(x, n)   n = x rounded to a whole number; returns 2^n for n in [-126, 127]
 *   ids_load ids_store ids_set ids_above(a, b) ids_select(t, a, b)
 *   unpack(dst, src, dtype, n)   stored weights to float32
 *   SET_NAME, SET_TEXT, runs_on
 *
 * Loops whose bounds are literals at the call are unrolled into registers by the compiler.
 */
#include "kernel/kernel.h"

#include <float.h>
#include <math.h>

#define ALWAYS static inline __attribute__((always_inline))

enum {
    N_SUMS = 96 / VL, /* registers of sums in a tile: 3 x 32 lanes, 4 x 24, 6 x 16, 12 x 8 */
    PIECE = 256,      /* most weights of a row unpacked at a time: the largest storage block */
    MOST_TILE_ROWS = 12,
    RUN = 32, /* columns computed between two requests to memory */
    SLOTS =
        64, /* KV slots of a softmax tile: keys or values, q and scores then share the L1 cache */
    NORM_RUN = 64
};

/* What the next piece of work will read from memory: asked for while this one computes. */
typedef struct ahead {
    const uint8_t *data; /* NULL: nothing */
    size_t row_bytes;    /* from one of its rows to the next */
    size_t run_bytes;    /* that RUN columns take */
} ahead;

ALWAYS void fetch(const ahead *next, size_t first, size_t run, int n_rows)
{
    for (int r = 0; r < n_rows; r++) {
        const uint8_t *from =
            next->data + (first + (size_t)r) * next->row_bytes + run * next->run_bytes;
        for (size_t b = 0; b < next->run_bytes; b += 64)
            __builtin_prefetch(from + b, 0, 2);
    }
}

/* sum += one column of w, w(r) at w[r * row_step], times the lanes x of that column. */
ALWAYS void step(vec *sum, const float *x, const float *w, size_t row_step, const int n_vec,
                 const int n_rows)
{
    if (n_vec * VL == DLX__LANES) { /* few rows: hold their weights, stream the lanes */
        vec weight[MOST_TILE_ROWS];
        for (int r = 0; r < n_rows; r++)
            weight[r] = vec_set(w[(size_t)r * row_step]);
        for (int v = 0; v < n_vec; v++) {
            vec lanes = vec_load(x + v * VL);
            for (int r = 0; r < n_rows; r++)
                sum[r * n_vec + v] = vec_fma(weight[r], lanes, sum[r * n_vec + v]);
        }
    } else { /* few lanes: hold them, stream the weights */
        vec lanes[DLX__LANES / VL];
        for (int v = 0; v < n_vec; v++)
            lanes[v] = vec_load(x + v * VL);
        for (int r = 0; r < n_rows; r++) {
            vec weight = vec_set(w[(size_t)r * row_step]);
            for (int v = 0; v < n_vec; v++)
                sum[r * n_vec + v] = vec_fma(weight, lanes[v], sum[r * n_vec + v]);
        }
    }
}

/*
 * y [n_rows][width] (+)= w x, n_vec vectors of lanes by n_rows rows of w in registers. w(r, k) lies
 * at w[r * row_step + k * col_step]. One chain of fused multiply-adds for each result, k ascending.
 * Fetching goes in small runs, as fast as the memory delivers: all at once would stall the loop.
 */
ALWAYS void tile(float *y, const float *x, const float *w, size_t row_step, size_t col_step,
                 size_t n_cols, bool add, const ahead *next, size_t first, const int n_vec,
                 const int n_rows)
{
    const size_t width = (size_t)(n_vec * VL);
    vec sum[N_SUMS];
    for (int r = 0; r < n_rows; r++)
        for (int v = 0; v < n_vec; v++)
            sum[r * n_vec + v] = add ? vec_load(y + (size_t)r * width + v * VL) : vec_set(0);
    for (size_t k = 0; k < n_cols;) {
        const size_t end = next ? dlx__min(n_cols, k + RUN) : n_cols;
        if (next && next->data)
            fetch(next, first, k / RUN, n_rows);
        for (; k < end; k++)
            step(sum, x + k * width, w + k * col_step, row_step, n_vec, n_rows);
    }
    for (int r = 0; r < n_rows; r++)
        for (int v = 0; v < n_vec; v++)
            vec_store(y + (size_t)r * width + v * VL, sum[r * n_vec + v]);
}

/* Any number of rows of w: full tiles, then thirds of a tile, then single rows. */
ALWAYS void strip(float *y, const float *x, const float *w, size_t row_step, size_t col_step,
                  size_t n_rows, size_t n_cols, bool add, const ahead *next, const int n_vec,
                  const int n_tile)
{
    const size_t width = (size_t)(n_vec * VL), full = (size_t)n_tile, third = full / 3;
    size_t r = 0;
    for (; r + full <= n_rows; r += full)
        tile(y + r * width, x, w + r * row_step, row_step, col_step, n_cols, add, next, r, n_vec,
             n_tile);
    for (; third > 1 && r + third <= n_rows; r += third)
        tile(y + r * width, x, w + r * row_step, row_step, col_step, n_cols, add, next, r, n_vec,
             n_tile / 3);
    for (; r < n_rows; r++)
        tile(y + r * width, x, w + r * row_step, row_step, col_step, n_cols, add, next, r, n_vec,
             1);
}

#define FOR_WIDTH(width, call)                                                                     \
    do {                                                                                           \
        if ((width) == 32) {                                                                       \
            enum { N_VEC = 32 / VL, N_TILE = 3 };                                                  \
            call;                                                                                  \
        } else if ((width) == 24) {                                                                \
            enum { N_VEC = 24 / VL, N_TILE = 4 };                                                  \
            call;                                                                                  \
        } else if ((width) == 16) {                                                                \
            enum { N_VEC = 16 / VL, N_TILE = 6 };                                                  \
            call;                                                                                  \
        } else {                                                                                   \
            enum { N_VEC = 8 / VL, N_TILE = 12 };                                                  \
            call;                                                                                  \
        }                                                                                          \
    } while (0)

/* w(r, k) = w[r * PIECE + k]: unpacked weights. */
static void product_unpacked(float *y, const float *x, size_t width, const float *w, size_t n_rows,
                             size_t n_cols, bool add, const ahead *next)
{
    FOR_WIDTH(width, strip(y, x, w, PIECE, 1, n_rows, n_cols, add, next, N_VEC, N_TILE));
}

/* w(r, k) = w[r * step + k]: keys. */
static void product_rows(float *y, const float *x, size_t width, const float *w, size_t step,
                         size_t n_rows, size_t n_cols)
{
    FOR_WIDTH(width, strip(y, x, w, step, 1, n_rows, n_cols, false, NULL, N_VEC, N_TILE));
}

/* y += w x with w(r, k) = w[r + k * step]: values. */
static void product_cols(float *y, const float *x, size_t width, const float *w, size_t step,
                         size_t n_rows, size_t n_cols)
{
    FOR_WIDTH(width, strip(y, x, w, 1, step, n_rows, n_cols, true, NULL, N_VEC, N_TILE));
}

/* A piece of a product: rows row ..., columns at ... of w. */
typedef struct piece {
    size_t row, n_rows;
    size_t at, n_cols;
} piece;

static const uint8_t *piece_data(const dlx__mat *w, size_t row, size_t at)
{
    const dlx__dtype_info *type = dlx__dtype_of(w->dtype);
    return w->data + row * w->row_bytes + at / type->block_elems * type->block_bytes;
}

/* y (+)= piece, its weights unpacked into a buffer that does not leave the L1 cache; y and x are
 * those of its first row and column. The piece at (next_row, next_at) is fetched meanwhile. */
static void gemm_piece(float *y, const float *x, size_t width, const dlx__mat *w, const piece *p,
                       size_t next_row, size_t next_at)
{
    const dlx__dtype_info *type = dlx__dtype_of(w->dtype);
    float weights[DLX__WEIGHT_GRAIN * PIECE]; /* [n_rows][PIECE] */
    ahead next = {.row_bytes = w->row_bytes,
                  .run_bytes = dlx__max(1, RUN * type->block_bytes / type->block_elems)};
    if (next_row + p->n_rows <= w->n_rows)
        next.data = piece_data(w, next_row, next_at);
    for (size_t r = 0; r < p->n_rows; r++)
        unpack(weights + r * PIECE, piece_data(w, p->row + r, p->at), w->dtype, p->n_cols);
    product_unpacked(y, x, width, weights, p->n_rows, p->n_cols, p->at > 0, &next);
}

/*
 * Twelve rows of w at a time are read from end to end, a piece of their columns at a time: memory
 * delivers long runs best, and a wide chunk's part of x then serves four register tiles from the L1
 * cache. Each weight is unpacked once.
 */
static void gemm(float *y, const float *x, size_t width, const dlx__mat *w, size_t first, size_t n)
{
    const size_t rows = DLX__WEIGHT_GRAIN, n_cols = w->n_cols;
    const bool fine = dlx__dtype_of(w->dtype)->block_elems <= PIECE / 2;
    const size_t len = width == DLX__LANES && fine ? PIECE / 2 : PIECE;
    for (size_t i = 0; i < n; i += rows)
        for (size_t at = 0; at < n_cols; at += len) {
            piece p = {first + i, dlx__min(rows, n - i), at, dlx__min(len, n_cols - at)};
            bool last = at + len >= n_cols;
            gemm_piece(y + i * width, x + at * width, width, w, &p, last ? p.row + p.n_rows : p.row,
                       last ? 0 : at + len);
        }
}

/*
 * exp(x) = 2^n exp(r) with x = n ln 2 + r, |r| <= ln 2 / 2; the polynomial is that of Cephes' expf
 * (S. Moshier), off by about one unit in the last place. Below -87.3 the result is 0, above 88.3
 * infinity; NaN stays NaN.
 */
ALWAYS vec exponential(vec x)
{
    const vec lowest = vec_set(-87.3f), highest = vec_set(88.3f);
    vec within = vec_select(vec_above(x, highest), highest, vec_max(lowest, x));
    vec n, power = vec_exp2_int(vec_mul(within, vec_set(1.44269504088896341f)), &n);
    vec r = vec_fma(n, vec_set(-0.693359375f), within);
    r = vec_fma(n, vec_set(2.12194440e-4f), r);
    vec p = vec_set(1.9875691500e-4f);
    p = vec_fma(p, r, vec_set(1.3981999507e-3f));
    p = vec_fma(p, r, vec_set(8.3334519073e-3f));
    p = vec_fma(p, r, vec_set(4.1665795894e-2f));
    p = vec_fma(p, r, vec_set(1.6666665459e-1f));
    p = vec_fma(p, r, vec_set(5.0000001201e-1f));
    p = vec_fma(p, vec_mul(r, r), vec_add(r, vec_set(1)));
    p = vec_select(vec_above(lowest, x), vec_set(0), vec_mul(p, power));
    return vec_select(vec_above(x, highest), vec_set(INFINITY), p);
}

/*
 * Scores s [n][width] of the slots from `slot` become exp(score - max); max and sum [width] are
 * brought up to date, and `shrink` [width] is what earlier results must be multiplied by.
 */
static void softmax_tile(float *s, size_t width, size_t n, int32_t slot, const dlx__attend_in *in,
                         float *max, float *sum, float *shrink)
{
    const vec scale = vec_set(in->scale);
    for (size_t l = 0; l < width; l += VL) {
        ids seen = ids_load(in->n_seen + l);
        vec before = vec_load(max + l), top = before;
        for (size_t j = 0; j < n; j++) {
            float *at = s + j * width + l;
            vec score = vec_mul(vec_load(at), scale);
            score =
                vec_select(ids_above(seen, ids_set(slot + (int32_t)j)), score, vec_set(-INFINITY));
            vec_store(at, score);
            top = vec_max(score, top);
        }
        vec smaller = exponential(vec_sub(before, top)), total = vec_set(0);
        for (size_t j = 0; j < n; j++) {
            float *at = s + j * width + l;
            vec p = exponential(vec_sub(vec_load(at), top));
            vec_store(at, p);
            total = vec_add(total, p);
        }
        vec_store(shrink + l, smaller);
        vec_store(sum + l, vec_fma(vec_load(sum + l), smaller, total));
        vec_store(max + l, top);
    }
}

/* y [n][width] *= factor [width] */
static void scale_lanes(float *y, const float *factor, size_t width, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t l = 0; l < width; l += VL)
            vec_store(y + i * width + l,
                      vec_mul(vec_load(y + i * width + l), vec_load(factor + l)));
}

/* Tiles of SLOTS slots with a running maximum. Slot 0 is visible to every lane, so that the first
 * tile always finds a maximum. */
static void attend(float *y, const float *q, size_t width, const dlx__attend_in *in)
{
    float s[SLOTS * DLX__LANES]; /* [SLOTS][width] */
    float max[DLX__LANES], sum[DLX__LANES], shrink[DLX__LANES];
    for (size_t l = 0; l < width; l++) {
        max[l] = -INFINITY;
        sum[l] = 0;
    }
    for (size_t i = 0; i < in->head_dim * width; i++)
        y[i] = 0;
    for (size_t slot = 0; slot < in->n_slots; slot += SLOTS) {
        size_t n = dlx__min(SLOTS, in->n_slots - slot);
        product_rows(s, q, width, in->keys + slot * in->head_dim, in->head_dim, n, in->head_dim);
        softmax_tile(s, width, n, (int32_t)slot, in, max, sum, shrink);
        if (slot > 0)
            scale_lanes(y, shrink, width, in->head_dim);
        product_cols(y, s, width, in->values + slot * in->head_dim, in->head_dim, in->head_dim, n);
    }
    for (size_t l = 0; l < width; l += VL)
        vec_store(shrink + l, vec_div(vec_set(1), vec_load(sum + l)));
    scale_lanes(y, shrink, width, in->head_dim);
}

/* Squares are summed in runs, and the runs then, which keeps long sums accurate. */
static void norm(float *y, const float *x, size_t width, size_t n_lanes, const float *weight,
                 size_t n, float eps)
{
    for (size_t l = 0; l < n_lanes; l += VL) {
        vec total = vec_set(0);
        for (size_t at = 0; at < n; at += NORM_RUN) {
            vec run = vec_set(0);
            for (size_t i = at; i < dlx__min(n, at + NORM_RUN); i++) {
                vec v = vec_load(x + i * width + l);
                run = vec_fma(v, v, run);
            }
            total = vec_add(total, run);
        }
        vec mean = vec_div(total, vec_set((float)n));
        vec factor = vec_div(vec_set(1), vec_sqrt(vec_add(mean, vec_set(eps))));
        for (size_t i = 0; i < n; i++) {
            vec v = vec_mul(vec_load(x + i * width + l), factor);
            vec_store(y + i * width + l, vec_mul(v, vec_set(weight[i])));
        }
    }
}

static void rope(float *x, const float *cosine, const float *sine, size_t width, size_t half)
{
    float *low = x, *high = x + half * width;
    for (size_t i = 0; i < half * width; i += VL) {
        vec a = vec_load(low + i), b = vec_load(high + i);
        vec c = vec_load(cosine + i), s = vec_load(sine + i);
        vec_store(low + i, vec_sub(vec_mul(a, c), vec_mul(b, s)));
        vec_store(high + i, vec_add(vec_mul(b, c), vec_mul(a, s)));
    }
}

static void silu_mul(float *y, const float *x, size_t n)
{
    const vec one = vec_set(1);
    for (size_t i = 0; i < n; i += VL) {
        vec v = vec_load(x + i);
        vec gate = vec_div(v, vec_add(one, exponential(vec_sub(vec_set(0), v))));
        vec_store(y + i, vec_mul(gate, vec_load(y + i)));
    }
}

static void add(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += VL)
        vec_store(y + i, vec_add(vec_load(y + i), vec_load(x + i)));
}

static void add_bias(float *y, const float *bias, size_t width, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t l = 0; l < width; l += VL)
            vec_store(y + i * width + l, vec_add(vec_load(y + i * width + l), vec_set(bias[i])));
}

/* Maximum, its id and the second best of VL lanes. Strictly above: the lower id keeps a tie. */
ALWAYS vec rank_lanes(dlx__lane_stats *s, size_t l, const float *logits, size_t width, size_t n,
                      int32_t first_id)
{
    vec max = vec_load(s->max + l), second = vec_load(s->second + l);
    ids best = ids_load(s->best + l), broken = ids_load(s->broken + l);
    for (size_t i = 0; i < n; i++) {
        vec logit = vec_load(logits + i * width + l);
        test higher = vec_above(logit, max);
        second = vec_max(vec_select(higher, max, logit), second);
        best = ids_select(higher, ids_set(first_id + (int32_t)i), best);
        max = vec_select(higher, logit, max);
        broken = ids_select(vec_regular(logit), broken, ids_set(1));
    }
    vec_store(s->max + l, max);
    vec_store(s->second + l, second);
    ids_store(s->best + l, best);
    ids_store(s->broken + l, broken);
    return max;
}

/*
 * Differences are cut at -100, where exp is 0 anyway: -infinity (an id that is not allowed, or the
 * maximum before the first logit) then adds 0 and not 0 * infinity.
 */
static void stats(dlx__lane_stats *s, const float *logits, size_t width, size_t n, int32_t first_id)
{
    const vec cut = vec_set(-100);
    for (size_t l = 0; l < width; l += VL) {
        vec before = vec_load(s->max + l);
        vec max = vec_max(rank_lanes(s, l, logits, width, n, first_id), vec_set(-FLT_MAX));
        vec d = vec_max(cut, vec_sub(before, max));
        vec e = exponential(d);
        vec old_sum = vec_load(s->sum + l), old_weighted = vec_load(s->weighted + l);
        vec sum = vec_set(0), weighted = vec_set(0);
        for (size_t i = 0; i < n; i++) {
            vec di = vec_max(cut, vec_sub(vec_load(logits + i * width + l), max));
            vec ei = exponential(di);
            sum = vec_add(sum, ei);
            weighted = vec_fma(ei, di, weighted);
        }
        vec_store(s->sum + l, vec_fma(e, old_sum, sum));
        vec_store(s->weighted + l, vec_fma(e, vec_fma(old_sum, d, old_weighted), weighted));
    }
}

const dlx__kernels SET_NAME = {
    .name = SET_TEXT,
    .runs_on = runs_on,
    .gemm = gemm,
    .attend = attend,
    .norm = norm,
    .rope = rope,
    .silu_mul = silu_mul,
    .add = add,
    .add_bias = add_bias,
    .stats = stats,
};
