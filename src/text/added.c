/* added.c - two tries over the spellings of added tokens: one for raw, one for normalised text. */
#include "text/added.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "text/unicode.h"

#include <string.h>

typedef struct dlx__added_node {
    uint32_t child, sibling; /* 0: none */
    int32_t token;           /* index of the token that ends here, or -1 */
    uint8_t byte;
} dlx__added_node;

void dlx__added_init(dlx__added *a, const dlx_allocator *mem)
{
    *a = (dlx__added){.mem = mem};
    dlx__arena_init(&a->arena, mem);
}

void dlx__added_release(dlx__added *a)
{
    dlx__free(a->mem, a->tokens);
    dlx__free(a->mem, a->nodes);
    dlx__arena_release(&a->arena);
    dlx__added_init(a, a->mem);
}

/* Room for one more of what `items` holds; NULL when there is no memory. */
static void *grow(const dlx_allocator *mem, void *items, size_t n, size_t *capacity, size_t size)
{
    if (n < *capacity)
        return items;
    size_t wanted = dlx__max(64, dlx__mul(*capacity, 2));
    void *grown = dlx__realloc(mem, items, dlx__mul(wanted, size));
    if (grown)
        *capacity = wanted;
    return grown;
}

/* A new node without links; 0 when there is no memory. */
static uint32_t new_node(dlx__added *a, uint8_t byte)
{
    if (a->n_nodes >= INT32_MAX)
        return 0;
    dlx__added_node *nodes =
        grow(a->mem, a->nodes, a->n_nodes + 1, &a->nodes_capacity, sizeof *a->nodes);
    if (!nodes)
        return 0;
    a->nodes = nodes;
    if (a->n_nodes == 0)
        a->n_nodes = 1; /* 0 means "none" */
    a->nodes[a->n_nodes] = (dlx__added_node){.token = -1, .byte = byte};
    return (uint32_t)a->n_nodes++;
}

static uint32_t child_of(const dlx__added *a, uint32_t node, uint8_t byte)
{
    uint32_t child = a->nodes[node].child;
    while (child && a->nodes[child].byte != byte)
        child = a->nodes[child].sibling;
    return child;
}

/* The node at the end of the spelling, made where it is missing; 0 when there is no memory. */
static uint32_t make_path(dlx__added *a, bool normalized, const char *text, size_t n)
{
    uint32_t *root = &a->roots[normalized][(uint8_t)text[0]];
    if (!*root)
        *root = new_node(a, (uint8_t)text[0]);
    uint32_t node = *root;
    for (size_t i = 1; node && i < n; i++) {
        uint32_t next = child_of(a, node, (uint8_t)text[i]);
        if (!next) {
            next = new_node(a, (uint8_t)text[i]);
            if (next) {
                a->nodes[next].sibling = a->nodes[node].child;
                a->nodes[node].child = next;
            }
        }
        node = next;
    }
    return node;
}

dlx_result dlx__added_put(dlx__added *a, const char *text, size_t n, dlx__added_token token,
                          dlx_error *err)
{
    if (n == 0)
        return dlx__fail(err, DLX_E_FORMAT, "the added token %d has an empty spelling",
                         (int)token.id);
    dlx__added_token *tokens =
        grow(a->mem, a->tokens, a->n_tokens, &a->tokens_capacity, sizeof *a->tokens);
    if (tokens)
        a->tokens = tokens;
    uint32_t node = tokens ? make_path(a, token.normalized, text, n) : 0;
    if (!node)
        return dlx__fail_memory(err, "reading added tokens", n);
    if (a->nodes[node].token >= 0)
        return DLX_OK;
    token.text = dlx__arena_strndup(&a->arena, text, n);
    token.n_text = n;
    if (!token.text)
        return dlx__fail_memory(err, "reading added tokens", n);
    a->nodes[node].token = (int32_t)a->n_tokens;
    a->tokens[a->n_tokens++] = token;
    return DLX_OK;
}

dlx_token dlx__added_find(const dlx__added *a, const char *text, size_t n)
{
    for (int normalized = 0; n > 0 && normalized < 2; normalized++) {
        uint32_t node = a->roots[normalized][(uint8_t)text[0]];
        for (size_t i = 1; node && i < n; i++)
            node = child_of(a, node, (uint8_t)text[i]);
        if (node && a->nodes[node].token >= 0)
            return a->tokens[a->nodes[node].token].id;
    }
    return -1;
}

static bool touches_word(const char *text, size_t n, size_t start, size_t end)
{
    uint32_t cp = 0;
    if (start > 0 && dlx__utf8_decode_last(text, start, &cp) && dlx__is_word_char(cp))
        return true;
    return end < n && dlx__utf8_decode(text + end, n - end, &cp) && dlx__is_word_char(cp);
}

/* The longest acceptable token that begins at text[at]. */
static const dlx__added_token *longest_at(const dlx__added *a, bool normalized, bool special,
                                          const char *text, size_t n, size_t at, size_t *end)
{
    const dlx__added_token *best = NULL;
    uint32_t node = a->roots[normalized][(uint8_t)text[at]];
    for (size_t i = at + 1; node; i++) {
        int32_t index = a->nodes[node].token;
        if (index >= 0) {
            const dlx__added_token *token = &a->tokens[index];
            if ((special || !token->special) &&
                !(token->single_word && touches_word(text, n, at, i))) {
                best = token;
                *end = i;
            }
        }
        node = i < n ? child_of(a, node, (uint8_t)text[i]) : 0;
    }
    return best;
}

/* Widens a match over the white space that its token takes along. */
static dlx__added_match widened(const dlx__added_token *token, const char *text, size_t n,
                                size_t from, size_t start, size_t end)
{
    uint32_t cp = 0;
    size_t len = 0;
    while (token->lstrip && start > from &&
           (len = dlx__utf8_decode_last(text + from, start - from, &cp)) != 0 &&
           dlx__is_white_space(cp))
        start -= len;
    while (token->rstrip && end < n && (len = dlx__utf8_decode(text + end, n - end, &cp)) != 0 &&
           dlx__is_white_space(cp))
        end += len;
    return (dlx__added_match){.start = start, .end = end, .id = token->id};
}

dlx__added_match dlx__added_next(const dlx__added *a, bool normalized, bool special,
                                 const char *text, size_t n, size_t from)
{
    for (size_t at = from; a->n_tokens && at < n; at++) {
        if (!a->roots[normalized][(uint8_t)text[at]])
            continue;
        size_t end = at;
        const dlx__added_token *token = longest_at(a, normalized, special, text, n, at, &end);
        if (token)
            return widened(token, text, n, from, at, end);
    }
    return (dlx__added_match){.start = n, .end = n, .id = -1};
}
