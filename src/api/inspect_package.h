/* inspect_package.h - a Core ML package told as JSON. */
#ifndef DLX__INSPECT_PACKAGE_H
#define DLX__INSPECT_PACKAGE_H

#include <dlx/common.h>

/* dlx_inspect_program for a package. */
dlx_result dlx__api_inspect_package(const char *path, char **json, dlx_error *err);

#endif
