/* bytes.c - growing byte buffers and UTF-8 checks of the command. */
#include "bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *out_of_memory(void)
{
    say("out of memory");
    exit(EXIT_FAILED);
}

void *mem_resize(void *p, size_t n, size_t each)
{
    if (each && n > SIZE_MAX / each)
        return out_of_memory();
    size_t n_bytes = n * each;
    void *q = realloc(p, n_bytes ? n_bytes : 1);
    return q ? q : out_of_memory();
}

static void reserve(bytes *b, size_t more)
{
    if (more >= SIZE_MAX - b->n)
        out_of_memory();
    size_t need = b->n + more + 1;
    if (need <= b->capacity)
        return;
    size_t capacity = b->capacity ? b->capacity : 64;
    while (capacity < need)
        capacity = capacity > SIZE_MAX / 2 ? need : capacity * 2;
    b->data = mem_resize(b->data, capacity, 1);
    b->capacity = capacity;
}

void bytes_add(bytes *b, const char *data, size_t n)
{
    reserve(b, n);
    if (n)
        memcpy(b->data + b->n, data, n);
    b->n += n;
    b->data[b->n] = 0;
}

void bytes_text(bytes *b, const char *text)
{
    bytes_add(b, text, strlen(text));
}

void bytes_printf(bytes *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n <= 0)
        return;
    reserve(b, (size_t)n);
    va_start(args, format);
    vsnprintf(b->data + b->n, (size_t)n + 1, format, args);
    va_end(args);
    b->n += (size_t)n;
}

void bytes_pad(bytes *b, size_t n)
{
    reserve(b, n);
    memset(b->data + b->n, ' ', n);
    b->n += n;
    b->data[b->n] = 0;
}

void bytes_reset(bytes *b)
{
    b->n = 0;
    if (b->data)
        b->data[0] = 0;
}

void bytes_release(bytes *b)
{
    free(b->data);
    *b = (bytes){0};
}

const char *bytes_string(const bytes *b)
{
    return b->data ? b->data : "";
}

const char *plural(size_t n, const char *ending)
{
    return n == 1 ? "" : ending;
}

/* Length of the valid sequence at p, 0 if there is none. Overlong forms and surrogates are invalid.
 */
static size_t sequence(const unsigned char *p, size_t n)
{
    if (p[0] < 0x80)
        return 1;
    size_t len = p[0] >= 0xF0 ? 4 : p[0] >= 0xE0 ? 3 : 2;
    if (p[0] < 0xC2 || p[0] > 0xF4 || n < len)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    bool bad = (p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
               (p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F);
    return bad ? 0 : len;
}

size_t utf8_first_bad(const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t i = 0;
    while (i < n) {
        size_t len = sequence(p + i, n - i);
        if (!len)
            return i;
        i += len;
    }
    return n;
}

static shown cut(const char *text, size_t n_most)
{
    shown out;
    const char *end = memchr(text, 0, sizeof out.text);
    size_t n = end ? (size_t)(end - text) : sizeof out.text, used = 0, i = 0;
    for (size_t k = 0; i < n && k < n_most; k++) {
        const char *at = text + i;
        size_t len = sequence((const unsigned char *)at, n - i);
        bool plain = len && (unsigned char)*at >= ' ' && *at != 0x7F;
        i += len ? len : 1;
        memcpy(out.text + used, plain ? at : "?", plain ? len : 1);
        used += plain ? len : 1;
    }
    for (size_t k = 0; i < n && k < 3; k++)
        out.text[used++] = '.';
    out.text[used] = 0;
    return out;
}

shown show(const char *word)
{
    return cut(word, SHOWN_WORD);
}

shown show_path(const char *path)
{
    return cut(path, SHOWN_PATH);
}

uint32_t utf8_next(const char *text, size_t n, size_t *i)
{
    const unsigned char *p = (const unsigned char *)text + *i;
    size_t len = sequence(p, n - *i);
    if (len <= 1) {
        *i += 1;
        return len ? p[0] : 0xFFFD;
    }
    uint32_t c = p[0] & (0xFFu >> (len + 1));
    for (size_t k = 1; k < len; k++)
        c = c << 6 | (p[k] & 0x3F);
    *i += len;
    return c;
}
