/*
 * printable.h - texts of strangers (files, runtimes) on their way to a terminal: none of their
 * bytes may steer it, turn the reading direction of what stands beside them, or be no text at all.
 */
#ifndef DLX__PRINTABLE_H
#define DLX__PRINTABLE_H

#include "base/base.h"

/* Bytes of what text[0, n), n > 0, begins with: a code point, or one byte that begins none. *is:
 * it may be shown as it is. */
size_t dlx__printable_next(const char *text, size_t n, bool *is);

/* Shows a ? for what may not be shown: control characters (C0, DEL, C1), what orders the direction
 * of text (U+202A to U+202E, U+2066 to U+2069), and bytes that are no UTF-8. */
void dlx__make_printable(char *text);

#endif
