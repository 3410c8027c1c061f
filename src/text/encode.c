/*
 * encode.c - text to ids: added tokens out of the raw text, normalise the rest, added tokens out
 * of that, cut the rest into pieces, merge each piece.
 */
#include "base/fail.h"
#include "base/utf8.h"
#include "text/nfc.h"
#include "text/tokenizer_impl.h"

enum { LONGEST_TEXT = 1 << 30 };

typedef struct encoder {
    const dlx__tokenizer *t;
    bool special;
    dlx__bpe_work work;
    dlx__buf normal; /* one stretch of normalised text */
    dlx__matcher *matcher;
    dlx__ids *ids;
} encoder;

static dlx_result merge_piece(void *user, const char *piece, size_t n, dlx_error *err)
{
    encoder *e = user;
    return dlx__bpe_encode(&e->t->bpe, &e->t->vocab, &e->work, piece, n, e->ids, err);
}

static dlx_result push_added(encoder *e, dlx_token id, dlx_error *err)
{
    return dlx__ids_push(e->ids, id) ? DLX_OK : dlx__fail_memory(err, "tokenizing", e->ids->n);
}

/* Normalised text: its own added tokens, and BPE for what lies between them. */
static dlx_result encode_normal(encoder *e, const char *text, size_t n, dlx_error *err)
{
    for (size_t at = 0; at < n;) {
        dlx__added_match m = dlx__added_next(&e->t->added, true, e->special, text, n, at);
        DLX__TRY(dlx__pretok_run(&e->t->pretok, e->matcher, text + at, m.start - at, merge_piece, e,
                                 err));
        if (m.id >= 0)
            DLX__TRY(push_added(e, m.id, err));
        at = m.end;
    }
    return DLX_OK;
}

static dlx_result encode_between(encoder *e, const char *text, size_t n, dlx_error *err)
{
    if (!e->t->nfc || dlx__nfc_is_plain(text, n))
        return encode_normal(e, text, n, err);
    dlx__buf_reset(&e->normal);
    DLX__TRY(dlx__nfc_append(&e->normal, text, n, err));
    return encode_normal(e, e->normal.data, e->normal.len, err);
}

static dlx_result encode_raw(encoder *e, const char *text, size_t n, dlx_error *err)
{
    for (size_t at = 0; at < n;) {
        dlx__added_match m = dlx__added_next(&e->t->added, false, e->special, text, n, at);
        if (m.start > at)
            DLX__TRY(encode_between(e, text + at, m.start - at, err));
        if (m.id >= 0)
            DLX__TRY(push_added(e, m.id, err));
        at = m.end;
    }
    return DLX_OK;
}

dlx_result dlx__tokenizer_encode(const dlx__tokenizer *t, const char *text, size_t n,
                                 unsigned flags, dlx__ids *ids, dlx_error *err)
{
    if (n > LONGEST_TEXT)
        return dlx__fail(err, DLX_E_ARG,
                         "the text has %zu bytes, at most %d can be tokenized at once; cut it into "
                         "parts",
                         n, (int)LONGEST_TEXT);
    size_t valid = dlx__utf8_valid_prefix(text, n);
    if (valid < n)
        return dlx__fail(err, DLX_E_ARG,
                         "the text is not UTF-8 at byte %zu (0x%02X); convert it to UTF-8 first",
                         valid, (unsigned)(uint8_t)text[valid]);
    encoder e = {.t = t, .special = flags & DLX__ENCODE_SPECIAL, .ids = ids};
    size_t n_before = ids->n;
    dlx__bpe_work_init(&e.work, t->mem);
    dlx__buf_init(&e.normal, t->mem);
    dlx_result r = dlx__matcher_open(&e.matcher, n, t->mem, err);
    if (r == DLX_OK)
        r = encode_raw(&e, text, n, err);
    if (r != DLX_OK)
        ids->n = n_before;
    dlx__matcher_free(e.matcher);
    dlx__buf_release(&e.normal);
    dlx__bpe_work_release(&e.work);
    return r;
}
