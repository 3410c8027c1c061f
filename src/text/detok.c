/* detok.c - ids to text that is always whole UTF-8. */
#include "text/detok.h"

#include "base/fail.h"
#include "base/utf8.h"

#include <string.h>

static const char replacement[] = "\xEF\xBF\xBD"; /* U+FFFD */
enum { REPLACEMENT_BYTES = sizeof replacement - 1 };

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

/*
 * Appends text[0, n) with U+FFFD for ill-formed parts and returns how many bytes at its end are
 * still undecided. Room must have been made for REPLACEMENT_BYTES a byte.
 */
static size_t append_text(dlx__buf *out, const char *text, size_t n)
{
    while (n > 0) {
        size_t valid = dlx__utf8_valid_prefix(text, n);
        (void)dlx__buf_append(out, text, valid);
        text += valid;
        n -= valid;
        if (n == 0)
            break;
        bool open = false;
        size_t len = ill_formed(text, n, &open);
        if (open)
            return n;
        (void)dlx__buf_text(out, replacement);
        text += len;
        n -= len;
    }
    return 0;
}

/* Goes on with the code point that is held, byte by byte, until it is decided or text ends. Returns
 * how many bytes it took: the one that breaks a code point is not part of it. */
static size_t complete_held(dlx__detok *d, dlx__buf *out, const char *text, size_t n)
{
    size_t taken = 0;
    while (d->n_held > 0 && taken < n) {
        bool open = false;
        d->held[d->n_held] = text[taken];
        if (dlx__utf8_valid_prefix(d->held, d->n_held + 1) == d->n_held + 1) {
            (void)dlx__buf_append(out, d->held, d->n_held + 1);
            d->n_held = 0;
        } else if (ill_formed(d->held, d->n_held + 1, &open) <= d->n_held) {
            (void)dlx__buf_text(out, replacement);
            d->n_held = 0;
            return taken;
        } else {
            d->n_held++;
        }
        taken++;
    }
    return taken;
}

dlx_result dlx__detok_push(dlx__detok *d, dlx_token id, dlx__buf *out, dlx_error *err)
{
    dlx__token_span token = dlx__tokenizer_bytes(d->tokenizer, id);
    if (!token.data)
        return dlx__fail(err, DLX_E_ARG,
                         "the id %d is no token of this tokenizer, whose ids are below %zu",
                         (int)id, dlx__tokenizer_n_ids(d->tokenizer));
    if ((d->flags & DLX__DECODE_SKIP_SPECIAL) && dlx__tokenizer_is_special(d->tokenizer, id))
        return DLX_OK;
    size_t n = dlx__add(token.len, d->n_held);
    if (!dlx__buf_reserve(out, dlx__mul(n, REPLACEMENT_BYTES)))
        return dlx__fail_memory(err, "decoding", n);
    size_t taken = complete_held(d, out, token.data, token.len);
    if (taken == token.len)
        return DLX_OK;
    d->n_held = append_text(out, token.data + taken, token.len - taken);
    memcpy(d->held, token.data + token.len - d->n_held, d->n_held);
    return DLX_OK;
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
    dlx_result r = DLX_OK;
    DLX__GO(dlx__tokenizer_decode(t, ids, n, flags, &bytes, err));
    size_t valid = dlx__utf8_valid_prefix(bytes.data, bytes.len);
    size_t room = dlx__add(valid, dlx__mul(bytes.len - valid, REPLACEMENT_BYTES));
    if (!dlx__buf_reserve(out, room))
        DLX__GO(dlx__fail_memory(err, "decoding", room));
    if (append_text(out, bytes.data, bytes.len) > 0)
        (void)dlx__buf_text(out, replacement); /* in place of at least one byte */
done:
    dlx__buf_release(&bytes);
    return r;
}
