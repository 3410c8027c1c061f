/*
 * npy.c - NumPy arrays. The header is a Python dictionary literal with three known keys; it is read
 * by looking for exactly what NumPy writes, in any order, and refusing the rest.
 */
#include "format/npy.h"

#include "base/fail.h"
#include "base/little.h"
#include "base/mem.h"
#include "base/os.h"

#include <string.h>

enum { MAGIC_BYTES = 8, MAX_DIMS = 8 };

static const uint8_t magic[6] = {0x93, 'N', 'U', 'M', 'P', 'Y'};

typedef struct scan {
    const char *at;
    const char *end;
    char descr[8];
    bool fortran;
    bool seen[3]; /* descr, fortran_order, shape */
} scan;

static void skip_blanks(scan *h)
{
    while (h->at < h->end && (*h->at == ' ' || *h->at == '\n' || *h->at == '\t'))
        h->at++;
}

/* Takes one expected character, blanks before it allowed. */
static bool take(scan *h, char c)
{
    skip_blanks(h);
    if (h->at == h->end || *h->at != c)
        return false;
    h->at++;
    return true;
}

static bool take_word(scan *h, const char *word)
{
    skip_blanks(h);
    size_t n = strlen(word);
    if ((size_t)(h->end - h->at) < n || memcmp(h->at, word, n) != 0)
        return false;
    h->at += n;
    return true;
}

/* A quoted text of at most room - 1 characters. */
static bool take_quoted(scan *h, char *out, size_t room)
{
    skip_blanks(h);
    if (h->at == h->end || (*h->at != '\'' && *h->at != '"'))
        return false;
    char quote = *h->at++;
    size_t n = 0;
    while (h->at < h->end && *h->at != quote && n + 1 < room)
        out[n++] = *h->at++;
    out[n] = '\0';
    return take(h, quote);
}

static bool take_size(scan *h, size_t *out)
{
    skip_blanks(h);
    if (h->at == h->end || *h->at < '0' || *h->at > '9')
        return false;
    size_t n = 0;
    while (h->at < h->end && *h->at >= '0' && *h->at <= '9')
        n = dlx__add(dlx__mul(n, 10), (size_t)(*h->at++ - '0'));
    *out = n;
    return true;
}

/* "()", "(3,)", "(3, 4)" */
static bool take_shape(scan *h, dlx__npy *a)
{
    if (!take(h, '('))
        return false;
    while (!take(h, ')')) {
        if (a->n_dims == MAX_DIMS || !take_size(h, &a->shape[a->n_dims]))
            return false;
        a->n_dims++;
        if (!take(h, ',') && !(a->n_dims > 1 && h->at < h->end && *h->at == ')'))
            return false;
    }
    return true;
}

static bool take_entry(scan *h, dlx__npy *a)
{
    char key[16];
    if (!take_quoted(h, key, sizeof key) || !take(h, ':'))
        return false;
    static const char *const keys[] = {"descr", "fortran_order", "shape"};
    size_t which = 0;
    while (which < DLX__LEN(keys) && strcmp(keys[which], key) != 0)
        which++;
    if (which == DLX__LEN(keys) || h->seen[which])
        return false;
    h->seen[which] = true;
    if (which == 0)
        return take_quoted(h, h->descr, sizeof h->descr);
    if (which == 2)
        return take_shape(h, a);
    h->fortran = take_word(h, "True");
    return h->fortran || take_word(h, "False");
}

static bool read_dictionary(scan *h, dlx__npy *a)
{
    if (!take(h, '{'))
        return false;
    while (!take(h, '}')) {
        if (!take_entry(h, a))
            return false;
        if (!take(h, ',') && !(h->at < h->end && *h->at == '}'))
            return false;
    }
    skip_blanks(h);
    return h->at == h->end && h->seen[0] && h->seen[1] && h->seen[2];
}

static bool known_type(dlx__npy *a, const char *descr)
{
    static const char *const known[] = {"<f4", "<f8", "<i4", "<i8"};
    for (size_t i = 0; i < DLX__LEN(known); i++) {
        if (strcmp(known[i], descr) == 0) {
            a->kind = descr[1];
            a->item_bytes = descr[2] - '0';
            return true;
        }
    }
    return false;
}

/* Where the dictionary begins and how long it is. */
static dlx_result find_header(const uint8_t *bytes, size_t n, size_t *begin, size_t *len,
                              const char *path, dlx_error *err)
{
    if (n < MAGIC_BYTES + 2 || memcmp(bytes, magic, sizeof magic) != 0)
        return dlx__fail(
            err, DLX_E_FORMAT,
            "%s: expected a NumPy file, found something else; write it with numpy.save", path);
    int version = bytes[6];
    if (version != 1 && version != 2)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: expected NumPy format 1 or 2, found %d; write it with numpy.save",
                         path, version);
    *begin = MAGIC_BYTES + (version == 1 ? 2 : 4);
    if (*begin <= n)
        *len = version == 1 ? dlx__le16(bytes + MAGIC_BYTES) : dlx__le32(bytes + MAGIC_BYTES);
    if (*begin > n || *len > n - *begin)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected a longer header, found the end of the file at byte %zu; "
                         "write it again",
                         path, n);
    return DLX_OK;
}

static dlx_result read_header(dlx__npy *a, const char *text, size_t len, const char *path,
                              dlx_error *err)
{
    scan h = {.at = text, .end = text + len};
    if (!read_dictionary(&h, a))
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected a header of descr, fortran_order and shape (at most %d "
                         "dimensions), found an error %zu bytes into it; write it with numpy.save",
                         path, MAX_DIMS, (size_t)(h.at - text));
    if (!known_type(a, h.descr))
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: expected numbers of type <f4, <f8, <i4 or <i8, found \"%s\"; convert "
                         "it with astype",
                         path, h.descr);
    if (h.fortran && a->n_dims > 1)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: expected C order, found Fortran order; save numpy.ascontiguousarray "
                         "of it",
                         path);
    return DLX_OK;
}

dlx_result dlx__npy_parse(dlx__npy *a, const uint8_t *bytes, size_t n, const char *path,
                          const dlx_allocator *mem, dlx_error *err)
{
    *a = (dlx__npy){.mem = mem};
    size_t begin = 0, len = 0;
    DLX__TRY(find_header(bytes, n, &begin, &len, path, err));
    DLX__TRY(read_header(a, (const char *)bytes + begin, len, path, err));
    a->n_elems = 1;
    for (int i = 0; i < a->n_dims; i++)
        a->n_elems = dlx__mul(a->n_elems, a->shape[i]);
    size_t n_bytes = dlx__mul(a->n_elems, (size_t)a->item_bytes);
    size_t n_found = n - begin - len;
    if (n_bytes != n_found)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected %zu bytes of numbers for its shape, found %zu; write it "
                         "again",
                         path, n_bytes, n_found);
    a->data = dlx__alloc(mem, n_bytes);
    if (!a->data)
        return dlx__fail_memory(err, "reading a NumPy file", n_bytes);
    memcpy(a->data, bytes + begin + len, n_bytes);
    return DLX_OK;
}

dlx_result dlx__npy_read(dlx__npy *a, const char *path, const dlx_allocator *mem, dlx_error *err)
{
    *a = (dlx__npy){.mem = mem};
    dlx__map map;
    DLX__TRY(dlx__os_map(&map, path, err));
    dlx_result r = dlx__npy_parse(a, map.data, map.len, path, mem, err);
    dlx__os_unmap(&map);
    return r;
}

void dlx__npy_release(dlx__npy *a)
{
    dlx__free(a->mem, a->data);
    *a = (dlx__npy){.mem = a->mem};
}
