/* tokenizer_exact_put.c - putting our own keys of a tokenizer, those that are needed. */
#include "text/tokenizer_exact.h"

#include <string.h>

dlx_result dlx__exact_put_patterns(dlx__gguf_writer *w, const dlx__tokenizer *t)
{
    dlx__gguf_string texts[DLX__PRETOK_MAX_STEPS];
    int32_t kinds[DLX__PRETOK_MAX_STEPS];
    for (size_t i = 0; i < t->pretok.n_steps; i++) {
        const dlx__pretok_step *step = &t->pretok.steps[i];
        bool literal = false;
        texts[i].data = dlx__pattern_source(step->pattern, &texts[i].len, &literal);
        kinds[i] = (literal ? DLX__EXACT_KIND_LITERAL : 0) |
                   (step->removed ? DLX__EXACT_KIND_REMOVED : 0) |
                   (step->invert ? DLX__EXACT_KIND_INVERT : 0);
    }
    DLX__TRY(dlx__gguf_put_texts(w, DLX__EXACT_KEY("patterns"), texts, t->pretok.n_steps));
    DLX__TRY(dlx__gguf_put_i32s(w, DLX__EXACT_KEY("pattern_kinds"), kinds, t->pretok.n_steps));
    DLX__TRY(dlx__gguf_put_bool(w, DLX__EXACT_KEY("nfc"), t->nfc));
    return dlx__gguf_put_bool(w, DLX__EXACT_KEY("whole_first"), t->bpe.whole_first);
}

static int32_t flags_of(const dlx__added_token *a)
{
    return (a->special ? DLX__EXACT_FLAG_SPECIAL : 0) |
           (a->single_word ? DLX__EXACT_FLAG_SINGLE_WORD : 0) |
           (a->lstrip ? DLX__EXACT_FLAG_LSTRIP : 0) | (a->rstrip ? DLX__EXACT_FLAG_RSTRIP : 0) |
           (a->normalized ? DLX__EXACT_FLAG_NORMALIZED : 0);
}

/* Is an added token just what its type in the vocabulary says? */
static bool is_plain(const dlx__tokenizer *t, const dlx__added_token *a)
{
    const dlx__vocab_entry *e = dlx__vocab_entry_of(&t->vocab, a->id);
    return e && (e->flags & DLX__TOKEN_ADDED) && e->text_len == a->n_text &&
           memcmp(e->text, a->text, a->n_text) == 0 &&
           flags_of(a) == (e->flags & DLX__TOKEN_SPECIAL ? DLX__EXACT_FLAG_SPECIAL : 0);
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
        r = dlx__gguf_put_texts(w, DLX__EXACT_KEY("added"), texts, n);
    if (r == DLX_OK)
        r = dlx__gguf_put_i32s(w, DLX__EXACT_KEY("added_ids"), ids, n);
    if (r == DLX_OK)
        r = dlx__gguf_put_i32s(w, DLX__EXACT_KEY("added_flags"), flags, n);
    dlx__arena_release(&arena);
    return r;
}

dlx_result dlx__exact_put_unknown(dlx__gguf_writer *w, const dlx__tokenizer *t)
{
    if (t->bpe.unknown < 0)
        return DLX_OK;
    DLX__TRY(dlx__gguf_put_u32(w, DLX__EXACT_KEY("unknown_id"), (uint32_t)t->bpe.unknown));
    return dlx__gguf_put_bool(w, DLX__EXACT_KEY("unknown_fused"), t->bpe.fuse_unknown);
}
