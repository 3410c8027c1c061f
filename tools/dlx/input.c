/* input.c - text that people give. */
#include "input.h"

#include "sys.h"

#include <errno.h>
#include <string.h>

static bool read_stream(FILE *file, bytes *out)
{
    char chunk[16384];
    size_t n;
    errno = 0;
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0)
        bytes_add(out, chunk, n);
    return !ferror(file);
}

bool input_is_utf8(const char *where, const char *text, size_t n)
{
    size_t bad = utf8_first_bad(text, n);
    if (bad == n)
        return true;
    say("%s is not valid UTF-8: byte 0x%02X at offset %zu; convert it first", where,
        (unsigned char)text[bad], bad);
    return false;
}

static int unreadable(const char *name, int why)
{
    const char *advice = why == EISDIR   ? "; name a file in it"
                         : why == EACCES ? "; choose one that you may read"
                                         : "; check the name";
    return say_failed("%s cannot be read: %s%s", name, why ? strerror(why) : "read error", advice);
}

int input_file(const char *path, bool need_utf8, bytes *out)
{
    bool standard = strcmp(path, "-") == 0;
    shown name = show_path(standard ? "standard input" : path);
    errno = 0;
    if (sys_kind_of(path) == SYS_FOLDER && !standard)
        return unreadable(name.text, EISDIR);
    FILE *file = standard ? stdin : fopen(path, "rb");
    if (!file)
        return unreadable(name.text, errno);
    bool ok = read_stream(file, out);
    int why = errno;
    if (!standard)
        fclose(file);
    if (!ok)
        return unreadable(name.text, why);
    if (need_utf8 && !input_is_utf8(name.text, bytes_string(out), out->n))
        return EXIT_FAILED;
    return EXIT_OK;
}

int input_text(const char *verb, const char *name, const char *argument, bytes *out)
{
    if (argument && strcmp(argument, "-") != 0) {
        if (!*argument)
            return say_misuse(verb, "%s is empty: expected at least one character", name);
        bytes_text(out, argument);
        return input_is_utf8(name, out->data, out->n) ? EXIT_OK : EXIT_FAILED;
    }
    if (!argument && sys_is_terminal(stdin))
        return say_misuse(verb, "%s is missing: give it as an argument, or pipe it in", name);
    int code = input_file("-", true, out);
    if (code != EXIT_OK)
        return code;
    /* The newline that every line of a pipe ends with is not part of what was meant. */
    if (out->n && out->data[out->n - 1] == '\n')
        out->data[--out->n] = 0;
    if (out->n && out->data[out->n - 1] == '\r')
        out->data[--out->n] = 0;
    if (out->n == 0)
        return say_misuse(verb, "%s is empty: standard input held no text", name);
    const char *nul = memchr(out->data, 0, out->n);
    if (nul)
        return say_failed("%s holds a NUL byte at offset %zu, which is no text: remove it", name,
                          (size_t)(nul - out->data));
    return EXIT_OK;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool input_hex(const char *text, size_t n, bytes *out)
{
    for (size_t i = 0; i < n; i++) {
        if (text[i] == ' ' || text[i] == '\t' || text[i] == '\r')
            continue;
        int high = hex_digit(text[i]);
        int low = i + 1 < n ? hex_digit(text[i + 1]) : -1;
        if (high < 0 || low < 0)
            return false;
        char byte = (char)(high << 4 | low);
        bytes_add(out, &byte, 1);
        i++;
    }
    return true;
}
