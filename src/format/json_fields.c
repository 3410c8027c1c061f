/* json_fields.c - settings in JSON. */
#include "format/json_fields.h"

#include "base/fail.h"
#include "base/utf8.h"

#include <stdio.h>
#include <string.h>

enum { LIST_BYTES = 400 };

/* "a, b, c", cut where there is no room: for a sentence. */
static void list_names(char out[LIST_BYTES], const char *const *names)
{
    size_t n = 0;
    out[0] = '\0';
    for (; *names && n < LIST_BYTES; names++)
        n += (size_t)snprintf(out + n, LIST_BYTES - n, "%s%s", n ? ", " : "", *names);
}

static bool is_known(const char *key, const char *const *known)
{
    for (; *known; known++)
        if (strcmp(*known, key) == 0)
            return true;
    return false;
}

dlx_result dlx__json_only(json_t *object, const char *path, const char *const *known,
                          dlx_error *err)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        char all[LIST_BYTES];
        if (is_known(key, known))
            continue;
        list_names(all, known);
        return dlx__fail(err, DLX_E_ARG, "%s: expected fields out of %s, found \"%.60s\"", path,
                         all, key);
    }
    return DLX_OK;
}

dlx_result dlx__json_need(dlx__json_obj o, const char *const *fields, const char *advice,
                          dlx_error *err)
{
    for (; *fields; fields++)
        if (!dlx__json_has(o, *fields))
            return dlx__fail(err, DLX_E_FORMAT, "%s: expected \"%s\", found no such field; %s",
                             o.path, *fields, advice);
    return DLX_OK;
}

bool dlx__json_is_empty(dlx__json_obj o, const char *key)
{
    const json_t *value = json_object_get(o.json, key);
    return !value || json_is_null(value) || (json_is_object(value) && json_object_size(value) == 0);
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool equal_in_any_case(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b)) {
        a++;
        b++;
    }
    return *a == *b;
}

dlx_result dlx__json_choice_opt(dlx__json_obj o, const char *key, const char *const *names,
                                size_t *out, dlx_error *err)
{
    const char *text;
    char all[LIST_BYTES];
    if (!dlx__json_has(o, key))
        return DLX_OK;
    DLX__TRY(dlx__json_text(o, key, &text, err));
    for (size_t i = 0; names[i]; i++)
        if (equal_in_any_case(names[i], text)) {
            *out = i;
            return DLX_OK;
        }
    list_names(all, names);
    return dlx__fail(err, DLX_E_ARG, "%s: expected \"%s\" to be one of %s, found \"%.60s\"", o.path,
                     key, all, text);
}

static bool put_byte(dlx__buf *out, unsigned char c)
{
    if (c == '"' || c == '\\')
        return dlx__buf_byte(out, '\\') && dlx__buf_byte(out, (char)c);
    return c < 0x20 ? dlx__buf_format(out, "\\u%04x", (unsigned)c) : dlx__buf_byte(out, (char)c);
}

bool dlx__json_put_text(dlx__buf *out, const char *text)
{
    const char *end = text + strlen(text);
    bool ok = dlx__buf_byte(out, '"');
    while (text < end && ok) {
        const size_t good = dlx__utf8_valid_prefix(text, (size_t)(end - text));
        for (size_t i = 0; i < good && ok; i++)
            ok = put_byte(out, (unsigned char)text[i]);
        text += good;
        if (text < end) { /* one byte that is no character */
            ok = ok && dlx__buf_text(out, "\xEF\xBF\xBD");
            text++;
        }
    }
    return ok && dlx__buf_byte(out, '"');
}
