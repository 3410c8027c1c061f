/*
 * jinja_ast.h - the tree of a parsed template. One kind of node for all: what its links mean
 * depends on `kind` and stands beside each below. Lists are chains through `next`.
 */
#ifndef DLX__JINJA_AST_H
#define DLX__JINJA_AST_H

#include "text/jinja_value.h"

typedef enum dlx__jinja_kind {
    /* statements */
    DLX__JN_TEXT,   /* text */
    DLX__JN_OUTPUT, /* a: what to print */
    DLX__JN_IF,     /* list: BRANCHes */
    DLX__JN_BRANCH, /* a: condition (NULL: else), list: body */
    DLX__JN_FOR,    /* targets: NAMEs, a: over what, b: filter or NULL, list: body, other: else */
    DLX__JN_SET,    /* targets: NAMEs or one ATTR of a NAME, a: value (NULL: list is the body) */
    DLX__JN_MACRO,  /* text: name, targets: NAMEs with default a or NULL, list: body */
    DLX__JN_BLOCK,  /* list: body, printed as it is ({% generation %}) */
    DLX__JN_BREAK,
    DLX__JN_CONTINUE,
    /* expressions */
    DLX__JN_CONST,   /* value */
    DLX__JN_NAME,    /* text */
    DLX__JN_LIST,    /* list: items; op '(' for a tuple */
    DLX__JN_DICT,    /* list: key, value, key, value ... */
    DLX__JN_NOT,     /* a */
    DLX__JN_SIGN,    /* op '-' or '+', a */
    DLX__JN_AND,     /* a, b */
    DLX__JN_OR,      /* a, b */
    DLX__JN_BINARY,  /* a op b */
    DLX__JN_COMPARE, /* a, list: PAIRs */
    DLX__JN_PAIR,    /* op, a: right operand of one comparison */
    DLX__JN_TERNARY, /* a if b else c (c NULL: undefined) */
    DLX__JN_ATTR,    /* a.text */
    DLX__JN_ITEM,    /* a[b] */
    DLX__JN_SLICE,   /* a[list] of BOUNDs: start, stop, step */
    DLX__JN_BOUND,   /* a or NULL */
    DLX__JN_CALL,    /* a(list of arguments) */
    DLX__JN_FILTER,  /* a | text(list) */
    DLX__JN_IS,      /* a is text(list) */
    DLX__JN_KEYWORD  /* an argument text = a */
} dlx__jinja_kind;

typedef enum dlx__jinja_op {
    DLX__JO_NONE,
    DLX__JO_ADD,
    DLX__JO_SUB,
    DLX__JO_MUL,
    DLX__JO_DIV,
    DLX__JO_FLOOR,
    DLX__JO_MOD,
    DLX__JO_CONCAT,
    DLX__JO_EQ,
    DLX__JO_NE,
    DLX__JO_LT,
    DLX__JO_LE,
    DLX__JO_GT,
    DLX__JO_GE,
    DLX__JO_IN,
    DLX__JO_NOT_IN,
    DLX__JO_TUPLE
} dlx__jinja_op;

typedef struct dlx__jinja_node dlx__jinja_node;
struct dlx__jinja_node {
    dlx__jinja_kind kind;
    dlx__jinja_op op;
    int line;
    dlx__jv_text text;
    dlx__jv value;
    dlx__jinja_node *a, *b, *c;
    dlx__jinja_node *list, *other, *targets;
    dlx__jinja_node *next;
};

#endif
