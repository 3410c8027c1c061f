/* names.c - a sorted list of names. */
#include "base/names.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void dlx__names_init(dlx__names *names, const dlx_allocator *mem)
{
    *names = (dlx__names){.n = 0};
    dlx__arena_init(&names->arena, mem);
}

void dlx__names_release(dlx__names *names)
{
    const dlx_allocator *mem = names->arena.mem;
    dlx__free(mem, names->items);
    dlx__arena_release(&names->arena);
    dlx__names_init(names, mem);
}

bool dlx__names_add(dlx__names *names, const char *name)
{
    if (names->n == names->capacity) {
        size_t capacity = dlx__max(32, dlx__mul(names->capacity, 2));
        const char **items =
            dlx__realloc(names->arena.mem, names->items, dlx__mul(capacity, sizeof *items));
        if (!items)
            return false;
        names->items = items;
        names->capacity = capacity;
    }
    const char *copy = dlx__arena_strdup(&names->arena, name);
    if (!copy)
        return false;
    names->items[names->n++] = copy;
    return true;
}

static int by_bytes(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

void dlx__names_visit(dlx__names *names, bool (*visit)(void *user, const char *name), void *user)
{
    if (names->n > 1)
        qsort(names->items, names->n, sizeof *names->items, by_bytes);
    for (size_t i = 0; i < names->n; i++) {
        if (!visit(user, names->items[i]))
            return;
    }
}
