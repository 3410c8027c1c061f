/*
 * failing_mem.h - an allocator for tests: counts the blocks that are alive and fails from the
 * allocation number `fail_at` on (0: never), or at that one alone, so that a test can walk through
 * every failure.
 */
#ifndef FAILING_MEM_H
#define FAILING_MEM_H

#include <dlx/common.h>
#include <stdbool.h>
#include <stdlib.h>

typedef struct failing_mem {
    dlx_allocator mem;
    size_t n_calls; /* allocations asked for */
    size_t fail_at;
    bool once; /* memory is there again after the failure */
    long n_alive;
} failing_mem;

static void *failing_resize(void *user, void *p, size_t n_bytes)
{
    failing_mem *f = user;
    if (n_bytes == 0) {
        f->n_alive -= p != NULL;
        free(p);
        return NULL;
    }
    f->n_calls++;
    if (f->fail_at && (f->once ? f->n_calls == f->fail_at : f->n_calls >= f->fail_at))
        return NULL;
    void *result = realloc(p, n_bytes);
    f->n_alive += result && !p;
    return result;
}

static inline void failing_mem_init(failing_mem *f, size_t fail_at)
{
    *f = (failing_mem){.mem = {failing_resize, f}, .fail_at = fail_at};
}

#endif
