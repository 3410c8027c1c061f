/* line_plain.c - builds without libedit: the terminal's own line discipline edits. */
#include "line.h"

line_editor *line_editor_open(void)
{
    return NULL;
}

void line_editor_free(line_editor *editor)
{
    (void)editor;
}

line_outcome line_editor_read(line_editor *editor, const char *prompt, bytes *out)
{
    (void)editor;
    return line_read(NULL, prompt, out);
}
