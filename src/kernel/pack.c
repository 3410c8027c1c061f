/*
 * pack.c - from rows as they are stored to a panel: the same bytes for every table. Loading a model
 * spends its time here, so that levels move as words and the loops over bytes are ones that
 * compilers turn into vectors.
 */
#include "base/little.h"
#include "dtype/convert.h"
#include "kernel/panels.h"

enum {
    LEVELS = DLX__GROUP, /* bytes of an output's levels of a group */
    NIBBLES = DLX__GROUP / 2,
    WORD = 4,
    LINE = WORD * DLX__PANEL,
    PIECE = 256 /* weights converted at a time */
};

/* Where the numbers of output `o` of a panel go and come from. */
typedef struct column {
    const dlx__layout *l;
    uint8_t *panel;
    size_t o;
    const uint8_t *row;
} column;

/* The words of one output of a group: every 64 bytes. */
static void put_words(const column *c, size_t g, const uint8_t *levels)
{
    uint8_t *to = c->panel + dlx__levels_at(c->l, g) + c->o * WORD;
    for (size_t at = 0; at < c->l->level_bytes / DLX__PANEL; at += WORD)
        memcpy(to + at * DLX__PANEL, levels + at, WORD);
}

static void put_half(uint8_t *numbers, size_t o, const uint8_t *half)
{
    memcpy(numbers + o * 2, half, 2);
}

static void pack_q4_0(const column *c, size_t n_groups)
{
    const uint8_t *src = c->row;
    for (size_t g = 0; g < n_groups; g++, src += 18) {
        put_half(c->panel + dlx__head_at(c->l, g), c->o, src);
        put_words(c, g, src + 2);
    }
}

static void pack_q4_1(const column *c, size_t n_groups)
{
    const uint8_t *src = c->row;
    for (size_t g = 0; g < n_groups; g++, src += 20) {
        uint8_t *head = c->panel + dlx__head_at(c->l, g);
        put_half(head, c->o, src);
        put_half(head + 32, c->o, src + 2);
        put_words(c, g, src + 4);
    }
}

/* From signed bytes to levels: the offset of 128 in the even ones, for which panels.h has a reason.
 */
static void offset_evens(uint8_t *levels, size_t n)
{
    for (size_t i = 0; i < n; i += 8) {
        uint64_t eight = dlx__le64(levels + i) ^ 0x0080008000800080u;
        memcpy(levels + i, &eight, sizeof eight);
    }
}

static void pack_q8_0(const column *c, size_t n_groups)
{
    const uint8_t *src = c->row;
    for (size_t g = 0; g < n_groups; g++, src += 34) {
        uint8_t levels[LEVELS];
        memcpy(levels, src + 2, LEVELS);
        offset_evens(levels, LEVELS);
        put_half(c->panel + dlx__head_at(c->l, g), c->o, src);
        put_words(c, g, levels);
    }
}

/* 32 levels of five bits: 16 bytes of halves, and the fifth bits. */
static void levels_of_5(uint8_t levels[LEVELS], const uint8_t *halves, uint32_t fifth)
{
    for (int i = 0; i < NIBBLES; i++) {
        levels[i] = (uint8_t)((halves[i] & 15) + (int)(fifth >> i & 1u) * 16);
        levels[NIBBLES + i] = (uint8_t)((halves[i] >> 4) + (int)(fifth >> (NIBBLES + i) & 1u) * 16);
    }
}

static void pack_q5_0(const column *c, size_t n_groups)
{
    const uint8_t *src = c->row;
    for (size_t g = 0; g < n_groups; g++, src += 22) {
        uint8_t levels[LEVELS];
        levels_of_5(levels, src + 6, dlx__le32(src + 2));
        for (size_t i = 0; i < LEVELS; i++)
            levels[i] = (uint8_t)(levels[i] - 16);
        offset_evens(levels, LEVELS);
        put_half(c->panel + dlx__head_at(c->l, g), c->o, src);
        put_words(c, g, levels);
    }
}

static void pack_q5_1(const column *c, size_t n_groups)
{
    const uint8_t *src = c->row;
    for (size_t g = 0; g < n_groups; g++, src += 24) {
        uint8_t levels[LEVELS], *head = c->panel + dlx__head_at(c->l, g);
        levels_of_5(levels, src + 8, dlx__le32(src + 4));
        put_half(head, c->o, src);
        put_half(head + 32, c->o, src + 2);
        put_words(c, g, levels);
    }
}

/*
 * d, dmin and the eight pairs of 6-bit scales and minima of a Q4_K or Q5_K block. Pairs 0 .. 3 have
 * a byte for each number; 4 .. 7 keep 4 bits in bytes 8 .. 11 and the upper 2 on top of the others.
 */
static void put_k_header(const column *c, size_t g, const uint8_t *src)
{
    const uint8_t *packed = src + 4; /* [12] */
    uint8_t *front = c->panel + dlx__block_at(c->l, g);
    put_half(front, c->o, src);
    put_half(front + 32, c->o, src + 2);
    for (size_t j = 0; j < 8; j++) {
        uint8_t *head = c->panel + dlx__head_at(c->l, g + j);
        const int low = j < 4 ? packed[j] & 63 : (packed[j + 4] & 15) | packed[j - 4] >> 6 << 4;
        const int min = j < 4 ? packed[j + 4] & 63 : packed[j + 4] >> 4 | packed[j] >> 6 << 4;
        head[c->o] = (uint8_t)low;
        head[DLX__PANEL + c->o] = (uint8_t)min;
    }
}

/* 32 bytes serve 64 weights: the low halves are a group, the high halves the next. */
static void pack_q4_k(const column *c, size_t n_groups)
{
    const uint8_t *src = c->row;
    for (size_t block = 0; block < n_groups; block += 8, src += 144) {
        put_k_header(c, block, src);
        for (size_t j = 0; j < 8; j += 2) {
            const uint8_t *q = src + 16 + 16 * j; /* [32] */
            uint8_t low[NIBBLES], high[NIBBLES];
            for (int i = 0; i < NIBBLES; i++) {
                low[i] = (uint8_t)((q[i] & 15) | (q[NIBBLES + i] & 15) << 4);
                high[i] = (uint8_t)(q[i] >> 4 | (q[NIBBLES + i] & 0xF0));
            }
            put_words(c, block + j, low);
            put_words(c, block + j + 1, high);
        }
    }
}

static void pack_q5_k(const column *c, size_t n_groups)
{
    const uint8_t *src = c->row;
    for (size_t block = 0; block < n_groups; block += 8, src += 176) {
        const uint8_t *fifth = src + 16; /* [32]: bit j of byte i is for weight i of group j */
        put_k_header(c, block, src);
        for (size_t j = 0; j < 8; j += 2) {
            const uint8_t *q = src + 48 + 16 * j; /* [32] */
            uint8_t low[LEVELS], high[LEVELS];
            for (int i = 0; i < LEVELS; i++) {
                low[i] = (uint8_t)((q[i] & 15) | (fifth[i] >> j & 1) << 4);
                high[i] = (uint8_t)(q[i] >> 4 | (fifth[i] >> (j + 1) & 1) << 4);
            }
            put_words(c, block + j, low);
            put_words(c, block + j + 1, high);
        }
    }
}

/* Four groups of a Q6_K block: halves in low [64], two upper bits in high [32]. */
static void put_q6_half(const column *c, size_t g, const uint8_t *low, const uint8_t *high)
{
    for (size_t j = 0; j < 4; j++) {
        const uint8_t *from = low + 32 * (j & 1); /* groups 0, 1: low halves; 2, 3: high halves */
        const int shift = j < 2 ? 0 : 4;
        uint8_t levels[LEVELS];
        for (int i = 0; i < LEVELS; i++)
            levels[i] = (uint8_t)((from[i] >> shift & 15) | (high[i] >> 2 * j & 3) << 4);
        put_words(c, g + j, levels);
    }
}

static void pack_q6_k(const column *c, size_t n_groups)
{
    const uint8_t *src = c->row;
    for (size_t block = 0; block < n_groups; block += 8, src += 210) {
        put_half(c->panel + dlx__block_at(c->l, block), c->o, src + 208);
        for (size_t j = 0; j < 16; j++)
            c->panel[dlx__head_at(c->l, block + j / 2) + j % 2 * DLX__PANEL + c->o] = src[192 + j];
        put_q6_half(c, block, src, src + 128);
        put_q6_half(c, block + 4, src + 64, src + 160);
    }
}

static float largest_of(const float *x, size_t n, bool *finite)
{
    float largest = 0;
    uint32_t sick = 0;
    for (size_t i = 0; i < n; i++) {
        const float magnitude = x[i] < 0 ? -x[i] : x[i];
        largest = magnitude > largest ? magnitude : largest;
        sick |= !(magnitude <= 3.402823466e+38f);
    }
    *finite = !sick;
    return largest;
}

/* dlx__to_f32, whose loop over f16 is none for vectors. Subnormals need no care: a product that
 * moves the exponent makes them whole. */
static void floats_of(float *x, const uint8_t *stored, dlx__dtype dtype, size_t n)
{
    if (dtype != DLX__F16) {
        dlx__to_f32(x, stored, dtype, n);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const uint32_t half = dlx__le16(stored + 2 * i), sign = (half & 0x8000) << 16;
        const uint32_t special = (half & 0x7C00) == 0x7C00 ? 0x7F800000 : 0;
        const uint32_t shifted = (half & 0x7FFF) << 13;
        float magnitude;
        memcpy(&magnitude, &shifted, sizeof magnitude);
        magnitude *= 0x1p112f;
        uint32_t bits;
        memcpy(&bits, &magnitude, sizeof bits);
        bits |= sign | special;
        memcpy(x + i, &bits, sizeof bits);
    }
}

/* A row of floats to 8 bits under one scale, in two readings. */
static void pack_i8(const column *c, dlx__dtype dtype, size_t n)
{
    const size_t elem = dlx__dtype_bytes(dtype, 1);
    float piece[PIECE], largest = 0;
    bool all_finite = true;
    for (size_t at = 0; at < n; at += PIECE) {
        const size_t len = dlx__min(PIECE, n - at);
        bool finite;
        floats_of(piece, c->row + at * elem, dtype, len);
        const float one = largest_of(piece, len, &finite);
        largest = one > largest ? one : largest;
        all_finite = all_finite && finite;
    }
    const dlx__quantum quantum = dlx__quantum_of(largest, all_finite);
    for (size_t at = 0; at < n; at += PIECE) {
        const size_t len = dlx__min(PIECE, n - at);
        uint8_t levels[PIECE];
        floats_of(piece, c->row + at * elem, dtype, len);
        for (size_t i = 0; i < len; i++)
            levels[i] = (uint8_t)dlx__nearest(piece[i], &quantum);
        memset(levels + len, 0, PIECE - len);
        offset_evens(levels, PIECE);
        for (size_t i = 0; i < len; i += LEVELS)
            put_words(c, (at + i) / DLX__GROUP, levels + i);
    }
    memcpy(c->panel + dlx__n_groups(n) * c->l->level_bytes + c->o * sizeof(float), &quantum.scale,
           sizeof(float));
}

static void pack_32(const column *c, size_t n_in)
{
    for (size_t k = 0; k < n_in; k++)
        memcpy(c->panel + (k * DLX__PANEL + c->o) * WORD, c->row + k * WORD, WORD);
}

static void pack_16(const column *c, size_t n_in)
{
    for (size_t k = 0; k < n_in; k++)
        memcpy(c->panel + (k * DLX__PANEL + c->o) * 2, c->row + k * 2, 2);
}

static void pack_16_pairs(const column *c, size_t n_in)
{
    for (size_t k = 0; k < n_in; k += 2)
        memcpy(c->panel + (k / 2 * DLX__PANEL + c->o) * WORD, c->row + k * 2,
               k + 1 < n_in ? WORD : WORD / 2);
}

static void pack_column(const column *c, dlx__form form, const dlx__mat *w)
{
    const size_t n_groups = w->n_cols / DLX__GROUP;
    if (form == DLX__FORM_F32)
        pack_32(c, w->n_cols);
    else if (form == DLX__FORM_F16)
        pack_16(c, w->n_cols);
    else if (form == DLX__FORM_BF16)
        pack_16_pairs(c, w->n_cols);
    else if (form == DLX__FORM_I8)
        pack_i8(c, w->dtype, w->n_cols);
    else if (w->dtype == DLX__Q8_0)
        pack_q8_0(c, n_groups);
    else if (w->dtype == DLX__Q5_0)
        pack_q5_0(c, n_groups);
    else if (w->dtype == DLX__Q5_1)
        pack_q5_1(c, n_groups);
    else if (w->dtype == DLX__Q4_0)
        pack_q4_0(c, n_groups);
    else if (w->dtype == DLX__Q4_1)
        pack_q4_1(c, n_groups);
    else if (w->dtype == DLX__Q4_K)
        pack_q4_k(c, n_groups);
    else if (w->dtype == DLX__Q5_K)
        pack_q5_k(c, n_groups);
    else
        pack_q6_k(c, n_groups);
}

void dlx__panel_pack(uint8_t *dst, dlx__form form, const dlx__mat *w, size_t index)
{
    const size_t first = index * DLX__PANEL, n = dlx__min(DLX__PANEL, w->n_rows - first);
    memset(dst, 0, dlx__panel_bytes(form, w->n_cols));
    for (size_t o = 0; o < n; o++) {
        column c = {&dlx__layouts[form], dst, o, w->data + (first + o) * w->row_bytes};
        pack_column(&c, form, w);
    }
}
