/*
 * out.h - results on stdout, checked. The first write that fails is remembered; the rest is
 * dropped, and out_finish says so in one sentence. Long work asks out_failed() and stops early.
 */
#ifndef DLX_TOOL_OUT_H
#define DLX_TOOL_OUT_H

#include "say.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

void out_bytes(const char *data, size_t n);
void out_text(const char *text);
void out_printf(const char *format, ...) TOOL_PRINTF(1, 2);
void out_flush(void);

/* Before long work: false, and out_finish will say why, when stdout was closed from the start. */
bool out_ready(void);

/* Did a write fail, or has the reader of a pipe gone? */
bool out_failed(void);

/* One JSON object and a newline: indented on a terminal, on one line elsewhere; what steers a
 * terminal is escaped. Takes `value`. */
void out_json(json_t *value);

/* Text for JSON; what is not UTF-8 becomes U+FFFD. */
json_t *json_text(const char *text, size_t n);

/* Flushes. The exit code of the process: `code`, or EXIT_FAILED if stdout did not take everything.
 */
int out_finish(int code);

#endif
