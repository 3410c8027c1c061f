/* fail.h - failures as sentences. */
#ifndef DLX__FAIL_H
#define DLX__FAIL_H

#include "base/base.h"

/*
 * Writes the sentence into err (which may be NULL), made printable and cut at a code point if it is
 * too long, and returns `code`, so that `return dlx__fail(err, DLX_E_FORMAT, "...")` is the usual
 * form.
 */
dlx_result dlx__fail(dlx_error *err, dlx_result code, const char *format, ...) DLX__PRINTF(3, 4);

/* "out of memory while <what> (<n_bytes> bytes)". */
dlx_result dlx__fail_memory(dlx_error *err, const char *what, size_t n_bytes);

/* Puts "<where>: " in front of the sentence that err already holds. */
void dlx__fail_prefix(dlx_error *err, const char *where);

#endif
