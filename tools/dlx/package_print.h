/* package_print.h - what is in a Core ML package, for people. */
#ifndef DLX_TOOL_PACKAGE_PRINT_H
#define DLX_TOOL_PACKAGE_PRINT_H

#include <jansson.h>

/* The report of dlx_inspect_program on an .mlpackage. */
void package_print(const json_t *report);

#endif
