/* line_edit.c - line editing with libedit: the usual keys, and the arrows for earlier lines. */
#define _GNU_SOURCE
#include "line.h"

#include "interrupt.h"

#include <errno.h>
#include <histedit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

enum { REMEMBERED_LINES = 1000 };

struct line_editor {
    EditLine *edit;
    History *history;
    const char *prompt;
};

static char *prompt_of(EditLine *edit)
{
    line_editor *editor = NULL;
    static char text[64];
    el_get(edit, EL_CLIENTDATA, &editor);
    snprintf(text, sizeof text, "%s", editor->prompt);
    return text;
}

/*
 * libedit's own reader tries again after a signal; ours comes back, so that Ctrl-C at the prompt is
 * noticed. An incomplete or invalid sequence ends as U+FFFD.
 */
static int read_character(EditLine *edit, wchar_t *out)
{
    char sequence[8];
    mbstate_t state;
    (void)edit;
    for (size_t n = 0; n < sizeof sequence; n++) {
        ssize_t got = read(STDIN_FILENO, sequence + n, 1);
        if (got <= 0)
            return got < 0 && errno != EINTR ? -1 : 0;
        memset(&state, 0, sizeof state);
        size_t used = mbrtowc(out, sequence, n + 1, &state);
        if (used != (size_t)-2 && used != (size_t)-1)
            return 1;
        if (used == (size_t)-1)
            break;
    }
    *out = 0xFFFD;
    return 1;
}

line_editor *line_editor_open(void)
{
    line_editor *editor = mem_resize(NULL, 1, sizeof *editor);
    HistEvent event;
    *editor =
        (line_editor){.edit = el_init("dlx", stdin, stdout, stderr), .history = history_init()};
    if (!editor->edit || !editor->history) {
        line_editor_free(editor);
        return NULL;
    }
    history(editor->history, &event, H_SETSIZE, REMEMBERED_LINES);
    history(editor->history, &event, H_SETUNIQUE, 1);
    el_set(editor->edit, EL_CLIENTDATA, editor);
    el_set(editor->edit, EL_PROMPT, prompt_of);
    el_set(editor->edit, EL_EDITOR, "emacs");
    el_set(editor->edit, EL_HIST, history, editor->history);
    el_set(editor->edit, EL_GETCFN, read_character);
    el_set(editor->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
    return editor;
}

void line_editor_free(line_editor *editor)
{
    if (!editor)
        return;
    if (editor->edit)
        el_end(editor->edit);
    if (editor->history)
        history_end(editor->history);
    free(editor);
}

line_outcome line_editor_read(line_editor *editor, const char *prompt, bytes *out)
{
    int n = 0;
    HistEvent event;
    editor->prompt = prompt;
    const char *text = el_gets(editor->edit, &n);
    if (!text || n <= 0) {
        fputc('\n', stdout);
        fflush(stdout);
        return interrupted() ? LINE_INTERRUPT : LINE_END;
    }
    size_t len = (size_t)n;
    if (strspn(text, " \t\r\n") < len)
        history(editor->history, &event, H_ENTER, text);
    while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        len--;
    bytes_add(out, text, len);
    return LINE_READ;
}
