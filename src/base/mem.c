/* mem.c - the one place that calls the C library's allocator. */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

static void *libc_resize(void *user, void *p, size_t n_bytes)
{
    (void)user;
    if (n_bytes == 0) {
        free(p);
        return NULL;
    }
    return realloc(p, n_bytes);
}

static void *resize(const dlx_allocator *mem, void *p, size_t n_bytes)
{
    return mem ? mem->resize(mem->user, p, n_bytes) : libc_resize(NULL, p, n_bytes);
}

void *dlx__alloc(const dlx_allocator *mem, size_t n_bytes)
{
    return n_bytes == SIZE_MAX ? NULL : resize(mem, NULL, n_bytes ? n_bytes : 1);
}

void *dlx__alloc_zero(const dlx_allocator *mem, size_t n, size_t size)
{
    size_t n_bytes = dlx__mul(n, size);
    void *p = dlx__alloc(mem, n_bytes);
    if (p)
        memset(p, 0, n_bytes);
    return p;
}

void *dlx__realloc(const dlx_allocator *mem, void *p, size_t n_bytes)
{
    return n_bytes == SIZE_MAX ? NULL : resize(mem, p, n_bytes ? n_bytes : 1);
}

void dlx__free(const dlx_allocator *mem, void *p)
{
    if (p)
        resize(mem, p, 0);
}

/* The block begins with room for alignment; the pointer to free lies just below the result. */
void *dlx__alloc_aligned(const dlx_allocator *mem, size_t n_bytes)
{
    size_t total = dlx__add(n_bytes, ALIGNMENT + sizeof(void *));
    unsigned char *block = dlx__alloc(mem, total);
    if (!block)
        return NULL;
    uintptr_t first = (uintptr_t)block + sizeof(void *);
    uintptr_t at = (first + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1);
    unsigned char *result = block + (at - (uintptr_t)block);
    memcpy(result - sizeof(void *), &block, sizeof(void *));
    return result;
}

void dlx__free_aligned(const dlx_allocator *mem, void *p)
{
    if (!p)
        return;
    void *block;
    memcpy(&block, (unsigned char *)p - sizeof(void *), sizeof(void *));
    dlx__free(mem, block);
}

char *dlx__strndup(const dlx_allocator *mem, const char *text, size_t n)
{
    char *copy = dlx__alloc(mem, dlx__add(n, 1));
    if (copy) {
        memcpy(copy, text, n);
        copy[n] = '\0';
    }
    return copy;
}

char *dlx__strdup(const dlx_allocator *mem, const char *text)
{
    return dlx__strndup(mem, text, strlen(text));
}
