/*
 * buf.h - a growing byte buffer. Always terminated, so `buf.data` may be read as text (it is
 * NULL only while empty and never grown). A failed append leaves the buffer as it was.
 */
#ifndef DLX__BUF_H
#define DLX__BUF_H

#include "base/base.h"

typedef struct dlx__buf {
    const dlx_allocator *mem;
    char *data;
    size_t len; /* bytes, terminator not counted */
    size_t capacity;
} dlx__buf;

void dlx__buf_init(dlx__buf *buf, const dlx_allocator *mem); /* allocates nothing */
void dlx__buf_release(dlx__buf *buf);
void dlx__buf_reset(dlx__buf *buf); /* empty, memory kept */

/* Each returns false when there is no memory. */
bool dlx__buf_reserve(dlx__buf *buf, size_t extra);
bool dlx__buf_append(dlx__buf *buf, const void *bytes, size_t n);
bool dlx__buf_text(dlx__buf *buf, const char *text);
bool dlx__buf_byte(dlx__buf *buf, char byte);
bool dlx__buf_format(dlx__buf *buf, const char *format, ...) DLX__PRINTF(2, 3);

#endif
