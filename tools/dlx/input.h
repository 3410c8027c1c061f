/* input.h - text that people give: an argument, `-` or a pipe, a file. Always checked to be UTF-8.
 */
#ifndef DLX_TOOL_INPUT_H
#define DLX_TOOL_INPUT_H

#include "bytes.h"

/*
 * Text of an argument. `-`, or no argument while stdin is not a terminal, reads stdin to its end
 * and drops one final newline. Returns an exit code; when it is not EXIT_OK a sentence was said.
 */
int input_text(const char *verb, const char *name, const char *argument, bytes *out);

/* A whole file as it is; "-" is stdin. need_utf8 refuses other bytes with their offset. */
int input_file(const char *path, bool need_utf8, bytes *out);

/* Says "<where> is not valid UTF-8 ..." and returns false if it is not. */
bool input_is_utf8(const char *where, const char *text, size_t n);

/* "61 62" or "6162" to bytes; false when it is not hexadecimal. Appends. */
bool input_hex(const char *text, size_t n, bytes *out);

#endif
