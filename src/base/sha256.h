/* sha256.h - SHA-256 (FIPS 180-4) of bytes that come in pieces. */
#ifndef DLX__SHA256_H
#define DLX__SHA256_H

#include "base/base.h"

enum { DLX__SHA256_HEX = 65 }; /* with its terminator */

typedef struct dlx__sha256 {
    uint32_t state[8];
    uint64_t n_bytes;
    uint8_t block[64];
} dlx__sha256;

void dlx__sha256_init(dlx__sha256 *s);
void dlx__sha256_add(dlx__sha256 *s, const void *bytes, size_t n);
void dlx__sha256_hex(dlx__sha256 *s, char out[DLX__SHA256_HEX]); /* ends it */

#endif
