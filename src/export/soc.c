/* soc.c - the list. */
#include "export/soc.h"

#include "base/fail.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

static const dlx__soc socs[] = {
#define SOC_ROW(name, id, arch, has_floats) {name, id, arch, has_floats},
    DLX__SOCS(SOC_ROW)
#undef SOC_ROW
};

static bool is_name(const char *name, const char *said)
{
    size_t i = 0;
    while (name[i] && name[i] == toupper((unsigned char)said[i]))
        i++;
    return name[i] == said[i];
}

dlx_result dlx__soc_find(const dlx__soc **out, const char *name, dlx_error *err)
{
    char names[DLX__LEN(socs) * 16] = "";
    size_t at = 0;
    for (size_t i = 0; i < DLX__LEN(socs); i++) {
        if (is_name(socs[i].name, name)) {
            *out = &socs[i];
            return DLX_OK;
        }
        if (socs[i].has_floats) /* what every profile needs */
            at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", at ? ", " : "",
                                   socs[i].name);
    }
    return dlx__fail(err, DLX_E_ARG, "soc: expected one of %s, found %s", names, name);
}
