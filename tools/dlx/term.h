/* term.h - what a stream can show: colours, its size. Obeys NO_COLOR and TERM=dumb. */
#ifndef DLX_TOOL_TERM_H
#define DLX_TOOL_TERM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct term {
    bool terminal; /* a person is looking */
    bool moves;    /* the cursor can be moved: things may be painted in place */
    bool colour;
    size_t columns, rows;
} term;

term term_of(FILE *stream);

typedef enum term_style { STYLE_PLAIN, STYLE_BOLD, STYLE_DIM, STYLE_GOOD, STYLE_BAD } term_style;

/* The escape that switches to a style; "" without colour. */
const char *term_code(const term *t, term_style style);

#endif
