/* jinja_print.c - values as text, byte for byte as Python writes them. */
#include "text/jinja_print.h"

#include "text/jinja_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

static dlx_result append(dlx__jinja_run *run, dlx__buf *out, const char *text)
{
    return dlx__jr_append(run, out, text, strlen(text));
}

/* The shortest digits (first one before the point) that read back as the same number, and the
 * power of ten of the first. */
static int shortest_digits(double f, char digits[32], int *power)
{
    char text[40];
    int n = 0;
    for (int precision = 0; precision < 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, f);
        if (strtod(text, NULL) == f)
            break;
    }
    char *e = strchr(text, 'e');
    *power = e ? atoi(e + 1) : 0;
    for (const char *c = text; c != e && *c; c++)
        if (*c >= '0' &&
            *c <= '9') /* leaves out the sign and the point, whatever the locale's is */
            digits[n++] = *c;
    while (n > 1 && digits[n - 1] == '0')
        n--;
    return n;
}

/* repr() of a finite float: 0.5, 1.0, 1e+16, 1.5e-07. */
static void format_float(double f, char out[64])
{
    char digits[32];
    int power = 0;
    int n = shortest_digits(f, digits, &power);
    char *at = out;
    if (signbit(f))
        *at++ = '-';
    if (power < -4 || power >= 16) {
        *at++ = digits[0];
        if (n > 1)
            *at++ = '.';
        for (int i = 1; i < n; i++)
            *at++ = digits[i];
        snprintf(at, 16, "e%c%02d", power < 0 ? '-' : '+', abs(power));
        return;
    }
    if (power < 0)
        *at++ = '0';
    for (int i = 0; i <= power; i++)
        *at++ = i < n ? digits[i] : '0';
    *at++ = '.';
    for (int i = -1; i > power; i--)
        *at++ = '0';
    for (int i = power < 0 ? 0 : power + 1; i < n; i++)
        *at++ = digits[i];
    if (at[-1] == '.')
        *at++ = '0';
    *at = '\0';
}

static dlx_result append_float(dlx__jinja_run *run, dlx__buf *out, double f, bool json)
{
    char text[64];
    if (isnan(f))
        return append(run, out, json ? "NaN" : "nan");
    if (isinf(f)) {
        DLX__TRY(append(run, out, f < 0 ? "-" : ""));
        return append(run, out, json ? "Infinity" : "inf");
    }
    format_float(f, text);
    return append(run, out, text);
}

static dlx_result append_int(dlx__jinja_run *run, dlx__buf *out, int64_t i)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, i);
    return append(run, out, text);
}

/* As str.isprintable() sees it. */
static bool is_printable(uint32_t cp)
{
    if (cp < 0x7F)
        return cp >= 0x20;
    switch (utf8proc_category((utf8proc_int32_t)cp)) {
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
        return false;
    default:
        return true;
    }
}

/* One code point inside a repr() of a string. */
static void repr_char(uint32_t cp, char quote, char out[16])
{
    if (cp == (uint32_t)(unsigned char)quote || cp == '\\')
        snprintf(out, 16, "\\%c", (char)cp);
    else if (cp == '\n' || cp == '\r' || cp == '\t')
        snprintf(out, 16, "\\%c", cp == '\n' ? 'n' : cp == '\r' ? 'r' : 't');
    else if (cp < 0x100)
        snprintf(out, 16, "\\x%02x", (unsigned)cp);
    else if (cp < 0x10000)
        snprintf(out, 16, "\\u%04x", (unsigned)cp);
    else
        snprintf(out, 16, "\\U%08x", (unsigned)cp);
}

static dlx_result repr_string(dlx__jinja_run *run, dlx__buf *out, dlx__jv_text s)
{
    bool single = s.len > 0 && memchr(s.data, '\'', s.len);
    bool twice = s.len > 0 && memchr(s.data, '"', s.len);
    char quote = single && !twice ? '"' : '\'';
    DLX__TRY(dlx__jr_append(run, out, &quote, 1));
    while (s.len > 0) {
        uint32_t cp = 0;
        size_t len = dlx__text_step(s, &cp);
        char escaped[16];
        if (is_printable(cp) && cp != (uint32_t)(unsigned char)quote && cp != '\\') {
            DLX__TRY(dlx__jr_append(run, out, s.data, len));
        } else {
            repr_char(cp, quote, escaped);
            DLX__TRY(append(run, out, escaped));
        }
        s.data += len;
        s.len -= len;
    }
    return dlx__jr_append(run, out, &quote, 1);
}

static dlx_result repr(dlx__jinja_run *run, dlx__buf *out, const dlx__jv *v);

static dlx_result repr_list(dlx__jinja_run *run, dlx__buf *out, const dlx__jv_list *list)
{
    DLX__TRY(append(run, out, list->tuple ? "(" : "["));
    for (size_t i = 0; i < list->n; i++) {
        DLX__TRY(append(run, out, i ? ", " : ""));
        DLX__TRY(repr(run, out, &list->items[i]));
    }
    if (!list->tuple)
        return append(run, out, "]");
    return append(run, out, list->n == 1 ? ",)" : ")");
}

static dlx_result repr_dict(dlx__jinja_run *run, dlx__buf *out, const dlx__jv_dict *dict)
{
    DLX__TRY(append(run, out, "{"));
    for (size_t i = 0; i < dict->n; i++) {
        DLX__TRY(append(run, out, i ? ", " : ""));
        DLX__TRY(repr(run, out, &dict->keys[i]));
        DLX__TRY(append(run, out, ": "));
        DLX__TRY(repr(run, out, &dict->values[i]));
    }
    return append(run, out, "}");
}

static dlx_result refuse(dlx__jinja_run *run, const char *what, const dlx__jv *v)
{
    return dlx__jr_fail(run, DLX_E_UNSUPPORTED, "%s of a value of kind %s is not supported", what,
                        dlx__jv_kind_name(v));
}

static dlx_result repr_inner(dlx__jinja_run *run, dlx__buf *out, const dlx__jv *v)
{
    switch (v->kind) {
    case DLX__JV_UNDEFINED:
        return append(run, out, "Undefined");
    case DLX__JV_NONE:
        return append(run, out, "None");
    case DLX__JV_BOOL:
        return append(run, out, v->u.b ? "True" : "False");
    case DLX__JV_INT:
        return append_int(run, out, v->u.i);
    case DLX__JV_FLOAT:
        return append_float(run, out, v->u.f, false);
    case DLX__JV_STRING:
        return repr_string(run, out, v->u.s);
    case DLX__JV_LIST:
        return repr_list(run, out, v->u.list);
    case DLX__JV_DICT:
        return repr_dict(run, out, v->u.dict);
    default:
        return refuse(run, "printing", v);
    }
}

static dlx_result repr(dlx__jinja_run *run, dlx__buf *out, const dlx__jv *v)
{
    DLX__TRY(dlx__jr_spend(run, 1));
    DLX__TRY(dlx__jr_enter(run));
    dlx_result r = repr_inner(run, out, v);
    dlx__jr_leave(run);
    return r;
}

dlx_result dlx__jp_str(dlx__jinja_run *run, dlx__buf *out, const dlx__jv *v)
{
    if (v->kind == DLX__JV_STRING)
        return dlx__jr_append(run, out, v->u.s.data, v->u.s.len);
    return v->kind == DLX__JV_UNDEFINED ? DLX_OK : repr(run, out, v);
}

dlx_result dlx__jp_as_string(dlx__jinja_run *run, const dlx__jv *v, dlx__jv *out)
{
    if (v->kind == DLX__JV_STRING) {
        *out = *v;
        return DLX_OK;
    }
    dlx__buf text;
    dlx__buf_init(&text, run->arena.mem);
    dlx_result r = dlx__jp_str(run, &text, v);
    if (r == DLX_OK)
        r = dlx__jr_copy(run, text.data, text.len, out);
    dlx__buf_release(&text);
    return r;
}

static dlx_result json_string_text(dlx__jinja_run *run, dlx__buf *out, dlx__jv_text s)
{
    DLX__TRY(append(run, out, "\""));
    size_t done = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.data[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        static const char letters[] = "\"\\\n\r\t\b\f";
        static const char named[] = "\"\\nrtbf";
        const char *known = c ? strchr(letters, c) : NULL;
        char escaped[8];
        if (known)
            snprintf(escaped, sizeof escaped, "\\%c", named[known - letters]);
        else
            snprintf(escaped, sizeof escaped, "\\u%04x", c);
        DLX__TRY(dlx__jr_append(run, out, s.data + done, i - done));
        DLX__TRY(append(run, out, escaped));
        done = i + 1;
    }
    DLX__TRY(dlx__jr_append(run, out, s.data + done, s.len - done));
    return append(run, out, "\"");
}

typedef struct json_style {
    int indent; /* spaces a level, < 0 for one line */
    int level;
} json_style;

static dlx_result json_value(dlx__jinja_run *run, dlx__buf *out, const dlx__jv *v,
                             json_style style);

/* What stands before element i, and before the closing bracket (`last`). */
static dlx_result json_gap(dlx__jinja_run *run, dlx__buf *out, size_t i, bool last,
                           json_style style)
{
    if (i > 0 && !last)
        DLX__TRY(append(run, out, style.indent < 0 ? ", " : ","));
    if (style.indent < 0)
        return DLX_OK;
    DLX__TRY(append(run, out, "\n"));
    for (int k = 0; k < style.indent * style.level; k++)
        DLX__TRY(append(run, out, " "));
    return DLX_OK;
}

/* A key of an object: text, or a number, bool or none as json.dumps writes them. */
static dlx_result json_key(dlx__jinja_run *run, dlx__buf *out, const dlx__jv *key, json_style style)
{
    if (key->kind == DLX__JV_STRING)
        return json_string_text(run, out, key->u.s);
    if (key->kind != DLX__JV_NONE && !dlx__jv_is_number(key))
        return refuse(run, "tojson with a key", key);
    DLX__TRY(append(run, out, "\""));
    DLX__TRY(json_value(run, out, key, style));
    return append(run, out, "\"");
}

static dlx_result json_container(dlx__jinja_run *run, dlx__buf *out, const dlx__jv *v,
                                 json_style style)
{
    bool dict = v->kind == DLX__JV_DICT;
    size_t n = dict ? v->u.dict->n : v->u.list->n;
    if (n == 0)
        return append(run, out, dict ? "{}" : "[]");
    json_style inner = {style.indent, style.level + 1};
    DLX__TRY(append(run, out, dict ? "{" : "["));
    for (size_t i = 0; i < n; i++) {
        DLX__TRY(json_gap(run, out, i, false, inner));
        if (dict) {
            DLX__TRY(json_key(run, out, &v->u.dict->keys[i], inner));
            DLX__TRY(append(run, out, ": "));
        }
        DLX__TRY(json_value(run, out, dict ? &v->u.dict->values[i] : &v->u.list->items[i], inner));
    }
    DLX__TRY(json_gap(run, out, n, true, style));
    return append(run, out, dict ? "}" : "]");
}

static dlx_result json_inner(dlx__jinja_run *run, dlx__buf *out, const dlx__jv *v, json_style style)
{
    switch (v->kind) {
    case DLX__JV_NONE:
        return append(run, out, "null");
    case DLX__JV_BOOL:
        return append(run, out, v->u.b ? "true" : "false");
    case DLX__JV_INT:
        return append_int(run, out, v->u.i);
    case DLX__JV_FLOAT:
        return append_float(run, out, v->u.f, true);
    case DLX__JV_STRING:
        return json_string_text(run, out, v->u.s);
    case DLX__JV_LIST:
    case DLX__JV_DICT:
        return json_container(run, out, v, style);
    default:
        return refuse(run, "tojson", v);
    }
}

static dlx_result json_value(dlx__jinja_run *run, dlx__buf *out, const dlx__jv *v, json_style style)
{
    DLX__TRY(dlx__jr_spend(run, 1));
    DLX__TRY(dlx__jr_enter(run));
    dlx_result r = json_inner(run, out, v, style);
    dlx__jr_leave(run);
    return r;
}

dlx_result dlx__jp_json(dlx__jinja_run *run, dlx__buf *out, const dlx__jv *v, int indent)
{
    return json_value(run, out, v, (json_style){.indent = indent});
}
