/* tokenizer_gguf.c - the tokenizer in the metadata of a GGUF file (tokenizer.ggml.*). */
#include "base/fail.h"
#include "base/mem.h"
#include "text/tokenizer_impl.h"

#include <string.h>

/* tokenizer.ggml.token_type */
enum { TYPE_NORMAL = 1, TYPE_UNKNOWN = 2, TYPE_CONTROL = 3, TYPE_USER = 4, TYPE_UNUSED = 5 };

static const char KEY_STEPS[] = "dlx.tokenizer.steps"; /* tokenizer_gguf_put.h */

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

/* An array of integers of ours, of which there are n; absent: *out is NULL. */
static dlx_result integers_of(const dlx__gguf *g, const char *key, size_t multiple,
                              const dlx__gguf_kv **out, dlx_error *err)
{
    *out = dlx__gguf_find(g, key);
    if (!*out || ((*out)->is_array && (*out)->type == DLX__GGUF_I32 && (*out)->n % multiple == 0))
        return DLX_OK;
    return dlx__fail(err, DLX_E_FORMAT, "%s: %s is no list of int32 numbers, %zu to each entry",
                     g->path, key, multiple);
}

/* flags [n]: of each id that dlx.tokenizer.added names; -1: it does not. */
static dlx_result read_flags(int32_t *flags, size_t n, const dlx__gguf *g, dlx_error *err)
{
    const dlx__gguf_kv *added;
    for (size_t i = 0; i < n; i++)
        flags[i] = -1;
    DLX__TRY(integers_of(g, "dlx.tokenizer.added", 2, &added, err));
    for (size_t i = 0; added && i < added->n; i += 2) {
        const int64_t id = dlx__gguf_array_int(added, i);
        if (id < 0 || (uint64_t)id >= n)
            return dlx__fail(err, DLX_E_FORMAT,
                             "%s: dlx.tokenizer.added names the id %lld, of which there are %zu",
                             g->path, (long long)id, n);
        flags[id] = (int32_t)dlx__gguf_array_int(added, i + 1) & 31;
    }
    return DLX_OK;
}

static dlx_result put_token(dlx__tokenizer *t, size_t id, dlx__gguf_string s, int64_t type,
                            int32_t flags, dlx_error *err)
{
    const bool added = type == TYPE_UNKNOWN || type == TYPE_CONTROL || type == TYPE_USER;
    if (!added || s.len == 0)
        return dlx__vocab_put(&t->vocab, id, s.data, s.len, 0, err);
    const int32_t guessed = type != TYPE_USER; /* special, nothing else */
    return dlx__tokenizer_add(
        t, s.data, s.len,
        dlx__added_of((dlx_token)dlx__min(id, INT32_MAX), flags < 0 ? guessed : flags), false, err);
}

static dlx_result put_tokens(dlx__tokenizer *t, const dlx__gguf *g, dlx_error *err)
{
    const dlx__gguf_kv *tokens = NULL;
    const dlx__gguf_kv *types = NULL;
    DLX__TRY(strings_of(g, "tokenizer.ggml.tokens", &tokens, err));
    DLX__TRY(types_of(g, tokens->n, &types, err));
    dlx__vocab_expect(&t->vocab, tokens->n);
    int32_t *flags = dlx__alloc(t->mem, dlx__mul(tokens->n, sizeof *flags));
    if (!flags)
        return dlx__fail_memory(err, "reading tokens", tokens->n * sizeof *flags);
    dlx_result r = read_flags(flags, tokens->n, g, err);
    for (size_t i = 0; i < tokens->n && r == DLX_OK; i++) {
        const int64_t type = types ? dlx__gguf_array_int(types, i) : TYPE_NORMAL;
        if (type != TYPE_UNUSED || dlx__gguf_find(g, KEY_STEPS) == NULL)
            r = put_token(t, i, tokens->strings[i], type, flags[i], err);
    }
    dlx__free(t->mem, flags);
    return r;
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

/* "rx-" and a source: see tokenizer_gguf_put.h. */
static dlx_result read_step(dlx__tokenizer *t, const dlx__gguf *g, dlx__gguf_string text,
                            dlx_error *err)
{
    dlx__pretok_step step = {.removed = text.len > 3 && text.data[1] == 'x',
                             .invert = text.len > 3 && text.data[2] == 'i'};
    if (text.len <= 3 || (text.data[0] != 'r' && text.data[0] != 'l'))
        return dlx__fail(err, DLX_E_FORMAT, "%s: %s has an entry without a pattern", g->path,
                         KEY_STEPS);
    DLX__TRY(
        text.data[0] == 'r'
            ? dlx__pattern_open(&step.pattern, text.data + 3, text.len - 3, t->mem, err)
            : dlx__pattern_open_literal(&step.pattern, text.data + 3, text.len - 3, t->mem, err));
    return dlx__pretok_add(&t->pretok, step, err);
}

static bool flag_of(const dlx__gguf *g, const char *key)
{
    const dlx__gguf_kv *kv = dlx__gguf_find(g, key);
    return kv && !kv->is_array && kv->type == DLX__GGUF_BOOL && kv->u;
}

/* By our own keys. */
static dlx_result read_exactly(dlx__tokenizer *t, const dlx__gguf *g, dlx_error *err)
{
    const dlx__gguf_kv *steps, *unknown;
    DLX__TRY(strings_of(g, KEY_STEPS, &steps, err));
    for (size_t i = 0; i < steps->n; i++)
        DLX__TRY(read_step(t, g, steps->strings[i], err));
    t->nfc = flag_of(g, "dlx.tokenizer.nfc");
    t->bpe.whole_first = flag_of(g, "dlx.tokenizer.whole_first");
    DLX__TRY(integers_of(g, "dlx.tokenizer.unknown", 2, &unknown, err));
    if (unknown && unknown->n == 2) {
        t->bpe.unknown = (dlx_token)dlx__gguf_array_int(unknown, 0);
        t->bpe.fuse_unknown = dlx__gguf_array_int(unknown, 1) != 0;
    }
    return DLX_OK;
}

/* By the name that llama.cpp knows. */
static dlx_result read_pre(dlx__tokenizer *t, const dlx__gguf *g, dlx_error *err)
{
    dlx__gguf_string pre = {0};
    DLX__TRY(dlx__gguf_text(g, "tokenizer.ggml.pre", &pre, err));
    DLX__TRY(dlx__pretok_add_named(&t->pretok, pre.data, pre.len, &t->nfc, err));
    t->bpe.whole_first = pre.len >= 5 && memcmp(pre.data, "llama", 5) == 0;
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
    DLX__TRY(dlx__gguf_find(g, KEY_STEPS) ? read_exactly(t, g, err) : read_pre(t, g, err));
    DLX__TRY(put_tokens(t, g, err));
    return put_merges(t, g, err);
}
