/* kernel_peak.h - what a processor can do at most: multiplications in registers, reading. */
#ifndef KERNEL_PEAK_H
#define KERNEL_PEAK_H

#include <stddef.h>
#include <stdint.h>

typedef enum peak_kind { PEAK_F32, PEAK_INT8, PEAK_INT4 } peak_kind;

/* At least n multiplications by the fastest way that a table of kernels could take. */
void peak_multiply(const char *table, peak_kind kind, size_t n);

void peak_read(const uint8_t *data, size_t n_bytes); /* 32-byte aligned */

#endif
