/* tokenizer.c - opening a tokenizer from whatever the checkpoint carries, and the questions about
 * single tokens. */
#include "text/tokenizer.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"
#include "base/utf8.h"
#include "text/nfc.h"
#include "text/tokenizer_impl.h"

#include <string.h>

dlx__tokenizer *dlx__tokenizer_new(const dlx_allocator *mem)
{
    dlx__tokenizer *t = dlx__alloc_zero(mem, 1, sizeof *t);
    if (!t)
        return NULL;
    t->mem = mem;
    dlx__vocab_init(&t->vocab, mem);
    dlx__bpe_init(&t->bpe, mem);
    dlx__added_init(&t->added, mem);
    dlx__pretok_init(&t->pretok, mem);
    return t;
}

void dlx__tokenizer_free(dlx__tokenizer *t)
{
    if (!t)
        return;
    dlx__pretok_release(&t->pretok);
    dlx__added_release(&t->added);
    dlx__bpe_release(&t->bpe);
    dlx__vocab_release(&t->vocab);
    dlx__free(t->mem, t);
}

/* The spelling to look for: a token of the normalised text is normalised itself. */
static dlx_result put_in_trie(dlx__tokenizer *t, const char *text, size_t n, dlx__added_token token,
                              dlx_error *err)
{
    if (!t->nfc || !token.normalized || dlx__utf8_valid_prefix(text, n) < n)
        return dlx__added_put(&t->added, text, n, token, err);
    dlx__buf normal;
    dlx__buf_init(&normal, t->mem);
    dlx_result r = dlx__nfc_append(&normal, text, n, err);
    if (r == DLX_OK)
        r = dlx__added_put(&t->added, normal.data, normal.len, token, err);
    dlx__buf_release(&normal);
    return r;
}

dlx_result dlx__tokenizer_add(dlx__tokenizer *t, const char *text, size_t n, dlx__added_token token,
                              bool alias, dlx_error *err)
{
    const dlx__vocab_entry *there = dlx__vocab_entry_of(&t->vocab, token.id);
    bool second = alias && there && (there->text_len != n || memcmp(there->text, text, n) != 0);
    if (!second)
        DLX__TRY(dlx__vocab_put(&t->vocab, (uint64_t)token.id, text, n,
                                DLX__TOKEN_ADDED | (token.special ? DLX__TOKEN_SPECIAL : 0u), err));
    return put_in_trie(t, text, n, token, err);
}

/* Is a file of this name in the directory? */
static dlx_result has_file(bool *there, const dlx__checkpoint *c, const char *name, dlx_error *err)
{
    *there = false;
    char *path = dlx__checkpoint_file(c, name);
    if (!path)
        return dlx__fail_memory(err, "looking for the tokenizer", strlen(c->path));
    *there = dlx__os_path_kind(path) == DLX__PATH_FILE;
    dlx__free(c->mem, path);
    return DLX_OK;
}

/* Not there, or there to say that there is none: llama.cpp's two words for it. */
static bool is_absent(const dlx__gguf_kv *model)
{
    static const char *const words[] = {"none", "no_vocab"};
    for (size_t i = 0; model && !model->is_array && i < DLX__LEN(words); i++)
        if (model->type == DLX__GGUF_STRING && model->s.len == strlen(words[i]) &&
            memcmp(model->s.data, words[i], model->s.len) == 0)
            return true;
    return !model;
}

dlx_result dlx__tokenizer_missing(bool *missing, const dlx__checkpoint *c, dlx_error *err)
{
    *missing = true;
    if (c->kind == DLX__CHECKPOINT_GGUF) {
        *missing = is_absent(dlx__gguf_find(&c->gguf, "tokenizer.ggml.model"));
        return DLX_OK;
    }
    bool json, vocab;
    DLX__TRY(has_file(&json, c, "tokenizer.json", err));
    DLX__TRY(has_file(&vocab, c, "vocab.json", err));
    *missing = !json && !vocab;
    return DLX_OK;
}

/* tokenizer.json, and the tokens that only tokenizer_config.json adds. */
static dlx_result from_json_file(dlx__tokenizer *t, const dlx__checkpoint *c, dlx_error *err)
{
    char *path = dlx__checkpoint_file(c, "tokenizer.json");
    if (!path)
        return dlx__fail_memory(err, "opening the tokenizer", strlen(c->path));
    json_t *root = NULL;
    dlx_result r = DLX_OK;
    DLX__GO(dlx__json_load(&root, path, t->mem, err));
    r = dlx__tokenizer_from_json(t, root, err);
    if (r == DLX_OK)
        r = dlx__tokenizer_add_decoder(
            t, json_object_get(c->tokenizer_config, "added_tokens_decoder"), err);
    if (r != DLX_OK)
        dlx__fail_prefix(err, path);
done:
    json_decref(root);
    dlx__free(c->mem, path);
    return r;
}

static dlx_result from_checkpoint(dlx__tokenizer *t, const dlx__checkpoint *c, dlx_error *err)
{
    bool missing, json;
    DLX__TRY(dlx__tokenizer_missing(&missing, c, err));
    if (missing)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s has no tokenizer (expected tokenizer.json, or vocab.json and "
                         "merges.txt, or tokenizer.ggml.* keys); add it, or work with --ids",
                         c->path);
    if (c->kind == DLX__CHECKPOINT_GGUF)
        return dlx__tokenizer_from_gguf(t, &c->gguf, err);
    DLX__TRY(has_file(&json, c, "tokenizer.json", err));
    return json ? from_json_file(t, c, err) : dlx__tokenizer_from_files(t, c, err);
}

/* Hands the filled tokenizer out, or frees it after a failure. */
static dlx_result hand_out(dlx__tokenizer **out, dlx__tokenizer *t, dlx_result r)
{
    if (r != DLX_OK) {
        dlx__tokenizer_free(t);
        return r;
    }
    dlx__bpe_find_bytes(&t->bpe, &t->vocab);
    *out = t;
    return DLX_OK;
}

dlx_result dlx__tokenizer_open(dlx__tokenizer **out, const dlx__checkpoint *c, dlx_error *err)
{
    dlx__tokenizer *t = dlx__tokenizer_new(c->mem);
    if (!t)
        return dlx__fail_memory(err, "opening the tokenizer", sizeof *t);
    return hand_out(out, t, from_checkpoint(t, c, err));
}

dlx_result dlx__tokenizer_parse(dlx__tokenizer **out, const char *text, size_t n, const char *name,
                                const dlx_allocator *mem, dlx_error *err)
{
    json_t *root = NULL;
    DLX__TRY(dlx__json_parse(&root, text, n, name, err));
    dlx__tokenizer *t = dlx__tokenizer_new(mem);
    dlx_result r = t ? dlx__tokenizer_from_json(t, root, err)
                     : dlx__fail_memory(err, "opening the tokenizer", sizeof *t);
    if (r != DLX_OK)
        dlx__fail_prefix(err, name);
    json_decref(root);
    return hand_out(out, t, r);
}

size_t dlx__tokenizer_n_ids(const dlx__tokenizer *t)
{
    return t->vocab.n_ids;
}

dlx__token_span dlx__tokenizer_text(const dlx__tokenizer *t, dlx_token id)
{
    const dlx__vocab_entry *e = dlx__vocab_entry_of(&t->vocab, id);
    return e ? (dlx__token_span){e->text, e->text_len} : (dlx__token_span){NULL, 0};
}

dlx__token_span dlx__tokenizer_bytes(const dlx__tokenizer *t, dlx_token id)
{
    const dlx__vocab_entry *e = dlx__vocab_entry_of(&t->vocab, id);
    return e ? (dlx__token_span){e->bytes, e->bytes_len} : (dlx__token_span){NULL, 0};
}

dlx_token dlx__tokenizer_find(const dlx__tokenizer *t, const char *text, size_t n)
{
    dlx_token id = dlx__vocab_find(&t->vocab, text, n);
    return id >= 0 ? id : dlx__added_find(&t->added, text, n);
}

bool dlx__tokenizer_is_special(const dlx__tokenizer *t, dlx_token id)
{
    const dlx__vocab_entry *e = dlx__vocab_entry_of(&t->vocab, id);
    return e && (e->flags & DLX__TOKEN_SPECIAL);
}

dlx_result dlx__tokenizer_decode(const dlx__tokenizer *t, const dlx_token *ids, size_t n,
                                 unsigned flags, dlx__buf *out, dlx_error *err)
{
    size_t n_bytes = 0;
    for (size_t i = 0; i < n; i++) {
        const dlx__vocab_entry *e = dlx__vocab_entry_of(&t->vocab, ids[i]);
        if (!e)
            return dlx__fail(err, DLX_E_ARG,
                             "the id %d (number %zu of %zu) is no token of this tokenizer, whose "
                             "ids are below %zu",
                             (int)ids[i], i, n, t->vocab.n_ids);
        n_bytes = dlx__add(n_bytes, e->bytes_len);
    }
    if (!dlx__buf_reserve(out, n_bytes))
        return dlx__fail_memory(err, "decoding", n_bytes);
    for (size_t i = 0; i < n; i++) {
        const dlx__vocab_entry *e = &t->vocab.entries[ids[i]];
        if (!(flags & DLX__DECODE_SKIP_SPECIAL) || !(e->flags & DLX__TOKEN_SPECIAL))
            (void)dlx__buf_append(out, e->bytes, e->bytes_len); /* room was made above */
    }
    return DLX_OK;
}
