/*
 * jinja_expr.c - the parser of expressions, with Jinja's levels of precedence from loose to tight:
 * if-else, or, and, not, comparisons, + -, ~, * / // %, sign, then a primary with its postfixes,
 * filters and tests. Each level is one function.
 */
#include "text/jinja_parse.h"

#include "base/fail.h"

#include <string.h>

typedef dlx__jinja_parser parser;
typedef dlx__jinja_node node;

enum {
    LONGEST_CHAIN = 200
}; /* operands of one level: the tree leans left and is walked recursively */

static dlx_result parse_unary(parser *p, bool filters, node **out);

static dlx_result too_long(const parser *p)
{
    return dlx__fail(p->err, DLX_E_UNSUPPORTED, "line %d: more than %d operands in one expression",
                     p->token->line, (int)LONGEST_CHAIN);
}

/* A node of this kind with a as its first operand; *a becomes it. */
static dlx_result wrap(parser *p, dlx__jinja_kind kind, node **a)
{
    node *outer = NULL;
    DLX__TRY(dlx__jinja_node_new(p, kind, &outer));
    outer->a = *a;
    *a = outer;
    return DLX_OK;
}

typedef struct operator_word {
    const char *text;
    dlx__jinja_op op;
} operator_word;

/* Passes one of the operators; DLX__JO_NONE when none stands here. */
static dlx__jinja_op take_one_of(parser *p, const operator_word *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (dlx__jinja_take_op(p, words[i].text))
            return words[i].op;
    return DLX__JO_NONE;
}

static const operator_word products[] = {
    {"*", DLX__JO_MUL}, {"//", DLX__JO_FLOOR}, {"/", DLX__JO_DIV}, {"%", DLX__JO_MOD}};
static const operator_word joins[] = {{"~", DLX__JO_CONCAT}};
static const operator_word sums[] = {{"+", DLX__JO_ADD}, {"-", DLX__JO_SUB}};

static const struct {
    const operator_word *words;
    size_t n;
} levels[] = {{sums, DLX__LEN(sums)}, {joins, DLX__LEN(joins)}, {products, DLX__LEN(products)}};

/* a op b op c, where the operands are of the next tighter level. */
static dlx_result parse_binary(parser *p, size_t level, node **out)
{
    if (level == DLX__LEN(levels))
        return parse_unary(p, true, out);
    DLX__TRY(parse_binary(p, level + 1, out));
    for (int n = 0;; n++) {
        dlx__jinja_op op = take_one_of(p, levels[level].words, levels[level].n);
        if (op == DLX__JO_NONE)
            return DLX_OK;
        if (n == LONGEST_CHAIN)
            return too_long(p);
        DLX__TRY(wrap(p, DLX__JN_BINARY, out));
        (*out)->op = op;
        DLX__TRY(parse_binary(p, level + 1, &(*out)->b));
    }
}

static dlx__jinja_op take_comparison(parser *p)
{
    static const operator_word words[] = {{"==", DLX__JO_EQ}, {"!=", DLX__JO_NE},
                                          {"<=", DLX__JO_LE}, {">=", DLX__JO_GE},
                                          {"<", DLX__JO_LT},  {">", DLX__JO_GT}};
    if (dlx__jinja_take_word(p, "in"))
        return DLX__JO_IN;
    if (dlx__jinja_is_word(p, "not") && p->token[1].kind == DLX__JT_NAME &&
        dlx__jv_same_text(p->token[1].text, (dlx__jv_text){"in", 2})) {
        p->token += 2;
        return DLX__JO_NOT_IN;
    }
    return take_one_of(p, words, DLX__LEN(words));
}

static dlx_result parse_compare(parser *p, node **out)
{
    DLX__TRY(parse_binary(p, 0, out));
    node **link = NULL;
    for (dlx__jinja_op op; (op = take_comparison(p)) != DLX__JO_NONE;) {
        if (!link) {
            DLX__TRY(wrap(p, DLX__JN_COMPARE, out));
            link = &(*out)->list;
        }
        DLX__TRY(dlx__jinja_node_new(p, DLX__JN_PAIR, link));
        (*link)->op = op;
        DLX__TRY(parse_binary(p, 0, &(*link)->a));
        link = &(*link)->next;
    }
    return DLX_OK;
}

static dlx_result parse_not(parser *p, node **out)
{
    bool negated = false; /* an even number of them keeps the truth, but makes it a bool */
    bool any = false;
    while (dlx__jinja_take_word(p, "not")) {
        negated = !negated;
        any = true;
    }
    DLX__TRY(parse_compare(p, out));
    if (any)
        DLX__TRY(wrap(p, DLX__JN_NOT, out));
    return any && !negated ? wrap(p, DLX__JN_NOT, out) : DLX_OK;
}

static dlx_result parse_and(parser *p, node **out)
{
    DLX__TRY(parse_not(p, out));
    for (int n = 0; dlx__jinja_take_word(p, "and"); n++) {
        if (n == LONGEST_CHAIN)
            return too_long(p);
        DLX__TRY(wrap(p, DLX__JN_AND, out));
        DLX__TRY(parse_not(p, &(*out)->b));
    }
    return DLX_OK;
}

static dlx_result parse_or(parser *p, node **out)
{
    DLX__TRY(parse_and(p, out));
    for (int n = 0; dlx__jinja_take_word(p, "or"); n++) {
        if (n == LONGEST_CHAIN)
            return too_long(p);
        DLX__TRY(wrap(p, DLX__JN_OR, out));
        DLX__TRY(parse_and(p, &(*out)->b));
    }
    return DLX_OK;
}

dlx_result dlx__jinja_expression(parser *p, bool condition, node **out)
{
    DLX__TRY(dlx__jinja_enter(p));
    DLX__TRY(parse_or(p, out));
    for (int n = 0; condition && dlx__jinja_take_word(p, "if"); n++) {
        if (n == LONGEST_CHAIN)
            return too_long(p);
        DLX__TRY(wrap(p, DLX__JN_TERNARY, out));
        DLX__TRY(parse_or(p, &(*out)->b));
        if (dlx__jinja_take_word(p, "else"))
            DLX__TRY(dlx__jinja_expression(p, true, &(*out)->c));
    }
    dlx__jinja_leave(p);
    return DLX_OK;
}

/* Expressions up to the closing bracket, chained at *link; a comma may follow the last. */
static dlx_result parse_items(parser *p, const char *close, node **link)
{
    while (!dlx__jinja_take_op(p, close)) {
        DLX__TRY(dlx__jinja_expression(p, true, link));
        link = &(*link)->next;
        if (!dlx__jinja_is_op(p, close))
            DLX__TRY(dlx__jinja_need_op(p, ","));
    }
    return DLX_OK;
}

dlx_result dlx__jinja_expression_list(parser *p, node **out)
{
    DLX__TRY(dlx__jinja_expression(p, true, out));
    if (!dlx__jinja_is_op(p, ","))
        return DLX_OK;
    node *first = *out;
    DLX__TRY(dlx__jinja_node_new(p, DLX__JN_LIST, out));
    (*out)->op = DLX__JO_TUPLE;
    (*out)->list = first;
    for (node **link = &first->next; dlx__jinja_take_op(p, ","); link = &(*link)->next) {
        if (p->token->kind == DLX__JT_VAR_END || p->token->kind == DLX__JT_BLOCK_END)
            break;
        DLX__TRY(dlx__jinja_expression(p, true, link));
    }
    return DLX_OK;
}

static dlx_result parse_parenthesis(parser *p, node **out)
{
    if (dlx__jinja_take_op(p, ")")) {
        DLX__TRY(dlx__jinja_node_new(p, DLX__JN_LIST, out));
        (*out)->op = DLX__JO_TUPLE;
        return DLX_OK;
    }
    DLX__TRY(dlx__jinja_expression(p, true, out));
    if (dlx__jinja_take_op(p, ")"))
        return DLX_OK;
    DLX__TRY(dlx__jinja_need_op(p, ","));
    node *first = *out;
    DLX__TRY(dlx__jinja_node_new(p, DLX__JN_LIST, out));
    (*out)->op = DLX__JO_TUPLE;
    (*out)->list = first;
    return parse_items(p, ")", &first->next);
}

static dlx_result parse_dict(parser *p, node **out)
{
    DLX__TRY(dlx__jinja_node_new(p, DLX__JN_DICT, out));
    node **link = &(*out)->list;
    while (!dlx__jinja_take_op(p, "}")) {
        DLX__TRY(dlx__jinja_expression(p, true, link));
        link = &(*link)->next;
        DLX__TRY(dlx__jinja_need_op(p, ":"));
        DLX__TRY(dlx__jinja_expression(p, true, link));
        link = &(*link)->next;
        if (!dlx__jinja_is_op(p, "}"))
            DLX__TRY(dlx__jinja_need_op(p, ","));
    }
    return DLX_OK;
}

/* "one" 'two' is one string. */
static dlx_result parse_string(parser *p, node **out)
{
    size_t len = 0;
    DLX__TRY(dlx__jinja_node_new(p, DLX__JN_CONST, out));
    for (const dlx__jinja_token *t = p->token; t->kind == DLX__JT_STRING; t++)
        len += t->text.len;
    char *text = dlx__arena_alloc(p->arena, len + 1, 1);
    if (!text)
        return dlx__fail_memory(p->err, "reading a chat template", len);
    for (size_t at = 0; p->token->kind == DLX__JT_STRING; p->token++) {
        memcpy(text + at, p->token->text.data, p->token->text.len);
        at += p->token->text.len;
    }
    (*out)->value = dlx__jv_string(text, len);
    return DLX_OK;
}

/* true, false, none, or a variable. */
static dlx_result parse_name(parser *p, node **out)
{
    static const struct {
        const char *word;
        dlx__jv value;
    } constants[] = {{"true", {.kind = DLX__JV_BOOL, .u.b = true}},
                     {"True", {.kind = DLX__JV_BOOL, .u.b = true}},
                     {"false", {.kind = DLX__JV_BOOL}},
                     {"False", {.kind = DLX__JV_BOOL}},
                     {"none", {.kind = DLX__JV_NONE}},
                     {"None", {.kind = DLX__JV_NONE}}};
    static const char *const reserved[] = {"in",  "is", "if",  "else", "elif", "and",
                                           "not", "or", "for", "set",  "endif"};
    for (size_t i = 0; i < DLX__LEN(reserved); i++)
        if (dlx__jinja_is_word(p, reserved[i]))
            return dlx__jinja_expected(p, "a value");
    DLX__TRY(dlx__jinja_node_new(p, DLX__JN_NAME, out));
    for (size_t i = 0; i < DLX__LEN(constants); i++) {
        if (dlx__jinja_take_word(p, constants[i].word)) {
            (*out)->kind = DLX__JN_CONST;
            (*out)->value = constants[i].value;
            return DLX_OK;
        }
    }
    return dlx__jinja_need_name(p, &(*out)->text);
}

static dlx_result parse_primary(parser *p, node **out)
{
    switch (p->token->kind) {
    case DLX__JT_NAME:
        return parse_name(p, out);
    case DLX__JT_STRING:
        return parse_string(p, out);
    case DLX__JT_NUMBER:
        DLX__TRY(dlx__jinja_node_new(p, DLX__JN_CONST, out));
        (*out)->value = p->token->value;
        p->token++;
        return DLX_OK;
    default:
        break;
    }
    if (dlx__jinja_take_op(p, "("))
        return parse_parenthesis(p, out);
    if (dlx__jinja_take_op(p, "{"))
        return parse_dict(p, out);
    if (!dlx__jinja_take_op(p, "["))
        return dlx__jinja_expected(p, "a value");
    DLX__TRY(dlx__jinja_node_new(p, DLX__JN_LIST, out));
    return parse_items(p, "]", &(*out)->list);
}

/* Arguments behind the opening parenthesis, the named ones as KEYWORD nodes. */
static dlx_result parse_arguments(parser *p, node **link)
{
    while (!dlx__jinja_take_op(p, ")")) {
        bool named = p->token->kind == DLX__JT_NAME && p->token[1].kind == DLX__JT_OP &&
                     dlx__jv_same_text(p->token[1].text, (dlx__jv_text){"=", 1});
        if (named) {
            DLX__TRY(dlx__jinja_node_new(p, DLX__JN_KEYWORD, link));
            (*link)->text = p->token->text;
            p->token += 2;
        }
        DLX__TRY(dlx__jinja_expression(p, true, named ? &(*link)->a : link));
        link = &(*link)->next;
        if (!dlx__jinja_is_op(p, ")"))
            DLX__TRY(dlx__jinja_need_op(p, ","));
    }
    return DLX_OK;
}

/* a[b] or a[start:stop:step], behind the opening bracket. */
static dlx_result parse_subscript(parser *p, node **out)
{
    DLX__TRY(wrap(p, DLX__JN_ITEM, out));
    node *item = *out;
    if (!dlx__jinja_is_op(p, ":"))
        DLX__TRY(dlx__jinja_expression(p, true, &item->b));
    if (item->b && dlx__jinja_take_op(p, "]"))
        return DLX_OK;
    item->kind = DLX__JN_SLICE;
    node **link = &item->list;
    DLX__TRY(dlx__jinja_node_new(p, DLX__JN_BOUND, link));
    (*link)->a = item->b;
    for (int i = 0; i < 2; i++) {
        link = &(*link)->next;
        DLX__TRY(dlx__jinja_node_new(p, DLX__JN_BOUND, link));
        bool here = i == 0 ? dlx__jinja_is_op(p, ":") : dlx__jinja_take_op(p, ":");
        if (i == 0)
            DLX__TRY(dlx__jinja_need_op(p, ":"));
        if (here && !dlx__jinja_is_op(p, ":") && !dlx__jinja_is_op(p, "]"))
            DLX__TRY(dlx__jinja_expression(p, true, &(*link)->a));
    }
    return dlx__jinja_need_op(p, "]");
}

/* .name, [item] and (arguments) behind a primary. */
static dlx_result parse_postfix(parser *p, node **out)
{
    for (int n = 0; n < LONGEST_CHAIN; n++) {
        if (dlx__jinja_take_op(p, ".")) {
            DLX__TRY(wrap(p, DLX__JN_ATTR, out));
            DLX__TRY(dlx__jinja_need_name(p, &(*out)->text));
        } else if (dlx__jinja_take_op(p, "[")) {
            DLX__TRY(parse_subscript(p, out));
        } else if (dlx__jinja_take_op(p, "(")) {
            DLX__TRY(wrap(p, DLX__JN_CALL, out));
            DLX__TRY(parse_arguments(p, &(*out)->list));
        } else {
            return DLX_OK;
        }
    }
    return too_long(p);
}

/* "is [not] name", with one argument in parentheses or without them. */
static dlx_result parse_is(parser *p, node **out)
{
    bool negated = dlx__jinja_take_word(p, "not");
    DLX__TRY(wrap(p, DLX__JN_IS, out));
    node *is = *out;
    DLX__TRY(dlx__jinja_need_name(p, &is->text));
    dlx__jinja_token_kind kind = p->token->kind;
    bool word = kind == DLX__JT_NAME && !dlx__jinja_is_word(p, "else") &&
                !dlx__jinja_is_word(p, "or") && !dlx__jinja_is_word(p, "and") &&
                !dlx__jinja_is_word(p, "is") && !dlx__jinja_is_word(p, "if") &&
                !dlx__jinja_is_word(p, "not") && !dlx__jinja_is_word(p, "in");
    if (dlx__jinja_take_op(p, "("))
        DLX__TRY(parse_arguments(p, &is->list));
    else if (word || kind == DLX__JT_STRING || kind == DLX__JT_NUMBER || dlx__jinja_is_op(p, "[") ||
             dlx__jinja_is_op(p, "{")) {
        DLX__TRY(parse_primary(p, &is->list));
        DLX__TRY(parse_postfix(p, &is->list));
    }
    return negated ? wrap(p, DLX__JN_NOT, out) : DLX_OK;
}

/* | filter, is test, and calls of what they give. */
static dlx_result parse_filters(parser *p, node **out)
{
    for (int n = 0; n < LONGEST_CHAIN; n++) {
        if (dlx__jinja_take_op(p, "|")) {
            DLX__TRY(wrap(p, DLX__JN_FILTER, out));
            DLX__TRY(dlx__jinja_need_name(p, &(*out)->text));
            if (dlx__jinja_take_op(p, "("))
                DLX__TRY(parse_arguments(p, &(*out)->list));
        } else if (dlx__jinja_take_word(p, "is")) {
            DLX__TRY(parse_is(p, out));
        } else {
            return DLX_OK;
        }
    }
    return too_long(p);
}

static dlx_result parse_unary(parser *p, bool filters, node **out)
{
    bool minus = dlx__jinja_is_op(p, "-");
    DLX__TRY(dlx__jinja_enter(p));
    if (minus || dlx__jinja_is_op(p, "+")) {
        p->token++;
        DLX__TRY(parse_unary(p, false, out));
        DLX__TRY(wrap(p, DLX__JN_SIGN, out));
        (*out)->op = minus ? DLX__JO_SUB : DLX__JO_ADD;
    } else {
        DLX__TRY(parse_primary(p, out));
        DLX__TRY(parse_postfix(p, out));
    }
    dlx__jinja_leave(p);
    return filters ? parse_filters(p, out) : DLX_OK;
}
