/*
 * probe_scalar.c - portable loops. Scalar kernels compute in floats whatever the weights are stored
 * as, so there is one peak. It is what a compiler makes of plain C: on x86-64 and AArch64 that has
 * vectors of four floats.
 */
#include "kernel/probe.h"

#include <string.h>

static bool always(const dlx__cpu *cpu)
{
    (void)cpu;
    return true;
}

static uint64_t read_words(const uint8_t *p, size_t n_bytes)
{
    uint64_t sum[8] = {0};
    for (size_t at = 0; at < n_bytes; at += sizeof sum) {
        uint64_t words[8];
        memcpy(words, p + at, sizeof words);
        for (int i = 0; i < 8; i++)
            sum[i] ^= words[i];
    }
    uint64_t all = 0;
    for (int i = 0; i < 8; i++)
        all ^= sum[i];
    return all;
}

enum { CHAINS = 48 };

/* Sums that stay 0: every round is needed to know, and none may be left out. */
static void multiply_add(size_t n_rounds)
{
    volatile float input = 0.0f;
    volatile float result;
    float factor = input, term = input;
    float sum[CHAINS];
    for (int i = 0; i < CHAINS; i++)
        sum[i] = input;
    for (size_t r = 0; r < n_rounds; r++)
        for (int i = 0; i < CHAINS; i++)
            sum[i] = sum[i] * factor + term;
    float all = 0;
    for (int i = 0; i < CHAINS; i++)
        all += sum[i];
    result = all;
    (void)result;
}

static const dlx__probe_loop loops[] = {
    {DLX__PEAK_F32, always, multiply_add, (size_t)CHAINS * 2},
};

const dlx__probe_set dlx__probe_scalar = {.name = "scalar",
                                          .runs_on = always,
                                          .read = read_words,
                                          .loops = loops,
                                          .n_loops = DLX__LEN(loops)};
