/* ids.h - a growing array of token ids. A failed push leaves the array as it was. */
#ifndef DLX__IDS_H
#define DLX__IDS_H

#include "base/base.h"

typedef struct dlx__ids {
    const dlx_allocator *mem;
    dlx_token *data; /* [n]; NULL while never grown */
    size_t n;
    size_t capacity;
} dlx__ids;

void dlx__ids_init(dlx__ids *ids, const dlx_allocator *mem); /* allocates nothing */
void dlx__ids_release(dlx__ids *ids);
void dlx__ids_reset(dlx__ids *ids); /* empty, memory kept */

/* false when there is no memory. */
bool dlx__ids_push(dlx__ids *ids, dlx_token id);

#endif
