/* detok.c - ids to text that is always whole UTF-8. */
#include "text/detok.h"

#include "base/fail.h"
#include "base/utf8.h"

#include <string.h>

static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */

void dlx__detok_init(dlx__detok *d, const dlx__tokenizer *t, unsigned flags)
{
    *d = (dlx__detok){.tokenizer = t, .flags = flags};
}

/* How many bytes a sequence with this first byte has, and the range of its second byte. */
static size_t sequence_of(uint8_t lead, uint8_t *low, uint8_t *high)
{
    *low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    *high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
    if (lead >= 0xC2 && lead <= 0xDF)
        return 2;
    if (lead >= 0xE0 && lead <= 0xEF)
        return 3;
    return lead >= 0xF0 && lead <= 0xF4 ? 4 : 1;
}

/*
 * The length of the maximal ill-formed part at the start of text: the bytes that could have begun
 * a code point. *open when the text ends before it is decided.
 */
static size_t ill_formed(const char *text, size_t n, bool *open)
{
    uint8_t low = 0;
    uint8_t high = 0;
    size_t whole = sequence_of((uint8_t)text[0], &low, &high);
    size_t len = 1;
    while (len < whole && len < n && (uint8_t)text[len] >= low && (uint8_t)text[len] <= high) {
        low = 0x80;
        high = 0xBF;
        len++;
    }
    *open = len == n && len < whole;
    return len;
}

/* Appends text[0, n) with U+FFFD for ill-formed parts; returns how many bytes are still undecided,
 * or SIZE_MAX when there is no memory. */
static size_t append_text(dlx__buf *out, const char *text, size_t n)
{
    while (n > 0) {
        size_t valid = dlx__utf8_valid_prefix(text, n);
        if (!dlx__buf_append(out, text, valid))
            return SIZE_MAX;
        text += valid;
        n -= valid;
        if (n == 0)
            break;
        bool open = false;
        size_t len = ill_formed(text, n, &open);
        if (open)
            return n;
        if (!dlx__buf_text(out, replacement))
            return SIZE_MAX;
        text += len;
        n -= len;
    }
    return 0;
}

/* Takes what was appended back. */
static dlx_result undo(dlx__buf *out, size_t len, dlx_error *err)
{
    size_t wanted = out->len;
    out->len = len;
    if (out->data)
        out->data[len] = '\0';
    return dlx__fail_memory(err, "decoding", wanted);
}

dlx_result dlx__detok_push(dlx__detok *d, dlx_token id, dlx__buf *out, dlx_error *err)
{
    dlx__buf bytes;
    dlx__buf_init(&bytes, out->mem);
    size_t before = out->len;
    size_t left = SIZE_MAX;
    dlx_result r = DLX_OK;
    if (!dlx__buf_append(&bytes, d->held, d->n_held))
        DLX__GO(dlx__fail_memory(err, "decoding", d->n_held));
    DLX__GO(dlx__tokenizer_decode(d->tokenizer, &id, 1, d->flags, &bytes, err));
    left = append_text(out, bytes.data, bytes.len);
    if (left == SIZE_MAX)
        DLX__GO(undo(out, before, err));
    d->n_held = left;
    memcpy(d->held, bytes.data + bytes.len - left, left);
done:
    dlx__buf_release(&bytes);
    return r;
}

dlx_result dlx__detok_finish(dlx__detok *d, dlx__buf *out, dlx_error *err)
{
    if (d->n_held > 0 && !dlx__buf_text(out, replacement))
        return dlx__fail_memory(err, "decoding", sizeof replacement);
    d->n_held = 0;
    return DLX_OK;
}

dlx_result dlx__detok_all(const dlx__tokenizer *t, const dlx_token *ids, size_t n, unsigned flags,
                          dlx__buf *out, dlx_error *err)
{
    dlx__buf bytes;
    dlx__buf_init(&bytes, out->mem);
    size_t before = out->len;
    dlx_result r = DLX_OK;
    DLX__GO(dlx__tokenizer_decode(t, ids, n, flags, &bytes, err));
    size_t left = append_text(out, bytes.data, bytes.len);
    if (left == SIZE_MAX || (left > 0 && !dlx__buf_text(out, replacement)))
        DLX__GO(undo(out, before, err));
done:
    dlx__buf_release(&bytes);
    return r;
}
