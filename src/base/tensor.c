/* tensor.c - element types as a table, and the size arithmetic of tensors. */
#include "base/tensor.h"

#include <stdio.h>
#include <string.h>

static const dlx__dtype_info dtypes[DLX__N_DTYPES] = {
#define DTYPE_ROW(name, text, gguf, elems, bytes) [DLX__##name] = {text, gguf, elems, bytes},
    DLX__DTYPES(DTYPE_ROW)
#undef DTYPE_ROW
};

const dlx__dtype_info *dlx__dtype_of(dlx__dtype dtype)
{
    return &dtypes[dtype];
}

size_t dlx__tensor_elems(const dlx__tensor *t)
{
    size_t n = 1;
    for (int i = 0; i < t->n_dims; i++)
        n = dlx__mul(n, t->shape[i]);
    return n;
}

size_t dlx__dtype_bytes(dlx__dtype dtype, size_t n_elems)
{
    const dlx__dtype_info *info = &dtypes[dtype];
    if (n_elems == SIZE_MAX || n_elems % info->block_elems != 0)
        return SIZE_MAX;
    return dlx__mul(n_elems / info->block_elems, info->block_bytes);
}

const char *dlx__shape_text(char out[96], const size_t *shape, int n_dims)
{
    enum { ROOM = 96 };
    size_t at = 0;
    out[at++] = '[';
    for (int i = 0; i < n_dims; i++) {
        char dim[24];
        int n = snprintf(dim, sizeof dim, "%s%zu", i ? ", " : "", shape[i]);
        if (at + (size_t)n + sizeof "...]" > ROOM) {
            memcpy(out + at, "...", 3);
            at += 3;
            break;
        }
        memcpy(out + at, dim, (size_t)n);
        at += (size_t)n;
    }
    out[at++] = ']';
    out[at] = '\0';
    return out;
}
