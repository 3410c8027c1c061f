/*
 * arena.h - many small objects with one lifetime. Memory is taken in growing chunks and given
 * back all at once; nothing is freed singly.
 */
#ifndef DLX__ARENA_H
#define DLX__ARENA_H

#include "base/base.h"

typedef struct dlx__arena_chunk dlx__arena_chunk;

typedef struct dlx__arena {
    const dlx_allocator *mem;
    dlx__arena_chunk *chunks; /* newest first */
    size_t n_bytes;           /* handed out, padding included */
} dlx__arena;

void dlx__arena_init(dlx__arena *arena, const dlx_allocator *mem); /* allocates nothing */
void dlx__arena_release(dlx__arena *arena);

/* 16-byte aligned, zeroed; NULL when there is no memory or n * size overflows. */
void *dlx__arena_alloc(dlx__arena *arena, size_t n, size_t size);

/*
 * Room for element n of an array that lives in the arena: `old`, or a copy twice as long. The old
 * one stays where it was, which doubling keeps cheap. NULL when there is no memory.
 */
void *dlx__arena_grow(dlx__arena *arena, void *old, size_t n, size_t *capacity, size_t size);

char *dlx__arena_strdup(dlx__arena *arena, const char *text);
char *dlx__arena_strndup(dlx__arena *arena, const char *text, size_t n);

#endif
