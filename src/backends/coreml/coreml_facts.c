/* coreml_facts.c - what a package says of itself, held against the model that it is run with. */
#include "backends/coreml/coreml.h"

#include "base/fail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FORMAT = 1 };

static bool told(dlx__backend *b, const char *key, char *to, size_t n)
{
    return b->runtime->fact(b->package, key, to, n);
}

static dlx_result read_text(dlx__backend *b, const char *key, char *to, size_t n, dlx_error *err)
{
    if (told(b, key, to, n))
        return DLX_OK;
    return dlx__fail(err, DLX_E_FORMAT,
                     "%s: expected a package that dlx export wrote, which says %s, found another "
                     "one",
                     b->opts.path, key);
}

static dlx_result read_int(dlx__backend *b, const char *key, int64_t least, int64_t most,
                           int64_t *out, dlx_error *err)
{
    char text[DLX__COREML_NAME], *end;
    DLX__TRY(read_text(b, key, text, sizeof text, err));
    errno = 0;
    const long long x = strtoll(text, &end, 10);
    if (errno == 0 && end != text && *end == '\0' && x >= least && x <= most) {
        *out = x;
        return DLX_OK;
    }
    return dlx__fail(err, DLX_E_MISMATCH,
                     "%s: expected %s from %lld to %lld, found \"%s\"; export it again",
                     b->opts.path, key, (long long)least, (long long)most, text);
}

static dlx_result read_cache(dlx__backend *b, dlx_error *err)
{
    static const dlx__export_cache known[] = {DLX__EXPORT_NO_CACHE, DLX__EXPORT_IO,
                                              DLX__EXPORT_STATE};
    char text[DLX__COREML_NAME];
    DLX__TRY(read_text(b, "dlx.cache", text, sizeof text, err));
    for (size_t i = 0; i < DLX__LEN(known); i++)
        if (strcmp(text, dlx__export_cache_name(known[i])) == 0) {
            b->facts.cache = known[i];
            return DLX_OK;
        }
    return dlx__fail(err, DLX_E_MISMATCH,
                     "%s: expected dlx.cache none, io or state, found \"%s\"; export it again",
                     b->opts.path, text);
}

static dlx_result check_facts(const dlx__backend *b, dlx_error *err)
{
    const dlx__coreml_facts *f = &b->facts;
    if (strcmp(f->family, b->fixed.model->family->name) != 0)
        return dlx__fail(err, DLX_E_MISMATCH,
                         "%s: expected a package of %s, as its model is, found one of %s; export "
                         "it again",
                         b->opts.path, b->fixed.model->family->name, f->family);
    if (b->opts.n_ctx > f->n_ctx)
        return dlx__fail(err, DLX_E_ARG,
                         "%s: expected a context of at most %zu positions, for which the package "
                         "was exported, found %zu: give a smaller one, or export it again",
                         b->opts.path, f->n_ctx, b->opts.n_ctx);
    return DLX_OK;
}

dlx_result dlx__coreml_facts_read(dlx__backend *b, dlx_error *err)
{
    dlx__coreml_facts *f = &b->facts;
    const int64_t n_vocab = (int64_t)b->fixed.model->graph.n_vocab;
    int64_t x = 0;
    char never[DLX__COREML_NAME];
    DLX__TRY(read_text(b, "dlx.functions", f->functions, sizeof f->functions, err));
    DLX__TRY(read_int(b, "dlx.format", FORMAT, FORMAT, &x, err));
    DLX__TRY(read_text(b, "dlx.family", f->family, sizeof f->family, err));
    DLX__TRY(read_cache(b, err));
    DLX__TRY(read_int(b, "dlx.n_ctx", 1, INT32_MAX, &x, err));
    f->n_ctx = (size_t)x;
    DLX__TRY(read_int(b, "dlx.n_ids", 1, n_vocab, &x, err));
    f->n_ids = (size_t)x;
    f->never_id = -1;
    if (told(b, "dlx.never_id", never, sizeof never))
        DLX__TRY(read_int(b, "dlx.never_id", 0, n_vocab - 1, &f->never_id, err));
    if (!told(b, "dlx.compute_unit", f->unit, sizeof f->unit))
        f->unit[0] = '\0';
    return check_facts(b, err);
}
