/* et_runtime.c - finding the library that speaks to ExecuTorch. */
#include "backends/xnnpack/et_runtime.h"

#include "base/fail.h"

#if defined(_WIN32)
#define LIBRARY "dlx_executorch.dll"
#elif defined(__APPLE__)
#define LIBRARY "libdlx_executorch.dylib"
#else
#define LIBRARY "libdlx_executorch.so"
#endif

typedef const dlx__et_functions *(*table_fn)(void);

dlx_result dlx__et_runtime_open(dlx__et_runtime *r, dlx_error *err)
{
    dlx_error why = {.code = DLX_OK};
    *r = (dlx__et_runtime){.functions = NULL};
    if (dlx__os_library_open(&r->library, LIBRARY, &why) != DLX_OK)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "programs run by the ExecuTorch runtime, which is not here: pip install "
                         "executorch, then make executorch (%s)",
                         why.text);
    const table_fn table = (table_fn)dlx__os_library_find(r->library, "dlx__et_table");
    r->functions = table ? table() : NULL;
    if (r->functions && r->functions->version == DLX__ET_VERSION)
        return DLX_OK;
    dlx__et_runtime_close(r);
    return dlx__fail(err, DLX_E_UNSUPPORTED,
                     "%s: expected version %d of it, found another: build it again (make "
                     "executorch)",
                     LIBRARY, DLX__ET_VERSION);
}

void dlx__et_runtime_close(dlx__et_runtime *r)
{
    dlx__os_library_close(r->library);
    *r = (dlx__et_runtime){.functions = NULL};
}
