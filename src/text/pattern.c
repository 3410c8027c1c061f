/*
 * pattern.c - PCRE2 behind two calls. Compiled with UTF and Unicode properties, and with MULTILINE
 * because the reference's $ matches before every newline. The just-in-time code is used where it
 * can be had; where its small stack is not enough, the interpreter takes over under a heap limit.
 */
#include "text/pattern.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"
#include "text/regex_dialect.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
    MATCH_LIMIT = 4 << 20, /* steps from one starting position */
    DEPTH_LIMIT = 100000,  /* nested backtracking points */
    HEAP_LIMIT_KIB = 64 << 10,
    STARTS_PER_CALL = 256 /* positions tried before the clock is looked at */
};

/* Far above what honest patterns need on slow machines: reached only by quadratic ones. */
static const double SECONDS = 20.0;
static const double SECONDS_PER_BYTE = 20e-6;

typedef struct memory {
    const dlx_allocator *mem;
} memory;

struct dlx__pattern {
    memory memory; /* PCRE2 keeps its address */
    pcre2_code *code;
    char *source; /* [n_source], before translation */
    size_t n_source;
    bool literal;
};

struct dlx__matcher {
    memory memory;
    pcre2_general_context *general;
    pcre2_match_context *limits;
    pcre2_match_data *data;
    double deadline;
};

static void *take(PCRE2_SIZE n_bytes, void *user)
{
    return dlx__alloc(((memory *)user)->mem, n_bytes);
}

static void give(void *p, void *user)
{
    dlx__free(((memory *)user)->mem, p);
}

static dlx_result no_memory(dlx_error *err)
{
    return dlx__fail_memory(err, "preparing the pre-tokenizer's pattern", sizeof(dlx__pattern));
}

static dlx_result bad_pattern(int code, size_t offset, const dlx__buf *pcre, dlx_error *err)
{
    if (code == PCRE2_ERROR_HEAP_FAILED || code == PCRE2_ERROR_NOMEMORY)
        return no_memory(err);
    PCRE2_UCHAR text[128];
    if (pcre2_get_error_message(code, text, sizeof text) < 0)
        text[0] = '\0';
    return dlx__fail(err, DLX_E_FORMAT,
                     "the pre-tokenizer's pattern does not compile: %s at byte %zu of '%.*s'",
                     (const char *)text, offset, (int)dlx__min(pcre->len, 100), pcre->data);
}

static dlx_result compile(dlx__pattern *p, const dlx__buf *pcre, dlx_error *err)
{
    pcre2_general_context *general = pcre2_general_context_create(take, give, &p->memory);
    if (!general)
        return no_memory(err);
    pcre2_compile_context *context = pcre2_compile_context_create(general);
    int code = PCRE2_ERROR_NOMEMORY;
    PCRE2_SIZE offset = 0;
    if (context) {
        const char *text = pcre->data ? pcre->data : "";
        p->code = pcre2_compile((PCRE2_SPTR)text, pcre->len,
                                PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_USE_OFFSET_LIMIT |
                                    PCRE2_NEVER_BACKSLASH_C,
                                &code, &offset, context);
        pcre2_compile_context_free(context);
    }
    pcre2_general_context_free(general);
    if (!p->code)
        return bad_pattern(code, offset, pcre, err);
    (void)pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE); /* without it the interpreter runs */
    return DLX_OK;
}

static dlx_result open_translated(dlx__pattern **out, const dlx__buf *pcre, dlx__pattern *p,
                                  dlx_error *err)
{
    dlx_result r = p->source ? compile(p, pcre, err) : no_memory(err);
    if (r != DLX_OK) {
        dlx__pattern_free(p);
        return r;
    }
    *out = p;
    return DLX_OK;
}

static dlx_result open_pattern(dlx__pattern **out, const char *text, size_t n, bool literal,
                               const dlx_allocator *mem, dlx_error *err)
{
    dlx__buf pcre;
    dlx__buf_init(&pcre, mem);
    dlx_result r =
        literal ? dlx__regex_quote(&pcre, text, n, err) : dlx__regex_translate(&pcre, text, n, err);
    if (r == DLX_OK) {
        dlx__pattern *p = dlx__alloc_zero(mem, 1, sizeof *p);
        if (p)
            *p = (dlx__pattern){.memory = {mem},
                                .source = dlx__strndup(mem, text, n),
                                .n_source = n,
                                .literal = literal};
        r = p ? open_translated(out, &pcre, p, err) : no_memory(err);
    }
    dlx__buf_release(&pcre);
    return r;
}

dlx_result dlx__pattern_open(dlx__pattern **out, const char *regex, size_t n,
                             const dlx_allocator *mem, dlx_error *err)
{
    return open_pattern(out, regex, n, false, mem, err);
}

dlx_result dlx__pattern_open_literal(dlx__pattern **out, const char *text, size_t n,
                                     const dlx_allocator *mem, dlx_error *err)
{
    return open_pattern(out, text, n, true, mem, err);
}

void dlx__pattern_free(dlx__pattern *p)
{
    if (!p)
        return;
    pcre2_code_free(p->code);
    dlx__free(p->memory.mem, p->source);
    dlx__free(p->memory.mem, p);
}

const char *dlx__pattern_source(const dlx__pattern *p, size_t *n, bool *literal)
{
    *n = p->n_source;
    *literal = p->literal;
    return p->source;
}

dlx_result dlx__matcher_open(dlx__matcher **out, size_t n_bytes, const dlx_allocator *mem,
                             dlx_error *err)
{
    dlx__matcher *m = dlx__alloc_zero(mem, 1, sizeof *m);
    if (!m)
        return no_memory(err);
    m->memory.mem = mem;
    m->general = pcre2_general_context_create(take, give, &m->memory);
    m->limits = m->general ? pcre2_match_context_create(m->general) : NULL;
    m->data = m->limits ? pcre2_match_data_create(1, m->general) : NULL;
    if (!m->data) {
        dlx__matcher_free(m);
        return no_memory(err);
    }
    pcre2_set_match_limit(m->limits, MATCH_LIMIT);
    pcre2_set_depth_limit(m->limits, DEPTH_LIMIT);
    pcre2_set_heap_limit(m->limits, HEAP_LIMIT_KIB);
    m->deadline = dlx__os_seconds() + SECONDS + SECONDS_PER_BYTE * (double)n_bytes;
    *out = m;
    return DLX_OK;
}

void dlx__matcher_free(dlx__matcher *m)
{
    if (!m)
        return;
    pcre2_match_data_free(m->data);
    pcre2_match_context_free(m->limits);
    pcre2_general_context_free(m->general);
    dlx__free(m->memory.mem, m);
}

static dlx_result match_failed(int code, dlx_error *err)
{
    switch (code) {
    case PCRE2_ERROR_NOMEMORY:
        return dlx__fail_memory(err, "matching the pre-tokenizer's pattern", sizeof(dlx__matcher));
    case PCRE2_ERROR_MATCHLIMIT:
    case PCRE2_ERROR_DEPTHLIMIT:
    case PCRE2_ERROR_HEAPLIMIT:
    case PCRE2_ERROR_JIT_STACKLIMIT:
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "the pre-tokenizer's pattern hit a limit on its work for this text (PCRE2 "
                         "error %d); the tokenizer file may be hostile, or cut the text into parts",
                         code);
    default:
        return dlx__fail(err, DLX_E_FORMAT,
                         "the pre-tokenizer's pattern failed on this text (PCRE2 "
                         "error %d)",
                         code);
    }
}

/* Tries the starting positions [from, limit]. */
static int match_window(const dlx__pattern *p, dlx__matcher *m, const char *text, size_t n,
                        size_t from, size_t limit)
{
    pcre2_set_offset_limit(m->limits, limit);
    int code =
        pcre2_match(p->code, (PCRE2_SPTR)text, n, from, PCRE2_NO_UTF_CHECK, m->data, m->limits);
    if (code == PCRE2_ERROR_JIT_STACKLIMIT)
        code = pcre2_match(p->code, (PCRE2_SPTR)text, n, from, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                           m->data, m->limits);
    return code;
}

dlx_result dlx__pattern_next(const dlx__pattern *p, dlx__matcher *m, const char *text, size_t n,
                             size_t from, size_t *start, size_t *end, dlx_error *err)
{
    *start = *end = n;
    while (from <= n) {
        size_t limit = dlx__min(n, dlx__add(from, STARTS_PER_CALL));
        int code = match_window(p, m, text, n, from, limit);
        if (code >= 0) {
            const PCRE2_SIZE *found = pcre2_get_ovector_pointer(m->data);
            *start = found[0];
            *end = found[1];
            break;
        }
        if (code != PCRE2_ERROR_NOMATCH)
            return match_failed(code, err);
        if (limit == n)
            break;
        if (dlx__os_seconds() > m->deadline)
            return match_failed(PCRE2_ERROR_MATCHLIMIT, err);
        from = limit; /* which may lie inside a code point, whose start was tried */
        while (from < n && ((unsigned char)text[from] & 0xC0u) == 0x80u)
            from++;
    }
    return DLX_OK;
}
