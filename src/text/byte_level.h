/*
 * byte_level.h - the alphabet of GPT-2's byte-level BPE: each of the 256 bytes is written as one
 * printable character, so that any bytes can stand in a vocabulary of text. The printable bytes of
 * Latin-1 stand for themselves, the other 68 are written as U+0100 to U+0143 in ascending order
 * (a space is "Ġ", a newline "Ċ").
 */
#ifndef DLX__BYTE_LEVEL_H
#define DLX__BYTE_LEVEL_H

#include "base/buf.h"

uint32_t dlx__byte_level_char(uint8_t byte);

/* The byte that a character stands for; -1 when it is outside the alphabet. */
int dlx__byte_level_byte(uint32_t cp);

/* Appends bytes as text of the alphabet; false when there is no memory. */
bool dlx__byte_level_append(dlx__buf *out, const char *bytes, size_t n);

/*
 * Writes the bytes of a text of the alphabet to out, which has room for n bytes, and returns their
 * number; SIZE_MAX when the text has a character outside the alphabet.
 */
size_t dlx__byte_level_decode(char *out, const char *text, size_t n);

#endif
