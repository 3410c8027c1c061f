/* jinja_lex.h - a template as tokens, white space between tags already taken away. */
#ifndef DLX__JINJA_LEX_H
#define DLX__JINJA_LEX_H

#include "base/arena.h"
#include "text/jinja_value.h"

typedef enum dlx__jinja_token_kind {
    DLX__JT_END,
    DLX__JT_TEXT,      /* between tags */
    DLX__JT_VAR,       /* {{ */
    DLX__JT_VAR_END,   /* }} */
    DLX__JT_BLOCK,     /* {% */
    DLX__JT_BLOCK_END, /* %} */
    DLX__JT_NAME,
    DLX__JT_STRING, /* text: escapes resolved */
    DLX__JT_NUMBER, /* value */
    DLX__JT_OP      /* text: one of the operators */
} dlx__jinja_token_kind;

typedef struct dlx__jinja_token {
    dlx__jinja_token_kind kind;
    int line;
    dlx__jv_text text;
    dlx__jv value;
} dlx__jinja_token;

/*
 * Cuts source[0, n) into *tokens, the last of which is END; the array is to be freed with
 * dlx__free, the texts live in the arena.
 */
dlx_result dlx__jinja_lex(dlx__jinja_token **tokens, const char *source, size_t n,
                          dlx__arena *arena, dlx_error *err);

#endif
