/* out.c - results on stdout, checked. */
#include "out.h"

#include "bytes.h"
#include "sys.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failure; /* errno of the first write that failed; 0: none */

static void note_failure(void)
{
    if (!failure)
        failure = errno ? errno : EIO;
}

void out_bytes(const char *data, size_t n)
{
    if (!failure && n && fwrite(data, 1, n, stdout) != n)
        note_failure();
}

void out_text(const char *text)
{
    out_bytes(text, strlen(text));
}

void out_printf(const char *format, ...)
{
    va_list args;
    if (failure)
        return;
    va_start(args, format);
    if (vfprintf(stdout, format, args) < 0)
        note_failure();
    va_end(args);
}

void out_flush(void)
{
    if (!failure && fflush(stdout))
        note_failure();
}

bool out_ready(void)
{
    if (!failure && !sys_can_write(stdout))
        failure = EBADF;
    return !failure;
}

bool out_failed(void)
{
    if (!failure && sys_reader_gone(stdout))
        failure = EPIPE;
    return failure != 0;
}

/* Does it steer a terminal? Below U+0020 JSON escapes by itself. */
static bool steers(uint32_t c)
{
    return (c >= 0x7F && c < 0xA0) || (c >= 0x200E && c <= 0x200F) ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

/* JSON whose texts steer no terminal: the same texts to whoever reads them. */
static void out_escaped(const char *text, size_t n)
{
    size_t from = 0;
    for (size_t i = 0, at; i < n;) {
        at = i;
        const uint32_t c = utf8_next(text, n, &i);
        if (!steers(c))
            continue;
        out_bytes(text + from, at - from);
        out_printf("\\u%04x", (unsigned)c);
        from = i;
    }
    out_bytes(text + from, n - from);
}

void out_json(json_t *value)
{
    size_t flags = JSON_REAL_PRECISION(9);
    if (sys_is_terminal(stdout))
        flags |= JSON_INDENT(2);
    char *text = value ? json_dumps(value, flags) : NULL;
    json_decref(value);
    if (!text) {
        say("out of memory");
        exit(EXIT_FAILED);
    }
    out_escaped(text, strlen(text));
    out_text("\n");
    free(text);
}

json_t *json_text(const char *text, size_t n)
{
    if (utf8_first_bad(text, n) == n)
        return json_stringn(n ? text : "", n);
    bytes clean = {0};
    for (size_t i = 0; i < n;) {
        size_t good = utf8_first_bad(text + i, n - i);
        bytes_add(&clean, text + i, good);
        i += good;
        if (i < n) {
            bytes_text(&clean, "\xEF\xBF\xBD");
            i++;
        }
    }
    json_t *value = json_stringn(bytes_string(&clean), clean.n);
    bytes_release(&clean);
    return value;
}

int out_finish(int code)
{
    out_flush();
    if (!failure)
        return code;
    if (failure == EPIPE)
        return say_failed("cannot write the result: the reader of standard output has gone");
    if (failure == EBADF)
        return say_failed("cannot write the result: standard output is closed; open it, as with "
                          ">FILE");
    return say_failed("cannot write the result to standard output: %s%s", strerror(failure),
                      failure == ENOSPC ? "; make room, or write elsewhere" : "");
}
