/* jinja_text.c - Python's str on spans of UTF-8. */
#include "text/jinja_text.h"

#include "base/utf8.h"
#include "text/unicode.h"

#include <string.h>

bool dlx__text_is_space(uint32_t cp)
{
    return dlx__is_white_space(cp) || (cp >= 0x1C && cp <= 0x1F);
}

size_t dlx__text_step(dlx__jv_text s, uint32_t *cp)
{
    size_t len = dlx__utf8_decode(s.data, s.len, cp);
    if (len > 0)
        return len;
    *cp = 0xFFFD;
    return 1;
}

/* The code point before the end. */
static size_t step_back(dlx__jv_text s, uint32_t *cp)
{
    size_t len = dlx__utf8_decode_last(s.data, s.len, cp);
    if (len > 0)
        return len;
    *cp = 0xFFFD;
    return 1;
}

static bool has_char(dlx__jv_text chars, uint32_t cp)
{
    while (chars.len > 0) {
        uint32_t c = 0;
        size_t len = dlx__text_step(chars, &c);
        if (c == cp)
            return true;
        chars.data += len;
        chars.len -= len;
    }
    return false;
}

dlx__jv_text dlx__text_lstrip(dlx__jv_text s)
{
    uint32_t cp = 0;
    size_t len = 0;
    while (s.len > 0 && (len = dlx__text_step(s, &cp)) > 0 && dlx__text_is_space(cp)) {
        s.data += len;
        s.len -= len;
    }
    return s;
}

dlx__jv_text dlx__text_rstrip(dlx__jv_text s)
{
    uint32_t cp = 0;
    size_t len = 0;
    while (s.len > 0 && (len = step_back(s, &cp)) > 0 && dlx__text_is_space(cp))
        s.len -= len;
    return s;
}

dlx__jv_text dlx__text_strip(dlx__jv_text s)
{
    return dlx__text_rstrip(dlx__text_lstrip(s));
}

dlx__jv_text dlx__text_lstrip_chars(dlx__jv_text s, dlx__jv_text chars)
{
    uint32_t cp = 0;
    size_t len = 0;
    while (s.len > 0 && (len = dlx__text_step(s, &cp)) > 0 && has_char(chars, cp)) {
        s.data += len;
        s.len -= len;
    }
    return s;
}

dlx__jv_text dlx__text_rstrip_chars(dlx__jv_text s, dlx__jv_text chars)
{
    uint32_t cp = 0;
    size_t len = 0;
    while (s.len > 0 && (len = step_back(s, &cp)) > 0 && has_char(chars, cp))
        s.len -= len;
    return s;
}

size_t dlx__text_count(dlx__jv_text s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += ((unsigned char)s.data[i] & 0xC0u) != 0x80u;
    return n;
}

bool dlx__text_starts(dlx__jv_text s, dlx__jv_text start)
{
    return start.len <= s.len && dlx__jv_same_text((dlx__jv_text){s.data, start.len}, start);
}

bool dlx__text_ends(dlx__jv_text s, dlx__jv_text end)
{
    if (end.len > s.len)
        return false;
    return dlx__jv_same_text((dlx__jv_text){s.data + (s.len - end.len), end.len}, end);
}

size_t dlx__text_find(dlx__jv_text s, dlx__jv_text what, size_t from, uint64_t *work)
{
    if (what.len > s.len || from > s.len - what.len)
        return SIZE_MAX;
    if (what.len == 0)
        return from;
    size_t last = s.len - what.len;
    while (from <= last) {
        const char *first = memchr(s.data + from, what.data[0], last - from + 1);
        size_t at = first ? (size_t)(first - s.data) : last + 1;
        uint64_t effort = 1 + (at - from) / 64;
        if (first) {
            size_t same = 1;
            while (same < what.len && s.data[at + same] == what.data[same])
                same++;
            if (same == what.len)
                return at;
            effort += same / 8;
        }
        if (effort >= *work) {
            *work = 0;
            return SIZE_MAX;
        }
        *work -= effort;
        from = at + 1;
    }
    return SIZE_MAX;
}
