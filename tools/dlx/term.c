/* term.c - what a stream can show. */
#include "term.h"

#include "sys.h"

#include <stdlib.h>
#include <string.h>

term term_of(FILE *stream)
{
    term t = {.terminal = sys_is_terminal(stream)};
    const char *kind = getenv("TERM");
    const char *no_colour = getenv("NO_COLOR");
    t.moves = t.terminal && !(kind && strcmp(kind, "dumb") == 0);
    t.colour = t.moves && !(no_colour && no_colour[0]);
    sys_terminal_size(stream, &t.columns, &t.rows);
    return t;
}

const char *term_code(const term *t, term_style style)
{
    static const char *const codes[] = {[STYLE_PLAIN] = "\033[0m",
                                        [STYLE_BOLD] = "\033[1m",
                                        [STYLE_DIM] = "\033[2m",
                                        [STYLE_GOOD] = "\033[32m",
                                        [STYLE_BAD] = "\033[31m"};
    return t->colour ? codes[style] : "";
}
