/*
 * bpe.c - the table of merges and the merging itself. Symbols form a linked list over the piece;
 * a candidate in the heap is void when the two symbols it was made for are no longer there.
 */
#include "text/bpe.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"
#include "text/byte_level.h"

#include <string.h>

#define FREE_RANK UINT32_MAX
#define NO_SYMBOL UINT32_MAX

typedef struct dlx__bpe_symbol {
    uint32_t id;         /* NO_SYMBOL once it was joined to its left neighbour */
    uint32_t prev, next; /* positions, NO_SYMBOL at the ends */
} dlx__bpe_symbol;

typedef struct dlx__bpe_candidate {
    uint32_t rank;
    uint32_t at;          /* position of the left symbol */
    uint32_t left, right; /* ids it was made for */
} dlx__bpe_candidate;

void dlx__bpe_init(dlx__bpe *b, const dlx_allocator *mem)
{
    *b = (dlx__bpe){.mem = mem, .seed = dlx__os_random(), .unknown = -1};
}

void dlx__bpe_release(dlx__bpe *b)
{
    dlx__free(b->mem, b->slots);
    b->slots = NULL;
}

dlx_result dlx__bpe_reserve(dlx__bpe *b, size_t n, dlx_error *err)
{
    size_t n_slots = 16;
    while (n_slots / 2 < n && n_slots <= SIZE_MAX / 4)
        n_slots *= 2;
    size_t n_bytes = dlx__mul(n_slots, sizeof *b->slots);
    b->slots = dlx__alloc(b->mem, n_bytes);
    if (!b->slots)
        return dlx__fail_memory(err, "building the table of merges", n_bytes);
    memset(b->slots, 0xFF, n_bytes);
    b->n_slots = n_slots;
    return DLX_OK;
}

/* The slot of this pair, or the free one where it belongs. */
static size_t merge_slot(const dlx__bpe *b, uint32_t left, uint32_t right)
{
    uint64_t h = (((uint64_t)left << 32 | right) ^ b->seed) * 0x9E3779B97F4A7C15u;
    size_t mask = b->n_slots - 1;
    size_t i = (size_t)(h ^ (h >> 32)) & mask;
    while (b->slots[i].rank != FREE_RANK &&
           (b->slots[i].left != left || b->slots[i].right != right))
        i = (i + 1) & mask;
    return i;
}

static dlx_result missing(const char *half, size_t n, dlx_error *err, const dlx__bpe *b)
{
    return dlx__fail(err, DLX_E_FORMAT,
                     "merge %zu needs the token '%.*s', which the vocabulary lacks; the tokenizer "
                     "files do not belong together, download them again",
                     b->n_merges, (int)dlx__min(n, 60), half);
}

dlx_result dlx__bpe_add(dlx__bpe *b, const dlx__vocab *v, const char *left, size_t n_left,
                        const char *right, size_t n_right, dlx_error *err)
{
    dlx_token l = dlx__vocab_find(v, left, n_left);
    if (l < 0)
        return missing(left, n_left, err, b);
    dlx_token r = dlx__vocab_find(v, right, n_right);
    if (r < 0)
        return missing(right, n_right, err, b);
    dlx__buf joined;
    dlx__buf_init(&joined, b->mem);
    if (!dlx__buf_append(&joined, left, n_left) || !dlx__buf_append(&joined, right, n_right)) {
        dlx__buf_release(&joined);
        return dlx__fail_memory(err, "reading merges", dlx__add(n_left, n_right));
    }
    dlx_token id = dlx__vocab_find(v, joined.data, joined.len);
    dlx_result found = id < 0 ? missing(joined.data, joined.len, err, b) : DLX_OK;
    dlx__buf_release(&joined);
    DLX__TRY(found);
    if (b->n_merges >= b->n_slots / 2 || b->n_merges >= FREE_RANK)
        return dlx__fail(err, DLX_E_FORMAT, "the tokenizer has more than %zu merges", b->n_merges);
    b->slots[merge_slot(b, (uint32_t)l, (uint32_t)r)] =
        (dlx__bpe_merge){.left = (uint32_t)l,
                         .right = (uint32_t)r,
                         .rank = (uint32_t)b->n_merges,
                         .id = (uint32_t)id};
    b->n_merges++;
    return DLX_OK;
}

dlx_result dlx__bpe_add_line(dlx__bpe *b, const dlx__vocab *v, const char *line, size_t n,
                             dlx_error *err)
{
    const char *space = n ? memchr(line, ' ', n) : NULL;
    size_t n_left = space ? (size_t)(space - line) : 0;
    size_t n_right = space ? n - n_left - 1 : 0;
    if (n_left == 0 || n_right == 0 || memchr(space + 1, ' ', n_right))
        return dlx__fail(err, DLX_E_FORMAT,
                         "merge %zu is '%.*s'; expected two tokens with one space between them",
                         b->n_merges, (int)dlx__min(n, 60), line);
    return dlx__bpe_add(b, v, line, n_left, space + 1, n_right, err);
}

void dlx__bpe_find_bytes(dlx__bpe *b, const dlx__vocab *v)
{
    for (size_t i = 0; i < DLX__LEN(b->byte_ids); i++)
        b->byte_ids[i] = -1;
    for (size_t id = v->n_ids; id-- > 0;) {
        const dlx__vocab_entry *e = &v->entries[id];
        if (e->flags == DLX__TOKEN_PRESENT && e->bytes_len == 1 && e->bytes != e->text)
            b->byte_ids[(uint8_t)e->bytes[0]] = (dlx_token)id;
    }
}

void dlx__bpe_work_init(dlx__bpe_work *w, const dlx_allocator *mem)
{
    *w = (dlx__bpe_work){0};
    dlx__buf_init(&w->spelling, mem);
}

void dlx__bpe_work_release(dlx__bpe_work *w)
{
    dlx__free(w->spelling.mem, w->symbols);
    dlx__free(w->spelling.mem, w->heap);
    dlx__buf_release(&w->spelling);
}

/* A piece of n symbols has at most n - 1 first candidates and two more for each of n - 1 merges,
 * each of which takes one out. */
static dlx_result reserve_work(dlx__bpe_work *w, size_t n, dlx_error *err)
{
    if (n <= w->capacity)
        return DLX_OK;
    const dlx_allocator *mem = w->spelling.mem;
    size_t capacity = dlx__max(64, dlx__max(n, dlx__mul(w->capacity, 2)));
    size_t n_bytes = dlx__mul(capacity, sizeof *w->symbols);
    dlx__bpe_symbol *symbols = dlx__realloc(mem, w->symbols, n_bytes);
    if (!symbols)
        return dlx__fail_memory(err, "tokenizing", n_bytes);
    w->symbols = symbols;
    n_bytes = dlx__mul(dlx__mul(capacity, 2), sizeof *w->heap);
    dlx__bpe_candidate *heap = dlx__realloc(mem, w->heap, n_bytes);
    if (!heap)
        return dlx__fail_memory(err, "tokenizing", n_bytes);
    w->heap = heap;
    w->capacity = capacity;
    return DLX_OK;
}

static bool comes_before(const dlx__bpe_candidate *a, const dlx__bpe_candidate *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static void heap_push(dlx__bpe_work *w, dlx__bpe_candidate c)
{
    size_t i = w->n_heap++;
    while (i > 0 && comes_before(&c, &w->heap[(i - 1) / 2])) {
        w->heap[i] = w->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    w->heap[i] = c;
}

static dlx__bpe_candidate heap_pop(dlx__bpe_work *w)
{
    dlx__bpe_candidate first = w->heap[0];
    dlx__bpe_candidate moved = w->heap[--w->n_heap];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= w->n_heap)
            break;
        if (child + 1 < w->n_heap && comes_before(&w->heap[child + 1], &w->heap[child]))
            child++;
        if (!comes_before(&w->heap[child], &moved))
            break;
        w->heap[i] = w->heap[child];
        i = child;
    }
    w->heap[i] = moved;
    return first;
}

/* Puts the merge of the symbol at `at` with its right neighbour into the heap, if there is one. */
static void consider(const dlx__bpe *b, dlx__bpe_work *w, uint32_t at)
{
    if (at == NO_SYMBOL || w->symbols[at].next == NO_SYMBOL)
        return;
    uint32_t left = w->symbols[at].id;
    uint32_t right = w->symbols[w->symbols[at].next].id;
    const dlx__bpe_merge *m = &b->slots[merge_slot(b, left, right)];
    if (m->rank != FREE_RANK)
        heap_push(w, (dlx__bpe_candidate){.rank = m->rank, .at = at, .left = left, .right = right});
}

/* One symbol a byte. Returns their number in *n_symbols: fewer than n where unknown bytes fuse. */
static dlx_result first_symbols(const dlx__bpe *b, dlx__bpe_work *w, const char *piece, size_t n,
                                size_t *n_symbols, dlx_error *err)
{
    size_t n_made = 0;
    bool last_unknown = false;
    for (size_t i = 0; i < n; i++) {
        dlx_token id = b->byte_ids[(uint8_t)piece[i]];
        bool unknown = id < 0;
        if (unknown && b->unknown < 0)
            return dlx__fail(err, DLX_E_MISMATCH,
                             "the tokenizer has no token for the byte 0x%02X and no unknown token; "
                             "leave the character out or use another tokenizer",
                             (unsigned)(uint8_t)piece[i]);
        if (unknown && last_unknown && b->fuse_unknown)
            continue;
        last_unknown = unknown;
        uint32_t at = (uint32_t)n_made++;
        w->symbols[at] = (dlx__bpe_symbol){
            .id = (uint32_t)(unknown ? b->unknown : id), .prev = at - 1, .next = at + 1};
    }
    w->symbols[n_made - 1].next = NO_SYMBOL; /* and 0 - 1 is NO_SYMBOL already */
    *n_symbols = n_made;
    return DLX_OK;
}

static void merge_all(const dlx__bpe *b, dlx__bpe_work *w, size_t n_symbols)
{
    w->n_heap = 0;
    for (size_t i = 0; i + 1 < n_symbols; i++)
        consider(b, w, (uint32_t)i);
    while (w->n_heap > 0) {
        dlx__bpe_candidate c = heap_pop(w);
        dlx__bpe_symbol *left = &w->symbols[c.at];
        if (left->id != c.left || left->next == NO_SYMBOL)
            continue;
        dlx__bpe_symbol *right = &w->symbols[left->next];
        if (right->id != c.right)
            continue;
        left->id = b->slots[merge_slot(b, c.left, c.right)].id;
        right->id = NO_SYMBOL;
        left->next = right->next;
        if (left->next != NO_SYMBOL)
            w->symbols[left->next].prev = c.at;
        consider(b, w, left->prev);
        consider(b, w, c.at);
    }
}

/* The token that the whole piece is, -1 when it is none. */
static dlx_result whole_token(const dlx__vocab *v, dlx__bpe_work *w, const char *piece, size_t n,
                              dlx_token *id, dlx_error *err)
{
    dlx__buf_reset(&w->spelling);
    if (!dlx__byte_level_append(&w->spelling, piece, n))
        return dlx__fail_memory(err, "tokenizing", n);
    *id = dlx__vocab_find(v, w->spelling.data, w->spelling.len);
    if (*id >= 0 && (v->entries[*id].flags & DLX__TOKEN_ADDED))
        *id = -1;
    return DLX_OK;
}

dlx_result dlx__bpe_encode(const dlx__bpe *b, const dlx__vocab *v, dlx__bpe_work *w,
                           const char *piece, size_t n, dlx__ids *ids, dlx_error *err)
{
    if (n == 0)
        return DLX_OK;
    dlx_token whole = -1;
    if (b->whole_first)
        DLX__TRY(whole_token(v, w, piece, n, &whole, err));
    if (whole >= 0)
        return dlx__ids_push(ids, whole) ? DLX_OK : dlx__fail_memory(err, "tokenizing", ids->n);
    DLX__TRY(reserve_work(w, n, err));
    size_t n_symbols = 0;
    DLX__TRY(first_symbols(b, w, piece, n, &n_symbols, err));
    merge_all(b, w, n_symbols);
    for (uint32_t at = 0; at != NO_SYMBOL; at = w->symbols[at].next)
        if (!dlx__ids_push(ids, (dlx_token)w->symbols[at].id))
            return dlx__fail_memory(err, "tokenizing", ids->n);
    return DLX_OK;
}
