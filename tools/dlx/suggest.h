/* suggest.h - "did you mean": the nearest known word, and the spellings of neighbouring tools. */
#ifndef DLX_TOOL_SUGGEST_H
#define DLX_TOOL_SUGGEST_H

#include <stddef.h>

/* Insertions, deletions, replacements and swaps of neighbours that turn a into b. */
size_t suggest_distance(const char *a, const char *b);

/* The word nearest to `word`, or NULL when none is near enough to be what was meant. */
const char *suggest_nearest(const char *word, const char *const *words, size_t n);

typedef struct suggest_alias {
    const char *theirs; /* without dashes; '_' is written '-' */
    const char *ours;   /* an option with its dashes, or words that name the place */
} suggest_alias;

/* Ours for an option of the original system or of a neighbouring tool (name without dashes), or
 * NULL. */
const suggest_alias *suggest_foreign(const char *name);

/* The whole list, for tests. */
const suggest_alias *suggest_foreign_list(size_t *n);

#endif
