/* version.c - the version of the library that runs; the build passes it in. */
#include "base/base.h"

const char *dlx_version(void)
{
    return DLX__VERSION;
}
