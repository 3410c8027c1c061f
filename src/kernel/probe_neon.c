/*
 * probe_neon.c - AArch64: thirty-two registers of four floats or 16 int8. Where the processor has
 * them, dot products of int8 fours and of bf16 pairs in one instruction; 4-bit numbers go the same
 * way as int8. The matrix instructions (i8mm) are a peak of their own where they are there.
 */
#include "kernel/probe.h"

#if defined(__aarch64__)

#include <arm_neon.h>

static bool runs_on(const dlx__cpu *cpu)
{
    return cpu->neon;
}

static bool has_dotprod(const dlx__cpu *cpu)
{
    return cpu->neon_dotprod;
}

static bool has_i8mm(const dlx__cpu *cpu)
{
    return cpu->neon_i8mm;
}

static bool has_bf16(const dlx__cpu *cpu)
{
    return cpu->neon_bf16;
}

static uint64_t read_vectors(const uint8_t *p, size_t n_bytes)
{
    uint8x16_t sum[8];
    for (int i = 0; i < 8; i++)
        sum[i] = vdupq_n_u8(0);
    for (const uint8_t *end = p + n_bytes; p < end; p += 128)
        for (int i = 0; i < 8; i++)
            sum[i] = veorq_u8(sum[i], vld1q_u8(p + 16 * i));
    for (int i = 1; i < 8; i++)
        sum[0] = veorq_u8(sum[0], sum[i]);
    uint64x2_t words = vreinterpretq_u64_u8(sum[0]);
    return vgetq_lane_u64(words, 0) ^ vgetq_lane_u64(words, 1);
}

#define REGISTERS                                                                                  \
    "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", \
        "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23"

/* A function that runs `body` n_rounds times. */
#define LOOP(name, body)                                                                           \
    static void name(size_t n_rounds)                                                              \
    {                                                                                              \
        __asm__ volatile("movi v22.4s, #0\n\tmovi v23.4s, #0\n\t" ::: "v22", "v23");               \
        for (size_t r = 0; r < n_rounds; r++)                                                      \
            __asm__ volatile(body ::: REGISTERS);                                                  \
    }

/* clang-format off */
#define SIXTEEN(one)                                                                               \
    one(0) one(1) one(2) one(3) one(4) one(5) one(6) one(7) one(8) one(9) one(10) one(11) one(12)  \
    one(13) one(14) one(15)
#define FMLA(sum) "fmla v" #sum ".4s, v22.4s, v23.4s\n\t"
/* By number, lest the assembler has to know the extension: vN.4s, v22, v23 with N in the low bits */
#define BFDOT(sum) ".inst 0x6e57fec0 + " #sum "\n\t"
#define SDOT(sum) ".inst 0x4e9796c0 + " #sum "\n\t"
#define SMMLA(sum) ".inst 0x4e97a6c0 + " #sum "\n\t"
/* int8 products to int16, pairs of those to int32 */
#define BYTES(sum, temp)                                                                           \
    "smull v" #temp ".8h, v22.8b, v23.8b\n\t"                                                      \
    "smlal2 v" #temp ".8h, v22.16b, v23.16b\n\t"                                                   \
    "sadalp v" #sum ".4s, v" #temp ".8h\n\t"
/* clang-format on */

LOOP(fma_f32, SIXTEEN(FMLA))
LOOP(dot_bf16, SIXTEEN(BFDOT))
LOOP(dot_int8, SIXTEEN(SDOT))
LOOP(matrix_int8, SIXTEEN(SMMLA))
LOOP(dot_bytes, BYTES(0, 16) BYTES(1, 17) BYTES(2, 18) BYTES(3, 19) BYTES(4, 20) BYTES(5, 21)
                    BYTES(6, 16) BYTES(7, 17))

static const dlx__probe_loop loops[] = {
    {DLX__PEAK_F32, runs_on, fma_f32, (size_t)16 * 4 * 2},
    {DLX__PEAK_BF16, has_bf16, dot_bf16, (size_t)16 * 8 * 2},
    {DLX__PEAK_INT8, has_dotprod, dot_int8, (size_t)16 * 16 * 2},
    {DLX__PEAK_INT8, has_i8mm, matrix_int8, (size_t)16 * 32 * 2},
    {DLX__PEAK_INT8, runs_on, dot_bytes, (size_t)8 * 16 * 2},
};

const dlx__probe_set dlx__probe_neon = {.name = "neon",
                                        .runs_on = runs_on,
                                        .read = read_vectors,
                                        .loops = loops,
                                        .n_loops = DLX__LEN(loops)};

#endif
