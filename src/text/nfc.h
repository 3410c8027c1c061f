/*
 * nfc.h - Unicode normalisation form C, in time linear in the text even when it is hostile (a
 * million unsorted combining marks on one letter).
 */
#ifndef DLX__NFC_H
#define DLX__NFC_H

#include "base/buf.h"

/*
 * True when the well-formed text is surely in form C already because it has no code point from
 * U+0300 on: nothing below composes with what stands before it or decomposes for good.
 */
bool dlx__nfc_is_plain(const char *text, size_t n);

/* Appends the form C of the well-formed text[0, n). DLX_E_NOMEM leaves a part of it in out. */
dlx_result dlx__nfc_append(dlx__buf *out, const char *text, size_t n, dlx_error *err);

#endif
