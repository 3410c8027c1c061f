/* jinja_parse.h - tokens to a tree: what the parsers of statements and of expressions share. */
#ifndef DLX__JINJA_PARSE_H
#define DLX__JINJA_PARSE_H

#include "base/arena.h"
#include "text/jinja_ast.h"
#include "text/jinja_lex.h"

typedef struct dlx__jinja_parser {
    dlx__arena *arena;             /* of the tree */
    const dlx__jinja_token *token; /* the next one; END is never passed */
    int depth;
    int loops; /* that surround this place within its macro: where break and continue may stand */
    dlx_error *err;
} dlx__jinja_parser;

/* The tree of a whole template. */
dlx_result dlx__jinja_parse(dlx__jinja_node **out, const char *source, size_t n, dlx__arena *arena,
                            dlx_error *err);

/* One expression; with `condition` false "a if b else c" is left to the caller (for loops). */
dlx_result dlx__jinja_expression(dlx__jinja_parser *p, bool condition, dlx__jinja_node **out);

/* a, b, c: a tuple, or the expression alone when no comma follows. */
dlx_result dlx__jinja_expression_list(dlx__jinja_parser *p, dlx__jinja_node **out);

/* A new node at the line of the next token. */
dlx_result dlx__jinja_node_new(dlx__jinja_parser *p, dlx__jinja_kind kind, dlx__jinja_node **out);

/* Is the next token this operator or word? */
bool dlx__jinja_is_op(const dlx__jinja_parser *p, const char *op);
bool dlx__jinja_is_word(const dlx__jinja_parser *p, const char *word);

/* The same, and passes it. */
bool dlx__jinja_take_op(dlx__jinja_parser *p, const char *op);
bool dlx__jinja_take_word(dlx__jinja_parser *p, const char *word);

/* Passes it or fails. */
dlx_result dlx__jinja_need_op(dlx__jinja_parser *p, const char *op);
dlx_result dlx__jinja_need_name(dlx__jinja_parser *p, dlx__jv_text *name);

/* "line N: expected <what>, found <the next token>". */
dlx_result dlx__jinja_expected(const dlx__jinja_parser *p, const char *what);

/* Around everything that recurses. leave() only after an enter() that succeeded. */
dlx_result dlx__jinja_enter(dlx__jinja_parser *p);
void dlx__jinja_leave(dlx__jinja_parser *p);

#endif
