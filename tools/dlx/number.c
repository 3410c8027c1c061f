/* number.c - strict numbers and lists. */
#include "number.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Decimal digits at *p, at least one, no overflow; moves *p behind them. */
static bool digits(const char **p, uint64_t *out)
{
    const char *s = *p;
    uint64_t value = 0;
    if (*s < '0' || *s > '9')
        return false;
    for (; *s >= '0' && *s <= '9'; s++) {
        uint64_t digit = (uint64_t)(*s - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *p = s;
    *out = value;
    return true;
}

bool parse_count(const char *text, uint64_t lo, uint64_t hi, uint64_t *out, bytes *why)
{
    const char *p = text;
    uint64_t value;
    if (strspn(text, "0123456789") != strlen(text) || !*text) {
        bytes_printf(why, "\"%s\" is not a whole number", show(text).text);
        return false;
    }
    if (!digits(&p, &value) || value < lo || value > hi) {
        if (hi == UINT64_MAX)
            bytes_printf(why, "%s is too %s", show(text).text, lo ? "small or too large" : "large");
        else
            bytes_printf(why, "%s is not within %" PRIu64 " to %" PRIu64, show(text).text, lo, hi);
        return false;
    }
    *out = value;
    return true;
}

bool parse_real(const char *text, double lo, bool above, double hi, double *out, bytes *why)
{
    char *end;
    /* strtod also takes blanks, hexadecimal, "inf" and "nan": none of them is meant here. */
    bool plain = *text && strspn(text, "0123456789+-.eE") == strlen(text);
    double value = plain ? strtod(text, &end) : 0;
    if (!plain || *end || end == text || !isfinite(value)) {
        bytes_printf(why, "\"%s\" is not a number", show(text).text);
        return false;
    }
    if (value < lo || value > hi || (above && value == lo)) {
        const char *range =
            above ? "%s is not above %g and at most %g" : "%s is not within %g to %g";
        bytes_printf(why, range, show(text).text, lo, hi);
        return false;
    }
    *out = value;
    return true;
}

bool parse_size(const char *text, uint64_t *out, bytes *why)
{
    static const char units[] = "KMGT";
    char *end;
    bool plain = *text >= '0' && *text <= '9' && !strpbrk(text, "xXeE");
    double value = plain ? strtod(text, &end) : 0;
    double factor = 1;
    const char *unit = plain && *end ? strchr(units, *end & ~0x20) : NULL;
    if (unit) {
        for (const char *u = units; u <= unit; u++)
            factor *= 1024;
        end++;
        if (*end == 'i')
            end++;
        if (*end == 'B')
            end++;
    }
    if (!plain || *end || value * factor < 1 || value * factor > 1e18) {
        bytes_printf(why, "\"%s\" is not a size like 512M or 4G", show(text).text);
        return false;
    }
    *out = (uint64_t)(value * factor);
    return true;
}

static const char *skip_blanks(const char *p)
{
    return p + strspn(p, " \t\r\n");
}

static bool token_id(const char **p, dlx_token *out)
{
    uint64_t value;
    if (!digits(p, &value) || value > INT32_MAX)
        return false;
    *out = (dlx_token)value;
    return true;
}

/* Steps over the separator behind an item: 1 another item follows, 0 the end, -1 neither. */
static int separator(const char **p)
{
    const char *s = skip_blanks(*p);
    bool comma = *s == ',';
    *p = comma ? skip_blanks(s + 1) : s;
    return comma ? 1 : *s ? -1 : 0;
}

bool parse_ids(const char *text, id_list *out, bytes *why)
{
    const char *p = skip_blanks(text);
    size_t capacity = 0;
    *out = (id_list){0};
    if (strcmp(p, "none") == 0)
        return true;
    for (int more = 1; more;) {
        dlx_token id;
        if (!token_id(&p, &id) || (more = separator(&p)) < 0) {
            bytes_printf(why, "\"%s\" is not a list of token ids like 1,2,3", show(text).text);
            free(out->items);
            *out = (id_list){0};
            return false;
        }
        if (out->n == capacity) {
            capacity = capacity ? capacity * 2 : 64;
            out->items = mem_resize(out->items, capacity, sizeof *out->items);
        }
        out->items[out->n++] = id;
    }
    return true;
}

bool parse_ranges(const char *text, range_list *out, bytes *why)
{
    const char *p = skip_blanks(text);
    *out = (range_list){0};
    for (int more = 1; more;) {
        id_range range = {0};
        bool ok = token_id(&p, &range.first);
        range.last = range.first;
        if (ok && *p == '-') {
            p++;
            ok = token_id(&p, &range.last) && range.last >= range.first;
        }
        if (!ok || (more = separator(&p)) < 0) {
            bytes_printf(why, "\"%s\" is not a list of token ids and ranges like 3,10-19",
                         show(text).text);
            free(out->items);
            *out = (range_list){0};
            return false;
        }
        out->items = mem_resize(out->items, out->n + 1, sizeof *out->items);
        out->items[out->n++] = range;
    }
    return true;
}

bool parse_counts(const char *text, uint64_t lo, uint64_t hi, count_list *out, bytes *why)
{
    bytes item = {0};
    bool ok = true;
    *out = (count_list){0};
    for (const char *p = text; ok; p++) {
        uint64_t value = 0;
        size_t len = strcspn(p, ",");
        bytes_reset(&item);
        bytes_add(&item, p, len);
        ok = parse_count(bytes_string(&item), lo, hi, &value, why);
        out->items = mem_resize(out->items, out->n + 1, sizeof *out->items);
        out->items[out->n++] = (size_t)value;
        p += len;
        if (!*p)
            break;
    }
    bytes_release(&item);
    if (!ok) {
        free(out->items);
        *out = (count_list){0};
    }
    return ok;
}

bool parse_switch(const char *text, bool *out, bytes *why)
{
    static const char *const words[] = {"no", "yes", "off", "on", "false", "true", "0", "1"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(text, words[i]) == 0) {
            *out = i % 2;
            return true;
        }
    }
    bytes_printf(why, "\"%s\" is neither yes nor no", show(text).text);
    return false;
}
