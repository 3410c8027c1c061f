/* fuzz_safetensors.c - any bytes as one safetensors file; what is accepted must be readable. */
// rooms: format
// parser: format/(safetensors|weights)
#include "dtype/convert.h"
#include "format/safetensors.h"
#include "fuzz.h"

#include <stdlib.h>

/* The last element lies inside the file, and a tensor is found under its name. */
static void check(const dlx__weights *w, size_t i)
{
    const dlx__tensor *t = &w->tensors[i];
    size_t n = dlx__tensor_elems(t);
    float x;
    if (n)
        dlx__to_f32(&x, (const uint8_t *)t->data + dlx__dtype_bytes(t->dtype, n - 1), t->dtype, 1);
    if (dlx__weights_find(w, t->name) != i)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    dlx__weights w;
    dlx_error err;
    if (dlx__safetensors_parse(&w, data, n, "input", NULL, &err) != DLX_OK)
        return 0;
    for (size_t i = 0; i < w.n; i++)
        check(&w, i);
    dlx__weights_release(&w);
    return 0;
}
