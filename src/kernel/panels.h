/*
 * panels.h - how panels are laid out in memory: the same way for every table.
 *
 *   F32, F16      [n_in][16] numbers
 *   BF16          [n_in / 2][16][2]: two inputs of an output make a 32-bit word
 *   integer forms blocks; a block is a header and the levels of its groups. I8 has, behind the last
 *                 block, f32 scale [16]
 *
 * A level is the stored integer plus an offset that makes it unsigned: w = level - offset. The
 * levels of a group are
 *
 *   bytes    [8][16][4]: four inputs of an output make a word, a step; 16 words a cache line
 *   nibbles  [4][16][4]: the low halves of line s are step s, the high halves step s + 4
 *
 * which is what multiply-add instructions on bytes (maddubs, dpbusd, sdot) read, and the order in
 * which GGUF stores nibbles. Levels of 8 bits have their offset in the even inputs only: a pair of
 * bytes then is the 16-bit number 256 w[odd] + level[even], and instructions that multiply 16 bits
 * need not take it apart.
 */
#ifndef DLX__PANELS_H
#define DLX__PANELS_H

#include "kernel/kernel.h"

/* What must become part of its caller, for its literal arguments to unroll loops; and the loops. */
#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

enum {
    DLX__STEPS = DLX__GROUP / 4, /* of a group */
    DLX__SPAN_GROUPS = DLX__SPAN / DLX__GROUP,
    DLX__BLOCK = 256 /* inputs of a block of the K forms */
};

/* Levels by their range after the offset is taken off; signed or not. */
typedef enum dlx__kind { DLX__S4, DLX__U4, DLX__U5, DLX__S6, DLX__S8 } dlx__kind;

/* Bytes of a header, which is padded to 64, and of levels; all 0 for float forms. */
typedef struct dlx__layout {
    size_t block_groups; /* groups of a block */
    size_t front_bytes;  /* header: what is said of the whole block */
    size_t head_bytes;   /* header: then, for each group, what is said of it */
    size_t level_bytes;  /* a group */
    int offset;
    dlx__kind kind;
} dlx__layout;

/*
 * Heads: f16 scale [16], of Q8_1 and Q4_1 then f16 minimum [16]; of Q4_K and Q5_K u8 scale [16],
 * minimum [16] and in front f16 d [16], dmin [16]; of Q6_K i8 scale [2][16] and in front f16 d
 * [16].
 */
static const dlx__layout dlx__layouts[DLX__N_FORMS] = {
    [DLX__FORM_I8] = {1, 0, 0, 512, 128, DLX__S8},
    [DLX__FORM_Q8_0] = {2, 0, 32, 512, 128, DLX__S8},
    [DLX__FORM_Q8_1] = {1, 0, 64, 512, 0, DLX__U5},
    [DLX__FORM_Q4_0] = {2, 0, 32, 256, 8, DLX__S4},
    [DLX__FORM_Q4_1] = {1, 0, 64, 256, 0, DLX__U4},
    [DLX__FORM_Q4_K] = {8, 64, 32, 256, 0, DLX__U4},
    [DLX__FORM_Q5_K] = {8, 64, 32, 512, 0, DLX__U5},
    [DLX__FORM_Q6_K] = {8, 32, 32, 512, 32, DLX__S6},
};

static inline size_t dlx__n_groups(size_t n_in)
{
    return n_in / DLX__GROUP + (n_in % DLX__GROUP != 0);
}

static inline size_t dlx__n_spans(size_t n_in)
{
    return n_in / DLX__SPAN + (n_in % DLX__SPAN != 0);
}

static inline size_t dlx__header_bytes(const dlx__layout *l)
{
    return (l->front_bytes + l->block_groups * l->head_bytes + 63) / 64 * 64;
}

static inline size_t dlx__block_bytes(const dlx__layout *l)
{
    return dlx__header_bytes(l) + l->block_groups * l->level_bytes;
}

/* Offsets in a panel: the block of group g, the group's part of the header, its levels. */
static inline size_t dlx__block_at(const dlx__layout *l, size_t g)
{
    return g / l->block_groups * dlx__block_bytes(l);
}

static inline size_t dlx__head_at(const dlx__layout *l, size_t g)
{
    return dlx__block_at(l, g) + l->front_bytes + g % l->block_groups * l->head_bytes;
}

static inline size_t dlx__levels_at(const dlx__layout *l, size_t g)
{
    return dlx__block_at(l, g) + dlx__header_bytes(l) + g % l->block_groups * l->level_bytes;
}

/* kernels.panel_bytes and kernels.pack of every table. */
size_t dlx__panel_bytes(dlx__form form, size_t n_in);
void dlx__panel_pack(uint8_t *dst, dlx__form form, const dlx__mat *w, size_t index);

/*
 * How a span of numbers becomes integers: q = nearest(x * inverse), x = scale * q. Numbers too
 * small to have an inverse count as zero; numbers that are not finite give a NaN scale and zeros.
 */
typedef struct dlx__quantum {
    float scale;
    float inverse;
} dlx__quantum;

static inline dlx__quantum dlx__quantum_of(float largest, bool finite)
{
    if (!finite)
        return (dlx__quantum){__builtin_nanf(""), 0};
    if (largest < 1e-30f)
        return (dlx__quantum){0, 0};
    return (dlx__quantum){largest / 127.0f, 127.0f / largest};
}

/* The nearest integer, even of two: below 2^22 the sum has no bits left for a fraction. */
static inline int dlx__nearest(float x, const dlx__quantum *quantum)
{
    if (quantum->inverse == 0)
        return 0; /* x may be infinite */
    const float whole = x * quantum->inverse + 12582912.0f;
    return (int)(whole - 12582912.0f);
}

#endif
