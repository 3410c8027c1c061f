/* jinja_parse.c - the parser of statements: text, {{ output }} and the {% tags %}. */
#include "text/jinja_parse.h"

#include "base/fail.h"
#include "base/mem.h"
#include "text/jinja_run.h"

#include <string.h>

typedef dlx__jinja_parser parser;
typedef dlx__jinja_node node;

enum { DEEPEST = 100 }; /* nested tags and brackets */

bool dlx__jinja_is_op(const parser *p, const char *op)
{
    return p->token->kind == DLX__JT_OP &&
           dlx__jv_same_text(p->token->text, (dlx__jv_text){op, strlen(op)});
}

bool dlx__jinja_is_word(const parser *p, const char *word)
{
    return p->token->kind == DLX__JT_NAME &&
           dlx__jv_same_text(p->token->text, (dlx__jv_text){word, strlen(word)});
}

bool dlx__jinja_take_op(parser *p, const char *op)
{
    bool is = dlx__jinja_is_op(p, op);
    p->token += is;
    return is;
}

bool dlx__jinja_take_word(parser *p, const char *word)
{
    bool is = dlx__jinja_is_word(p, word);
    p->token += is;
    return is;
}

dlx_result dlx__jinja_expected(const parser *p, const char *what)
{
    static const char *const names[] = {
        [DLX__JT_END] = "the end of the template",
        [DLX__JT_TEXT] = "text",
        [DLX__JT_VAR] = "{{",
        [DLX__JT_VAR_END] = "}}",
        [DLX__JT_BLOCK] = "{%",
        [DLX__JT_BLOCK_END] = "%}",
        [DLX__JT_STRING] = "a string",
    };
    const dlx__jinja_token *t = p->token;
    const char *name = t->kind < DLX__LEN(names) ? names[t->kind] : NULL;
    if (name)
        return dlx__fail(p->err, DLX_E_FORMAT, "line %d: expected %s, found %s", t->line, what,
                         name);
    return dlx__fail(p->err, DLX_E_FORMAT, "line %d: expected %s, found '%.*s'", t->line, what,
                     (int)dlx__min(t->text.len, 40), t->text.data);
}

dlx_result dlx__jinja_need_op(parser *p, const char *op)
{
    return dlx__jinja_take_op(p, op) ? DLX_OK : dlx__jinja_expected(p, op);
}

dlx_result dlx__jinja_need_name(parser *p, dlx__jv_text *name)
{
    if (p->token->kind != DLX__JT_NAME)
        return dlx__jinja_expected(p, "a name");
    *name = p->token->text;
    p->token++;
    return DLX_OK;
}

dlx_result dlx__jinja_node_new(parser *p, dlx__jinja_kind kind, node **out)
{
    *out = dlx__arena_alloc(p->arena, 1, sizeof **out);
    if (!*out)
        return dlx__fail_memory(p->err, "reading a chat template", sizeof **out);
    (*out)->kind = kind;
    (*out)->line = p->token->line;
    return DLX_OK;
}

dlx_result dlx__jinja_enter(parser *p)
{
    if (p->depth >= DEEPEST)
        return dlx__fail(p->err, DLX_E_UNSUPPORTED, "line %d: more than %d levels of nesting",
                         p->token->line, (int)DEEPEST);
    p->depth++;
    return DLX_OK;
}

void dlx__jinja_leave(parser *p)
{
    p->depth--;
}

static dlx_result parse_body(parser *p, const char *const *ends, node **link);

static dlx_result block_end(parser *p)
{
    if (p->token->kind != DLX__JT_BLOCK_END)
        return dlx__jinja_expected(p, "%}");
    p->token++;
    return DLX_OK;
}

/* The rest of a tag, then its body up to one of the words, at which the parser stands. */
static dlx_result body_until(parser *p, const char *const *ends, node **link)
{
    DLX__TRY(block_end(p));
    return parse_body(p, ends, link);
}

static dlx_result parse_if(parser *p, node **out)
{
    static const char *const ends[] = {"elif", "else", "endif", NULL};
    static const char *const last[] = {"endif", NULL};
    DLX__TRY(dlx__jinja_node_new(p, DLX__JN_IF, out));
    node **link = &(*out)->list;
    do {
        DLX__TRY(dlx__jinja_node_new(p, DLX__JN_BRANCH, link));
        DLX__TRY(dlx__jinja_expression(p, true, &(*link)->a));
        DLX__TRY(body_until(p, ends, &(*link)->list));
        link = &(*link)->next;
    } while (dlx__jinja_take_word(p, "elif"));
    if (dlx__jinja_take_word(p, "else")) {
        DLX__TRY(dlx__jinja_node_new(p, DLX__JN_BRANCH, link));
        DLX__TRY(body_until(p, last, &(*link)->list));
    }
    p->token++; /* endif */
    return block_end(p);
}

/* a, b, c as NAMEs chained at *link. */
static dlx_result parse_names(parser *p, node **link)
{
    bool bracket = dlx__jinja_take_op(p, "(");
    do {
        DLX__TRY(dlx__jinja_node_new(p, DLX__JN_NAME, link));
        DLX__TRY(dlx__jinja_need_name(p, &(*link)->text));
        link = &(*link)->next;
    } while (dlx__jinja_take_op(p, ","));
    return bracket ? dlx__jinja_need_op(p, ")") : DLX_OK;
}

static dlx_result parse_for(parser *p, node **out)
{
    static const char *const ends[] = {"else", "endfor", NULL};
    static const char *const last[] = {"endfor", NULL};
    DLX__TRY(dlx__jinja_node_new(p, DLX__JN_FOR, out));
    node *loop = *out;
    DLX__TRY(parse_names(p, &loop->targets));
    if (!dlx__jinja_take_word(p, "in"))
        return dlx__jinja_expected(p, "in");
    DLX__TRY(dlx__jinja_expression(p, false, &loop->a));
    if (dlx__jinja_take_word(p, "if"))
        DLX__TRY(dlx__jinja_expression(p, true, &loop->b));
    if (dlx__jinja_is_word(p, "recursive"))
        return dlx__fail(p->err, DLX_E_UNSUPPORTED,
                         "line %d: recursive loops are not supported; write the template without",
                         p->token->line);
    p->loops++;
    DLX__TRY(body_until(p, ends, &loop->list));
    p->loops--;
    if (dlx__jinja_take_word(p, "else"))
        DLX__TRY(body_until(p, last, &loop->other));
    p->token++; /* endfor */
    return block_end(p);
}

static dlx_result parse_set(parser *p, node **out)
{
    static const char *const ends[] = {"endset", NULL};
    DLX__TRY(dlx__jinja_node_new(p, DLX__JN_SET, out));
    node *set = *out;
    DLX__TRY(parse_names(p, &set->targets));
    if (!set->targets->next && dlx__jinja_take_op(p, ".")) {
        node *attribute = NULL;
        DLX__TRY(dlx__jinja_node_new(p, DLX__JN_ATTR, &attribute));
        attribute->a = set->targets;
        DLX__TRY(dlx__jinja_need_name(p, &attribute->text));
        set->targets = attribute;
    }
    if (dlx__jinja_take_op(p, "=")) {
        DLX__TRY(dlx__jinja_expression_list(p, &set->a));
        return block_end(p);
    }
    if (p->token->kind != DLX__JT_BLOCK_END || set->targets->next)
        return dlx__jinja_expected(p, "=");
    DLX__TRY(body_until(p, ends, &set->list));
    p->token++; /* endset */
    return block_end(p);
}

static dlx_result parse_macro(parser *p, node **out)
{
    static const char *const ends[] = {"endmacro", NULL};
    DLX__TRY(dlx__jinja_node_new(p, DLX__JN_MACRO, out));
    DLX__TRY(dlx__jinja_need_name(p, &(*out)->text));
    DLX__TRY(dlx__jinja_need_op(p, "("));
    node **link = &(*out)->targets;
    while (!dlx__jinja_take_op(p, ")")) {
        DLX__TRY(dlx__jinja_node_new(p, DLX__JN_NAME, link));
        DLX__TRY(dlx__jinja_need_name(p, &(*link)->text));
        if (dlx__jinja_take_op(p, "="))
            DLX__TRY(dlx__jinja_expression(p, true, &(*link)->a));
        link = &(*link)->next;
        if (!dlx__jinja_is_op(p, ")"))
            DLX__TRY(dlx__jinja_need_op(p, ","));
    }
    int loops = p->loops;
    p->loops = 0;
    DLX__TRY(body_until(p, ends, &(*out)->list));
    p->loops = loops;
    p->token++; /* endmacro */
    return block_end(p);
}

/* {% generation %}: transformers marks the assistant's text with it; the text itself stays. */
static dlx_result parse_generation(parser *p, node **out)
{
    static const char *const ends[] = {"endgeneration", NULL};
    DLX__TRY(dlx__jinja_node_new(p, DLX__JN_BLOCK, out));
    DLX__TRY(body_until(p, ends, &(*out)->list));
    p->token++; /* endgeneration */
    return block_end(p);
}

static dlx_result parse_jump(parser *p, dlx__jinja_kind kind, node **out)
{
    if (p->loops == 0)
        return dlx__fail(p->err, DLX_E_FORMAT,
                         "line %d: break and continue stand outside of a loop", p->token->line);
    DLX__TRY(dlx__jinja_node_new(p, kind, out));
    return block_end(p);
}

static dlx_result parse_tag(parser *p, node **out)
{
    if (dlx__jinja_take_word(p, "if"))
        return parse_if(p, out);
    if (dlx__jinja_take_word(p, "for"))
        return parse_for(p, out);
    if (dlx__jinja_take_word(p, "set"))
        return parse_set(p, out);
    if (dlx__jinja_take_word(p, "macro"))
        return parse_macro(p, out);
    if (dlx__jinja_take_word(p, "generation"))
        return parse_generation(p, out);
    if (dlx__jinja_take_word(p, "break"))
        return parse_jump(p, DLX__JN_BREAK, out);
    if (dlx__jinja_take_word(p, "continue"))
        return parse_jump(p, DLX__JN_CONTINUE, out);
    if (p->token->kind != DLX__JT_NAME)
        return dlx__jinja_expected(p, "the name of a tag");
    return dlx__fail(p->err, DLX_E_UNSUPPORTED,
                     "line %d: the tag {%% %.*s %%} is not supported here (if, for, set, macro, "
                     "break, continue, raw and generation are)",
                     p->token->line, (int)dlx__min(p->token->text.len, 40), p->token->text.data);
}

static dlx_result parse_output(parser *p, node **out)
{
    DLX__TRY(dlx__jinja_node_new(p, DLX__JN_OUTPUT, out));
    DLX__TRY(dlx__jinja_expression_list(p, &(*out)->a));
    if (p->token->kind != DLX__JT_VAR_END)
        return dlx__jinja_expected(p, "}}");
    p->token++;
    return DLX_OK;
}

/* Is the next tag one of these words? */
static bool at_end(const parser *p, const char *const *ends)
{
    for (; *ends; ends++)
        if (dlx__jinja_is_word(p, *ends))
            return true;
    return false;
}

/* Statements chained at *link, up to the tag that ends them or, with ends NULL, to the end. */
static dlx_result parse_statements(parser *p, const char *const *ends, node **link)
{
    for (;; link = &(*link)->next) {
        switch (p->token->kind) {
        case DLX__JT_TEXT:
            DLX__TRY(dlx__jinja_node_new(p, DLX__JN_TEXT, link));
            (*link)->text = p->token->text;
            p->token++;
            break;
        case DLX__JT_VAR:
            p->token++;
            DLX__TRY(parse_output(p, link));
            break;
        case DLX__JT_BLOCK:
            p->token++;
            if (ends && at_end(p, ends))
                return DLX_OK;
            DLX__TRY(parse_tag(p, link));
            break;
        default:
            return ends ? dlx__jinja_expected(p, ends[0]) : DLX_OK;
        }
    }
}

static dlx_result parse_body(parser *p, const char *const *ends, node **link)
{
    DLX__TRY(dlx__jinja_enter(p));
    DLX__TRY(parse_statements(p, ends, link));
    dlx__jinja_leave(p);
    return DLX_OK;
}

dlx_result dlx__jinja_parse(node **out, const char *source, size_t n, dlx__arena *arena,
                            dlx_error *err)
{
    if (n > DLX__JINJA_MAX_SOURCE)
        return dlx__fail(err, DLX_E_UNSUPPORTED, "the template has %zu bytes, at most %d are read",
                         n, (int)DLX__JINJA_MAX_SOURCE);
    dlx__jinja_token *tokens = NULL;
    DLX__TRY(dlx__jinja_lex(&tokens, source, n, arena, err));
    parser p = {.arena = arena, .token = tokens, .err = err};
    dlx_result r = parse_statements(&p, NULL, out);
    dlx__free(arena->mem, tokens);
    return r;
}
