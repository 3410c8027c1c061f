/* export_report.h - what dlx export wrote, for people. */
#ifndef DLX_TOOL_EXPORT_REPORT_H
#define DLX_TOOL_EXPORT_REPORT_H

#include <jansson.h>

/* The report of dlx_export in a few lines. */
void export_print(const json_t *report);

/* A file of the weights alone. */
void export_print_weights(const json_t *report);

/* Bytes by part, and the memory that the program takes where it runs. */
void export_print_parts(const json_t *report);

#endif
