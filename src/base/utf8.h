/* utf8.h - decode, encode, validate, and cut streams of UTF-8 at code points. */
#ifndef DLX__UTF8_H
#define DLX__UTF8_H

#include "base/base.h"

/*
 * Decodes one code point of text[0, n), n > 0. Returns its length (1-4) and sets *cp, or 0 when
 * the bytes are not well-formed UTF-8 (overlong forms, surrogates and values above U+10FFFF
 * included).
 */
size_t dlx__utf8_decode(const char *text, size_t n, uint32_t *cp);

/* Writes cp (a valid scalar value) and returns its length. */
size_t dlx__utf8_encode(char out[4], uint32_t cp);

/* Position of the first ill-formed byte, or n when the whole text is well-formed. */
size_t dlx__utf8_valid_prefix(const char *text, size_t n);

/*
 * How many leading bytes of a stream may be shown now: all but a code point that is still
 * incomplete at the end. Bytes that can never become well-formed count as showable.
 */
size_t dlx__utf8_whole(const char *text, size_t n);

#endif
