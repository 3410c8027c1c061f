/* convert.c - one table from element types to their pack and unpack functions. */
#include "dtype/convert.h"

#include "dtype/blocks.h"
#include "dtype/grid.h"

static void unpack_f32(float *dst, const uint8_t *src, size_t n)
{
    if (n)
        memcpy(dst, src, n * sizeof *dst);
}

static void pack_f32(uint8_t *dst, const float *src, size_t n)
{
    if (n)
        memcpy(dst, src, n * sizeof *src);
}

static const struct {
    void (*unpack)(float *dst, const uint8_t *src, size_t n);
    void (*pack)(uint8_t *dst, const float *src, size_t n); /* NULL: searched for */
} codecs[DLX__N_DTYPES] = {
    [DLX__F32] = {unpack_f32, pack_f32},
    [DLX__F16] = {dlx__unpack_f16, dlx__pack_f16},
    [DLX__BF16] = {dlx__unpack_bf16, dlx__pack_bf16},
    [DLX__Q4_0] = {dlx__unpack_q4_0, dlx__pack_q4_0},
    [DLX__Q4_1] = {dlx__unpack_q4_1, dlx__pack_q4_1},
    [DLX__Q5_0] = {dlx__unpack_q5_0, dlx__pack_q5_0},
    [DLX__Q5_1] = {dlx__unpack_q5_1, dlx__pack_q5_1},
    [DLX__Q8_0] = {dlx__unpack_q8_0, dlx__pack_q8_0},
    [DLX__Q4_K] = {dlx__unpack_q4_k, NULL},
    [DLX__Q5_K] = {dlx__unpack_q5_k, NULL},
    [DLX__Q6_K] = {dlx__unpack_q6_k, NULL},
};

void dlx__to_f32(float *dst, const void *src, dlx__dtype dtype, size_t n)
{
    codecs[dtype].unpack(dst, src, n);
}

bool dlx__from_f32(void *dst, dlx__dtype dtype, const float *src, size_t n)
{
    if (n % dlx__dtype_of(dtype)->block_elems != 0)
        return false;
    if (!codecs[dtype].pack)
        return dlx__pack_weighted(dst, dtype, src, NULL, DLX__GRID_OWN, n);
    codecs[dtype].pack(dst, src, n);
    return true;
}

double dlx__dot_ref(const void *w, dlx__dtype dtype, const float *x, size_t n)
{
    enum { CHUNK = 256 }; /* a multiple of every block */
    const uint8_t *packed = w;
    double sum = 0.0;
    for (size_t i = 0; i < n; i += CHUNK) {
        float values[CHUNK];
        size_t m = dlx__min(CHUNK, n - i);
        codecs[dtype].unpack(values, packed + dlx__dtype_bytes(dtype, i), m);
        for (size_t j = 0; j < m; j++)
            sum += (double)values[j] * (double)x[i + j];
    }
    return sum;
}
