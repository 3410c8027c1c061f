/* text_out.c - ids to text that is never taken back. */
#include "runtime/text_out.h"

#include <string.h>

#include "base/fail.h"

enum { RELEASE_BYTES = 4096, REPLACEMENT_BYTES = 3 };

static size_t longest_stop(const dlx__text_out *t)
{
    size_t longest = 0;
    for (size_t i = 0; i < t->n_stops; i++)
        longest = dlx__max(longest, strlen(t->stops[i]));
    return longest;
}

dlx_result dlx__text_out_open(dlx__text_out *t, size_t n_ids, size_t longest_token,
                              dlx__arena *arena, dlx_error *err)
{
    dlx__buf_init(&t->held, arena->mem);
    if (!t->tokenizer)
        return DLX_OK;
    dlx__detok_init(&t->detok, t->tokenizer, DLX__DECODE_SKIP_SPECIAL);
    t->limit = dlx__add(RELEASE_BYTES, longest_stop(t));
    /* One more id, each of its bytes replaced, on top of what is held at most. */
    size_t n = dlx__add(t->limit, dlx__mul(REPLACEMENT_BYTES, dlx__add(longest_token, 8)));
    t->ends = dlx__arena_alloc(arena, n_ids, sizeof *t->ends);
    if (!t->ends || !dlx__buf_reserve(&t->held, n))
        return dlx__fail_memory(err, "making room for text", n);
    return DLX_OK;
}

void dlx__text_out_release_memory(dlx__text_out *t)
{
    dlx__buf_release(&t->held);
}

/* Where the first of the stop texts begins in what is held; SIZE_MAX: nowhere. */
static size_t find_stop(const dlx__text_out *t)
{
    size_t first = SIZE_MAX;
    for (size_t i = 0; i < t->n_stops && t->held.len > 0; i++) {
        size_t n = strlen(t->stops[i]);
        for (size_t at = 0; n > 0 && at + n <= t->held.len && at < first; at++)
            if (memcmp(t->held.data + at, t->stops[i], n) == 0)
                first = at;
    }
    return first;
}

/* How many bytes at the end of what is held may be the beginning of a stop text. */
static size_t undecided(const dlx__text_out *t)
{
    size_t most = 0;
    for (size_t i = 0; i < t->n_stops; i++) {
        size_t n = strlen(t->stops[i]);
        for (size_t k = dlx__min(n ? n - 1 : 0, t->held.len); k > most; k--)
            if (memcmp(t->held.data + t->held.len - k, t->stops[i], k) == 0)
                most = k;
    }
    return most;
}

static void cut_at_stop(dlx__text_out *t)
{
    size_t at = find_stop(t);
    if (at == SIZE_MAX)
        return;
    size_t end = t->n_text - t->held.len + at;
    t->stopped = true;
    while (t->n_ids_before_stop < t->n_ids && t->ends[t->n_ids_before_stop] <= end)
        t->n_ids_before_stop++;
    t->held.len = at;
    t->held.data[at] = '\0';
}

dlx_result dlx__text_out_push(dlx__text_out *t, dlx_token id, dlx_error *err)
{
    if (!t->tokenizer || t->stopped)
        return DLX_OK;
    if (dlx__tokenizer_text(t->tokenizer, id).data) {
        size_t before = t->held.len;
        DLX__TRY(dlx__detok_push(&t->detok, id, &t->held, err));
        t->n_text += t->held.len - before;
    }
    t->ends[t->n_ids++] = t->n_text;
    cut_at_stop(t);
    return t->held.len > t->limit ? dlx__text_out_flush(t, false, err) : DLX_OK;
}

dlx_result dlx__text_out_flush(dlx__text_out *t, bool last, dlx_error *err)
{
    if (!t->tokenizer)
        return DLX_OK;
    if (last && !t->stopped) {
        size_t before = t->held.len;
        DLX__TRY(dlx__detok_finish(&t->detok, &t->held, err));
        t->n_text += t->held.len - before;
        cut_at_stop(t);
    }
    size_t keep = last || t->stopped ? 0 : undecided(t);
    size_t n = t->held.len - keep;
    if (n == 0)
        return DLX_OK;
    /* The event's text is terminated: lend the byte behind it. */
    char borrowed = t->held.data[n];
    t->held.data[n] = '\0';
    bool more = !t->release || t->release(t->user, t->held.data, n);
    t->held.data[n] = borrowed;
    memmove(t->held.data, t->held.data + n, keep);
    t->held.len = keep;
    t->held.data[keep] = '\0';
    return more ? DLX_OK : dlx__fail(err, DLX_CANCELLED, "stopped by the caller");
}
