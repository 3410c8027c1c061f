// labels: quick
/* test_static_product.c - scales and biases of int8 products: by hand, at the edges that the
 * runtime refuses, and as what they stand for. */
#include "unit.h"

#include "base/rng.h"
#include "export/static_product.h"
#include "failing_mem.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { K = 8, N = 3 };

/* A linear node of floats. */
typedef struct product {
    dlx__tensor weight, bias;
    float w[N * K], b[N];
    dlx__node node;
} product;

static product *product_of(dlx__range in, dlx__range out)
{
    product *p = calloc(1, sizeof *p);
    assert_non_null(p);
    p->weight = (dlx__tensor){.name = "w",
                              .dtype = DLX__F32,
                              .n_dims = 2,
                              .shape = {N, K},
                              .data = p->w,
                              .n_bytes = sizeof p->w};
    p->bias = (dlx__tensor){.name = "b",
                            .dtype = DLX__F32,
                            .n_dims = 1,
                            .shape = {N},
                            .data = p->b,
                            .n_bytes = sizeof p->b};
    p->node = (dlx__node){.op = DLX__OP_LINEAR,
                          .weight = &p->weight,
                          .bias = &p->bias,
                          .has_ranges = true,
                          .in_range = in,
                          .out_range = out};
    return p;
}

static void fill_random(product *p, uint64_t seed, float spread)
{
    dlx__rng rng;
    dlx__rng_seed(&rng, seed);
    for (size_t i = 0; i < N * K; i++)
        p->w[i] = spread * (float)(dlx__rng_uniform(&rng) - 0.5);
    for (size_t i = 0; i < N; i++)
        p->b[i] = spread * (float)(dlx__rng_uniform(&rng) - 0.5);
}

/* What XNNPACK refuses to load, and sums that int32 could not hold. */
static void assert_sound(const dlx__static_product *s)
{
    assert_true(isnormal(s->in.scale) && isnormal(s->out.scale));
    for (size_t o = 0; o < N; o++) {
        const float ratio = s->units[o] / s->out.scale;
        assert_true(isnormal(s->scales[o]) && isnormal(s->units[o]));
        assert_true(s->scales[o] > 0 && s->units[o] > 0);
        assert_true(ratio >= 0x1p-32f && ratio < 256);
        assert_true(!s->bias || labs(s->bias[o]) <= INT32_MAX - 127 * 255 * K);
    }
}

static void make(dlx__static_product *s, const product *p, dlx__arena *arena)
{
    dlx_error err = {.code = DLX_OK};
    dlx__arena_init(arena, NULL);
    assert_ok(dlx__static_product_make(s, &p->node, true, arena, &err), &err);
    assert_sound(s);
}

static void numbers_by_hand(void **state)
{
    (void)state;
    product *p = product_of((dlx__range){-1, 1.55f}, (dlx__range){0, 25.5f});
    const float w[N * K] = {1.27f,  -0.5f, 0.01f, 0, 0, 0, 0, 0,     /* steps of 0.01 */
                            -2.54f, 1,     0,     0, 0, 0, 0, 0.02f, /* 0.02 */
                            0.3f,   0,     0,     0, 0, 0, 0, 0};
    const float b[N] = {0.5f, -0.25f, 0};
    dlx__arena arena;
    dlx__static_product s;
    int8_t q[K];
    memcpy(p->w, w, sizeof w);
    memcpy(p->b, b, sizeof b);
    make(&s, p, &arena);
    assert_float_equal(s.in.scale, 0.01, 1e-8);
    assert_int_equal(s.in.zero_point, -28);
    assert_float_equal(s.out.scale, 0.1, 1e-7);
    assert_int_equal(s.out.zero_point, -128);
    assert_float_equal(s.scales[0], 0.01, 1e-8);
    assert_float_equal(s.scales[1], 0.02, 1e-8);
    assert_float_equal(s.units[1], 0.0002, 1e-9);
    assert_int_equal(s.bias[0], 5000);
    assert_int_equal(s.bias[1], -1250);
    assert_int_equal(s.bias[2], 0);
    dlx__static_product_row(q, &s, p->w + K, K, 1);
    assert_int_equal(q[0], -127);
    assert_int_equal(q[1], 50);
    assert_int_equal(q[7], 1);
    assert_false(s.is_again);
    dlx__arena_release(&arena);
    free(p);
}

/* The product in integers, as reference_int8.c has it, is near the product of the numbers. */
static void integers_stand_for_the_numbers(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        product *p = product_of((dlx__range){-1, 1}, (dlx__range){-4, 4});
        dlx__rng rng;
        dlx__arena arena;
        dlx__static_product s;
        int8_t q[K];
        fill_random(p, seed, 2);
        make(&s, p, &arena);
        dlx__rng_seed(&rng, seed + 1000);
        for (size_t o = 0; o < N; o++) {
            double exact = (double)p->b[o], sum = s.bias[o];
            dlx__static_product_row(q, &s, p->w + o * K, K, o);
            for (size_t i = 0; i < K; i++) {
                const float x = (float)(2 * dlx__rng_uniform(&rng) - 1);
                exact += (double)x * (double)p->w[o * K + i];
                sum += (dlx__affine_quantize(&s.in, x) - s.in.zero_point) * (double)q[i];
            }
            const double far = K * (0.5 * (double)s.in.scale + 0.5 * (double)s.scales[o]);
            assert_true(fabs(sum * (double)s.units[o] - exact) <= far + 1e-6);
        }
        dlx__arena_release(&arena);
        free(p);
    }
}

/* Rows of zeros, ranges of nothing, sums whose steps are coarser than the range of results. */
static void edges_are_sound(void **state)
{
    (void)state;
    static const dlx__range ranges[] = {{0, 0},          {0, 1e-30f},      {-1e-20f, 0},
                                        {-1, 1},         {1e6f, 1e6f},     {-1e12f, 3},
                                        {-1e-6f, 1e-6f}, {-1e-38f, 1e-38f}};
    static const float spreads[] = {0, 1e-35f, 1e-10f, 1, 1e4f};
    for (size_t i = 0; i < DLX__LEN(ranges); i++)
        for (size_t o = 0; o < DLX__LEN(ranges); o++)
            for (size_t k = 0; k < DLX__LEN(spreads); k++)
                for (int zero_row = 0; zero_row < 2; zero_row++) {
                    product *p = product_of(ranges[i], ranges[o]);
                    dlx__arena arena;
                    dlx__static_product s;
                    fill_random(p, k, spreads[k]);
                    if (zero_row)
                        memset(p->w, 0, K * sizeof *p->w);
                    make(&s, p, &arena);
                    dlx__arena_release(&arena);
                    free(p);
                }
}

/* A bias that the steps of tiny weights could not count widens them. */
static void a_large_bias_stays(void **state)
{
    (void)state;
    product *p = product_of((dlx__range){-1, 1}, (dlx__range){-200, 200});
    dlx__arena arena;
    dlx__static_product s;
    fill_random(p, 3, 1e-9f);
    p->b[0] = 100;
    p->b[1] = -199;
    memset(p->w + 2 * K, 0, K * sizeof *p->w); /* of zeros a bias alone is left */
    p->b[2] = 55.5f;
    make(&s, p, &arena);
    assert_float_equal((double)s.bias[0] * (double)s.units[0], 100, 1e-4);
    assert_float_equal((double)s.bias[1] * (double)s.units[1], -199, 1e-4);
    assert_float_equal((double)s.bias[2] * (double)s.units[2], 55.5, (double)s.out.scale / 2);
    dlx__arena_release(&arena);
    free(p);
}

/* A bias that no result can show is cut off, at the same side. */
static void a_bias_beyond_the_range(void **state)
{
    (void)state;
    product *p = product_of((dlx__range){-1, 1}, (dlx__range){-1e-9f, 1e-9f});
    dlx__arena arena;
    dlx__static_product s;
    fill_random(p, 3, 1e-9f);
    p->b[0] = 1e20f;
    p->b[1] = -1e20f;
    make(&s, p, &arena);
    assert_true(s.bias[0] > 0 && s.bias[1] < 0);
    assert_true((double)s.bias[0] * (double)s.units[0] / (double)s.out.scale > 255);
    dlx__arena_release(&arena);
    free(p);
}

/* Whole multiples are taken as they are, whatever the largest is: a rounded file is not rounded
 * again. */
static void multiples_stay(void **state)
{
    (void)state;
    dlx__rng rng;
    dlx__rng_seed(&rng, 4);
    for (int most = 20; most <= 127; most++) {
        product *p = product_of((dlx__range){-1, 1}, (dlx__range){-4, 4});
        dlx__arena arena;
        dlx__static_product s;
        int8_t q[K];
        for (int i = 0; i < N * K; i++) {
            const int any = (int)(dlx__rng_bits(&rng) % (unsigned)(2 * most + 1)) - most;
            p->w[i] = (float)(i % K == 0 ? most : any) * 0.013f;
        }
        make(&s, p, &arena);
        for (size_t o = 0; o < N; o++) {
            dlx__static_product_row(q, &s, p->w + o * K, K, o);
            for (size_t i = 0; i < K; i++)
                assert_float_equal((float)q[i] * s.scales[o], p->w[o * K + i], 1e-6);
        }
        dlx__arena_release(&arena);
        free(p);
    }
}

/* A graph that is only looked at has ranges, and no weights. */
static void without_weights(void **state)
{
    (void)state;
    product *p = product_of((dlx__range){-1, 1.55f}, (dlx__range){0, 25.5f});
    dlx__arena arena;
    dlx__static_product s;
    dlx_error err = {.code = DLX_OK};
    p->weight.data = p->bias.data = NULL;
    dlx__arena_init(&arena, NULL);
    assert_ok(dlx__static_product_make(&s, &p->node, false, &arena, &err), &err);
    assert_float_equal(s.in.scale, 0.01, 1e-8);
    assert_int_equal(s.out.zero_point, -128);
    dlx__arena_release(&arena);
    free(p);
}

static void refuse(const product *p, dlx_result code, const char *part)
{
    dlx__arena arena;
    dlx__static_product s;
    dlx_error err = {.code = DLX_OK};
    dlx__arena_init(&arena, NULL);
    assert_int_equal(dlx__static_product_make(&s, &p->node, true, &arena, &err), code);
    assert_says(&err, part);
    dlx__arena_release(&arena);
}

static void refusals(void **state)
{
    (void)state;
    enum { LONG = 70000 };
    product *p = product_of((dlx__range){-1, 1}, (dlx__range){-1, 1});
    fill_random(p, 1, 1);
    p->w[K + 1] = NAN;
    refuse(p, DLX_E_FORMAT, "row 1");
    p->w[K + 1] = 3e38f; /* in units of a range as wide nothing is finite */
    p->node.in_range = (dlx__range){-3e38f, 3e38f};
    refuse(p, DLX_E_UNSUPPORTED, "scheme dynamic");
    fill_random(p, 1, 1);
    p->b[2] = INFINITY;
    refuse(p, DLX_E_FORMAT, "tensor b");
    float *w = calloc(LONG, sizeof *w);
    assert_non_null(w);
    p->weight.data = w;
    p->weight.shape[0] = 1;
    p->weight.shape[1] = LONG;
    p->weight.n_bytes = LONG * sizeof *w;
    refuse(p, DLX_E_UNSUPPORTED, "found 70000");
    free(w);
    free(p);
}

static void memory_may_run_out(void **state)
{
    (void)state;
    product *p = product_of((dlx__range){-1, 1}, (dlx__range){-1, 1});
    fill_random(p, 1, 1);
    for (size_t n = 1;; n++) {
        failing_mem mem;
        dlx__arena arena;
        dlx__static_product s;
        dlx_error err = {.code = DLX_OK};
        failing_mem_init(&mem, n);
        dlx__arena_init(&arena, &mem.mem);
        const dlx_result r = dlx__static_product_make(&s, &p->node, true, &arena, &err);
        dlx__arena_release(&arena);
        assert_int_equal(mem.n_alive, 0);
        if (r == DLX_OK)
            break;
        assert_int_equal(r, DLX_E_NOMEM);
        assert_true(n < 20);
    }
    free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_by_hand),         cmocka_unit_test(integers_stand_for_the_numbers),
        cmocka_unit_test(edges_are_sound),         cmocka_unit_test(a_large_bias_stays),
        cmocka_unit_test(a_bias_beyond_the_range), cmocka_unit_test(multiples_stay),
        cmocka_unit_test(without_weights),         cmocka_unit_test(refusals),
        cmocka_unit_test(memory_may_run_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
