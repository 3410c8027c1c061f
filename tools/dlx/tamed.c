/* tamed.c - value by value. */
#include "tamed.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A copy; NULL: no memory. */
static char *tamed_text(const char *text)
{
    const size_t n = strlen(text);
    char *copy = malloc(n + 1);
    if (!copy)
        return NULL;
    memcpy(copy, text, n + 1);
    for (unsigned char *c = (unsigned char *)copy; *c; c++) {
        const bool c1 = c[0] == 0xC2 && c[1] >= 0x80 && c[1] < 0xA0; /* U+0080 to U+009F */
        if (*c < 0x20 || *c == 0x7F || c1)
            *c = '?';
        if (c1)
            *++c = '?';
    }
    return copy;
}

static json_t *tamed_object(const json_t *value)
{
    const char *key;
    json_t *item, *out = json_object();
    json_object_foreach((json_t *)(size_t)value, key, item)
    {
        char *name = tamed_text(key);
        if (!name || json_object_set_new(out, name, tamed(item)) != 0) {
            free(name);
            json_decref(out);
            return NULL;
        }
        free(name);
    }
    return out;
}

static json_t *tamed_array(const json_t *value)
{
    size_t i;
    json_t *item, *out = json_array();
    json_array_foreach(value, i, item) if (json_array_append_new(out, tamed(item)) != 0)
    {
        json_decref(out);
        return NULL;
    }
    return out;
}

json_t *tamed(const json_t *value)
{
    if (json_is_object(value))
        return tamed_object(value);
    if (json_is_array(value))
        return tamed_array(value);
    if (!json_is_string(value))
        return json_deep_copy(value);
    char *text = tamed_text(json_string_value(value));
    json_t *out = text ? json_string(text) : NULL;
    free(text);
    return out;
}
