/* fuzz_gguf.c - any bytes as a GGUF file; what is accepted must be readable to its last byte. */
// rooms: format
// parser: format/(gguf|gguf_get|weights)
#include "dtype/convert.h"
#include "format/gguf.h"
#include "fuzz.h"

#include <stdlib.h>

static unsigned sum; /* keeps the reads alive */

static void read_kv(const dlx__gguf *g, const dlx__gguf_kv *kv)
{
    size_t size;
    double number;
    dlx__gguf_string text;
    (void)dlx__gguf_size(g, kv->key, 0, SIZE_MAX, &size, NULL);
    (void)dlx__gguf_number(g, kv->key, &number, NULL);
    if (dlx__gguf_text(g, kv->key, &text, NULL) == DLX_OK && text.len)
        sum += (unsigned char)text.data[text.len - 1];
    for (size_t i = 0; kv->is_array && i < kv->n; i++) {
        if (kv->type == DLX__GGUF_STRING) {
            const dlx__gguf_string *s = &kv->strings[i];
            sum += s->len ? (unsigned char)s->data[s->len - 1] : 0;
        } else {
            sum += (unsigned)dlx__gguf_array_int(kv, i);
            sum += dlx__gguf_array_number(kv, i) > 0;
        }
    }
    if (dlx__gguf_find(g, kv->key) != kv)
        abort();
}

static void read_tensor(const dlx__weights *w, size_t i)
{
    const dlx__tensor *t = &w->tensors[i];
    const dlx__dtype_info *info = dlx__dtype_of(t->dtype);
    float block[256];
    if (t->n_bytes) {
        const uint8_t *last = (const uint8_t *)t->data + t->n_bytes - info->block_bytes;
        dlx__to_f32(block, t->data, t->dtype, info->block_elems);
        dlx__to_f32(block, last, t->dtype, info->block_elems);
    }
    if (dlx__weights_find(w, t->name) != i)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    dlx__gguf g;
    dlx_error err;
    if (dlx__gguf_parse(&g, data, n, "input", NULL, &err) != DLX_OK)
        return 0;
    for (size_t i = 0; i < g.n_kv; i++)
        read_kv(&g, &g.kv[i]);
    for (size_t i = 0; i < g.weights.n; i++)
        read_tensor(&g.weights, i);
    dlx__gguf_release(&g);
    return 0;
}
