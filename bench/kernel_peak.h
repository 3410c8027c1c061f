/* kernel_peak.h - what a processor can do at most: multiplications in registers, reading. */
#ifndef KERNEL_PEAK_H
#define KERNEL_PEAK_H

#include <stddef.h>
#include <stdint.h>

/* The fastest way to multiply numbers of a kind and add the products up. */
typedef enum peak_kind { PEAK_F32, PEAK_INT8, PEAK_INT4 } peak_kind;

const char *peak_name(void); /* the instruction set that is used */

/* At least n multiplications. */
void peak_multiply(peak_kind kind, size_t n);

void peak_read(const uint8_t *data, size_t n_bytes);

#endif
