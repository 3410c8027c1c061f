/* coreml_elsewhere.c - the sentence of systems that have no Core ML. */
#include "backends/coreml/coreml_runtime.h"

#include "base/fail.h"

dlx_result dlx__coreml_runtime_find(const dlx__coreml_runtime **out, dlx_error *err)
{
    *out = NULL;
    return dlx__fail(
        err, DLX_E_UNSUPPORTED,
        "writes Core ML packages, and runs none here: only macOS and iOS have Core ML; "
        "take the package there");
}
