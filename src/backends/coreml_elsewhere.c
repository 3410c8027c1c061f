/* coreml_elsewhere.c - the sentence of systems that have no Core ML. */
#include "backends/coreml.h"

#include "base/fail.h"

dlx_result dlx__coreml_probe(dlx_error *err)
{
    return dlx__fail(
        err, DLX_E_UNSUPPORTED,
        "writes Core ML packages, and runs none here: only macOS and iOS have Core ML; "
        "take the package there");
}

dlx_result dlx__coreml_load(dlx__backend **out, const dlx__model *m, const dlx__backend_opts *o,
                            dlx_error *err)
{
    (void)m;
    (void)o;
    *out = NULL;
    return dlx__coreml_probe(err);
}

dlx_result dlx__coreml_step(dlx__backend *b, const dlx__step *in, dlx_error *err)
{
    (void)b;
    (void)in;
    return dlx__coreml_probe(err);
}

dlx_result dlx__coreml_head(dlx__backend *b, const dlx__head *in, dlx_error *err)
{
    (void)b;
    (void)in;
    return dlx__coreml_probe(err);
}

void dlx__coreml_close(dlx__backend *b)
{
    (void)b;
}
