/*
 * regex_dialect.h - from the regular expressions of the Hugging Face tokenizers (Oniguruma, Ruby
 * syntax) to PCRE2's. Most is the same; what is not must never be silently read otherwise.
 */
#ifndef DLX__REGEX_DIALECT_H
#define DLX__REGEX_DIALECT_H

#include "base/buf.h"

/*
 * Appends the translation to out. Refuses by name: ill-formed UTF-8, escapes with another or no
 * meaning in PCRE2 (\w \b \h \R \G ...), back references, sets inside sets, intersections (&&),
 * and groups other than (?: (?i: (?i) (?= (?! (?<= (?<! and (?>.
 */
dlx_result dlx__regex_translate(dlx__buf *out, const char *regex, size_t n, dlx_error *err);

/* Appends a pattern that matches this very text. */
dlx_result dlx__regex_quote(dlx__buf *out, const char *text, size_t n, dlx_error *err);

#endif
