// labels: quick
/* test_rng.c - the published sequences of splitmix64 and xoshiro256**. */
#include "base/rng.h"
#include "unit.h"

/* xoshiro256** from the state 1, 2, 3, 4, as the test suites of several libraries list it. */
static void known_sequence(void **state)
{
    (void)state;
    static const uint64_t expected[] = {
        UINT64_C(11520),
        UINT64_C(0),
        UINT64_C(1509978240),
        UINT64_C(1215971899390074240),
        UINT64_C(1216172134540287360),
        UINT64_C(607988272756665600),
        UINT64_C(16172922978634559625),
        UINT64_C(8476171486693032832),
        UINT64_C(10595114339597558777),
        UINT64_C(2904607092377533576),
    };
    dlx__rng rng = {{1, 2, 3, 4}};
    for (size_t i = 0; i < DLX__LEN(expected); i++)
        assert_true(dlx__rng_bits(&rng) == expected[i]);
}

/* splitmix64 from 1234567, as published with its description. */
static void seed_fills_the_state(void **state)
{
    (void)state;
    static const uint64_t expected[4] = {
        UINT64_C(6457827717110365317), UINT64_C(3203168211198807973), UINT64_C(9817491932198370423),
        UINT64_C(4593380528125082431)};
    dlx__rng rng;
    dlx__rng_seed(&rng, 1234567);
    for (int i = 0; i < 4; i++)
        assert_true(rng.s[i] == expected[i]);
    dlx__rng_seed(&rng, 0);
    assert_true((rng.s[0] | rng.s[1] | rng.s[2] | rng.s[3]) != 0);
}

static void uniform_is_the_top_53_bits(void **state)
{
    (void)state;
    dlx__rng a, b;
    dlx__rng_seed(&a, 7);
    dlx__rng_seed(&b, 7);
    double sum = 0;
    enum { N = 100000 };
    for (int i = 0; i < N; i++) {
        double u = dlx__rng_uniform(&a);
        assert_true(u == (double)(dlx__rng_bits(&b) >> 11) / 9007199254740992.0);
        assert_true(u >= 0 && u < 1);
        sum += u;
    }
    assert_true(sum / N > 0.495 && sum / N < 0.505);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_sequence),
        cmocka_unit_test(seed_fills_the_state),
        cmocka_unit_test(uniform_is_the_top_53_bits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
