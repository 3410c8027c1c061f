/* program_print.h - what is in an exported program, for people. */
#ifndef DLX_TOOL_PROGRAM_PRINT_H
#define DLX_TOOL_PROGRAM_PRINT_H

#include <jansson.h>

/* The report of dlx_inspect_program. */
void program_print(const json_t *report);

#endif
