/* gap.c - text with gaps. */
#include "gap.h"

#include <stdlib.h>
#include <string.h>

static gap_part *last_part(gap_text *g, bool gap)
{
    if (g->n_parts && (g->parts[g->n_parts - 1].n_masks > 0) == gap)
        return &g->parts[g->n_parts - 1];
    g->parts = mem_resize(g->parts, g->n_parts + 1, sizeof *g->parts);
    g->parts[g->n_parts] = (gap_part){.start = g->plain.n};
    return &g->parts[g->n_parts++];
}

static void add_text(gap_text *g, const char *text, size_t n)
{
    last_part(g, false)->n += n;
    bytes_add(&g->plain, text, n);
}

static void add_masks(gap_text *g, size_t n)
{
    last_part(g, true)->n_masks += n;
    g->n_masks += n;
}

/* Bytes of "[[digits]]" at text, 0 if there is no such thing; the number, cut off at GAP_MAX + 1.
 */
static size_t brackets(const char *text, size_t n, size_t *n_masks)
{
    size_t i = 2;
    if (n < 5 || text[0] != '[' || text[1] != '[')
        return 0;
    *n_masks = 0;
    for (; i < n && text[i] >= '0' && text[i] <= '9'; i++) {
        *n_masks = *n_masks * 10 + (size_t)(text[i] - '0');
        if (*n_masks > GAP_MAX)
            *n_masks = GAP_MAX + 1;
    }
    return i > 2 && i + 1 < n && text[i] == ']' && text[i + 1] == ']' ? i + 2 : 0;
}

bool gap_parse(gap_text *out, const char *text, size_t n, const char *mask, bytes *why)
{
    size_t mask_len = mask ? strlen(mask) : 0, n_masks, len;
    *out = (gap_text){0};
    for (size_t i = 0; i < n;) {
        if (text[i] == '\\' && (len = brackets(text + i + 1, n - i - 1, &n_masks))) {
            add_text(out, text + i + 1, len);
            i += 1 + len;
        } else if ((len = brackets(text + i, n - i, &n_masks))) {
            if (n_masks == 0 || n_masks > GAP_MAX) {
                bytes_printf(why, "%.*s at byte %zu is a gap of %s: 1 to %d masks are possible",
                             len > 24 ? 24 : (int)len, text + i, i,
                             n_masks ? "too many masks" : "no masks", GAP_MAX);
                gap_release(out);
                return false;
            }
            add_masks(out, n_masks);
            i += len;
        } else if (mask_len && n - i >= mask_len && memcmp(text + i, mask, mask_len) == 0) {
            add_masks(out, 1);
            i += mask_len;
        } else {
            add_text(out, text + i, 1);
            i++;
        }
    }
    return true;
}

void gap_release(gap_text *g)
{
    bytes_release(&g->plain);
    free(g->parts);
    *g = (gap_text){0};
}
