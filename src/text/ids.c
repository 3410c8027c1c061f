/* ids.c - a growing array of token ids. */
#include "text/ids.h"

#include "base/mem.h"

void dlx__ids_init(dlx__ids *ids, const dlx_allocator *mem)
{
    *ids = (dlx__ids){.mem = mem};
}

void dlx__ids_release(dlx__ids *ids)
{
    dlx__free(ids->mem, ids->data);
    dlx__ids_init(ids, ids->mem);
}

void dlx__ids_reset(dlx__ids *ids)
{
    ids->n = 0;
}

bool dlx__ids_push(dlx__ids *ids, dlx_token id)
{
    if (ids->n == ids->capacity) {
        size_t capacity = dlx__max(64, dlx__mul(ids->capacity, 2));
        dlx_token *data = dlx__realloc(ids->mem, ids->data, dlx__mul(capacity, sizeof *data));
        if (!data)
            return false;
        ids->data = data;
        ids->capacity = capacity;
    }
    ids->data[ids->n++] = id;
    return true;
}
