// labels: quick
/* test_cpu.c - which processors execute 512 bits in halves. */
#include "unit.h"

#include "base/cpu.h"

static void halves_by_family(void **state)
{
    (void)state;
    assert_true(dlx__cpu_in_halves("AuthenticAMD", 0x00A10F11));  /* Zen 4, family 19h */
    assert_true(dlx__cpu_in_halves("AuthenticAMD", 0x00800F12));  /* Zen, family 17h */
    assert_false(dlx__cpu_in_halves("AuthenticAMD", 0x00B00F21)); /* Zen 5, family 1Ah */
    assert_true(dlx__cpu_in_halves("AuthenticAMD", 0x00000663)); /* family 6: the rest is no part */
    assert_false(dlx__cpu_in_halves("GenuineIntel", 0x000806F8)); /* Sapphire Rapids */
    assert_false(dlx__cpu_in_halves("AuthenticAMF", 0x00A10F11));
}

static void wide_is_a_kind_of_avx512(void **state)
{
    (void)state;
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    assert_true(cpu.avx512 || !cpu.avx512_wide);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(halves_by_family),
                                       cmocka_unit_test(wide_is_a_kind_of_avx512)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
