/*
 * kernel.h - the numeric loops of the CPU backend: one table for each instruction set.
 *
 * Rows are row-major. A product reads its weights from panels: 16 outputs side by side, packed once
 * when a model is loaded, so that a vector register holds outputs and an input is broadcast to it.
 * Whatever the tiling, each output is one chain of operations over its inputs in ascending order:
 * neither the rows beside it, nor the split among threads, nor the instruction set changes a bit of
 * a product. (Sums over a row - norms, softmax - depend on the instruction set alone.)
 *
 * Integer products quantize the activations as they come, a span of 128 inputs of a row to a scale.
 * A weight has its scale for a group of 32 (decision 17):
 *
 *   da = max|x| / 127,  q = x (127 / max|x|), to the nearest, even of two
 *   y  = sum over spans s, ascending:    fma(t[s], da[s], y)
 *   t  = sum over groups g, ascending:   fma(float(sum over g of w q), dw[g], t)
 *        and, where the form has a minimum m,  fma(m[g], float(sum over g of q), t)
 *
 * A span whose maximum is below 1e-30 counts as zeros. dw is the stored scale; of Q4_K and Q5_K it
 * is d times the integer scale, and m is -(dmin times the integer minimum); of Q6_K it is d, and w
 * is the level times the integer scale of its 16 inputs. I8 has dw = 1, and y is multiplied by the
 * output's scale in the end.
 *
 * Where a row's `ints` are NULL, integer weights become the floats that dlx__to_f32 makes of them,
 * and are multiplied as those are.
 *
 * Products of bf16 weights may read rows rounded to bf16, y = y + the products of two inputs, which
 * tables with an instruction for it do at twice the speed; how its sum is rounded is the
 * processor's choice.
 *
 * The scalar table is the truth; the others are tested against it by one list.
 */
#ifndef DLX__KERNEL_H
#define DLX__KERNEL_H

#include "base/cpu.h"
#include "base/tensor.h"
#include "dtype/kv_type.h"

enum {
    DLX__PANEL = 16,   /* outputs of a panel */
    DLX__GROUP = 32,   /* weights of an output that share a scale */
    DLX__SPAN = 128,   /* inputs of a row that share a scale */
    DLX__LANES = 32,   /* the most (head, row) pairs that attend takes */
    DLX__LANE_STEP = 8 /* their number is a multiple of it */
};

/* A weight matrix as it is stored: n_rows outputs of n_cols inputs each. */
typedef struct dlx__mat {
    const uint8_t *data;
    dlx__dtype dtype;
    size_t n_rows, n_cols;
    size_t row_bytes;
} dlx__mat;

/*
 * What panels hold. form, bits of a weight, scales and minima:
 * I8 quantizes float weights while packing, symmetric, one scale an output; the others keep the
 * stored numbers exactly.
 */
#define DLX__FORMS(X)                                                                              \
    X(F32)  /* f32 */                                                                              \
    X(BF16) /* bf16 */                                                                             \
    X(F16)  /* f16 */                                                                              \
    X(I8)   /* int8, f32 scale an output */                                                        \
    X(Q8_0) /* int8, f16 scale a group: Q8_0, Q5_0 */                                              \
    X(Q8_1) /* uint8, f16 scale and minimum a group: Q5_1 */                                       \
    X(Q4_0) /* 4 bits - 8, f16 scale a group */                                                    \
    X(Q4_1) /* 4 bits, f16 scale and minimum a group */                                            \
    X(Q4_K) /* 4 bits; f16 d, dmin for 256 inputs; uint8 scale and minimum a group */              \
    X(Q5_K) /* uint8 < 32, the rest as Q4_K */                                                     \
    X(Q6_K) /* int8 in -32 .. 31; f16 d for 256 inputs; int8 scale for 16 */

typedef enum dlx__form {
#define DLX__FORM_ENUM(name) DLX__FORM_##name,
    DLX__FORMS(DLX__FORM_ENUM)
#undef DLX__FORM_ENUM
        DLX__N_FORMS
} dlx__form;

/* The form that keeps a stored type's numbers. */
dlx__form dlx__form_of(dlx__dtype dtype);
const char *dlx__form_name(dlx__form form);
/* Do its products read quantized activations? */
bool dlx__form_is_int(dlx__form form);

/* A weight matrix in panels; those past the last output are zero. */
typedef struct dlx__packed {
    uint8_t *data; /* [n_panels][panel_bytes], 64-byte aligned */
    dlx__form form;
    size_t n_out, n_in;
    size_t n_panels;
    size_t panel_bytes; /* a multiple of 64 */
} dlx__packed;

/*
 * n_rows rows of n_in inputs: as numbers; for integer products, quantized; and rounded to bf16
 * where the products of bf16 weights are to read them so. What lies behind `ints` and `halves` is
 * the table's own and depends on n_rows and n_in, which must be the same when a product reads it.
 * A stride of a multiple of 1024 would put a column of x into the same few cache lines.
 */
typedef struct dlx__acts {
    float *x; /* [n_rows][stride] */
    size_t stride;
    size_t n_in, n_rows;
    uint8_t *ints;   /* [ints_bytes], 64-byte aligned; NULL: integer weights are multiplied by x */
    uint8_t *halves; /* [halves_bytes], 64-byte aligned; NULL: products of bf16 weights read x */
} dlx__acts;

/* One head's keys and values and what the lanes may see of them. */
typedef struct dlx__attend_in {
    dlx__kv_type type;     /* of keys and values; not NONE */
    dlx__kv_rows keys;     /* [n_slots, head_dim], rows of bf16 4-byte aligned */
    dlx__kv_rows values;   /* likewise; of an odd number of slots in bf16 anything may lie beside
                              the last */
    const int32_t *n_seen; /* [width]: lane l sees the slots [0, n_seen[l]), at least one */
    size_t n_slots;        /* the largest of n_seen */
    size_t head_dim;       /* even */
    float scale;
    bool pairs; /* of bf16, by a table that has `halve`: q and the softmax are rounded to bf16 too,
                   and pairs multiplied. Else all products are those of floats */
} dlx__attend_in;

/* What is known of a row's logits so far; made for ascending ids. */
typedef struct dlx__stats {
    float max;
    float second;   /* the largest but one */
    float sum;      /* of exp(l - max) */
    float weighted; /* of exp(l - max) * (l - max) */
    int32_t best;   /* id of max, the lowest of several; -1: none above -infinity */
    bool broken;    /* a NaN or +infinity was seen */
} dlx__stats;

typedef struct dlx__kernels {
    const char *name;
    bool (*runs_on)(const dlx__cpu *cpu);

    /* Bytes of a panel of n_in inputs; SIZE_MAX: n_in is not whole groups or too large. */
    size_t (*panel_bytes)(dlx__form form, size_t n_in);

    /* Panel `index` of w; dst [panel_bytes]. w's type must have `form`, or be float for I8. */
    void (*pack)(uint8_t *dst, dlx__form form, const dlx__mat *w, size_t index);

    /* Bytes behind dlx__acts.ints for as many rows and inputs. */
    size_t (*ints_bytes)(size_t n_in, size_t n_rows);

    /* Quantizes the inputs [col, col + n) of a row out of a->x; col a multiple of DLX__SPAN, and n
     * too unless the row ends there. A span with NaN or infinity gets a NaN scale. `largest`, where
     * it is not NULL, is the max|x| of all these spans; what lies beyond is cut off. */
    void (*quantize)(const dlx__acts *a, size_t row, size_t col, size_t n, const float *largest);

    /* Bytes behind dlx__acts.halves. NULL, as `halve` is then: no product of this table reads them.
     */
    size_t (*halves_bytes)(size_t n_in, size_t n_rows);

    /* Rounds the inputs [col, col + n) of a row out of a->x to bf16; col as for quantize. */
    void (*halve)(const dlx__acts *a, size_t row, size_t col, size_t n);

    /* y [n_rows][y_stride], n_panels * 16 columns: the panels first_panel ... times all rows of a.
     * Columns past the last output become 0. */
    void (*gemm)(float *y, size_t y_stride, const dlx__acts *a, const dlx__packed *w,
                 size_t first_panel, size_t n_panels);

    /* y [head_dim][width] = softmax(scale * keys q) over what each lane sees, times values;
     * q [head_dim][width] is not kept; width 8, 16, 24 or 32. */
    void (*attend)(float *y, float *q, size_t width, const dlx__attend_in *in);

    /* The vectors below have any length n. y may be x. */

    /* y = x * weight / sqrt(mean(x * x) + eps) */
    void (*norm)(float *y, const float *x, const float *weight, size_t n, float eps);

    /* Rotates the pairs (i, i + half) of x [2 * half]; cosine, sine [half] */
    void (*rope)(float *x, const float *cosine, const float *sine, size_t half);

    /* y = gate / (1 + exp(-gate)) * up */
    void (*silu_mul)(float *y, const float *gate, const float *up, size_t n);

    /* y += x */
    void (*add)(float *y, const float *x, size_t n);

    /* Takes the logits [n] of the ids first_id ... into account; -infinity: not allowed. */
    void (*stats)(dlx__stats *s, const float *logits, size_t n, int32_t first_id);
} dlx__kernels;

/* The fastest table for this processor. */
const dlx__kernels *dlx__kernels_best(const dlx__cpu *cpu);

/* By its name, if this processor runs it; name NULL: the fastest. NULL: no such table here. */
const dlx__kernels *dlx__kernels_find(const char *name, const dlx__cpu *cpu);

/* Every table of this build, the scalar one first; NULL-terminated. */
const dlx__kernels *const *dlx__kernels_list(void);

/* Before the first logit, and: a becomes what it would be had it seen b's logits after its own. */
void dlx__stats_reset(dlx__stats *s);
void dlx__stats_merge(dlx__stats *a, const dlx__stats *b);

extern const dlx__kernels dlx__kernels_scalar;
extern const dlx__kernels dlx__kernels_avx2;
extern const dlx__kernels dlx__kernels_avxvnni;
extern const dlx__kernels dlx__kernels_avx512;
extern const dlx__kernels dlx__kernels_avx512bf16;
extern const dlx__kernels dlx__kernels_avx512wide;
extern const dlx__kernels dlx__kernels_neon;
extern const dlx__kernels dlx__kernels_neondot;
extern const dlx__kernels dlx__kernels_neoni8mm;

#endif
