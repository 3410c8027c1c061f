/*
 * tokenizer_gguf.c - the tokenizer in the metadata of a GGUF file: llama.cpp's tokenizer.ggml.*,
 * and where a file has them our own keys (tokenizer_exact.h), which then decide.
 */
#include "base/fail.h"
#include "text/tokenizer_exact.h"

#include <string.h>

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
    if (!dlx__gguf_is_ints(*out) || (*out)->n != n_tokens)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: tokenizer.ggml.token_type is not a list of %zu numbers, one for each "
                         "token",
                         g->path, n_tokens);
    return DLX_OK;
}

/* llama.cpp's tables have no gaps: an id without a token gets a name that says so. */
static bool is_gap(int64_t type, dlx__gguf_string s, size_t id)
{
    char name[DLX__GAP_ROOM];
    dlx__gap_name(name, id);
    return type == DLX__GGUF_TOKEN_UNUSED && s.len == strlen(name) &&
           memcmp(s.data, name, s.len) == 0;
}

/* By its type a token of BPE, or one that is found by its spelling (in_tries: put there too). */
static dlx_result put_token(dlx__tokenizer *t, size_t id, dlx__gguf_string s, int64_t type,
                            bool in_tries, dlx_error *err)
{
    if (is_gap(type, s, id))
        return DLX_OK;
    bool added = type == DLX__GGUF_TOKEN_UNKNOWN || type == DLX__GGUF_TOKEN_CONTROL ||
                 type == DLX__GGUF_TOKEN_USER;
    bool special = type != DLX__GGUF_TOKEN_USER;
    if (!added || s.len == 0)
        return dlx__vocab_put(&t->vocab, id, s.data, s.len, 0, err);
    if (!in_tries)
        return dlx__vocab_put(&t->vocab, id, s.data, s.len,
                              DLX__TOKEN_ADDED | (special ? DLX__TOKEN_SPECIAL : 0u), err);
    dlx__added_token token = {.id = (dlx_token)dlx__min(id, INT32_MAX), .special = special};
    return dlx__tokenizer_add(t, s.data, s.len, token, false, err);
}

static dlx_result put_tokens(dlx__tokenizer *t, const dlx__gguf *g, dlx_error *err)
{
    const dlx__gguf_kv *tokens = NULL;
    const dlx__gguf_kv *types = NULL;
    DLX__TRY(strings_of(g, "tokenizer.ggml.tokens", &tokens, err));
    DLX__TRY(types_of(g, tokens->n, &types, err));
    bool in_tries = !dlx__exact_has_added(g);
    dlx__vocab_expect(&t->vocab, tokens->n);
    for (size_t i = 0; i < tokens->n; i++)
        DLX__TRY(put_token(t, i, tokens->strings[i],
                           types ? dlx__gguf_array_int(types, i) : DLX__GGUF_TOKEN_NORMAL, in_tries,
                           err));
    return in_tries ? DLX_OK : dlx__exact_read_added(t, g, err);
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

static dlx_result read_pretok(dlx__tokenizer *t, const dlx__gguf *g, dlx_error *err)
{
    if (dlx__exact_has_patterns(g))
        return dlx__exact_read_patterns(t, g, err);
    dlx__gguf_string pre = {0};
    DLX__TRY(dlx__gguf_text(g, "tokenizer.ggml.pre", &pre, err));
    t->bpe.whole_first = dlx__pretok_name_is_whole_first(pre.data, pre.len);
    return dlx__pretok_add_named(&t->pretok, pre.data, pre.len, &t->nfc, err);
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
    DLX__TRY(read_pretok(t, g, err));
    DLX__TRY(put_tokens(t, g, err));
    DLX__TRY(dlx__exact_read_unknown(t, g, err));
    return put_merges(t, g, err);
}
