/* vocab.c - tokens by id and by spelling. */
#include "text/vocab.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"
#include "text/byte_level.h"

#include <string.h>

enum {
    SPARE_IDS = 1 << 16,     /* gaps that a small file may have */
    LONGEST_TOKEN = 1 << 20, /* bytes of one spelling */
    FIRST_SLOTS = 1024
};

void dlx__vocab_init(dlx__vocab *v, const dlx_allocator *mem)
{
    *v = (dlx__vocab){.seed = dlx__os_random()};
    dlx__arena_init(&v->arena, mem);
}

void dlx__vocab_release(dlx__vocab *v)
{
    dlx__free(v->arena.mem, v->entries);
    dlx__free(v->arena.mem, v->slots);
    dlx__arena_release(&v->arena);
}

void dlx__vocab_expect(dlx__vocab *v, size_t n_tokens)
{
    v->n_expected = dlx__add(v->n_expected, n_tokens);
}

uint64_t dlx__hash_bytes(uint64_t seed, const char *bytes, size_t n)
{
    uint64_t h = seed ^ (n * 0x9E3779B97F4A7C15u);
    for (; n >= 8; bytes += 8, n -= 8) {
        uint64_t word = 0;
        memcpy(&word, bytes, 8);
        h = (h ^ word) * 0xFF51AFD7ED558CCDu;
        h ^= h >> 32;
    }
    uint64_t tail = 0;
    memcpy(&tail, bytes, n);
    h = (h ^ tail) * 0xC4CEB9FE1A85EC53u;
    return h ^ (h >> 29);
}

/* The slot that holds this spelling, or the free one where it belongs. */
static size_t slot_of(const dlx__vocab *v, const char *text, size_t n)
{
    size_t mask = v->n_slots - 1;
    size_t i = (size_t)dlx__hash_bytes(v->seed, text, n) & mask;
    for (;; i = (i + 1) & mask) {
        if (v->slots[i] < 0)
            return i;
        const dlx__vocab_entry *e = &v->entries[v->slots[i]];
        if (e->text_len == n && memcmp(e->text, text, n) == 0)
            return i;
    }
}

/* Keeps the table at most half full. */
static bool grow_slots(dlx__vocab *v)
{
    if (v->n_slots / 2 > v->n_tokens)
        return true;
    size_t n_slots = dlx__max(FIRST_SLOTS, v->n_slots * 2);
    int32_t *slots = dlx__alloc(v->arena.mem, dlx__mul(n_slots, sizeof *slots));
    if (!slots)
        return false;
    memset(slots, 0xFF, n_slots * sizeof *slots);
    int32_t *old = v->slots;
    v->slots = slots;
    v->n_slots = n_slots;
    for (size_t id = 0; id < v->n_ids; id++) {
        const dlx__vocab_entry *e = &v->entries[id];
        if (!e->flags)
            continue;
        size_t i = slot_of(v, e->text, e->text_len);
        if (v->slots[i] < 0)
            v->slots[i] = (int32_t)id;
    }
    dlx__free(v->arena.mem, old);
    return true;
}

static bool grow_entries(dlx__vocab *v, size_t n_ids)
{
    if (n_ids > v->capacity) {
        size_t capacity = dlx__max(dlx__mul(v->capacity, 2), dlx__max(n_ids, 1024));
        dlx__vocab_entry *entries =
            dlx__realloc(v->arena.mem, v->entries, dlx__mul(capacity, sizeof *entries));
        if (!entries)
            return false;
        v->entries = entries;
        v->capacity = capacity;
    }
    if (n_ids > v->n_ids) {
        memset(v->entries + v->n_ids, 0, (n_ids - v->n_ids) * sizeof *v->entries);
        v->n_ids = n_ids;
    }
    return true;
}

/* Copies the spelling and the bytes that it stands for (often the same) into the entry. */
static bool fill(dlx__vocab *v, dlx__vocab_entry *e, const char *text, size_t n, unsigned flags)
{
    char *copy = dlx__arena_alloc(&v->arena, dlx__add(dlx__mul(n, 2), 1), 1);
    if (!copy)
        return false;
    memcpy(copy, text, n);
    size_t n_bytes = SIZE_MAX;
    if (!(flags & DLX__TOKEN_ADDED))
        n_bytes = dlx__byte_level_decode(copy + n, text, n);
    bool same = n_bytes == SIZE_MAX; /* an added token, or one written in no byte alphabet */
    e->text = copy;
    e->text_len = (uint32_t)n;
    e->bytes = same ? copy : copy + n;
    e->bytes_len = (uint32_t)(same ? n : n_bytes);
    e->flags = flags | DLX__TOKEN_PRESENT;
    return true;
}

static dlx_result put_again(dlx__vocab_entry *e, uint64_t id, const char *text, size_t n,
                            unsigned flags, dlx_error *err)
{
    if (e->text_len != n || memcmp(e->text, text, n) != 0)
        return dlx__fail(
            err, DLX_E_FORMAT,
            "two tokens share the id %llu ('%.*s' and '%.*s'); the tokenizer files are "
            "damaged or do not belong together, download them again",
            (unsigned long long)id, (int)dlx__min(e->text_len, 40), e->text, (int)dlx__min(n, 40),
            text);
    e->flags |= flags;
    if (flags & DLX__TOKEN_ADDED) {
        e->bytes = e->text;
        e->bytes_len = e->text_len;
    }
    return DLX_OK;
}

dlx_result dlx__vocab_put(dlx__vocab *v, uint64_t id, const char *text, size_t n, unsigned flags,
                          dlx_error *err)
{
    if (id > dlx__add(dlx__mul(v->n_expected, 2), SPARE_IDS))
        return dlx__fail(err, DLX_E_FORMAT,
                         "token '%.*s' has the id %llu, far beyond the others; ids must be nearly "
                         "consecutive",
                         (int)dlx__min(n, 40), text, (unsigned long long)id);
    if (n > LONGEST_TOKEN || id > INT32_MAX)
        return dlx__fail(err, DLX_E_FORMAT, "token %llu is %zu bytes long, at most %d are allowed",
                         (unsigned long long)id, n, (int)LONGEST_TOKEN);
    if (id < v->n_ids && v->entries[id].flags)
        return put_again(&v->entries[id], id, text, n, flags, err);
    if (!grow_entries(v, (size_t)id + 1) || !grow_slots(v))
        return dlx__fail_memory(err, "building the vocabulary", v->capacity * sizeof *v->entries);
    dlx__vocab_entry *e = &v->entries[id];
    if (!fill(v, e, text, n, flags))
        return dlx__fail_memory(err, "building the vocabulary", v->arena.n_bytes);
    v->n_tokens++;
    size_t i = slot_of(v, text, n);
    if (v->slots[i] < 0)
        v->slots[i] = (int32_t)id;
    return DLX_OK;
}

dlx_token dlx__vocab_find(const dlx__vocab *v, const char *text, size_t n)
{
    return v->n_slots ? v->slots[slot_of(v, text, n)] : -1;
}

const dlx__vocab_entry *dlx__vocab_entry_of(const dlx__vocab *v, dlx_token id)
{
    if (id < 0 || (size_t)id >= v->n_ids || !v->entries[id].flags)
        return NULL;
    return &v->entries[id];
}
