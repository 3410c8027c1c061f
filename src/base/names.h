/* names.h - a list of names that grows and is then visited in sorted order (directory listings). */
#ifndef DLX__NAMES_H
#define DLX__NAMES_H

#include "base/arena.h"

typedef struct dlx__names {
    dlx__arena arena;
    const char **items; /* [n] */
    size_t n;
    size_t capacity;
} dlx__names;

void dlx__names_init(dlx__names *names, const dlx_allocator *mem); /* allocates nothing */
void dlx__names_release(dlx__names *names);

bool dlx__names_add(dlx__names *names, const char *name); /* copies; false: no memory */

/* Sorts by bytes, then calls visit for each until it returns false. */
void dlx__names_visit(dlx__names *names, bool (*visit)(void *user, const char *name), void *user);

#endif
