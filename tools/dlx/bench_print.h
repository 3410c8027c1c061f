/* bench_print.h - a benchmark's report for people and for spreadsheets. */
#ifndef DLX_TOOL_BENCH_PRINT_H
#define DLX_TOOL_BENCH_PRINT_H

#include <jansson.h>

/* Tables in Markdown: passes, probe, generations, memory. */
void bench_print_md(const json_t *report);

/* The passes alone, one a line, under a line of names. */
void bench_print_csv(const json_t *report);

/* The shapes, one a line. */
void bench_print_shapes(const json_t *shapes);

#endif
