/*
 * nfc.c - normalisation form C. utf8proc knows the decompositions and compositions; the ordering
 * of combining marks is done here, because utf8proc's takes quadratic time.
 *
 * The text is cut before every code point under U+0300: such a code point never joins what stands
 * before it, so each part can be normalised alone.
 */
#include "text/nfc.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/utf8.h"

#include <string.h>
#include <utf8proc.h>

enum {
    FIRST_COMBINING = 0x300,
    LONGEST_DECOMPOSITION = 4, /* code points that one becomes, canonically */
    FEW_MARKS = 16             /* up to here insertion sort is the faster one */
};

typedef struct part {
    const dlx_allocator *mem;
    utf8proc_int32_t *cps;  /* [capacity] decomposed */
    utf8proc_int32_t *temp; /* [capacity] for sorting */
    size_t n;
    size_t capacity;
} part;

bool dlx__nfc_is_plain(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] >= 0xCC) /* the first byte of U+0300 and of all above */
            return false;
    return true;
}

static unsigned combining_class(utf8proc_int32_t cp)
{
    return (unsigned)utf8proc_get_property(cp)->combining_class;
}

static bool part_reserve(part *p, size_t extra)
{
    size_t need = dlx__add(p->n, extra);
    if (need <= p->capacity)
        return true;
    size_t capacity = dlx__max(256, dlx__max(need, dlx__mul(p->capacity, 2)));
    size_t n_bytes = dlx__mul(capacity, sizeof *p->cps);
    utf8proc_int32_t *cps = dlx__realloc(p->mem, p->cps, n_bytes);
    if (!cps)
        return false;
    p->cps = cps;
    utf8proc_int32_t *temp = dlx__realloc(p->mem, p->temp, n_bytes);
    if (!temp)
        return false;
    p->temp = temp;
    p->capacity = capacity;
    return true;
}

/* Decomposes the well-formed text[0, n) into the part. */
static bool decompose(part *p, const char *text, size_t n)
{
    p->n = 0;
    for (size_t i = 0; i < n;) {
        uint32_t cp = 0;
        size_t len = dlx__utf8_decode(text + i, n - i, &cp);
        if (!part_reserve(p, LONGEST_DECOMPOSITION))
            return false;
        int boundary = 0;
        utf8proc_ssize_t n_cps =
            utf8proc_decompose_char((utf8proc_int32_t)cp, p->cps + p->n, LONGEST_DECOMPOSITION,
                                    UTF8PROC_STABLE | UTF8PROC_DECOMPOSE, &boundary);
        if (n_cps < 1 || n_cps > LONGEST_DECOMPOSITION) { /* a code point of no table */
            p->cps[p->n] = (utf8proc_int32_t)cp;
            n_cps = 1;
        }
        p->n += (size_t)n_cps;
        i += len ? len : 1;
    }
    return true;
}

/* Orders n marks by their class, keeping equals in place. */
static void sort_marks(utf8proc_int32_t *marks, utf8proc_int32_t *temp, size_t n)
{
    if (n <= FEW_MARKS) {
        for (size_t i = 1; i < n; i++) {
            utf8proc_int32_t mark = marks[i];
            size_t j = i;
            for (; j > 0 && combining_class(marks[j - 1]) > combining_class(mark); j--)
                marks[j] = marks[j - 1];
            marks[j] = mark;
        }
        return;
    }
    size_t starts[256 + 1] = {0};
    for (size_t i = 0; i < n; i++)
        starts[(combining_class(marks[i]) & 0xFF) + 1]++;
    for (size_t c = 0; c < 256; c++)
        starts[c + 1] += starts[c];
    for (size_t i = 0; i < n; i++)
        temp[starts[combining_class(marks[i]) & 0xFF]++] = marks[i];
    memcpy(marks, temp, n * sizeof *marks);
}

static void sort_all_marks(part *p)
{
    for (size_t i = 0; i < p->n;) {
        size_t end = i;
        while (end < p->n && combining_class(p->cps[end]) != 0)
            end++;
        if (end - i > 1)
            sort_marks(p->cps + i, p->temp, end - i);
        i = dlx__max(end, i + 1);
    }
}

static bool append_part(part *p, dlx__buf *out, const char *text, size_t n)
{
    if (!decompose(p, text, n))
        return false;
    sort_all_marks(p);
    utf8proc_ssize_t n_cps = utf8proc_normalize_utf32(p->cps, (utf8proc_ssize_t)p->n,
                                                      UTF8PROC_STABLE | UTF8PROC_COMPOSE);
    for (utf8proc_ssize_t i = 0; i < n_cps; i++) {
        char bytes[4];
        size_t len = dlx__utf8_encode(bytes, (uint32_t)p->cps[i]);
        if (!dlx__buf_append(out, bytes, len))
            return false;
    }
    return true;
}

/* End of the run of code points under U+0300 that starts at `i`, and of its last one's start. */
static size_t plain_run(const char *text, size_t n, size_t i, size_t *last)
{
    *last = i;
    while (i < n) {
        unsigned char lead = (unsigned char)text[i];
        if (lead >= 0xCC)
            break;
        *last = i;
        i += lead < 0x80 ? 1 : 2;
    }
    return dlx__min(i, n);
}

dlx_result dlx__nfc_append(dlx__buf *out, const char *text, size_t n, dlx_error *err)
{
    part p = {.mem = out->mem};
    bool ok = true;
    for (size_t i = 0; ok && i < n;) {
        size_t last = i;
        size_t end = plain_run(text, n, i, &last);
        size_t safe = end == n ? n : last; /* its last one may take what follows */
        ok = dlx__buf_append(out, text + i, safe - i);
        i = safe;
        end = dlx__max(end, safe);
        while (end < n && (unsigned char)text[end] >= 0x80 &&
               ((unsigned char)text[end] >= 0xCC || ((unsigned char)text[end] & 0xC0) == 0x80))
            end++;
        if (ok && end > i)
            ok = append_part(&p, out, text + i, end - i);
        i = end;
    }
    size_t n_bytes = p.capacity * sizeof *p.cps;
    dlx__free(out->mem, p.cps);
    dlx__free(out->mem, p.temp);
    return ok ? DLX_OK : dlx__fail_memory(err, "normalising text", dlx__max(n_bytes, n));
}
