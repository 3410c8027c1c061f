#ifndef DLX__TOKENIZER_GGUF_PUT_H
#define DLX__TOKENIZER_GGUF_PUT_H
#include "format/gguf.h"
#include "text/tokenizer.h"
typedef struct dlx__tokenizer_put {
    size_t n_rows;
    int64_t bos, eos, pad, mask;
    const char *chat_template;
} dlx__tokenizer_put;
static inline dlx_result dlx__tokenizer_put_gguf(dlx__gguf_writer *w, const dlx__tokenizer *t,
                                                 const dlx__tokenizer_put *extra, dlx_error *err)
{
    (void)t;
    (void)err;
    if (extra->eos >= 0)
        (void)dlx__gguf_put_u32(w, "tokenizer.ggml.eos_token_id", (uint32_t)extra->eos);
    if (extra->bos >= 0)
        (void)dlx__gguf_put_u32(w, "tokenizer.ggml.bos_token_id", (uint32_t)extra->bos);
    if (extra->mask >= 0)
        (void)dlx__gguf_put_u32(w, "tokenizer.ggml.mask_token_id", (uint32_t)extra->mask);
    return DLX_OK;
}
static inline const char *dlx__chat_source(const void *c)
{
    (void)c;
    return NULL;
}
#endif
