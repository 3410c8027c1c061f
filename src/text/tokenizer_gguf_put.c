/* tokenizer_gguf_put.c - vocabulary, merges, splitters and added tokens, one key each. */
#include "text/tokenizer_gguf_put.h"

#include "base/fail.h"
#include "base/mem.h"
#include "text/tokenizer_impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* tokenizer.ggml.token_type */
enum { TYPE_NORMAL = 1, TYPE_CONTROL = 3, TYPE_USER = 4, TYPE_UNUSED = 5 };

typedef struct putter {
    dlx__gguf_writer *w;
    const dlx__tokenizer *t;
    const dlx__tokenizer_put *extra;
    dlx__arena arena;
    bool ok;
} putter;

static void put_text(putter *p, const char *key, const char *text)
{
    p->ok = p->ok && dlx__gguf_put_text(p->w, key, text) == DLX_OK;
}

static void put_bool(putter *p, const char *key, bool value)
{
    p->ok = p->ok && dlx__gguf_put_bool(p->w, key, value) == DLX_OK;
}

static void put_id(putter *p, const char *key, int64_t id)
{
    if (id >= 0)
        p->ok = p->ok && dlx__gguf_put_u32(p->w, key, (uint32_t)id) == DLX_OK;
}

static void *room(putter *p, size_t n, size_t size)
{
    void *found = p->ok ? dlx__arena_alloc(&p->arena, dlx__max(n, 1), size) : NULL;
    p->ok = found != NULL;
    return found;
}

/* ---- tokens -------------------------------------------------------------------------------- */

static dlx__gguf_string padding(putter *p, size_t id)
{
    char *text = room(p, 32, 1);
    if (!text)
        return (dlx__gguf_string){"", 0};
    snprintf(text, 32, "[PAD%zu]", id);
    return (dlx__gguf_string){text, strlen(text)};
}

static int32_t type_of(const dlx__vocab_entry *e)
{
    if (!e)
        return TYPE_UNUSED;
    return e->flags & DLX__TOKEN_SPECIAL ? TYPE_CONTROL
           : e->flags & DLX__TOKEN_ADDED ? TYPE_USER
                                         : TYPE_NORMAL;
}

static void put_tokens(putter *p)
{
    const dlx__vocab *v = &p->t->vocab;
    const size_t n = dlx__max(p->extra->n_rows, v->n_ids);
    dlx__gguf_string *texts = room(p, n, sizeof *texts);
    int32_t *types = room(p, n, sizeof *types);
    for (size_t id = 0; p->ok && id < n; id++) {
        const dlx__vocab_entry *e = id < v->n_ids ? dlx__vocab_entry_of(v, (dlx_token)id) : NULL;
        types[id] = type_of(e);
        texts[id] = e ? (dlx__gguf_string){e->text, e->text_len} : padding(p, id);
    }
    p->ok = p->ok && dlx__gguf_put_texts(p->w, "tokenizer.ggml.tokens", texts, n) == DLX_OK &&
            dlx__gguf_put_i32s(p->w, "tokenizer.ggml.token_type", types, n) == DLX_OK;
}

static int by_rank(const void *a, const void *b)
{
    const dlx__bpe_merge *x = a, *y = b;
    return (x->rank > y->rank) - (x->rank < y->rank);
}

static dlx__gguf_string merge_text(putter *p, const dlx__bpe_merge *merge)
{
    const dlx__vocab_entry *left = dlx__vocab_entry_of(&p->t->vocab, (dlx_token)merge->left);
    const dlx__vocab_entry *right = dlx__vocab_entry_of(&p->t->vocab, (dlx_token)merge->right);
    const size_t n = (size_t)left->text_len + 1 + right->text_len;
    char *text = room(p, n, 1);
    if (!text)
        return (dlx__gguf_string){"", 0};
    memcpy(text, left->text, left->text_len);
    text[left->text_len] = ' ';
    memcpy(text + left->text_len + 1, right->text, right->text_len);
    return (dlx__gguf_string){text, n};
}

static void put_merges(putter *p)
{
    const dlx__bpe *b = &p->t->bpe;
    size_t n = 0;
    dlx__bpe_merge *merges = room(p, b->n_slots, sizeof *merges);
    dlx__gguf_string *texts = room(p, b->n_slots, sizeof *texts);
    for (size_t i = 0; p->ok && i < b->n_slots; i++)
        if (b->slots[i].rank != UINT32_MAX)
            merges[n++] = b->slots[i];
    if (p->ok && n > 0)
        qsort(merges, n, sizeof *merges, by_rank);
    for (size_t i = 0; p->ok && i < n; i++)
        texts[i] = merge_text(p, &merges[i]);
    p->ok = p->ok && dlx__gguf_put_texts(p->w, "tokenizer.ggml.merges", texts, n) == DLX_OK;
}

/* ---- what llama.cpp's keys cannot say ------------------------------------------------------ */

static dlx__gguf_string step_text(putter *p, const dlx__pretok_step *step)
{
    size_t n;
    bool is_literal;
    const char *source = dlx__pattern_source(step->pattern, &n, &is_literal);
    char *text = room(p, n + 3, 1);
    if (!text)
        return (dlx__gguf_string){"", 0};
    text[0] = is_literal ? 'l' : 'r';
    text[1] = step->removed ? 'x' : '-';
    text[2] = step->invert ? 'i' : '-';
    memcpy(text + 3, source, n);
    return (dlx__gguf_string){text, n + 3};
}

static void put_steps(putter *p)
{
    const dlx__pretok *pretok = &p->t->pretok;
    dlx__gguf_string steps[DLX__PRETOK_MAX_STEPS];
    for (size_t i = 0; i < pretok->n_steps; i++)
        steps[i] = step_text(p, &pretok->steps[i]);
    p->ok =
        p->ok && dlx__gguf_put_texts(p->w, "dlx.tokenizer.steps", steps, pretok->n_steps) == DLX_OK;
}

static void put_added(putter *p)
{
    const dlx__added *a = &p->t->added;
    int32_t *pairs = room(p, 2 * a->n_tokens, sizeof *pairs);
    for (size_t i = 0; p->ok && i < a->n_tokens; i++) {
        pairs[2 * i] = a->tokens[i].id;
        pairs[2 * i + 1] = dlx__added_flags(&a->tokens[i]);
    }
    p->ok =
        p->ok && dlx__gguf_put_i32s(p->w, "dlx.tokenizer.added", pairs, 2 * a->n_tokens) == DLX_OK;
}

static void put_exactly(putter *p)
{
    const int32_t unknown[2] = {p->t->bpe.unknown, p->t->bpe.fuse_unknown};
    put_steps(p);
    put_bool(p, "dlx.tokenizer.nfc", p->t->nfc);
    put_bool(p, "dlx.tokenizer.whole_first", p->t->bpe.whole_first);
    put_added(p);
    p->ok = p->ok && dlx__gguf_put_i32s(p->w, "dlx.tokenizer.unknown", unknown, 2) == DLX_OK;
}

/* ---- all ----------------------------------------------------------------------------------- */

/* "default" where llama.cpp has no name for the splitters: it then takes some of its own. */
static void put_pre(putter *p)
{
    char name[64] = "default";
    size_t n;
    const char *found = dlx__pretok_name(&p->t->pretok, &n);
    if (found)
        snprintf(name, sizeof name, "%.*s", (int)n, found);
    put_text(p, "tokenizer.ggml.pre", name);
}

static void put_tokenizer(putter *p)
{
    put_text(p, "tokenizer.ggml.model", "gpt2");
    put_pre(p);
    put_tokens(p);
    put_merges(p);
    put_bool(p, "tokenizer.ggml.add_bos_token", false);
    put_exactly(p);
    if (p->extra->chat_template)
        put_text(p, "tokenizer.chat_template", p->extra->chat_template);
}

dlx_result dlx__tokenizer_put_gguf(dlx__gguf_writer *w, const dlx__tokenizer *t,
                                   const dlx__tokenizer_put *extra, dlx_error *err)
{
    putter p = {.w = w, .t = t, .extra = extra, .ok = true};
    dlx__arena_init(&p.arena, t ? t->mem : NULL);
    if (t)
        put_tokenizer(&p);
    else
        put_text(&p, "tokenizer.ggml.model", "none");
    put_id(&p, "tokenizer.ggml.bos_token_id", extra->bos);
    put_id(&p, "tokenizer.ggml.eos_token_id", extra->eos);
    put_id(&p, "tokenizer.ggml.padding_token_id", extra->pad);
    put_id(&p, "tokenizer.ggml.mask_token_id", extra->mask);
    dlx__arena_release(&p.arena);
    return p.ok ? DLX_OK : dlx__fail_memory(err, "describing the tokenizer", 1);
}
