/*
 * mem.h - every allocation of the library goes through here, so that a caller can supply memory
 * and a test can let any allocation fail. `mem` NULL means the C library.
 */
#ifndef DLX__MEM_H
#define DLX__MEM_H

#include "base/base.h"

/* NULL when there is no memory; n_bytes 0 gives a pointer that may be freed; SIZE_MAX always fails.
 */
void *dlx__alloc(const dlx_allocator *mem, size_t n_bytes);

/* The same, for n elements, zeroed; overflow of n * size fails. */
void *dlx__alloc_zero(const dlx_allocator *mem, size_t n, size_t size);

/* Grows or shrinks; on failure returns NULL and leaves p as it was. */
void *dlx__realloc(const dlx_allocator *mem, void *p, size_t n_bytes);

void dlx__free(const dlx_allocator *mem, void *p); /* p may be NULL */

/* 64-byte aligned (a cache line, an AVX-512 register); pairs with dlx__free_aligned only. */
void *dlx__alloc_aligned(const dlx_allocator *mem, size_t n_bytes);
void dlx__free_aligned(const dlx_allocator *mem, void *p);

/* Copies of text; NULL when there is no memory. */
char *dlx__strdup(const dlx_allocator *mem, const char *text);
char *dlx__strndup(const dlx_allocator *mem, const char *text, size_t n);

#endif
