/* tokenizer_gguf.c - the tokenizer in the metadata of a GGUF file (tokenizer.ggml.*). */
#include "base/fail.h"
#include "text/tokenizer_impl.h"

#include <string.h>

/* tokenizer.ggml.token_type */
enum { TYPE_NORMAL = 1, TYPE_UNKNOWN = 2, TYPE_CONTROL = 3, TYPE_USER = 4 };

static dlx_result strings_of(const dlx__gguf *g, const char *key, const dlx__gguf_kv **out,
                             dlx_error *err)
{
    *out = dlx__gguf_find(g, key);
    if (!*out || !(*out)->is_array || (*out)->type != DLX__GGUF_STRING)
        return dlx__fail(err, DLX_E_FORMAT, "%s: %s is missing or no list of texts", g->path, key);
    return DLX_OK;
}

static dlx_result types_of(const dlx__gguf *g, size_t n_tokens, const dlx__gguf_kv **out,
                           dlx_error *err)
{
    *out = dlx__gguf_find(g, "tokenizer.ggml.token_type");
    if (!*out)
        return DLX_OK;
    bool integers = (*out)->is_array && (*out)->type != DLX__GGUF_STRING &&
                    (*out)->type != DLX__GGUF_F32 && (*out)->type != DLX__GGUF_F64 &&
                    (*out)->type != DLX__GGUF_ARRAY;
    if (!integers || (*out)->n != n_tokens)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: tokenizer.ggml.token_type is not a list of %zu numbers, one for each "
                         "token",
                         g->path, n_tokens);
    return DLX_OK;
}

static dlx_result put_tokens(dlx__tokenizer *t, const dlx__gguf *g, dlx_error *err)
{
    const dlx__gguf_kv *tokens = NULL;
    const dlx__gguf_kv *types = NULL;
    DLX__TRY(strings_of(g, "tokenizer.ggml.tokens", &tokens, err));
    DLX__TRY(types_of(g, tokens->n, &types, err));
    dlx__vocab_expect(&t->vocab, tokens->n);
    for (size_t i = 0; i < tokens->n; i++) {
        int64_t type = types ? dlx__gguf_array_int(types, i) : TYPE_NORMAL;
        dlx__gguf_string s = tokens->strings[i];
        bool added = type == TYPE_UNKNOWN || type == TYPE_CONTROL || type == TYPE_USER;
        if (added && s.len > 0)
            DLX__TRY(dlx__tokenizer_add(t, s.data, s.len,
                                        (dlx__added_token){.id = (dlx_token)dlx__min(i, INT32_MAX),
                                                           .special = type != TYPE_USER},
                                        false, err));
        else
            DLX__TRY(dlx__vocab_put(&t->vocab, i, s.data, s.len, 0, err));
    }
    return DLX_OK;
}

static dlx_result put_merges(dlx__tokenizer *t, const dlx__gguf *g, dlx_error *err)
{
    const dlx__gguf_kv *merges = NULL;
    DLX__TRY(strings_of(g, "tokenizer.ggml.merges", &merges, err));
    DLX__TRY(dlx__bpe_reserve(&t->bpe, merges->n, err));
    for (size_t i = 0; i < merges->n; i++)
        DLX__TRY(dlx__bpe_add_line(&t->bpe, &t->vocab, merges->strings[i].data,
                                   merges->strings[i].len, err));
    return DLX_OK;
}

dlx_result dlx__tokenizer_from_gguf(dlx__tokenizer *t, const dlx__gguf *g, dlx_error *err)
{
    dlx__gguf_string model = {0};
    DLX__TRY(dlx__gguf_text(g, "tokenizer.ggml.model", &model, err));
    if (model.len != 4 || memcmp(model.data, "gpt2", 4) != 0)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: tokenizer.ggml.model is '%.*s', only 'gpt2' (byte-level BPE) is "
                         "supported; pass --ids",
                         g->path, (int)dlx__min(model.len, 40), model.data);
    dlx__gguf_string pre = {0};
    DLX__TRY(dlx__gguf_text(g, "tokenizer.ggml.pre", &pre, err));
    DLX__TRY(dlx__pretok_add_named(&t->pretok, pre.data, pre.len, &t->nfc, err));
    t->bpe.whole_first = pre.len >= 5 && memcmp(pre.data, "llama", 5) == 0;
    DLX__TRY(put_tokens(t, g, err));
    return put_merges(t, g, err);
}
