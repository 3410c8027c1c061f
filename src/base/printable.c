/* printable.c - code point by code point; the text never becomes longer. */
#include "base/printable.h"

#include "base/utf8.h"

#include <string.h>

static bool steers(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7F && cp < 0xA0) || (cp >= 0x202A && cp <= 0x202E) ||
           (cp >= 0x2066 && cp <= 0x2069);
}

size_t dlx__printable_next(const char *text, size_t n, bool *is)
{
    uint32_t cp = 0;
    const size_t length = dlx__utf8_decode(text, n, &cp);
    *is = length > 0 && !steers(cp);
    return length > 0 ? length : 1;
}

void dlx__make_printable(char *text)
{
    const size_t n = strlen(text);
    size_t to = 0;
    for (size_t at = 0; at < n;) {
        bool is;
        const size_t length = dlx__printable_next(text + at, n - at, &is);
        if (is)
            memmove(text + to, text + at, length);
        else
            text[to] = '?';
        to += is ? length : 1;
        at += length;
    }
    text[to] = '\0';
}
