/* fuzz_npy.c - any bytes as a NumPy file; an accepted array has exactly the bytes of its shape. */
// rooms: format
// parser: format/npy
#include "base/mem.h"
#include "format/npy.h"
#include "fuzz.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    dlx__npy a;
    dlx_error err;
    if (dlx__npy_parse(&a, data, n, "input", NULL, &err) != DLX_OK)
        return 0;
    size_t elems = 1;
    for (int i = 0; i < a.n_dims; i++)
        elems = dlx__mul(elems, a.shape[i]);
    if (elems != a.n_elems || dlx__mul(elems, (size_t)a.item_bytes) > n)
        abort();
    dlx__npy_release(&a);
    return 0;
}
