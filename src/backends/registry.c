/* registry.c - the list of backends. */
#include "backends/backend.h"

#include <string.h>

#define DECLARE(name) extern const dlx__backend_class dlx__backend_##name;
DLX__BACKENDS(DECLARE)
#undef DECLARE

static const dlx__backend_class *const backends[] = {
#define BACKEND_ROW(name) &dlx__backend_##name,
    DLX__BACKENDS(BACKEND_ROW)
#undef BACKEND_ROW
        NULL,
};

const dlx__backend_class *const *dlx__backend_list(void)
{
    return backends;
}

const dlx__backend_class *dlx__backend_find(const char *name)
{
    for (size_t i = 0; backends[i]; i++)
        if (strcmp(backends[i]->name, name) == 0)
            return backends[i];
    return NULL;
}
