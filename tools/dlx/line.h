/*
 * line.h - lines of a conversation: edited and remembered on a terminal (libedit, where the build
 * has it), plain on a pipe. line_edit.c and line_plain.c implement the editor.
 */
#ifndef DLX_TOOL_LINE_H
#define DLX_TOOL_LINE_H

#include "bytes.h"

typedef enum line_outcome { LINE_READ, LINE_END, LINE_INTERRUPT } line_outcome;

typedef struct line_editor line_editor;

line_editor *line_editor_open(void); /* NULL: edit with the terminal's own means */
void line_editor_free(line_editor *editor);
line_outcome line_editor_read(line_editor *editor, const char *prompt, bytes *out);

/* Replaces *out with the next line, without its newline. editor may be NULL, prompt too. */
line_outcome line_read(line_editor *editor, const char *prompt, bytes *out);

#endif
