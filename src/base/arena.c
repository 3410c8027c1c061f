/* arena.c - bump allocation in chunks that double up to a limit. */
#include "base/arena.h"

#include "base/mem.h"

#include <string.h>

enum { FIRST_CHUNK = 4096, LARGEST_CHUNK = 1 << 20, ALIGNMENT = 16, FIRST_ELEMS = 16 };

struct dlx__arena_chunk {
    dlx__arena_chunk *next;
    size_t used;
    size_t size;
    /* the bytes follow, aligned */
};

static unsigned char *chunk_bytes(dlx__arena_chunk *chunk)
{
    return (unsigned char *)chunk + dlx__align(sizeof *chunk, ALIGNMENT);
}

void dlx__arena_init(dlx__arena *arena, const dlx_allocator *mem)
{
    *arena = (dlx__arena){.mem = mem};
}

void dlx__arena_release(dlx__arena *arena)
{
    while (arena->chunks) {
        dlx__arena_chunk *next = arena->chunks->next;
        dlx__free(arena->mem, arena->chunks);
        arena->chunks = next;
    }
    arena->n_bytes = 0;
}

/* Adds a chunk that holds at least n_bytes. */
static dlx__arena_chunk *grow(dlx__arena *arena, size_t n_bytes)
{
    size_t size = arena->chunks ? dlx__min(arena->chunks->size * 2, LARGEST_CHUNK) : FIRST_CHUNK;
    size = dlx__max(size, n_bytes);
    size_t total = dlx__add(size, dlx__align(sizeof(dlx__arena_chunk), ALIGNMENT));
    dlx__arena_chunk *chunk = dlx__alloc(arena->mem, total);
    if (!chunk)
        return NULL;
    *chunk = (dlx__arena_chunk){.next = arena->chunks, .size = size};
    arena->chunks = chunk;
    return chunk;
}

void *dlx__arena_alloc(dlx__arena *arena, size_t n, size_t size)
{
    size_t n_bytes = dlx__align(dlx__mul(n, size), ALIGNMENT);
    if (n_bytes == SIZE_MAX)
        return NULL;
    dlx__arena_chunk *chunk = arena->chunks;
    if (!chunk || chunk->size - chunk->used < n_bytes)
        chunk = grow(arena, n_bytes);
    if (!chunk)
        return NULL;
    void *p = chunk_bytes(chunk) + chunk->used;
    chunk->used += n_bytes;
    arena->n_bytes += n_bytes;
    memset(p, 0, n_bytes);
    return p;
}

void *dlx__arena_grow(dlx__arena *arena, void *old, size_t n, size_t *capacity, size_t size)
{
    if (n < *capacity)
        return old;
    size_t wanted = dlx__max(dlx__mul(*capacity, 2), FIRST_ELEMS);
    void *grown = dlx__arena_alloc(arena, wanted, size);
    if (!grown)
        return NULL;
    if (n)
        memcpy(grown, old, n * size);
    *capacity = wanted;
    return grown;
}

char *dlx__arena_strndup(dlx__arena *arena, const char *text, size_t n)
{
    char *copy = dlx__arena_alloc(arena, dlx__add(n, 1), 1);
    if (copy)
        memcpy(copy, text, n);
    return copy;
}

char *dlx__arena_strdup(dlx__arena *arena, const char *text)
{
    return dlx__arena_strndup(arena, text, strlen(text));
}
