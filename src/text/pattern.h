/*
 * pattern.h - the regular expressions of tokenizers, run by PCRE2 as the reference runs them by
 * Oniguruma. Patterns come from files and are not trusted: what the two engines read differently
 * is translated or refused by name, and matching runs under limits that end in a sentence.
 */
#ifndef DLX__PATTERN_H
#define DLX__PATTERN_H

#include "base/buf.h"

typedef struct dlx__pattern dlx__pattern; /* immutable, shareable */

/* Compiles a regular expression (UTF-8). */
dlx_result dlx__pattern_open(dlx__pattern **out, const char *regex, size_t n,
                             const dlx_allocator *mem, dlx_error *err);

/* A pattern that matches this very text. */
dlx_result dlx__pattern_open_literal(dlx__pattern **out, const char *text, size_t n,
                                     const dlx_allocator *mem, dlx_error *err);

void dlx__pattern_free(dlx__pattern *p); /* p may be NULL */

/* What it was compiled from, terminated; *literal: by dlx__pattern_open_literal. */
const char *dlx__pattern_source(const dlx__pattern *p, size_t *n, bool *literal);

/* What one thread needs to match: opened for a call, used for all patterns. */
typedef struct dlx__matcher dlx__matcher;

/* n_bytes: the text that will be matched in all, which sets how long it may take. */
dlx_result dlx__matcher_open(dlx__matcher **out, size_t n_bytes, const dlx_allocator *mem,
                             dlx_error *err);
void dlx__matcher_free(dlx__matcher *m); /* m may be NULL */

/*
 * The next match in the well-formed text[0, n) that begins at `from` or later; *start = *end = n
 * when there is none. A match may be empty (*start = *end < n).
 */
dlx_result dlx__pattern_next(const dlx__pattern *p, dlx__matcher *m, const char *text, size_t n,
                             size_t from, size_t *start, size_t *end, dlx_error *err);

#endif
