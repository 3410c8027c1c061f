/* tokenizer_exact.c - our own keys of a tokenizer in GGUF, there and back. */
#include "text/tokenizer_exact.h"

#include "base/fail.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define KEY(name) "dlx.tokenizer." name

enum { KIND_LITERAL = 1, KIND_REMOVED = 2, KIND_INVERT = 4, ALL_KINDS = 7 };
enum {
    FLAG_SPECIAL = 1,
    FLAG_SINGLE_WORD = 2,
    FLAG_LSTRIP = 4,
    FLAG_RSTRIP = 8,
    FLAG_NORMALIZED = 16,
    ALL_FLAGS = 31
};

void dlx__gap_name(char out[DLX__GAP_ROOM], size_t id)
{
    snprintf(out, DLX__GAP_ROOM, "[PAD%zu]", id);
}

bool dlx__exact_has_patterns(const dlx__gguf *g)
{
    return dlx__gguf_find(g, KEY("patterns")) != NULL;
}

bool dlx__exact_has_added(const dlx__gguf *g)
{
    return dlx__gguf_find(g, KEY("added")) != NULL;
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
    DLX__TRY(texts_of(g, KEY("patterns"), &texts, err));
    DLX__TRY(ints_of(g, KEY("pattern_kinds"), texts->n, &kinds, err));
    for (size_t i = 0; i < texts->n; i++) {
        int64_t kind = 0;
        dlx__gguf_string s = texts->strings[i];
        DLX__TRY(int_at(g, kinds, i, ALL_KINDS, &kind, err));
        dlx__pretok_step step = {.removed = kind & KIND_REMOVED, .invert = kind & KIND_INVERT};
        if (kind & KIND_LITERAL)
            DLX__TRY(dlx__pattern_open_literal(&step.pattern, s.data, s.len, t->mem, err));
        else
            DLX__TRY(dlx__pattern_open(&step.pattern, s.data, s.len, t->mem, err));
        DLX__TRY(dlx__pretok_add(&t->pretok, step, err));
    }
    t->nfc = flag_of(g, KEY("nfc"));
    t->bpe.whole_first = flag_of(g, KEY("whole_first"));
    return DLX_OK;
}

dlx_result dlx__exact_read_added(dlx__tokenizer *t, const dlx__gguf *g, dlx_error *err)
{
    const dlx__gguf_kv *texts = NULL;
    const dlx__gguf_kv *ids = NULL;
    const dlx__gguf_kv *flags = NULL;
    DLX__TRY(texts_of(g, KEY("added"), &texts, err));
    DLX__TRY(ints_of(g, KEY("added_ids"), texts->n, &ids, err));
    DLX__TRY(ints_of(g, KEY("added_flags"), texts->n, &flags, err));
    for (size_t i = 0; i < texts->n; i++) {
        int64_t id = 0;
        int64_t f = 0;
        DLX__TRY(int_at(g, ids, i, INT32_MAX, &id, err));
        DLX__TRY(int_at(g, flags, i, ALL_FLAGS, &f, err));
        if (!dlx__vocab_entry_of(&t->vocab, (dlx_token)id))
            return dlx__fail(
                err, DLX_E_FORMAT,
                "%s: expected ids of tokens in " KEY("added_ids") ", found %lld; "
                                                                  "convert the model again",
                g->path, (long long)id);
        dlx__added_token token = {.id = (dlx_token)id,
                                  .special = f & FLAG_SPECIAL,
                                  .single_word = f & FLAG_SINGLE_WORD,
                                  .lstrip = f & FLAG_LSTRIP,
                                  .rstrip = f & FLAG_RSTRIP,
                                  .normalized = f & FLAG_NORMALIZED};
        DLX__TRY(
            dlx__added_put(&t->added, texts->strings[i].data, texts->strings[i].len, token, err));
    }
    return DLX_OK;
}

dlx_result dlx__exact_read_unknown(dlx__tokenizer *t, const dlx__gguf *g, dlx_error *err)
{
    size_t id = 0;
    if (!dlx__gguf_find(g, KEY("unknown_id")))
        return DLX_OK;
    DLX__TRY(dlx__gguf_size(g, KEY("unknown_id"), 0, INT32_MAX, &id, err));
    if (!dlx__vocab_entry_of(&t->vocab, (dlx_token)id))
        return refuse(g, KEY("unknown_id"), "the id of a token", err);
    t->bpe.unknown = (dlx_token)id;
    t->bpe.fuse_unknown = flag_of(g, KEY("unknown_fused"));
    return DLX_OK;
}

dlx_result dlx__exact_put_patterns(dlx__gguf_writer *w, const dlx__tokenizer *t)
{
    dlx__gguf_string texts[DLX__PRETOK_MAX_STEPS];
    int32_t kinds[DLX__PRETOK_MAX_STEPS];
    for (size_t i = 0; i < t->pretok.n_steps; i++) {
        const dlx__pretok_step *step = &t->pretok.steps[i];
        bool literal = false;
        texts[i].data = dlx__pattern_source(step->pattern, &texts[i].len, &literal);
        kinds[i] = (literal ? KIND_LITERAL : 0) | (step->removed ? KIND_REMOVED : 0) |
                   (step->invert ? KIND_INVERT : 0);
    }
    DLX__TRY(dlx__gguf_put_texts(w, KEY("patterns"), texts, t->pretok.n_steps));
    DLX__TRY(dlx__gguf_put_i32s(w, KEY("pattern_kinds"), kinds, t->pretok.n_steps));
    DLX__TRY(dlx__gguf_put_bool(w, KEY("nfc"), t->nfc));
    return dlx__gguf_put_bool(w, KEY("whole_first"), t->bpe.whole_first);
}

static int32_t flags_of(const dlx__added_token *a)
{
    return (a->special ? FLAG_SPECIAL : 0) | (a->single_word ? FLAG_SINGLE_WORD : 0) |
           (a->lstrip ? FLAG_LSTRIP : 0) | (a->rstrip ? FLAG_RSTRIP : 0) |
           (a->normalized ? FLAG_NORMALIZED : 0);
}

/* Is an added token just what its type in the vocabulary says? */
static bool is_plain(const dlx__tokenizer *t, const dlx__added_token *a)
{
    const dlx__vocab_entry *e = dlx__vocab_entry_of(&t->vocab, a->id);
    return e && (e->flags & DLX__TOKEN_ADDED) && e->text_len == a->n_text &&
           memcmp(e->text, a->text, a->n_text) == 0 &&
           flags_of(a) == (e->flags & DLX__TOKEN_SPECIAL ? FLAG_SPECIAL : 0);
}

/* Would the types alone read back as these added tokens? */
static bool are_plain(const dlx__tokenizer *t)
{
    size_t n = 0;
    for (size_t id = 0; id < t->vocab.n_ids; id++)
        n += (t->vocab.entries[id].flags & DLX__TOKEN_ADDED) != 0;
    bool plain = n == t->added.n_tokens;
    for (size_t i = 0; plain && i < t->added.n_tokens; i++)
        plain = is_plain(t, &t->added.tokens[i]);
    return plain;
}

dlx_result dlx__exact_put_added(dlx__gguf_writer *w, const dlx__tokenizer *t)
{
    if (are_plain(t))
        return DLX_OK;
    const size_t n = t->added.n_tokens;
    dlx__arena arena;
    dlx__arena_init(&arena, t->mem);
    dlx__gguf_string *texts = dlx__arena_alloc(&arena, n, sizeof *texts);
    int32_t *ids = dlx__arena_alloc(&arena, n, sizeof *ids);
    int32_t *flags = dlx__arena_alloc(&arena, n, sizeof *flags);
    dlx_result r = texts && ids && flags ? DLX_OK : DLX_E_NOMEM;
    for (size_t i = 0; r == DLX_OK && i < n; i++) {
        const dlx__added_token *a = &t->added.tokens[i];
        texts[i] = (dlx__gguf_string){a->text, a->n_text};
        ids[i] = a->id;
        flags[i] = flags_of(a);
    }
    if (r == DLX_OK)
        r = dlx__gguf_put_texts(w, KEY("added"), texts, n);
    if (r == DLX_OK)
        r = dlx__gguf_put_i32s(w, KEY("added_ids"), ids, n);
    if (r == DLX_OK)
        r = dlx__gguf_put_i32s(w, KEY("added_flags"), flags, n);
    dlx__arena_release(&arena);
    return r;
}

dlx_result dlx__exact_put_unknown(dlx__gguf_writer *w, const dlx__tokenizer *t)
{
    if (t->bpe.unknown < 0)
        return DLX_OK;
    DLX__TRY(dlx__gguf_put_u32(w, KEY("unknown_id"), (uint32_t)t->bpe.unknown));
    return dlx__gguf_put_bool(w, KEY("unknown_fused"), t->bpe.fuse_unknown);
}
