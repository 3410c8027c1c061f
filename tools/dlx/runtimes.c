/* runtimes.c - the environment, and folders of Python's packages. */
#include "runtimes.h"

#include "bytes.h"
#include "sys.h"

#include <stdlib.h>

/* Folders of packages: of the environment that is active, the user's own, the system's. */
static const struct {
    const char *variable, *rest;
} places[] = {
    {"VIRTUAL_ENV", "/lib/python3*/site-packages"},
    {"HOME", "/.local/lib/python3*/site-packages"},
    {NULL, "/usr/local/lib/python3*/dist-packages"},
    {NULL, "/usr/lib/python3/dist-packages"},
};

static char *find_installed(void)
{
    static const char library[] = "/onnxruntime/capi/libonnxruntime.*";
    char *found = NULL;
    for (size_t i = 0; i < sizeof places / sizeof *places && !found; i++) {
        bytes pattern = {0};
        const char *base = places[i].variable ? getenv(places[i].variable) : "";
        if (base && (*base || !places[i].variable)) {
            bytes_printf(&pattern, "%s%s%s", base, places[i].rest, library);
            found = sys_find(bytes_string(&pattern));
        }
        bytes_release(&pattern);
    }
    return found;
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

const dlx_runtimes *runtimes_find(runtimes *out)
{
    *out = (runtimes){.found = find_installed()};
    out->places = (dlx_runtimes){.size = sizeof out->places,
                                 .onnxruntime = variable("DLX_ORT"),
                                 .onnxruntime_else = out->found,
                                 .qnn_provider = variable("DLX_QNN_EP")};
    return &out->places;
}

void runtimes_release(runtimes *r)
{
    free(r->found);
    *r = (runtimes){.found = NULL};
}
