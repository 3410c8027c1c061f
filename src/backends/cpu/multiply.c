/* multiply.c - one thread's share of a matrix product: a range of outputs, for all rows of a tile.
 */
#include "backends/cpu/session.h"

/* Chunks inside, outputs outside: a panel of weights is read from memory once for all rows. */
void dlx__cpu_multiply(const dlx__kernels *kernels, const dlx__cpu_linear *linear, float *y,
                       const float *x, size_t n_rows, int thread, int n_threads)
{
    const size_t n_out = linear->w.n_rows, n_in = linear->w.n_cols;
    size_t begin, end;
    dlx__pool_share(n_out, DLX__WEIGHT_GRAIN, thread, n_threads, &begin, &end);
    for (size_t i = begin; i < end; i += DLX__CPU_PANEL) {
        const size_t n = dlx__min(DLX__CPU_PANEL, end - i);
        for (size_t c = 0; c < dlx__cpu_chunks(n_rows); c++) {
            const size_t width = dlx__cpu_width(n_rows, c);
            float *out = y + c * DLX__LANES * n_out + i * width; /* [n][width] */
            kernels->gemm(out, x + c * DLX__LANES * n_in, width, &linear->w, i, n);
            if (linear->bias)
                kernels->add_bias(out, linear->bias + i, width, n);
        }
    }
}
