/* jsonl.h - files of one JSON object a line. */
#ifndef DLX__JSONL_H
#define DLX__JSONL_H

#include "base/base.h"

#include <jansson.h>

typedef struct dlx__jsonl {
    const char *at, *end;
    const char *line; /* [n] */
    size_t n;
    size_t number; /* of the line in the file, from 1; blank lines count */
} dlx__jsonl;

enum { DLX__JSONL_MAX_BYTES = 1 << 30 }; /* of a file that is read whole */

/* Does the name say that it is one? */
bool dlx__jsonl_is_named(const char *path);

/* text [n] outlives the reader. */
dlx__jsonl dlx__jsonl_of(const char *text, size_t n);

/* Goes to the next line that is not blank: false at the end. */
bool dlx__jsonl_next(dlx__jsonl *in);

/* Lines that are left, at most `limit`; 0: no limit. */
size_t dlx__jsonl_count(dlx__jsonl in, size_t limit);

/* The line's JSON, free with json_decref; `name` says where it stands, for people who wrote it. */
dlx_result dlx__jsonl_parse(json_t **out, const dlx__jsonl *in, const char *name, dlx_error *err);

#endif
