/* unicode.h - the few questions about code points that tokenizers and templates ask. */
#ifndef DLX__UNICODE_H
#define DLX__UNICODE_H

#include "base/base.h"

/* Unicode's White_Space property: what \s means in the patterns of tokenizers. */
bool dlx__is_white_space(uint32_t cp);

/* A character of a word: letter, mark, decimal digit, letter-like number or connector. */
bool dlx__is_word_char(uint32_t cp);

/* Decodes the code point that ends at text[n), n > 0, and returns its length; 0 if ill-formed. */
size_t dlx__utf8_decode_last(const char *text, size_t n, uint32_t *cp);

#endif
