/* byte_level.c - bytes as printable characters and back, by arithmetic instead of a table. */
#include "text/byte_level.h"

#include "base/utf8.h"

/*
 * The bytes that do not stand for themselves are three ranges: [0, 32], [127, 160] and 173. Their
 * characters follow U+0100 in this order: 33, 34 and 1 of them.
 */
uint32_t dlx__byte_level_char(uint8_t byte)
{
    if (byte <= 32)
        return 0x100u + byte;
    if (byte >= 127 && byte <= 160)
        return 0x100u + 33u + (byte - 127u);
    if (byte == 173)
        return 0x100u + 33u + 34u;
    return byte;
}

int dlx__byte_level_byte(uint32_t cp)
{
    if (cp < 0x100)
        return dlx__byte_level_char((uint8_t)cp) == cp ? (int)cp : -1;
    uint32_t i = cp - 0x100;
    if (i < 33)
        return (int)i;
    if (i < 33 + 34)
        return (int)(i - 33 + 127);
    return i == 33 + 34 ? 173 : -1;
}

bool dlx__byte_level_append(dlx__buf *out, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char text[4];
        size_t len = dlx__utf8_encode(text, dlx__byte_level_char((uint8_t)bytes[i]));
        if (!dlx__buf_append(out, text, len))
            return false;
    }
    return true;
}

size_t dlx__byte_level_decode(char *out, const char *text, size_t n)
{
    size_t n_bytes = 0;
    for (size_t i = 0; i < n;) {
        uint32_t cp = 0;
        size_t len = dlx__utf8_decode(text + i, n - i, &cp);
        int byte = len ? dlx__byte_level_byte(cp) : -1;
        if (byte < 0)
            return SIZE_MAX;
        out[n_bytes++] = (char)(unsigned char)byte;
        i += len;
    }
    return n_bytes;
}
