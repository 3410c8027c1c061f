/* text_put.c - from an open tokenizer back to the lists that a GGUF file holds. */
#include "text/text_put.h"

#include "base/fail.h"
#include "text/chat_source.h"
#include "text/tokenizer_exact.h"

#include <stdlib.h>
#include <string.h>

typedef struct putter {
    dlx__gguf_writer *w;
    const dlx__tokenizer *t;
    const dlx__text_facts *facts;
    dlx__arena arena; /* lists while they are made */
    dlx_error *err;
} putter;

static dlx_result no_memory(dlx_error *err)
{
    return dlx__fail_memory(err, "writing the tokenizer", sizeof(putter));
}

/* Puts fail without a sentence, and only for lack of memory. */
static dlx_result told(dlx_result r, dlx_error *err)
{
    return r == DLX_OK ? DLX_OK : no_memory(err);
}

static dlx_result put_pretok(putter *p)
{
    char name[32];
    const dlx__tokenizer *t = p->t;
    if (dlx__pretok_name(name, &t->pretok, t->nfc, t->bpe.whole_first))
        return told(dlx__gguf_put_text(p->w, "tokenizer.ggml.pre", name), p->err);
    /* llama.cpp's word for "it is not said", with which it does its best */
    DLX__TRY(told(dlx__gguf_put_text(p->w, "tokenizer.ggml.pre", "default"), p->err));
    return told(dlx__exact_put_patterns(p->w, t), p->err);
}

/* A spelling of several ids belongs to the lowest when it is read back. */
static dlx_result check_spelling(putter *p, size_t id, const dlx__vocab_entry *e)
{
    dlx_token found = dlx__vocab_find(&p->t->vocab, e->text, e->text_len);
    if (found <= (dlx_token)id)
        return DLX_OK;
    return dlx__fail(p->err, DLX_E_UNSUPPORTED,
                     "the ids %zu and %d have one spelling, '%.*s', and the higher one is meant, "
                     "which a GGUF file cannot say; correct the tokenizer's files",
                     id, (int)found, (int)dlx__min(e->text_len, 40), e->text);
}

static bool name_gap(putter *p, size_t id, dlx__gguf_string *out)
{
    char name[DLX__GAP_ROOM];
    dlx__gap_name(name, id);
    *out = (dlx__gguf_string){dlx__arena_strdup(&p->arena, name), strlen(name)};
    return out->data != NULL;
}

static int32_t type_of(const dlx__vocab_entry *e)
{
    if (!(e->flags & DLX__TOKEN_ADDED))
        return DLX__GGUF_TOKEN_NORMAL;
    return e->flags & DLX__TOKEN_SPECIAL ? DLX__GGUF_TOKEN_CONTROL : DLX__GGUF_TOKEN_USER;
}

static dlx_result put_tokens(putter *p)
{
    const size_t n = dlx__max(p->t->vocab.n_ids, p->facts->n_rows);
    dlx__gguf_string *texts = dlx__arena_alloc(&p->arena, n, sizeof *texts);
    int32_t *types = dlx__arena_alloc(&p->arena, n, sizeof *types);
    if (!texts || !types)
        return no_memory(p->err);
    for (size_t i = 0; i < n; i++) {
        const dlx__vocab_entry *e = dlx__vocab_entry_of(&p->t->vocab, (dlx_token)i);
        types[i] = e ? type_of(e) : DLX__GGUF_TOKEN_UNUSED;
        if (e) {
            DLX__TRY(check_spelling(p, i, e));
            texts[i] = (dlx__gguf_string){e->text, e->text_len};
        } else if (!name_gap(p, i, &texts[i])) {
            return no_memory(p->err);
        }
    }
    DLX__TRY(told(dlx__gguf_put_texts(p->w, "tokenizer.ggml.tokens", texts, n), p->err));
    return told(dlx__gguf_put_i32s(p->w, "tokenizer.ggml.token_type", types, n), p->err);
}

static int by_rank(const void *a, const void *b)
{
    const dlx__bpe_merge *left = a;
    const dlx__bpe_merge *right = b;
    return left->rank < right->rank ? -1 : left->rank > right->rank;
}

/* "left right". */
static dlx_result spell_merge(putter *p, const dlx__bpe_merge *m, dlx__gguf_string *out)
{
    const dlx__vocab_entry *l = dlx__vocab_entry_of(&p->t->vocab, (dlx_token)m->left);
    const dlx__vocab_entry *r = dlx__vocab_entry_of(&p->t->vocab, (dlx_token)m->right);
    if (memchr(l->text, ' ', l->text_len) || memchr(r->text, ' ', r->text_len) ||
        l->text_len == 0 || r->text_len == 0)
        return dlx__fail(p->err, DLX_E_UNSUPPORTED,
                         "merge %u joins '%.*s' and '%.*s', which a GGUF file cannot say: it parts "
                         "the two by a space; use a tokenizer of the byte alphabet",
                         m->rank, (int)dlx__min(l->text_len, 40), l->text,
                         (int)dlx__min(r->text_len, 40), r->text);
    const size_t n = (size_t)l->text_len + 1 + r->text_len;
    char *text = dlx__arena_alloc(&p->arena, n, 1);
    if (!text)
        return no_memory(p->err);
    memcpy(text, l->text, l->text_len);
    text[l->text_len] = ' ';
    memcpy(text + l->text_len + 1, r->text, r->text_len);
    *out = (dlx__gguf_string){text, n};
    return DLX_OK;
}

static dlx_result put_merges(putter *p)
{
    const dlx__bpe *b = &p->t->bpe;
    dlx__bpe_merge *merges = dlx__arena_alloc(&p->arena, b->n_merges, sizeof *merges);
    dlx__gguf_string *texts = dlx__arena_alloc(&p->arena, b->n_merges, sizeof *texts);
    if (!merges || !texts)
        return no_memory(p->err);
    size_t n = 0; /* a pair that came twice has one place, its last */
    for (size_t i = 0; i < b->n_slots; i++)
        if (b->slots[i].rank != UINT32_MAX)
            merges[n++] = b->slots[i];
    if (n > 1)
        qsort(merges, n, sizeof *merges, by_rank);
    for (size_t i = 0; i < n; i++)
        DLX__TRY(spell_merge(p, &merges[i], &texts[i]));
    return told(dlx__gguf_put_texts(p->w, "tokenizer.ggml.merges", texts, n), p->err);
}

/* The id of the token that tokenizer_config.json pads with. */
static dlx_result put_padding(putter *p, const dlx__checkpoint *c)
{
    const json_t *value = json_object_get(c->tokenizer_config, "pad_token");
    if (json_is_object(value))
        value = json_object_get(value, "content");
    const char *text = json_string_value(value);
    dlx_token id = text ? dlx__tokenizer_find(p->t, text, strlen(text)) : -1;
    if (id < 0)
        return DLX_OK;
    return told(dlx__gguf_put_u32(p->w, "tokenizer.ggml.padding_token_id", (uint32_t)id), p->err);
}

static dlx_result put_tokenizer(putter *p, const dlx__checkpoint *c)
{
    DLX__TRY(told(dlx__gguf_put_text(p->w, "tokenizer.ggml.model", "gpt2"), p->err));
    DLX__TRY(put_pretok(p));
    DLX__TRY(put_tokens(p));
    DLX__TRY(put_merges(p));
    DLX__TRY(told(dlx__exact_put_added(p->w, p->t), p->err));
    DLX__TRY(told(dlx__exact_put_unknown(p->w, p->t), p->err));
    DLX__TRY(put_padding(p, c));
    return told(dlx__gguf_put_bool(p->w, "tokenizer.ggml.add_bos_token", false), p->err);
}

/* Our key, where the id in the file would give the template another token than `want`. */
static dlx_result put_special(putter *p, const char *key, dlx__gguf_string want, int64_t id)
{
    const size_t n = p->t ? dlx__max(p->t->vocab.n_ids, p->facts->n_rows) : 0;
    const bool read = id >= 0 && (size_t)id < n; /* is there something to be read back? */
    const dlx__token_span have =
        read ? dlx__tokenizer_text(p->t, (dlx_token)id) : (dlx__token_span){NULL, 0};
    if (!want.data && !read)
        return DLX_OK;
    if (!want.data)
        return told(dlx__gguf_put_bool(p->w, key, false), p->err);
    if (have.data && have.len == want.len && memcmp(have.data, want.data, want.len) == 0)
        return DLX_OK;
    dlx__gguf_kv kv = {.key = key, .type = DLX__GGUF_STRING, .n = 1, .s = want};
    return told(dlx__gguf_put_kv(p->w, &kv), p->err);
}

static dlx_result put_chat(putter *p, const dlx__checkpoint *c)
{
    dlx__chat_source s;
    dlx_result r = dlx__chat_source_find(&s, c, p->err);
    if (r == DLX_OK && s.name) {
        dlx__gguf_kv kv = {.key = "tokenizer.chat_template", .type = DLX__GGUF_STRING, .n = 1};
        kv.s = (dlx__gguf_string){s.text, s.n};
        r = told(dlx__gguf_put_kv(p->w, &kv), p->err);
        if (r == DLX_OK)
            r = put_special(p, DLX__CHAT_BOS_KEY, s.bos, p->facts->bos_id);
        if (r == DLX_OK)
            r = put_special(p, DLX__CHAT_EOS_KEY, s.eos, p->facts->eos_id);
    }
    dlx__chat_source_release(&s);
    return r;
}

dlx_result dlx__text_put(dlx__gguf_writer *w, const dlx__checkpoint *c, const dlx__tokenizer *t,
                         const dlx__text_facts *facts, dlx_error *err)
{
    putter p = {.w = w, .t = t, .facts = facts, .err = err};
    const bool is_gguf = c->kind == DLX__CHECKPOINT_GGUF;
    if (is_gguf && dlx__gguf_find(&c->gguf, "tokenizer.ggml.model"))
        return DLX_OK;
    if (is_gguf || !t)
        DLX__TRY(told(dlx__gguf_put_text(w, "tokenizer.ggml.model", "none"), err));
    if (is_gguf)
        return DLX_OK;
    dlx__arena_init(&p.arena, c->mem);
    dlx_result r = t ? put_tokenizer(&p, c) : DLX_OK;
    if (r == DLX_OK)
        r = put_chat(&p, c);
    dlx__arena_release(&p.arena);
    return r;
}
