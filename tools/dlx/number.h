/*
 * number.h - numbers and lists as people type them, strictly: the whole text must be the number,
 * and the number must be in range. On failure `why` receives the rest of a sentence: `"12x" is not
 * ...`.
 */
#ifndef DLX_TOOL_NUMBER_H
#define DLX_TOOL_NUMBER_H

#include "bytes.h"

#include <dlx/common.h>

typedef struct id_list {
    dlx_token *items; /* [n] */
    size_t n;
} id_list;

typedef struct id_range {
    dlx_token first, last; /* both included */
} id_range;

typedef struct range_list {
    id_range *items; /* [n] */
    size_t n;
} range_list;

typedef struct count_list {
    size_t *items; /* [n] */
    size_t n;
} count_list;

bool parse_count(const char *text, uint64_t lo, uint64_t hi, uint64_t *out, bytes *why);

/* Separated by commas. The caller frees items. */
bool parse_counts(const char *text, uint64_t lo, uint64_t hi, count_list *out, bytes *why);

/* With `above`, lo itself is outside. */
bool parse_real(const char *text, double lo, bool above, double hi, double *out, bytes *why);

/* Sizes in bytes: 512M, 4G, 1.5G, 1000000. K, M, G and T are powers of 1024. */
bool parse_size(const char *text, uint64_t *out, bytes *why);

/* "1,2,3"; blanks around commas are fine; "none" is the empty list. The caller frees items. */
bool parse_ids(const char *text, id_list *out, bytes *why);

/* "3,10-19". The caller frees items. */
bool parse_ranges(const char *text, range_list *out, bytes *why);

bool parse_switch(const char *text, bool *out, bytes *why); /* yes no on off true false 1 0 */

#endif
