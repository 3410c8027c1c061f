/* unicode.c - properties of code points, from utf8proc where a table is needed. */
#include "text/unicode.h"

#include "base/utf8.h"

#include <utf8proc.h>

bool dlx__is_white_space(uint32_t cp)
{
    if (cp < 0x80)
        return cp == ' ' || (cp >= '\t' && cp <= '\r');
    return cp == 0x85 || cp == 0xA0 || cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200A) ||
           cp == 0x2028 || cp == 0x2029 || cp == 0x202F || cp == 0x205F || cp == 0x3000;
}

bool dlx__is_word_char(uint32_t cp)
{
    switch (utf8proc_category((utf8proc_int32_t)cp)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC:
        return true;
    default:
        return false;
    }
}

size_t dlx__utf8_decode_last(const char *text, size_t n, uint32_t *cp)
{
    for (size_t len = 1; len <= 4 && len <= n; len++) {
        if (((unsigned char)text[n - len] & 0xC0u) != 0x80u)
            return dlx__utf8_decode(text + n - len, len, cp) == len ? len : 0;
    }
    return 0;
}
