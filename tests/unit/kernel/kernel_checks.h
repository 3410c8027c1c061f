/*
 * kernel_checks.h - every table of kernels against the scalar one, by one list. It needs no test
 * framework, so that a cross build can run it too: test_kernels.c hands the checks to cmocka,
 * kernel_checks.c is a plain program.
 *
 * A check returns NULL, or what went wrong (in a buffer that lives until the next check).
 */
#ifndef KERNEL_CHECKS_H
#define KERNEL_CHECKS_H

#include "attend_checks.h"

/* One line a check: the kernel's name is that of the check. */
#define KERNEL_CHECKS(X)                                                                           \
    X(gemm)                                                                                        \
    X(gemm_few_rows)                                                                               \
    X(gemm_many_rows)                                                                              \
    X(gemm_values)                                                                                 \
    X(gemm_parts)                                                                                  \
    X(gemm_extremes)                                                                               \
    X(gemm_not_finite)                                                                             \
    X(quantize_parts)                                                                              \
    X(halves)                                                                                      \
    X(halves_parts)                                                                                \
    X(halves_not_finite)                                                                           \
    X(panel_bytes)                                                                                 \
    X(attend)                                                                                      \
    X(attend_extremes)                                                                             \
    X(attend_kept)                                                                                 \
    X(attend_kept_sick)                                                                            \
    X(attend_halves)                                                                               \
    X(attend_sick)                                                                                 \
    X(attend_lanes)                                                                                \
    X(norm)                                                                                        \
    X(rope)                                                                                        \
    X(silu_mul)                                                                                    \
    X(add)                                                                                         \
    X(stats)                                                                                       \
    X(stats_special)                                                                               \
    X(stats_rest)

/* A matrix of a type, one byte off any alignment when `crooked`. Free with free(m->data - 1). */
static dlx__mat check_matrix(dlx__dtype dtype, size_t n_rows, size_t n_cols, bool crooked,
                             dlx__rng *rng)
{
    dlx__mat m = {.dtype = dtype,
                  .n_rows = n_rows,
                  .n_cols = n_cols,
                  .row_bytes = dlx__dtype_bytes(dtype, n_cols)};
    uint8_t *data = malloc(n_rows * m.row_bytes + 65);
    float *row = check_random(n_cols, 1, rng);
    if (!data)
        abort();
    uint8_t *at = data + (crooked ? 1 : 64);
    for (size_t r = 0; r < n_rows; r++) {
        for (size_t i = 0; i < n_cols; i++)
            row[i] = (float)(2 * dlx__rng_uniform(rng) - 1);
        const dlx__dtype_info *type = dlx__dtype_of(dtype);
        if (type->block_elems <= 32) {
            if (!dlx__from_f32(at + r * m.row_bytes, dtype, row, n_cols))
                abort();
        } else { /* K types: random bits under small scales reach every scale, and cost no search */
            for (size_t i = 0; i < m.row_bytes; i++)
                at[r * m.row_bytes + i] = (uint8_t)dlx__rng_bits(rng);
            for (size_t b = 0; b < m.row_bytes; b += type->block_bytes) {
                uint16_t scale = dlx__f32_to_f16(0.001f);
                uint8_t *block = at + r * m.row_bytes + b;
                memcpy(dtype == DLX__Q6_K ? block + type->block_bytes - 2 : block, &scale, 2);
                if (dtype != DLX__Q6_K)
                    memcpy(block + 2, &scale, 2);
            }
        }
    }
    free(row);
    m.data = at;
    return m;
}

static void check_matrix_free(const dlx__mat *m, bool crooked)
{
    free((void *)(uintptr_t)(m->data - (crooked ? 1 : 64)));
}

/* One product: a matrix in the panels of a table, and rows. */
typedef struct check_product {
    const dlx__kernels *k;
    dlx__packed w;
    dlx__acts a;
    uint8_t *ints;        /* behind a.ints, unless rows are not to be rounded */
    const float *largest; /* of rows; NULL: each span its own */
    float *y;             /* [n_rows][stride] */
    size_t stride;
} check_product;

static void check_product_open(check_product *p, const dlx__kernels *k, dlx__form form,
                               const dlx__mat *m, size_t n_rows)
{
    const size_t n_panels = (m->n_rows + DLX__PANEL - 1) / DLX__PANEL;
    p->k = k;
    p->stride = n_panels * DLX__PANEL + 3;
    p->w = (dlx__packed){.form = form,
                         .n_out = m->n_rows,
                         .n_in = m->n_cols,
                         .n_panels = n_panels,
                         .panel_bytes = k->panel_bytes(form, m->n_cols)};
    p->w.data = check_aligned(n_panels * p->w.panel_bytes);
    for (size_t i = 0; i < n_panels; i++)
        k->pack(p->w.data + i * p->w.panel_bytes, form, m, i);
    p->a = (dlx__acts){.stride = m->n_cols + 5, .n_in = m->n_cols, .n_rows = n_rows};
    p->a.x = check_aligned(n_rows * p->a.stride * sizeof(float));
    p->ints = p->a.ints = check_aligned(k->ints_bytes(m->n_cols, n_rows));
    p->largest = NULL;
    p->y = check_aligned(n_rows * p->stride * sizeof(float));
}

/* The same with rows that are rounded to bf16 too. */
static void check_product_open_halves(check_product *p, const dlx__kernels *k, const dlx__mat *m,
                                      size_t n_rows)
{
    check_product_open(p, k, DLX__FORM_BF16, m, n_rows);
    p->a.halves = check_aligned(k->halves_bytes(m->n_cols, n_rows));
}

static void check_product_release(check_product *p)
{
    dlx__free_aligned(NULL, p->w.data);
    dlx__free_aligned(NULL, p->a.x);
    dlx__free_aligned(NULL, p->ints);
    dlx__free_aligned(NULL, p->a.halves);
    dlx__free_aligned(NULL, p->y);
}

/* x [n_rows][n_in] into the product, and the product. */
static void check_product_run(check_product *p, const float *x)
{
    for (size_t r = 0; r < p->a.n_rows; r++) {
        memcpy(p->a.x + r * p->a.stride, x + r * p->a.n_in, p->a.n_in * sizeof *x);
        if (dlx__form_is_int(p->w.form) && p->a.ints)
            p->k->quantize(&p->a, r, 0, p->a.n_in, p->largest);
        if (p->a.halves)
            p->k->halve(&p->a, r, 0, p->a.n_in);
    }
    p->k->gemm(p->y, p->stride, &p->a, &p->w, 0, p->w.n_panels);
}

/* How a product of integer weights reads its rows. */
typedef enum check_rows { CHECK_BY_SPAN, CHECK_BY_LARGEST, CHECK_AS_THEY_ARE } check_rows;

static void check_product_read(check_product *p, check_rows rows)
{
    static const float largest = 1.25f; /* inside what rows hold: some are cut off */
    p->largest = rows == CHECK_BY_LARGEST ? &largest : NULL;
    p->a.ints = rows == CHECK_AS_THEY_ARE ? NULL : p->ints;
}

/* Both tables on the same numbers: the same bits, and zeros past the last output. */
static const char *check_same_product(const dlx__kernels *k, dlx__form form, const dlx__mat *m,
                                      const float *x, size_t n_rows, check_rows rows)
{
    const char *said = NULL;
    check_product truth, got;
    check_product_open(&truth, &dlx__kernels_scalar, form, m, n_rows);
    check_product_open(&got, k, form, m, n_rows);
    check_product_read(&truth, rows);
    check_product_read(&got, rows);
    check_product_run(&truth, x);
    check_product_run(&got, x);
    for (size_t r = 0; r < n_rows && !said; r++) {
        const float *a = truth.y + r * truth.stride, *b = got.y + r * got.stride;
        const size_t n = got.w.n_panels * DLX__PANEL;
        size_t at = check_differs(a, b, n, 0);
        for (size_t o = m->n_rows; o < n; o++)
            at = b[o] == 0 ? at : o;
        if (at < n)
            said = check_says("%s of %s [%zu, %zu], %zu rows read in way %d: expected %.9g, got "
                              "%.9g in row %zu at %zu",
                              dlx__form_name(form), dlx__dtype_of(m->dtype)->name, m->n_rows,
                              m->n_cols, n_rows, rows, (double)a[at], (double)b[at], r, at);
    }
    check_product_release(&truth);
    check_product_release(&got);
    return said;
}

/* At least one block of the type, and about as many columns as wanted. */
static size_t check_cols(dlx__dtype dtype, size_t wanted)
{
    const size_t block = dlx__dtype_of(dtype)->block_elems;
    return dlx__max(1, wanted / block) * block;
}

/* The same, read in every way that the form has. */
static const char *check_all_ways(const dlx__kernels *k, dlx__form form, const dlx__mat *m,
                                  const float *x, size_t n_rows)
{
    const int n_ways = dlx__form_is_int(form) ? CHECK_AS_THEY_ARE + 1 : 1;
    const char *said = NULL;
    for (int way = 0; way < n_ways && !said; way++)
        said = check_same_product(k, form, m, x, n_rows, (check_rows)way);
    return said;
}

static const char *check_forms(const dlx__kernels *k, dlx__dtype dtype, size_t n_out, size_t cols,
                               size_t n_rows, dlx__rng *rng)
{
    const dlx__form forms[] = {dlx__form_of(dtype), DLX__FORM_I8};
    const bool crooked = (n_out + cols + n_rows) % 2 == 0;
    const char *said = NULL;
    for (size_t f = 0; f < (dlx__form_is_int(forms[0]) ? 1 : 2) && !said; f++) {
        const size_t n_cols = check_cols(dtype, cols);
        dlx__mat w = check_matrix(dtype, n_out, n_cols, crooked, rng);
        float *x = check_random(n_rows * n_cols, 2, rng);
        said = check_all_ways(k, forms[f], &w, x, n_rows);
        free(x);
        check_matrix_free(&w, crooked);
    }
    return said;
}

/* Every storage type, odd numbers of outputs and inputs, every way to cut rows into tiles. */
static const char *check_gemm(const dlx__kernels *k)
{
    static const size_t outs[] = {1, 16, 37}, cols[] = {1, 7, 33, 64, 96, 160, 255, 256, 512, 896};
    const char *said = NULL;
    dlx__rng rng;
    dlx__rng_seed(&rng, 1);
    for (int dtype = 0; dtype < DLX__N_DTYPES; dtype++) {
        CHECK_EACH(n_out, outs)
        CHECK_EACH(n_cols, cols)
        if (!said)
            said = check_forms(k, (dlx__dtype)dtype, n_out, n_cols,
                               1 + (i_n_out * 3 + i_n_cols * 5) % 9, &rng);
        for (size_t n_rows = 1; n_rows <= 70 && !said; n_rows++)
            said = check_forms(k, (dlx__dtype)dtype, 16 + n_rows % 32, 256, n_rows, &rng);
        if (!said) /* more than a table takes at once */
            said = check_forms(k, (dlx__dtype)dtype, 20, 256, 211, &rng);
    }
    return said;
}

/* Few rows of several panels, which tables may multiply side by side: odd numbers of panels, and
 * some too long for that. */
static const char *check_gemm_few_rows(const dlx__kernels *k)
{
    static const size_t outs[] = {33, 61}, cols[] = {160, 800}, long_cols[] = {14080, 14848};
    const char *said = NULL;
    dlx__rng rng;
    dlx__rng_seed(&rng, 16);
    for (int dtype = 0; dtype < DLX__N_DTYPES; dtype++) {
        CHECK_EACH(n_out, outs)
        CHECK_EACH(n_cols, cols)
        for (size_t n_rows = 3; n_rows <= 7 && !said; n_rows++)
            said = check_forms(k, (dlx__dtype)dtype, n_out, n_cols, n_rows, &rng);
        CHECK_EACH(n_cols, long_cols)
        if (!said)
            said = check_forms(k, (dlx__dtype)dtype, 33, n_cols, 4, &rng);
    }
    return said;
}

/* Several tiles of rows of several panels, over several chunks of inputs; too long ones too. */
static const char *check_gemm_many_rows(const dlx__kernels *k)
{
    static const size_t outs[] = {33, 61}, rows[] = {9, 11, 13, 26, 67};
    const char *said = NULL;
    dlx__rng rng;
    dlx__rng_seed(&rng, 17);
    for (int dtype = 0; dtype < DLX__N_DTYPES; dtype++) {
        CHECK_EACH(n_out, outs)
        CHECK_EACH(n_rows, rows)
        if (!said)
            said =
                check_forms(k, (dlx__dtype)dtype, n_out, i_n_rows % 2 ? 800 : 1760, n_rows, &rng);
        for (size_t n_cols = 12032; n_cols <= 23040 && !said; n_cols += 11008)
            said = check_forms(k, (dlx__dtype)dtype, 33, n_cols, 13, &rng);
    }
    return said;
}

/*
 * Inputs that are whole numbers of 1/64, 127/64 among each 32, are quantized without loss: what
 * is left is the rounding of sums. Rows that are not rounded may hold anything.
 */
static const char *check_values_of(const dlx__kernels *k, const dlx__mat *w, const float *x,
                                   size_t n_rows, check_rows rows)
{
    const char *said = NULL;
    check_product p;
    check_product_open(&p, k, dlx__form_of(w->dtype), w, n_rows);
    check_product_read(&p, rows);
    check_product_run(&p, x);
    for (size_t i = 0; i < n_rows * w->n_rows && !said; i++) {
        const size_t r = i / w->n_rows, o = i % w->n_rows;
        const double truth =
            dlx__dot_ref(w->data + o * w->row_bytes, w->dtype, x + r * w->n_cols, w->n_cols);
        const double y = (double)p.y[r * p.stride + o];
        if (!(fabs(truth - y) <= 1e-4 * (1 + fabs(truth))))
            said = check_says("%s read in way %d: expected %g, got %g",
                              dlx__dtype_of(w->dtype)->name, rows, truth, y);
    }
    check_product_release(&p);
    return said;
}

static const char *check_gemm_values(const dlx__kernels *k)
{
    enum { N_OUT = 19, COLS = 512, ROWS = 3 };
    const char *said = NULL;
    dlx__rng rng;
    dlx__rng_seed(&rng, 9);
    for (int dtype = 0; dtype < DLX__N_DTYPES && !said; dtype++) {
        dlx__mat w = check_matrix((dlx__dtype)dtype, N_OUT, COLS, false, &rng);
        float *x = check_random(ROWS * COLS, 127, &rng);
        for (size_t i = 0; i < ROWS * COLS; i++)
            x[i] /= 64;
        said = check_values_of(k, &w, x, ROWS, CHECK_AS_THEY_ARE);
        for (size_t i = 0; i < ROWS * COLS; i++)
            x[i] = (i % 32 == 5 ? 127 : roundf(x[i] * 64)) / 64;
        if (!said)
            said = check_values_of(k, &w, x, ROWS, CHECK_BY_SPAN);
        free(x);
        check_matrix_free(&w, false);
    }
    return said;
}

/* The same bits for a row alone. */
static const char *check_rows_alone(check_product *whole, const dlx__mat *w, const float *x)
{
    const char *said = NULL;
    check_product row;
    check_product_open(&row, whole->k, whole->w.form, w, 1);
    for (size_t r = 0; r < whole->a.n_rows; r++) {
        check_product_run(&row, x + r * w->n_cols);
        if (memcmp(row.y, whole->y + r * whole->stride, w->n_rows * sizeof *row.y) != 0)
            said = check_says("%s: row %zu alone has other bits", dlx__form_name(row.w.form), r);
    }
    check_product_release(&row);
    return said;
}

/* The same bits for `step` panels at a call, and nothing written beside them: there is 0 until
 * then, where no product of these is 0. */
static const char *check_panels_apart(const check_product *whole, size_t step)
{
    const char *said = NULL;
    const size_t n = whole->w.n_panels * DLX__PANEL, n_bytes = n * sizeof(float);
    float *y = check_aligned(whole->a.n_rows * whole->stride * sizeof *y);
    float *expected = check_aligned(n_bytes);
    for (size_t p = 0; p < whole->w.n_panels; p += step) {
        const size_t n_here = dlx__min(step, whole->w.n_panels - p), at = p * DLX__PANEL;
        memset(y, 0, whole->a.n_rows * whole->stride * sizeof *y);
        whole->k->gemm(y + at, whole->stride, &whole->a, &whole->w, p, n_here);
        for (size_t r = 0; r < whole->a.n_rows; r++) {
            memset(expected, 0, n_bytes);
            memcpy(expected + at, whole->y + r * whole->stride + at,
                   n_here * DLX__PANEL * sizeof *expected);
            if (memcmp(y + r * whole->stride, expected, n_bytes) != 0)
                said = check_says("%s: panels %zu to %zu of %zu rows alone give other bits",
                                  dlx__form_name(whole->w.form), p, p + n_here, whole->a.n_rows);
        }
    }
    dlx__free_aligned(NULL, y);
    dlx__free_aligned(NULL, expected);
    return said;
}

/* The same bits however panels are divided between calls and rows between batches. */
static const char *check_gemm_parts(const dlx__kernels *k)
{
    enum { N_OUT = 61, COLS = 256 };
    static const size_t counts[] = {5, 13};
    const char *said = NULL;
    dlx__rng rng;
    dlx__rng_seed(&rng, 2);
    for (int dtype = 0; dtype < DLX__N_DTYPES; dtype++)
        CHECK_EACH(n_rows, counts)
        {
            dlx__mat w = check_matrix((dlx__dtype)dtype, N_OUT, COLS, false, &rng);
            float *x = check_random(n_rows * COLS, 1, &rng);
            check_product whole;
            check_product_open(&whole, k, dlx__form_of((dlx__dtype)dtype), &w, n_rows);
            check_product_run(&whole, x);
            said = said ? said : check_rows_alone(&whole, &w, x);
            for (size_t step = 1; step <= 3 && !said; step++)
                said = check_panels_apart(&whole, step);
            check_product_release(&whole);
            free(x);
            check_matrix_free(&w, false);
        }
    return said;
}

/* Every byte of the levels the same, under the scales of the random matrix: the largest sums. */
static void check_fill_levels(const dlx__mat *m, uint8_t byte)
{
    const dlx__dtype_info *type = dlx__dtype_of(m->dtype);
    static const size_t first[DLX__N_DTYPES] = {
        [DLX__Q4_0] = 2, [DLX__Q4_1] = 4,  [DLX__Q5_0] = 2,  [DLX__Q5_1] = 4,
        [DLX__Q8_0] = 2, [DLX__Q4_K] = 16, [DLX__Q5_K] = 16, [DLX__Q6_K] = 0};
    const size_t end = m->dtype == DLX__Q6_K ? 192 : type->block_bytes;
    uint8_t *data = (uint8_t *)(uintptr_t)m->data;
    for (size_t at = 0; at < m->n_rows * m->row_bytes; at += type->block_bytes)
        memset(data + at + first[m->dtype], byte, end - first[m->dtype]);
    if (m->dtype == DLX__Q6_K) /* and the integer scales */
        for (size_t at = 0; at < m->n_rows * m->row_bytes; at += type->block_bytes)
            memset(data + at + 192, 0x80, 16);
}

/* The lowest and the highest levels times inputs that are all 127 or -127, or alternate. */
static const char *check_gemm_extremes(const dlx__kernels *k)
{
    enum { N_OUT = 16, COLS = 512, ROWS = 4 };
    static const uint8_t bytes[] = {0x00, 0x0F, 0xF0, 0xFF, 0x80, 0x7F, 0x81};
    const char *said = NULL;
    dlx__rng rng;
    dlx__rng_seed(&rng, 10);
    float x[ROWS * COLS];
    for (size_t i = 0; i < ROWS * COLS; i++)
        x[i] =
            i / COLS == 0 || (i / COLS == 1 && i % 2) || (i / COLS == 2 && i % 4 < 2) ? 127 : -127;
    for (int dtype = 0; dtype < DLX__N_DTYPES; dtype++) {
        if (!dlx__form_is_int(dlx__form_of((dlx__dtype)dtype)))
            continue;
        for (size_t b = 0; b < DLX__LEN(bytes) && !said; b++) {
            dlx__mat w = check_matrix((dlx__dtype)dtype, N_OUT, COLS, false, &rng);
            check_fill_levels(&w, bytes[b]);
            said = check_all_ways(k, dlx__form_of((dlx__dtype)dtype), &w, x, ROWS);
            check_matrix_free(&w, false);
        }
    }
    return said;
}

/* NaN and infinity stay in their row, groups of zeros and of tiny numbers give zero. */
static const char *check_gemm_not_finite(const dlx__kernels *k)
{
    enum { N_OUT = 21, COLS = 256, ROWS = 6 };
    const char *said = NULL;
    dlx__rng rng;
    dlx__rng_seed(&rng, 11);
    float *x = check_random(ROWS * COLS, 1, &rng);
    x[0 * COLS + 3] = NAN;
    x[1 * COLS + 77] = INFINITY;
    x[2 * COLS + 200] = -INFINITY;
    for (size_t i = 0; i < COLS; i++) {
        x[3 * COLS + i] = i % 64 < 32 ? 0 : 1e-38f;
        x[4 * COLS + i] *= 2e38f;
    }
    for (int dtype = 0; dtype < DLX__N_DTYPES && !said; dtype++) {
        dlx__mat w = check_matrix((dlx__dtype)dtype, N_OUT, COLS, false, &rng);
        said = check_all_ways(k, dlx__form_of((dlx__dtype)dtype), &w, x, ROWS);
        if (!said && !dlx__form_is_int(dlx__form_of((dlx__dtype)dtype)))
            said = check_all_ways(k, DLX__FORM_I8, &w, x, ROWS);
        check_matrix_free(&w, false);
    }
    free(x);
    return said;
}

/* Rows quantized in parts, and the last in a part of less than a group. */
static const char *check_quantize_parts(const dlx__kernels *k)
{
    enum { N_OUT = 16, COLS = 3 * DLX__SPAN + 69, ROWS = 11 };
    const char *said = NULL;
    dlx__rng rng;
    dlx__rng_seed(&rng, 12);
    dlx__mat w = check_matrix(DLX__F32, N_OUT, COLS, false, &rng);
    float *x = check_random(ROWS * COLS, 1, &rng);
    check_product whole, parts;
    check_product_open(&whole, k, DLX__FORM_I8, &w, ROWS);
    check_product_open(&parts, k, DLX__FORM_I8, &w, ROWS);
    check_product_run(&whole, x);
    for (size_t r = 0; r < ROWS; r++)
        memcpy(parts.a.x + r * parts.a.stride, x + r * COLS, COLS * sizeof *x);
    for (size_t at = 0; at < COLS; at += DLX__SPAN)
        for (size_t r = ROWS; r-- > 0;)
            k->quantize(&parts.a, r, at, dlx__min(DLX__SPAN, COLS - at), NULL);
    k->gemm(parts.y, parts.stride, &parts.a, &parts.w, 0, parts.w.n_panels);
    for (size_t r = 0; r < ROWS; r++)
        if (memcmp(parts.y + r * parts.stride, whole.y + r * whole.stride, N_OUT * sizeof(float)) !=
            0)
            said = check_says("row %zu quantized in parts has other bits", r);
    check_product_release(&whole);
    check_product_release(&parts);
    free(x);
    check_matrix_free(&w, false);
    return said;
}

/*
 * What rounding to bf16 may do to a product. A number is off by at most 2^-8 of itself, a sum of n
 * products by n times a rounding of float32 each (twice that, as the two of a pair may be rounded
 * apart), of the sum of the magnitudes.
 */
static const char *check_halves_row(const check_product *p, const dlx__mat *w, const float *x,
                                    size_t r, double rounding)
{
    float row[2200];
    const size_t n = w->n_cols;
    for (size_t o = 0; o < w->n_rows; o++) {
        double truth = 0, size = 0;
        dlx__to_f32(row, w->data + o * w->row_bytes, w->dtype, n);
        for (size_t i = 0; i < n; i++) {
            truth += (double)row[i] * (double)x[i];
            size += fabs((double)row[i] * (double)x[i]);
        }
        const double y = (double)p->y[r * p->stride + o];
        if (!(fabs(y - truth) <= (rounding + (double)n / (1 << 23)) * size))
            return check_says("[%zu, %zu] of bf16, row %zu of %zu: expected %.9g, got %.9g at %zu",
                              w->n_rows, n, r, p->a.n_rows, truth, y, o);
    }
    for (size_t o = w->n_rows; o < p->w.n_panels * DLX__PANEL; o++)
        if (p->y[r * p->stride + o] != 0)
            return check_says("%zu outputs: the one at %zu is not 0", w->n_rows, o);
    return NULL;
}

/* Rows of any numbers, then the same rows rounded, which are products of exact numbers. */
static const char *check_halves_of(const dlx__kernels *k, size_t n_out, size_t n_cols,
                                   size_t n_rows, dlx__rng *rng)
{
    const bool crooked = (n_out + n_cols + n_rows) % 2 == 0;
    const char *said = NULL;
    dlx__mat w = check_matrix(DLX__BF16, n_out, n_cols, crooked, rng);
    float *x = check_random(n_rows * n_cols, 2, rng);
    check_product p;
    check_product_open_halves(&p, k, &w, n_rows);
    for (int exact = 0; exact < 2; exact++) {
        check_product_run(&p, x);
        for (size_t r = 0; r < n_rows && !said; r++)
            said = check_halves_row(&p, &w, x + r * n_cols, r, exact ? 0 : 1.0 / 256);
        for (size_t i = 0; i < n_rows * n_cols; i++)
            x[i] = dlx__bf16_to_f32(dlx__f32_to_bf16(x[i]));
    }
    check_product_release(&p);
    free(x);
    check_matrix_free(&w, crooked);
    return said;
}

/* Odd numbers of outputs and inputs, every way to cut rows into tiles, more than a batch. */
static const char *check_halves(const dlx__kernels *k)
{
    static const size_t outs[] = {1, 16, 37};
    static const size_t cols[] = {1, 7, 33, 64, 96, 127, 255, 256, 512, 896, 2101};
    const char *said = NULL;
    dlx__rng rng;
    dlx__rng_seed(&rng, 13);
    if (!k->halve)
        return k->halves_bytes ? "bytes for rows that no function rounds" : NULL;
    CHECK_EACH(n_out, outs)
    CHECK_EACH(n_cols, cols)
    if (!said)
        said = check_halves_of(k, n_out, n_cols, 1 + (i_n_out * 7 + i_n_cols * 5) % 27, &rng);
    for (size_t n_rows = 1; n_rows <= 97 && !said; n_rows++)
        said = check_halves_of(k, 16 + n_rows % 32, n_rows % 3 ? 130 : 161, n_rows, &rng);
    if (k->halves_bytes(SIZE_MAX, 2) != SIZE_MAX || k->halves_bytes(64, SIZE_MAX / 8) != SIZE_MAX)
        return "a size of rounded rows wraps around";
    return said;
}

/* The same bits for a row alone and among others, for panels in parts, for rows rounded in parts.
 */
static const char *check_halves_parts(const dlx__kernels *k)
{
    enum { N_OUT = 61, COLS = 32 * 9 + 5, ROWS = 97 };
    const char *said = NULL;
    dlx__rng rng;
    dlx__rng_seed(&rng, 14);
    if (!k->halve)
        return NULL;
    dlx__mat w = check_matrix(DLX__BF16, N_OUT, COLS, false, &rng);
    float *x = check_random(ROWS * COLS, 1, &rng);
    check_product whole, parts, row;
    check_product_open_halves(&whole, k, &w, ROWS);
    check_product_open_halves(&parts, k, &w, ROWS);
    check_product_open_halves(&row, k, &w, 1);
    check_product_run(&whole, x);
    for (size_t r = 0; r < ROWS; r++)
        memcpy(parts.a.x + r * parts.a.stride, x + r * COLS, COLS * sizeof *x);
    for (size_t at = 0; at < COLS; at += 32)
        for (size_t r = ROWS; r-- > 0;)
            k->halve(&parts.a, r, at, dlx__min(32, COLS - at));
    for (size_t p = 0; p < parts.w.n_panels; p += 3)
        k->gemm(parts.y + p * DLX__PANEL, parts.stride, &parts.a, &parts.w, p,
                dlx__min(3, parts.w.n_panels - p));
    for (size_t r = 0; r < ROWS; r++) {
        const float *y = whole.y + r * whole.stride;
        check_product_run(&row, x + r * COLS);
        if (memcmp(row.y, y, N_OUT * sizeof *y) != 0)
            said = check_says("row %zu alone has other bits", r);
        if (memcmp(parts.y + r * parts.stride, y, N_OUT * sizeof *y) != 0)
            said = check_says("row %zu in parts has other bits", r);
    }
    check_product_release(&whole);
    check_product_release(&parts);
    check_product_release(&row);
    free(x);
    check_matrix_free(&w, false);
    return said;
}

/* NaN and infinity stay in their row, and give what they give the scalar table. */
static const char *check_halves_not_finite(const dlx__kernels *k)
{
    enum { N_OUT = 21, COLS = 75, ROWS = 5 };
    const char *said = NULL;
    dlx__rng rng;
    dlx__rng_seed(&rng, 15);
    if (!k->halve)
        return NULL;
    dlx__mat w = check_matrix(DLX__BF16, N_OUT, COLS, false, &rng);
    float *x = check_random(ROWS * COLS, 1, &rng);
    x[0 * COLS + 3] = NAN;
    x[1 * COLS + COLS - 1] = INFINITY;
    x[2 * COLS + 40] = -INFINITY;
    x[3 * COLS + 5] = 1e-39f;
    check_product truth, got;
    check_product_open(&truth, &dlx__kernels_scalar, DLX__FORM_BF16, &w, ROWS);
    check_product_open_halves(&got, k, &w, ROWS);
    check_product_run(&truth, x);
    check_product_run(&got, x);
    for (size_t r = 0; r < 3; r++)
        if (check_differs(truth.y + r * truth.stride, got.y + r * got.stride, N_OUT, 0) < N_OUT)
            said = check_says("row %zu has another kind of numbers", r);
    for (size_t r = 3; r < ROWS && !said; r++)
        said = check_halves_row(&got, &w, x + r * COLS, r, 1.0 / 256);
    check_product_release(&truth);
    check_product_release(&got);
    free(x);
    check_matrix_free(&w, false);
    return said;
}

/* Whole groups where the form has them, 64 bytes, and no size that wraps around. */
static const char *check_panel_bytes(const dlx__kernels *k)
{
    for (int f = 0; f < DLX__N_FORMS; f++) {
        const dlx__form form = (dlx__form)f;
        const bool any = !dlx__form_is_int(form) || form == DLX__FORM_I8;
        const bool k_form =
            form == DLX__FORM_Q4_K || form == DLX__FORM_Q5_K || form == DLX__FORM_Q6_K;
        if (k->panel_bytes(form, 256) % 64 != 0 || k->panel_bytes(form, 256) < 256 * 8)
            return check_says("%s: 256 inputs take %zu bytes", dlx__form_name(form),
                              k->panel_bytes(form, 256));
        if ((k->panel_bytes(form, 31) == SIZE_MAX) == any ||
            (k->panel_bytes(form, 96) == SIZE_MAX) != k_form)
            return check_says("%s: takes 31 or 96 inputs", dlx__form_name(form));
        if (k->panel_bytes(form, SIZE_MAX / 256 * 256) != SIZE_MAX)
            return check_says("%s: takes too many inputs", dlx__form_name(form));
    }
    if (k->ints_bytes(SIZE_MAX, 2) != SIZE_MAX || k->ints_bytes(64, SIZE_MAX / 8) != SIZE_MAX)
        return "a size of quantized rows wraps around";
    return NULL;
}

/* Lengths of rows: below, at and above those of vectors, unrolled loops and runs of sums. */
static const size_t check_lengths[] = {1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 127, 896, 4097};

static const char *check_norm(const dlx__kernels *k)
{
    const char *said = NULL;
    dlx__rng rng;
    dlx__rng_seed(&rng, 5);
    CHECK_EACH(n, check_lengths)
    {
        float *x = check_random(n, 3, &rng), *weight = check_random(n, 2, &rng);
        float *a = check_random(n, 1, &rng), *b = check_random(n, 1, &rng);
        dlx__kernels_scalar.norm(a, x, weight, n, 1e-6f);
        b[n] = 7; /* behind the end */
        k->norm(b, x, weight, n, 1e-6f);
        size_t at = check_differs(a, b, n, 1e-5f);
        k->norm(x, x, weight, n, 1e-6f);
        if (at < n || b[n] != 7 || memcmp(b, x, n * sizeof *x) != 0)
            said = check_says("%zu features: expected %g, got %g at %zu", n, (double)a[at],
                              (double)b[at], at);
        free(x);
        free(weight);
        free(a);
        free(b);
    }
    return said;
}

static const char *check_rope(const dlx__kernels *k)
{
    const char *said = NULL;
    dlx__rng rng;
    dlx__rng_seed(&rng, 6);
    CHECK_EACH(half, check_lengths)
    {
        float *a = check_random(2 * half, 3, &rng), *b = check_random(2 * half, 3, &rng);
        float *cosine = check_random(half, 1, &rng), *sine = check_random(half, 1, &rng);
        memcpy(b, a, 2 * half * sizeof *a);
        dlx__kernels_scalar.rope(a, cosine, sine, half);
        k->rope(b, cosine, sine, half);
        size_t at = check_differs(a, b, 2 * half, 1e-6f);
        if (at < 2 * half)
            said = check_says("half %zu: expected %g, got %g at %zu", half, (double)a[at],
                              (double)b[at], at);
        free(a);
        free(b);
        free(cosine);
        free(sine);
    }
    return said;
}

/* From the flat part of the exponential to where it overflows; every length, in place too. */
static const char *check_silu_mul(const dlx__kernels *k)
{
    enum { N = 4096 };
    static float gate[N + 1], up[N + 1], a[N + 1], b[N + 1];
    for (size_t i = 0; i < N; i++) {
        gate[i] = ((float)i - N / 2) * 0.06f;
        up[i] = i % 2 ? 1 : -0.5f;
    }
    gate[0] = -3e38f;
    gate[1] = 3e38f;
    gate[2] = NAN;
    gate[3] = 0;
    dlx__kernels_scalar.silu_mul(a, gate, up, N);
    k->silu_mul(b, gate, up, N);
    for (size_t i = 0; i < N; i++)
        if (check_differs(a + i, b + i, 1, 3e-7f * fmaxf(1, fabsf(a[i]))) < 1)
            return check_says("silu(%g): expected %g, got %g", (double)gate[i], (double)a[i],
                              (double)b[i]);
    CHECK_EACH(n, check_lengths)
    {
        float whole[8192];
        memcpy(whole, gate, sizeof gate);
        const size_t len = dlx__min(n, N);
        b[len] = 7;
        k->silu_mul(b, gate, up, len);
        k->silu_mul(whole, whole, up, len);
        if (check_differs(b, whole, len, 0) < len || (len < N && b[len] != 7))
            return check_says("%zu numbers: the end is treated otherwise", len);
    }
    return NULL;
}

static const char *check_add(const dlx__kernels *k)
{
    const char *said = NULL;
    dlx__rng rng;
    dlx__rng_seed(&rng, 7);
    CHECK_EACH(n, check_lengths)
    {
        float *a = check_random(n, 1, &rng), *b = check_random(n, 1, &rng);
        float *x = check_random(n, 1, &rng);
        memcpy(b, a, n * sizeof *a);
        a[n] = b[n] = 7;
        dlx__kernels_scalar.add(a, x, n);
        k->add(b, x, n);
        if (memcmp(a, b, (n + 1) * sizeof *a) != 0)
            said = check_says("%zu numbers: sums differ", n);
        free(a);
        free(b);
        free(x);
    }
    return said;
}

static const char *check_same_stats(const dlx__stats *a, const dlx__stats *b)
{
    if (a->broken != b->broken)
        return check_says("broken %d, got %d", a->broken, b->broken);
    if (a->broken)
        return NULL;
    if (a->best != b->best || a->max != b->max || a->second != b->second)
        return check_says("best %d (%g, %g), got %d (%g, %g)", a->best, (double)a->max,
                          (double)a->second, b->best, (double)b->max, (double)b->second);
    if (!(fabsf(a->sum - b->sum) <= 2e-5f * a->sum) ||
        !(fabsf(a->weighted - b->weighted) <= 2e-5f * (1 + fabsf(a->weighted))))
        return check_says("sums %g %g, got %g %g", (double)a->sum, (double)a->weighted,
                          (double)b->sum, (double)b->weighted);
    return NULL;
}

/* Several calls of all lengths, many ties, and two halves merged. */
static const char *check_stats(const dlx__kernels *k)
{
    dlx__rng rng;
    dlx__rng_seed(&rng, 8);
    CHECK_EACH(n, check_lengths)
    for (size_t turn = 0; turn < 20; turn++) {
        float *logits = check_random(n, 20, &rng);
        for (size_t i = turn % 2; i < n; i += 1 + turn % 5)
            logits[i] = roundf(logits[i] / 10) * 10;
        dlx__stats truth, got, half;
        dlx__stats_reset(&truth);
        dlx__stats_reset(&got);
        dlx__stats_reset(&half);
        dlx__kernels_scalar.stats(&truth, logits, n, 5);
        const size_t first = n / 3, second = 2 * n / 3;
        k->stats(&got, logits, first, 5);
        k->stats(&got, logits + first, second - first, 5 + (int32_t)first);
        k->stats(&half, logits + second, n - second, 5 + (int32_t)second);
        dlx__stats_merge(&got, &half);
        free(logits);
        if (check_same_stats(&truth, &got))
            return check_text;
    }
    return NULL;
}

/* The same bits whether ids that are not allowed follow or none. */
static const char *check_stats_rest(const dlx__kernels *k)
{
    enum { REST = 140 };
    dlx__rng rng;
    dlx__rng_seed(&rng, 11);
    for (size_t n = 1; n <= 300; n++) {
        float *logits = check_random(n + REST, 20, &rng);
        for (size_t i = n; i < n + REST; i++)
            logits[i] = -INFINITY;
        dlx__stats alone, followed;
        dlx__stats_reset(&alone);
        dlx__stats_reset(&followed);
        k->stats(&alone, logits, n, 0);
        k->stats(&followed, logits, n + REST, 0);
        free(logits);
        if (alone.sum != followed.sum || alone.weighted != followed.weighted ||
            alone.best != followed.best || alone.max != followed.max)
            return check_says("%zu logits: %g %g, with more behind them %g %g", n,
                              (double)alone.sum, (double)alone.weighted, (double)followed.sum,
                              (double)followed.weighted);
    }
    return NULL;
}

enum { CHECK_LOGITS = 70 };

/* The statistics of `logits` by a table, in runs of `run`. */
static dlx__stats check_stats_of(const dlx__kernels *k, const float *logits, size_t run)
{
    dlx__stats s;
    dlx__stats_reset(&s);
    for (size_t at = 0; at < CHECK_LOGITS; at += run)
        k->stats(&s, logits + at, dlx__min(run, CHECK_LOGITS - at), (int32_t)at);
    return s;
}

/* Nothing allowed, NaN, +infinity, one id allowed, all equal, -infinity first, all far below 0. */
static const char *check_stats_special(const dlx__kernels *k)
{
    enum { NOTHING, SICK, ENDLESS, ONE, EQUAL, LATE, LOW, N_CASES };
    for (int c = 0; c < N_CASES; c++) {
        float logits[CHECK_LOGITS];
        for (size_t i = 0; i < CHECK_LOGITS; i++) {
            const float v = (float)(i * 7 % 11) - (c == LOW ? 3000 : 0);
            const bool forbidden = c == NOTHING || (c == ONE && i != 9) || (c == LATE && i < 45);
            logits[i] = forbidden ? -INFINITY : c == EQUAL ? 2.5f : v;
        }
        if (c == SICK)
            logits[6] = NAN;
        if (c == ENDLESS)
            logits[67] = INFINITY;
        const dlx__stats truth = check_stats_of(&dlx__kernels_scalar, logits, CHECK_LOGITS);
        static const size_t runs[] = {1, 5, 16, 40, CHECK_LOGITS};
        CHECK_EACH(run, runs)
        {
            const dlx__stats got = check_stats_of(k, logits, run);
            if (check_same_stats(&truth, &got))
                return check_text;
            if ((c == NOTHING && (got.best != -1 || got.sum != 0)) ||
                ((c == SICK || c == ENDLESS) && !got.broken) ||
                (c == ONE && (got.best != 9 || got.sum != 1 || got.weighted != 0)) ||
                (c == EQUAL && (got.best != 0 || got.second != 2.5f)))
                return check_says("case %d in runs of %zu: best %d, sum %g", c, run, got.best,
                                  (double)got.sum);
        }
    }
    return NULL;
}

typedef struct kernel_check {
    const char *name;
    const char *(*run)(const dlx__kernels *k);
} kernel_check;

static const kernel_check kernel_checks[] = {
#define KERNEL_CHECK_ROW(name) {#name, check_##name},
    KERNEL_CHECKS(KERNEL_CHECK_ROW)
#undef KERNEL_CHECK_ROW
};

#endif
