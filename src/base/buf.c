/* buf.c - a growing byte buffer. */
#include "base/buf.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void dlx__buf_init(dlx__buf *buf, const dlx_allocator *mem)
{
    *buf = (dlx__buf){.mem = mem};
}

void dlx__buf_release(dlx__buf *buf)
{
    dlx__free(buf->mem, buf->data);
    dlx__buf_init(buf, buf->mem);
}

void dlx__buf_reset(dlx__buf *buf)
{
    buf->len = 0;
    if (buf->data)
        buf->data[0] = '\0';
}

bool dlx__buf_reserve(dlx__buf *buf, size_t extra)
{
    size_t need = dlx__add(dlx__add(buf->len, extra), 1);
    if (need <= buf->capacity)
        return true;
    size_t capacity = dlx__max(need, dlx__max(64, dlx__mul(buf->capacity, 2)));
    char *data = dlx__realloc(buf->mem, buf->data, capacity);
    if (!data)
        return false;
    buf->data = data;
    buf->capacity = capacity;
    buf->data[buf->len] = '\0';
    return true;
}

bool dlx__buf_append(dlx__buf *buf, const void *bytes, size_t n)
{
    if (!dlx__buf_reserve(buf, n))
        return false;
    if (n)
        memcpy(buf->data + buf->len, bytes, n);
    buf->len += n;
    buf->data[buf->len] = '\0';
    return true;
}

bool dlx__buf_text(dlx__buf *buf, const char *text)
{
    return dlx__buf_append(buf, text, strlen(text));
}

bool dlx__buf_byte(dlx__buf *buf, char byte)
{
    return dlx__buf_append(buf, &byte, 1);
}

bool dlx__buf_format(dlx__buf *buf, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0 || !dlx__buf_reserve(buf, (size_t)n))
        return false;
    va_start(args, format);
    vsnprintf(buf->data + buf->len, (size_t)n + 1, format, args);
    va_end(args);
    buf->len += (size_t)n;
    return true;
}
