/* tokenizer_exact.c - reading our own keys of a tokenizer in a GGUF file. */
#include "text/tokenizer_exact.h"

#include "base/fail.h"

#include <stdio.h>
#include <string.h>

void dlx__gap_name(char out[DLX__GAP_ROOM], size_t id)
{
    snprintf(out, DLX__GAP_ROOM, "[PAD%zu]", id);
}

bool dlx__exact_has_patterns(const dlx__gguf *g)
{
    return dlx__gguf_find(g, DLX__EXACT_KEY("patterns")) != NULL;
}

bool dlx__exact_has_added(const dlx__gguf *g)
{
    return dlx__gguf_find(g, DLX__EXACT_KEY("added")) != NULL;
}

static dlx_result refuse(const dlx__gguf *g, const char *key, const char *expected, dlx_error *err)
{
    return dlx__fail(err, DLX_E_FORMAT,
                     "%s: expected %s to be %s, found something else; convert the model again",
                     g->path, key, expected);
}

static dlx_result texts_of(const dlx__gguf *g, const char *key, const dlx__gguf_kv **out,
                           dlx_error *err)
{
    *out = dlx__gguf_find(g, key);
    if (*out && (*out)->is_array && (*out)->type == DLX__GGUF_STRING)
        return DLX_OK;
    return refuse(g, key, "a list of texts", err);
}

static dlx_result ints_of(const dlx__gguf *g, const char *key, size_t n, const dlx__gguf_kv **out,
                          dlx_error *err)
{
    *out = dlx__gguf_find(g, key);
    if (dlx__gguf_is_ints(*out) && (*out)->n == n)
        return DLX_OK;
    return refuse(g, key, "a list of whole numbers, one for each text", err);
}

/* A list's number that must lie in [0, max]. */
static dlx_result int_at(const dlx__gguf *g, const dlx__gguf_kv *kv, size_t i, int64_t max,
                         int64_t *out, dlx_error *err)
{
    *out = dlx__gguf_array_int(kv, i);
    if (*out >= 0 && *out <= max)
        return DLX_OK;
    return dlx__fail(err, DLX_E_FORMAT,
                     "%s: expected numbers from 0 to %lld in %s, found %lld; convert the model "
                     "again, or use a newer dlx",
                     g->path, (long long)max, kv->key, (long long)*out);
}

static bool flag_of(const dlx__gguf *g, const char *key)
{
    const dlx__gguf_kv *kv = dlx__gguf_find(g, key);
    return kv && !kv->is_array && kv->type == DLX__GGUF_BOOL && kv->u != 0;
}

dlx_result dlx__exact_read_patterns(dlx__tokenizer *t, const dlx__gguf *g, dlx_error *err)
{
    const dlx__gguf_kv *texts = NULL;
    const dlx__gguf_kv *kinds = NULL;
    DLX__TRY(texts_of(g, DLX__EXACT_KEY("patterns"), &texts, err));
    DLX__TRY(ints_of(g, DLX__EXACT_KEY("pattern_kinds"), texts->n, &kinds, err));
    for (size_t i = 0; i < texts->n; i++) {
        int64_t kind = 0;
        dlx__gguf_string s = texts->strings[i];
        DLX__TRY(int_at(g, kinds, i, DLX__EXACT_ALL_KINDS, &kind, err));
        dlx__pretok_step step = {.removed = kind & DLX__EXACT_KIND_REMOVED,
                                 .invert = kind & DLX__EXACT_KIND_INVERT};
        if (kind & DLX__EXACT_KIND_LITERAL)
            DLX__TRY(dlx__pattern_open_literal(&step.pattern, s.data, s.len, t->mem, err));
        else
            DLX__TRY(dlx__pattern_open(&step.pattern, s.data, s.len, t->mem, err));
        DLX__TRY(dlx__pretok_add(&t->pretok, step, err));
    }
    t->nfc = flag_of(g, DLX__EXACT_KEY("nfc"));
    t->bpe.whole_first = flag_of(g, DLX__EXACT_KEY("whole_first"));
    return DLX_OK;
}

dlx_result dlx__exact_read_added(dlx__tokenizer *t, const dlx__gguf *g, dlx_error *err)
{
    const dlx__gguf_kv *texts = NULL;
    const dlx__gguf_kv *ids = NULL;
    const dlx__gguf_kv *flags = NULL;
    DLX__TRY(texts_of(g, DLX__EXACT_KEY("added"), &texts, err));
    DLX__TRY(ints_of(g, DLX__EXACT_KEY("added_ids"), texts->n, &ids, err));
    DLX__TRY(ints_of(g, DLX__EXACT_KEY("added_flags"), texts->n, &flags, err));
    for (size_t i = 0; i < texts->n; i++) {
        int64_t id = 0;
        int64_t f = 0;
        DLX__TRY(int_at(g, ids, i, INT32_MAX, &id, err));
        DLX__TRY(int_at(g, flags, i, DLX__EXACT_ALL_FLAGS, &f, err));
        if (!dlx__vocab_entry_of(&t->vocab, (dlx_token)id))
            return dlx__fail(err, DLX_E_FORMAT,
                             "%s: expected ids of tokens in " DLX__EXACT_KEY(
                                 "added_ids") ", found %lld; "
                                              "convert the model again",
                             g->path, (long long)id);
        dlx__added_token token = {.id = (dlx_token)id,
                                  .special = f & DLX__EXACT_FLAG_SPECIAL,
                                  .single_word = f & DLX__EXACT_FLAG_SINGLE_WORD,
                                  .lstrip = f & DLX__EXACT_FLAG_LSTRIP,
                                  .rstrip = f & DLX__EXACT_FLAG_RSTRIP,
                                  .normalized = f & DLX__EXACT_FLAG_NORMALIZED};
        DLX__TRY(
            dlx__added_put(&t->added, texts->strings[i].data, texts->strings[i].len, token, err));
    }
    return DLX_OK;
}

dlx_result dlx__exact_read_unknown(dlx__tokenizer *t, const dlx__gguf *g, dlx_error *err)
{
    size_t id = 0;
    if (!dlx__gguf_find(g, DLX__EXACT_KEY("unknown_id")))
        return DLX_OK;
    DLX__TRY(dlx__gguf_size(g, DLX__EXACT_KEY("unknown_id"), 0, INT32_MAX, &id, err));
    if (!dlx__vocab_entry_of(&t->vocab, (dlx_token)id))
        return refuse(g, DLX__EXACT_KEY("unknown_id"), "the id of a token", err);
    t->bpe.unknown = (dlx_token)id;
    t->bpe.fuse_unknown = flag_of(g, DLX__EXACT_KEY("unknown_fused"));
    return DLX_OK;
}
