/* fail.c - failures as sentences. Knows nothing of what failed. */
#include "base/fail.h"

#include "base/printable.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *dlx_result_text(dlx_result r)
{
    switch (r) {
#define RESULT_TEXT(name, value, text)                                                             \
    case DLX_##name:                                                                               \
        return text;
        DLX_RESULTS(RESULT_TEXT)
#undef RESULT_TEXT
    }
    return "unknown result";
}

/* A sentence that was cut must not end inside a code point: drops the torn tail. */
static void drop_torn_tail(char *text)
{
    size_t n = strlen(text);
    size_t i = n;
    while (i > 0 && n - i < 3 && ((unsigned char)text[i - 1] & 0xC0u) == 0x80u)
        i--;
    if (i > 0 && (unsigned char)text[i - 1] >= 0xC0u)
        text[i - 1] = '\0';
}

dlx_result dlx__fail(dlx_error *err, dlx_result code, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        int n = vsnprintf(err->text, sizeof err->text, format, args);
        va_end(args);
        if (n < 0)
            err->text[0] = '\0';
        if (n >= (int)sizeof err->text)
            drop_torn_tail(err->text);
        dlx__make_printable(err->text); /* what files say goes into sentences */
        err->code = code;
    }
    return code;
}

dlx_result dlx__fail_memory(dlx_error *err, const char *what, size_t n_bytes)
{
    if (n_bytes == SIZE_MAX)
        return dlx__fail(err, DLX_E_NOMEM,
                         "out of memory while %s (more than this machine can address)", what);
    return dlx__fail(err, DLX_E_NOMEM, "out of memory while %s (%zu bytes)", what, n_bytes);
}

void dlx__fail_prefix(dlx_error *err, const char *where)
{
    if (!err)
        return;
    char text[sizeof err->text];
    int n = snprintf(text, sizeof text, "%s: %s", where, err->text);
    if (n >= (int)sizeof text)
        drop_torn_tail(text);
    dlx__make_printable(text);
    memcpy(err->text, text, sizeof text);
}
