/* regex_dialect.c - one pass over the pattern; all but a few escapes is copied. */
#include "text/regex_dialect.h"

#include "base/fail.h"
#include "base/utf8.h"

#include <string.h>

enum { LONGEST_PATTERN = 64 << 10 }; /* bytes */

typedef struct dialect {
    dlx__buf *out;
    const char *text;
    size_t n;
    size_t at;
    bool in_set; /* between [ and ] */
    dlx_error *err;
} dialect;

static dlx_result refuse(const dialect *d, size_t len, const char *why)
{
    return dlx__fail(d->err, DLX_E_UNSUPPORTED,
                     "the pre-tokenizer's pattern has '%.*s' at byte %zu: %s; use a tokenizer.json "
                     "whose pattern does without it",
                     (int)dlx__min(len, d->n - d->at), d->text + d->at, d->at, why);
}

/* Copies `len` bytes, or writes `instead` for them when it is not NULL. */
static dlx_result emit(dialect *d, size_t len, const char *instead)
{
    bool ok =
        instead ? dlx__buf_text(d->out, instead) : dlx__buf_append(d->out, d->text + d->at, len);
    d->at += len;
    return ok ? DLX_OK : dlx__fail_memory(d->err, "reading the pre-tokenizer's pattern", d->n);
}

/* \p{Name}, \P{Name}, \x{1F600}: copied to the closing brace. */
static dlx_result braced_escape(dialect *d)
{
    const char *end = memchr(d->text + d->at, '}', d->n - d->at);
    if (d->at + 2 >= d->n || d->text[d->at + 2] != '{' || !end)
        return refuse(d, 3, "a brace is expected after this escape");
    return emit(d, (size_t)(end - (d->text + d->at)) + 1, NULL);
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static dlx_result hex_escape(dialect *d, size_t n_digits)
{
    for (size_t i = 2; i < 2 + n_digits; i++)
        if (d->at + i >= d->n || !is_hex(d->text[d->at + i]))
            return refuse(d, 2 + n_digits, "hexadecimal digits are expected after this escape");
    if (!dlx__buf_format(d->out, "\\x{%.*s}", (int)n_digits, d->text + d->at + 2))
        return dlx__fail_memory(d->err, "reading the pre-tokenizer's pattern", d->n);
    d->at += 2 + n_digits;
    return DLX_OK;
}

static dlx_result escape(dialect *d)
{
    if (d->at + 1 >= d->n)
        return refuse(d, 1, "nothing follows the backslash");
    char c = d->text[d->at + 1];
    switch (c) {
    case 's': /* PCRE2's \s counts U+180E, which Unicode no longer does */
        return emit(d, 2, "\\p{White_Space}");
    case 'S':
        return emit(d, 2, "\\P{White_Space}");
    case 'd':
    case 'D':
    case 'r':
    case 'n':
    case 't':
    case 'f':
        return emit(d, 2, NULL);
    case 'v': /* vertical space in PCRE2 */
        return emit(d, 2, "\\x{0B}");
    case 'p':
    case 'P':
        return braced_escape(d);
    case 'x':
        return d->at + 2 < d->n && d->text[d->at + 2] == '{' ? braced_escape(d) : hex_escape(d, 2);
    case 'u':
        return hex_escape(d, 4);
    default:
        if ((unsigned char)c < 0x80 && !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                                         (c >= 'A' && c <= 'Z') || c == '_'))
            return emit(d, 2, NULL);
        return refuse(d, 2, "this escape means something else here or nothing");
    }
}

/* What stands after "(?": only groups that both engines read the same way. */
static dlx_result group(dialect *d)
{
    static const char *const known[] = {"(?:", "(?i:", "(?i)", "(?=", "(?!", "(?<=", "(?<!", "(?>"};
    if (d->at + 1 >= d->n || (d->text[d->at + 1] != '?' && d->text[d->at + 1] != '*'))
        return emit(d, 1, NULL);
    for (size_t i = 0; i < DLX__LEN(known); i++) {
        size_t len = strlen(known[i]);
        if (len <= d->n - d->at && memcmp(d->text + d->at, known[i], len) == 0)
            return emit(d, len, NULL);
    }
    return refuse(d, 4, "this kind of group is not supported");
}

/* "[", "[^", and a "]" that comes first and so is a member. */
static dlx_result open_set(dialect *d)
{
    d->in_set = true;
    DLX__TRY(emit(d, 1, NULL));
    if (d->at < d->n && d->text[d->at] == '^')
        DLX__TRY(emit(d, 1, NULL));
    if (d->at < d->n && d->text[d->at] == ']')
        return refuse(d, 1, "an empty set, or a bracket that needs a backslash");
    return DLX_OK;
}

static dlx_result in_set(dialect *d)
{
    char c = d->text[d->at];
    if (c == '[')
        return refuse(d, 2, "a set inside a set is not supported");
    if (c == '&' && d->at + 1 < d->n && d->text[d->at + 1] == '&')
        return refuse(d, 2, "the intersection of sets is not supported");
    if (c == ']')
        d->in_set = false;
    return emit(d, 1, NULL);
}

dlx_result dlx__regex_translate(dlx__buf *out, const char *regex, size_t n, dlx_error *err)
{
    dialect d = {.out = out, .text = regex, .n = n, .err = err};
    if (n > LONGEST_PATTERN)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "the pre-tokenizer's pattern is %zu bytes long, at most %d are supported",
                         n, (int)LONGEST_PATTERN);
    size_t valid = dlx__utf8_valid_prefix(regex, n);
    if (valid < n)
        return dlx__fail(err, DLX_E_FORMAT, "the pre-tokenizer's pattern is not UTF-8 at byte %zu",
                         valid);
    while (d.at < n) {
        char c = regex[d.at];
        if (c == '\\')
            DLX__TRY(escape(&d));
        else if (d.in_set)
            DLX__TRY(in_set(&d));
        else if (c == '[')
            DLX__TRY(open_set(&d));
        else if (c == '(')
            DLX__TRY(group(&d));
        else
            DLX__TRY(emit(&d, 1, NULL));
    }
    return DLX_OK;
}

dlx_result dlx__regex_quote(dlx__buf *out, const char *text, size_t n, dlx_error *err)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        bool plain = c >= 0x80 || c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                     (c >= 'A' && c <= 'Z');
        bool ok = plain ? dlx__buf_byte(out, text[i]) : dlx__buf_format(out, "\\x{%02X}", c);
        if (!ok)
            return dlx__fail_memory(err, "reading the pre-tokenizer's pattern", n);
    }
    return DLX_OK;
}
