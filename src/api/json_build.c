/* json_build.c - JSON that is built step by step, none of whose steps may be lost without a word.
 */
#include "api/json_build.h"

#include "base/buf.h"
#include "base/fail.h"
#include "base/printable.h"
#include "base/utf8.h"

#include <math.h>
#include <string.h>

void dlx__api_append(json_t **list, json_t *value)
{
    if (json_array_append_new(*list, value) != 0) {
        json_decref(*list);
        *list = NULL;
    }
}

bool dlx__api_set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}

bool dlx__api_merge(json_t *object, json_t *more)
{
    bool ok = more && json_object_update(object, more) == 0;
    json_decref(more);
    return ok;
}

json_t *dlx__api_child(json_t *object, const char *key)
{
    json_t *found = json_object_get(object, key);
    if (!found && dlx__api_set(object, key, json_object()))
        found = json_object_get(object, key);
    return found;
}

bool dlx__api_count(json_t *object, const char *key, json_int_t n)
{
    const json_t *old = json_object_get(object, key);
    return dlx__api_set(object, key, json_integer(json_integer_value(old) + n));
}

json_t *dlx__api_real(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

/* JSON's own escapes do for control characters of one byte. */
static bool stays(const char *text, size_t n, bool is_shown, size_t *length)
{
    bool is;
    uint32_t cp;
    if (is_shown && (unsigned char)*text >= 0x20 && *text != 0x7F) {
        *length = dlx__printable_next(text, n, &is);
        return is;
    }
    *length = dlx__utf8_decode(text, n, &cp);
    is = *length > 0;
    *length += !is;
    return is;
}

static json_t *text_of(const char *text, bool is_shown)
{
    const size_t n = strlen(text);
    dlx__buf buf;
    dlx__buf_init(&buf, NULL);
    bool ok = true;
    for (size_t at = 0, length; at < n && ok; at += length)
        ok = stays(text + at, n - at, is_shown, &length) ? dlx__buf_append(&buf, text + at, length)
                                                         : dlx__buf_append(&buf, "\xEF\xBF\xBD", 3);
    json_t *json = ok ? json_stringn(buf.data ? buf.data : "", buf.len) : NULL;
    dlx__buf_release(&buf);
    return json;
}

json_t *dlx__api_text(const char *text)
{
    return text_of(text, false);
}

json_t *dlx__api_shown(const char *text)
{
    return text_of(text, true);
}

/* What is written, and whether all of it is there: jansson does not listen to every failure. */
typedef struct json_text {
    dlx__buf buf;
    bool failed;
} json_text;

static int add_text(const char *bytes, size_t n, void *user)
{
    json_text *text = user;
    text->failed = !dlx__buf_append(&text->buf, bytes, n) || text->failed;
    return text->failed ? -1 : 0;
}

dlx_result dlx__api_json_text(json_t *json, const dlx_allocator *mem, char **out, dlx_error *err)
{
    json_text text = {.failed = false};
    dlx__buf_init(&text.buf, mem);
    bool ok = json && json_dump_callback(json, add_text, &text, JSON_COMPACT) == 0 && !text.failed;
    json_decref(json);
    *out = NULL;
    if (!ok) {
        dlx__buf_release(&text.buf);
        return dlx__fail(err, DLX_E_NOMEM, "out of memory while writing JSON");
    }
    *out = text.buf.data; /* terminated, as every buffer is */
    return DLX_OK;
}
