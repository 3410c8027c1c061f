/* line.c - plain lines; a terminal with an editor goes there. */
#include "line.h"

#include "interrupt.h"
#include "out.h"

#include <stdio.h>

line_outcome line_read(line_editor *editor, const char *prompt, bytes *out)
{
    int c = EOF;
    bytes_reset(out);
    if (editor)
        return line_editor_read(editor, prompt, out);
    if (prompt) {
        out_text(prompt);
        out_flush();
    }
    while ((c = getc(stdin)) != EOF && c != '\n') {
        char byte = (char)c;
        bytes_add(out, &byte, 1);
    }
    if (c == EOF && interrupted()) {
        clearerr(stdin);
        return LINE_INTERRUPT;
    }
    if (out->n && out->data[out->n - 1] == '\r')
        out->data[--out->n] = 0;
    return c == EOF && out->n == 0 ? LINE_END : LINE_READ;
}
