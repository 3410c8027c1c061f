/* kernel_avxvnni.c - x86-64 with AVX2, FMA, F16C and AVX-VNNI: dpbusd without AVX-512. */
#include "kernel/kernel.h"

#if defined(__x86_64__)

#if !defined(__AVXVNNI__)
#error "this file needs the flags of cmake/isa.cmake"
#endif

/* Of the cells of quantized inputs: cells.h. */
enum { N_WIDE = 0, N_STARTS = 5 };

#include "kernel/cells.h"
#include "kernel/vector_avx2.h"

enum { MOST_TILE_ROWS = 6, ALONE_BYTES = 0, ALONE_NIBBLES = 0, ALONE_FLOATS = 0 };
enum { MOST_F32 = 6, MOST_S4 = 5, MOST_U4 = 5, MOST_U5 = 6, MOST_S6 = 3, MOST_S8 = 6, MOST_I8 = 6 };

INLINE ivec dpbusd(ivec sum, ivec u, ivec s)
{
    return _mm256_dpbusd_avx_epi32(sum, u, s);
}

INLINE ivec low_halves(ivec bytes)
{
    return ivec_and(bytes, _mm256_set1_epi8(15));
}

INLINE ivec high_halves(ivec bytes)
{
    return low_halves(_mm256_srli_epi16(bytes, 4));
}

INLINE ivec with_offset(ivec bytes)
{
    return _mm256_xor_si256(bytes, _mm256_set1_epi16((int16_t)0x8000));
}

INLINE ivec ivec_mul(ivec a, ivec b)
{
    return _mm256_mullo_epi32(a, b);
}

INLINE ivec ivec_of_signed(const uint8_t *p)
{
    return _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
}

INLINE void put_bytes(int8_t *q, const ivec *ints)
{
    const ivec first = _mm256_packs_epi32(ints[0], ints[1]);
    const ivec second = _mm256_packs_epi32(ints[2], ints[3]);
    const ivec order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    bytes_store(q, _mm256_permutevar8x32_epi32(_mm256_packs_epi16(first, second), order));
}

static bool runs_on(const dlx__cpu *cpu)
{
    return cpu->avx_vnni;
}

#define SET_NAME dlx__kernels_avxvnni
#define SET_TEXT "avxvnni"
#include "kernel/dot_dpbusd.h"
#include "kernel/vector_table.h"

#endif
