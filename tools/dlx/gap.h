/*
 * gap.h - text with gaps. `[[8]]` is a gap of 8 masks, and so is the model's own mask token written
 * 8 times. `\[[8]]` is the text "[[8]]". Anything else in brackets is text.
 */
#ifndef DLX_TOOL_GAP_H
#define DLX_TOOL_GAP_H

#include "bytes.h"

typedef struct gap_part {
    size_t start, n; /* text: bytes of gap_text.plain */
    size_t n_masks;  /* a gap; 0: text */
    size_t first_id; /* for the caller: where the part's ids begin ... */
    size_t n_ids;    /* ... and how many there are */
} gap_part;

typedef struct gap_text {
    bytes plain;     /* the text without gaps and escapes */
    gap_part *parts; /* [n_parts]; neighbouring gaps are one */
    size_t n_parts;
    size_t n_masks; /* of all gaps */
} gap_text;

enum { GAP_MAX = 65536 };

/* mask may be NULL. False, with the rest of a sentence in `why`, for a gap of no or too many masks.
 */
bool gap_parse(gap_text *out, const char *text, size_t n, const char *mask, bytes *why);
void gap_release(gap_text *g);

#endif
