/* json_file.c - jansson behind sentences. Knows JSON and nothing of what a file means. */
#include "format/json_file.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"

#include <math.h>
#include <string.h>

/* The largest whole number up to which a double counts without gaps. */
#define EXACT 9007199254740992.0 /* 2^53 */

static bool is_whole(const json_t *value)
{
    double x = json_real_value(value); /* 0 for anything but a real */
    return json_is_real(value) && fabs(x) <= EXACT && x == floor(x);
}

static json_t *whole_of(const json_t *value)
{
    return json_integer((json_int_t)json_real_value(value));
}

/*
 * Turns the whole reals below `value` back into integers. Recursion is as deep as the text was
 * nested, which jansson limits. Returns false when there is no memory.
 */
static bool integers_again(json_t *value)
{
    const char *key;
    json_t *child;
    size_t i;
    void *next;
    json_object_foreach_safe(value, next, key, child)
    {
        if (is_whole(child) ? json_object_set_new(value, key, whole_of(child)) != 0
                            : !integers_again(child))
            return false;
    }
    json_array_foreach(value, i, child)
    {
        if (is_whole(child) ? json_array_set_new(value, i, whole_of(child)) != 0
                            : !integers_again(child))
            return false;
    }
    return true;
}

static const char DAMAGED[] = "the file may be incomplete, fetch it again";

static dlx_result fail_json(dlx_error *err, const char *name, const char *advice,
                            const json_error_t *e)
{
    /* jansson has a code for this, but where its lexer cannot even begin it says nothing at all. */
    if (json_error_code(e) == json_error_out_of_memory || !e->text[0])
        return dlx__fail(err, DLX_E_NOMEM, "%s: out of memory while reading JSON", name);
    if (json_error_code(e) == json_error_duplicate_key)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: line %d, column %d: expected every key once, found one again (%s); "
                         "take one of the two out",
                         name, e->line, e->column, e->text);
    return dlx__fail(err, DLX_E_FORMAT,
                     "%s: line %d, column %d: expected JSON, found an error (%s); %s", name,
                     e->line, e->column, e->text, advice);
}

/*
 * Python writes whole numbers of any length (a tokenizer's "model_max_length" has 31 digits), which
 * jansson refuses: then every number is read as a real and the whole ones are turned back.
 */
static dlx_result parse(json_t **out, const char *text, size_t n, size_t flags, const char *name,
                        const char *advice, dlx_error *err)
{
    *out = NULL;
    if (n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) { /* a byte order mark */
        text += 3;
        n -= 3;
    }
    json_error_t e;
    flags |= JSON_ALLOW_NUL;
    json_t *json = json_loadb(text, n, flags, &e);
    if (!json && json_error_code(&e) == json_error_numeric_overflow) {
        json = json_loadb(text, n, flags | JSON_DECODE_INT_AS_REAL, &e);
        if (json && !integers_again(json)) {
            json_decref(json);
            return dlx__fail(err, DLX_E_NOMEM, "%s: out of memory while reading JSON", name);
        }
    }
    if (!json)
        return fail_json(err, name, advice, &e);
    *out = json;
    return DLX_OK;
}

dlx_result dlx__json_parse(json_t **out, const char *text, size_t n, const char *name,
                           dlx_error *err)
{
    return parse(out, text, n, 0, name, DAMAGED, err);
}

dlx_result dlx__json_parse_unique(json_t **out, const char *text, size_t n, const char *name,
                                  dlx_error *err)
{
    return parse(out, text, n, JSON_REJECT_DUPLICATES, name, DAMAGED, err);
}

dlx_result dlx__json_parse_settings(json_t **out, const char *text, size_t n, const char *name,
                                    dlx_error *err)
{
    return parse(out, text, n, JSON_REJECT_DUPLICATES, name, "mend it there", err);
}

dlx_result dlx__json_load(json_t **out, const char *path, const dlx_allocator *mem, dlx_error *err)
{
    *out = NULL;
    char *text;
    size_t len;
    DLX__TRY(dlx__os_read_file(&text, &len, path, DLX__JSON_MAX_BYTES, mem, err));
    dlx_result r = dlx__json_parse(out, text, len, path, err);
    dlx__free(mem, text);
    return r;
}

static const json_t *field(dlx__json_obj o, const char *key)
{
    const json_t *value = json_object_get(o.json, key);
    return json_is_null(value) ? NULL : value;
}

bool dlx__json_has(dlx__json_obj o, const char *key)
{
    return field(o, key) != NULL;
}

static const char *kind_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a text";
    case JSON_INTEGER:
        return "a whole number";
    case JSON_REAL:
        return "a number with a fraction";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    default:
        return "null";
    }
}

static dlx_result fail_missing(dlx__json_obj o, const char *key, const char *expected,
                               dlx_error *err)
{
    return dlx__fail(err, DLX_E_FORMAT,
                     "%s: expected \"%s\" to be %s, found no such field; is it the file of a "
                     "supported model?",
                     o.path, key, expected);
}

static dlx_result fail_kind(dlx__json_obj o, const char *key, const char *expected,
                            const json_t *value, dlx_error *err)
{
    return dlx__fail(err, DLX_E_FORMAT, "%s: expected \"%s\" to be %s, found %s; mend the field",
                     o.path, key, expected, kind_of(value));
}

dlx_result dlx__json_size_opt(dlx__json_obj o, const char *key, size_t min, size_t max, size_t *out,
                              bool *found, dlx_error *err)
{
    const json_t *value = field(o, key);
    if (found)
        *found = value != NULL;
    if (!value)
        return DLX_OK;
    double x = json_number_value(value); /* 0 for anything but a number */
    if (!json_is_number(value) || x != floor(x))
        return fail_kind(o, key, "a whole number", value, err);
    /* An integer is compared as such: a double would round the largest ones. */
    bool inside = json_is_integer(value) ? json_integer_value(value) >= 0 : x >= 0 && x <= EXACT;
    uint64_t whole = 0;
    if (inside)
        whole = json_is_integer(value) ? (uint64_t)json_integer_value(value) : (uint64_t)x;
    if (!inside || whole < min || whole > max)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected \"%s\" to be from %zu to %zu, found %.17g; mend the field",
                         o.path, key, min, max, x);
    *out = (size_t)whole;
    return DLX_OK;
}

dlx_result dlx__json_number_opt(dlx__json_obj o, const char *key, double min, double max,
                                double *out, bool *found, dlx_error *err)
{
    const json_t *value = field(o, key);
    if (found)
        *found = value != NULL;
    if (!value)
        return DLX_OK;
    if (!json_is_number(value))
        return fail_kind(o, key, "a number", value, err);
    double x = json_number_value(value);
    if (!(x >= min && x <= max))
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected \"%s\" to be from %g to %g, found %.17g; mend the field",
                         o.path, key, min, max, x);
    *out = x;
    return DLX_OK;
}

dlx_result dlx__json_bool_opt(dlx__json_obj o, const char *key, bool *out, bool *found,
                              dlx_error *err)
{
    const json_t *value = field(o, key);
    if (found)
        *found = value != NULL;
    if (!value)
        return DLX_OK;
    if (!json_is_boolean(value))
        return fail_kind(o, key, "true or false", value, err);
    *out = json_is_true(value);
    return DLX_OK;
}

dlx_result dlx__json_size(dlx__json_obj o, const char *key, size_t min, size_t max, size_t *out,
                          dlx_error *err)
{
    if (!field(o, key))
        return fail_missing(o, key, "a whole number", err);
    return dlx__json_size_opt(o, key, min, max, out, NULL, err);
}

dlx_result dlx__json_number(dlx__json_obj o, const char *key, double min, double max, double *out,
                            dlx_error *err)
{
    if (!field(o, key))
        return fail_missing(o, key, "a number", err);
    return dlx__json_number_opt(o, key, min, max, out, NULL, err);
}

dlx_result dlx__json_bool(dlx__json_obj o, const char *key, bool *out, dlx_error *err)
{
    if (!field(o, key))
        return fail_missing(o, key, "true or false", err);
    return dlx__json_bool_opt(o, key, out, NULL, err);
}

dlx_result dlx__json_text(dlx__json_obj o, const char *key, const char **out, dlx_error *err)
{
    const json_t *value = field(o, key);
    if (!value)
        return fail_missing(o, key, "a text", err);
    if (!json_is_string(value))
        return fail_kind(o, key, "a text", value, err);
    const char *text = json_string_value(value);
    if (strlen(text) != json_string_length(value))
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected \"%s\" to be a text, found one with a zero byte in it; mend "
                         "the field",
                         o.path, key);
    *out = text;
    return DLX_OK;
}
