/*
 * utf8.c - strict UTF-8. The one idea: the first byte tells the length and the range of the second
 * byte, and that range alone rules out overlong forms, surrogates and values above U+10FFFF.
 */
#include "base/utf8.h"

/* What a leading byte promises: the length of its sequence (0: no leading byte) and the second
 * byte. */
typedef struct lead {
    size_t len;
    unsigned char second_min;
    unsigned char second_max;
} lead;

static lead lead_of(unsigned char b)
{
    if (b < 0x80)
        return (lead){1, 0, 0};
    if (b < 0xC2)
        return (lead){0, 0, 0};
    if (b < 0xE0)
        return (lead){2, 0x80, 0xBF};
    if (b < 0xF0)
        return (lead){3, b == 0xE0 ? 0xA0 : 0x80, b == 0xED ? 0x9F : 0xBF};
    if (b < 0xF5)
        return (lead){4, b == 0xF0 ? 0x90 : 0x80, b == 0xF4 ? 0x8F : 0xBF};
    return (lead){0, 0, 0};
}

/* How many of the first n bytes follow the promise of the leading one, at most its length. */
static size_t well_formed(const unsigned char *s, size_t n, lead l)
{
    if (l.len < 2 || n < 2)
        return l.len ? 1 : 0;
    if (s[1] < l.second_min || s[1] > l.second_max)
        return 1;
    size_t i = 2;
    while (i < l.len && i < n && (s[i] & 0xC0u) == 0x80u)
        i++;
    return i;
}

size_t dlx__utf8_decode(const char *text, size_t n, uint32_t *cp)
{
    const unsigned char *s = (const unsigned char *)text;
    lead l = lead_of(s[0]);
    if (l.len == 0 || well_formed(s, n, l) != l.len)
        return 0;
    static const unsigned char payload[5] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    uint32_t value = s[0] & payload[l.len];
    for (size_t i = 1; i < l.len; i++)
        value = value << 6 | (s[i] & 0x3Fu);
    *cp = value;
    return l.len;
}

size_t dlx__utf8_encode(char out[4], uint32_t cp)
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    size_t len = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    static const unsigned char mark[5] = {0, 0, 0xC0, 0xE0, 0xF0};
    for (size_t i = len - 1; i > 0; i--) {
        out[i] = (char)(0x80u | (cp & 0x3Fu));
        cp >>= 6;
    }
    out[0] = (char)(mark[len] | cp);
    return len;
}

size_t dlx__utf8_valid_prefix(const char *text, size_t n)
{
    size_t at = 0;
    while (at < n) {
        uint32_t cp;
        size_t len = dlx__utf8_decode(text + at, n - at, &cp);
        if (len == 0)
            break;
        at += len;
    }
    return at;
}

size_t dlx__utf8_whole(const char *text, size_t n)
{
    const unsigned char *s = (const unsigned char *)text;
    for (size_t back = 1; back <= 3 && back <= n; back++) {
        const unsigned char *tail = s + (n - back);
        lead l = lead_of(*tail);
        if (l.len > back && well_formed(tail, back, l) == back)
            return n - back;
        if ((*tail & 0xC0u) != 0x80u)
            break;
    }
    return n;
}
