/* program_print.h - what is in an exported program, for people. */
#ifndef DLX_TOOL_PROGRAM_PRINT_H
#define DLX_TOOL_PROGRAM_PRINT_H

#include <jansson.h>

/* The report of dlx_inspect_program. */
void program_print(const json_t *report);

/* Parts of it that a package has too: a line in bold; values, those alike in one line; metadata. */
void program_print_heading(const char *text);
void program_print_values(const char *what, const json_t *values);
void program_print_metadata(json_t *metadata);

#endif
