/*
 * jinja_lex.c - the lexer of Jinja with trim_blocks and lstrip_blocks: a newline right after a
 * block tag or comment vanishes, and so does the white space between the start of a line and such
 * a tag; a minus sign inside a tag takes all white space on its side, a plus sign forbids it.
 */
#include "text/jinja_lex.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "text/jinja_text.h"

#include <string.h>

typedef struct lexer {
    const char *text; /* [n] line ends are \n */
    size_t n, at;
    int line;
    size_t counted;     /* lines before it are counted in `line` */
    bool line_starting; /* what was read last ended with a newline */
    dlx__arena *arena;
    dlx__jinja_token *tokens;
    size_t n_tokens, capacity;
    dlx_error *err;
} lexer;

static int line_at(lexer *l, size_t at)
{
    for (; l->counted < at; l->counted++)
        l->line += l->text[l->counted] == '\n';
    return l->line;
}

static dlx_result no_memory(const lexer *l)
{
    return dlx__fail_memory(l->err, "reading a chat template", l->n);
}

static dlx_result bad(lexer *l, size_t at, const char *what)
{
    return dlx__fail(l->err, DLX_E_FORMAT, "line %d: %s near '%.*s'", line_at(l, at), what,
                     (int)dlx__min(20, l->n - at), l->text + at);
}

static dlx_result add(lexer *l, dlx__jinja_token_kind kind, size_t at, const char *text, size_t len)
{
    if (l->n_tokens == l->capacity) {
        size_t capacity = dlx__max(256, dlx__mul(l->capacity, 2));
        dlx__jinja_token *tokens =
            dlx__realloc(l->arena->mem, l->tokens, dlx__mul(capacity, sizeof *tokens));
        if (!tokens)
            return no_memory(l);
        l->tokens = tokens;
        l->capacity = capacity;
    }
    l->tokens[l->n_tokens++] =
        (dlx__jinja_token){.kind = kind, .line = line_at(l, at), .text = {text, len}};
    return DLX_OK;
}

static bool starts(const lexer *l, size_t at, const char *text)
{
    size_t len = strlen(text);
    return len <= l->n - at && memcmp(l->text + at, text, len) == 0;
}

/* The next "{{", "{%" or "{#", or the end. */
static size_t next_tag(const lexer *l, size_t at)
{
    for (; at + 1 < l->n; at++)
        if (l->text[at] == '{' &&
            (l->text[at + 1] == '{' || l->text[at + 1] == '%' || l->text[at + 1] == '#'))
            return at;
    return l->n;
}

/* End of the text that stays in front of a tag at `tag`, given the sign inside the tag. */
static size_t text_end(const lexer *l, size_t from, size_t tag, char sign, bool variable)
{
    if (sign == '-')
        return from + dlx__text_rstrip((dlx__jv_text){l->text + from, tag - from}).len;
    if (sign == '+' || variable)
        return tag;
    size_t start = tag; /* of the tag's line */
    while (start > from && l->text[start - 1] != '\n')
        start--;
    bool own_line = start > from || l->line_starting;
    dlx__jv_text blank = {l->text + start, tag - start};
    return own_line && dlx__text_strip(blank).len == 0 ? start : tag;
}

static size_t skip_space(const lexer *l, size_t at)
{
    dlx__jv_text rest = {l->text + at, l->n - at};
    return l->n - dlx__text_lstrip(rest).len;
}

/* Goes past the end of a tag, which is `len` bytes long without its sign, and what it takes along.
 */
static void close_tag(lexer *l, size_t len, char sign, bool variable)
{
    l->at += len + (sign != 0);
    if (sign == '-')
        l->at = skip_space(l, l->at);
    else if (sign == 0 && !variable && l->at < l->n && l->text[l->at] == '\n')
        l->at++;
    l->line_starting = l->text[l->at - 1] == '\n';
}

static dlx_result comment(lexer *l)
{
    size_t start = l->at;
    size_t from = start + 2;
    if (from < l->n && (l->text[from] == '-' || l->text[from] == '+'))
        from++;
    for (size_t i = from; i + 1 < l->n; i++) {
        if (l->text[i] != '#' || l->text[i + 1] != '}')
            continue;
        char sign = i > from ? l->text[i - 1] : '\0';
        sign = sign == '-' || sign == '+' ? sign : '\0';
        l->at = i - (sign != 0);
        close_tag(l, 2, sign, false);
        return DLX_OK;
    }
    return bad(l, start, "a comment has no end");
}

/* {% word %} at `at`, with any signs: the length of the whole tag, 0 when it is another one. */
static size_t plain_tag(const lexer *l, size_t at, const char *word, char *left, char *right)
{
    size_t i = at + 2;
    *left = i < l->n && (l->text[i] == '-' || l->text[i] == '+') ? l->text[i++] : '\0';
    i = skip_space(l, i);
    if (!starts(l, i, word))
        return 0;
    i = skip_space(l, i + strlen(word));
    *right = i < l->n && (l->text[i] == '-' || l->text[i] == '+') ? l->text[i++] : '\0';
    return starts(l, i, "%}") ? i + 2 - at : 0;
}

/* {% raw %} ... {% endraw %}: text as it is. l->at stands behind the first tag. */
static dlx_result raw(lexer *l, size_t start)
{
    for (size_t i = l->at; i + 1 < l->n; i++) {
        char left = 0;
        char right = 0;
        if (!starts(l, i, "{%"))
            continue;
        size_t len = plain_tag(l, i, "endraw", &left, &right);
        if (len == 0)
            continue;
        size_t end = text_end(l, l->at, i, left, false);
        if (end > l->at)
            DLX__TRY(add(l, DLX__JT_TEXT, l->at, l->text + l->at, end - l->at));
        l->at = i + len - 2 - (right != 0);
        close_tag(l, 2, right, false);
        return DLX_OK;
    }
    return bad(l, start, "{% raw %} has no {% endraw %}");
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int hex_value(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* \xHH, \uHHHH or \UHHHHHHHH at text[i] (the letter): writes UTF-8 and returns the digits' number.
 */
static size_t hex_escape(const char *text, size_t n, size_t i, char *out, size_t *n_out)
{
    size_t n_digits = text[i] == 'x' ? 2 : text[i] == 'u' ? 4 : 8;
    uint32_t cp = 0;
    for (size_t j = 1; j <= n_digits; j++) {
        int digit = i + j < n ? hex_value(text[i + j]) : -1;
        if (digit < 0 || cp > 0x10FFFF)
            return 0;
        cp = cp << 4 | (uint32_t)digit;
    }
    if (cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF))
        return 0;
    *n_out += dlx__utf8_encode(out, cp);
    return n_digits;
}

static size_t octal_escape(const char *text, size_t n, size_t i, char *out, size_t *n_out)
{
    uint32_t cp = 0;
    size_t len = 0;
    for (; len < 3 && i + len < n && text[i + len] >= '0' && text[i + len] <= '7'; len++)
        cp = cp << 3 | (uint32_t)(text[i + len] - '0');
    *n_out += dlx__utf8_encode(out, cp);
    return len - 1;
}

/* The escape whose letter is text[*i]; false when it cannot be resolved. An unknown one stays. */
static bool unescape(const char *text, size_t n, size_t *i, char *out, size_t *n_out)
{
    static const char letters[] = "ntr\\'\"abfv";
    static const char meant[] = "\n\t\r\\'\"\a\b\f\v";
    char c = text[*i];
    const char *known = c ? strchr(letters, c) : NULL;
    if (known) {
        out[(*n_out)++] = meant[known - letters];
        return true;
    }
    if (c == '\n') /* a line that goes on */
        return true;
    if (c >= '0' && c <= '7') {
        *i += octal_escape(text, n, *i, out + *n_out, n_out);
        return true;
    }
    if (c == 'x' || c == 'u' || c == 'U') {
        size_t n_digits = hex_escape(text, n, *i, out + *n_out, n_out);
        *i += n_digits;
        return n_digits > 0;
    }
    if (c == 'N')
        return false;
    out[(*n_out)++] = '\\';
    out[(*n_out)++] = c;
    return true;
}

static dlx_result string(lexer *l)
{
    size_t start = l->at;
    char quote = l->text[l->at++];
    size_t end = l->at;
    while (end < l->n && l->text[end] != quote)
        end += l->text[end] == '\\' ? 2 : 1;
    if (end >= l->n)
        return bad(l, start, "a string has no end");
    char *out = dlx__arena_alloc(l->arena, end - l->at + 1, 1); /* an escape never grows */
    if (!out)
        return no_memory(l);
    size_t n_out = 0;
    for (size_t i = l->at; i < end; i++) {
        if (l->text[i] != '\\')
            out[n_out++] = l->text[i];
        else if (++i < end && !unescape(l->text, end, &i, out, &n_out))
            return bad(l, start, "an escape of this string is not supported");
    }
    l->at = end + 1;
    return add(l, DLX__JT_STRING, start, out, n_out);
}

/* 12, 1_000, 1.5: exact where Python's are, refused where the digits are too many for that. */
static dlx_result number(lexer *l)
{
    size_t start = l->at;
    int64_t digits = 0;
    int n_digits = 0;
    int n_fraction = -1; /* no point yet */
    for (; l->at < l->n; l->at++) {
        char c = l->text[l->at];
        bool digit_next = l->at + 1 < l->n && is_digit(l->text[l->at + 1]);
        if (c == '_' && digit_next)
            continue;
        if (c == '.' && n_fraction < 0 && digit_next)
            n_fraction = 0;
        else if (!is_digit(c))
            break;
        else {
            if (++n_digits > (n_fraction >= 0 ? 15 : 18))
                return bad(l, start, "a number has too many digits");
            digits = digits * 10 + (c - '0');
            n_fraction += n_fraction >= 0;
        }
    }
    if (l->at < l->n && is_name_start(l->text[l->at]))
        return bad(l, start, "this form of a number is not supported");
    double power = 1.0;
    for (int i = 0; i < n_fraction; i++)
        power *= 10.0;
    DLX__TRY(add(l, DLX__JT_NUMBER, start, l->text + start, l->at - start));
    l->tokens[l->n_tokens - 1].value =
        n_fraction < 0 ? dlx__jv_int(digits) : dlx__jv_float((double)digits / power);
    return DLX_OK;
}

static dlx_result operator(lexer *l, int *balance)
{
    static const char *const ops[] = {"==", "!=", ">=", "<=", "//", "**", "+", "-", "*",
                                      "/",  "%",  "~",  "<",  ">",  "=",  "(", ")", "[",
                                      "]",  "{",  "}",  ".",  ":",  "|",  ",", ";"};
    for (size_t i = 0; i < DLX__LEN(ops); i++) {
        if (!starts(l, l->at, ops[i]))
            continue;
        *balance += strchr("([{", ops[i][0]) != NULL;
        *balance -= strchr(")]}", ops[i][0]) != NULL;
        size_t start = l->at;
        if (*balance < 0)
            return bad(l, start, "a bracket closes that was not opened");
        l->at += strlen(ops[i]);
        return add(l, DLX__JT_OP, start, ops[i], strlen(ops[i]));
    }
    return bad(l, l->at, "an unknown sign stands");
}

/* The sign in front of the closing brackets at l->at: '-' or '+', 0 for none, 1 for "not the end".
 */
static char closing_sign(const lexer *l, bool variable)
{
    const char *close = variable ? "}}" : "%}";
    if (starts(l, l->at, close))
        return 0;
    char c = l->text[l->at];
    if ((c == '-' || (c == '+' && !variable)) && starts(l, l->at + 1, close))
        return c;
    return 1;
}

/* The inside of {{ }} or {% %} up to and with its end. */
static dlx_result inside(lexer *l, bool variable, size_t start)
{
    int balance = 0; /* of brackets: "}}" closes two dicts before it closes the tag */
    for (;;) {
        l->at = skip_space(l, l->at);
        if (l->at >= l->n)
            return bad(l, start, "a tag has no end");
        char sign = balance == 0 ? closing_sign(l, variable) : 1;
        char c = l->text[l->at];
        if (sign != 1) {
            DLX__TRY(add(l, variable ? DLX__JT_VAR_END : DLX__JT_BLOCK_END, l->at, "", 0));
            close_tag(l, 2, sign, variable);
            return DLX_OK;
        }
        if (is_name_start(c)) {
            size_t from = l->at;
            while (l->at < l->n && (is_name_start(l->text[l->at]) || is_digit(l->text[l->at])))
                l->at++;
            DLX__TRY(add(l, DLX__JT_NAME, from, l->text + from, l->at - from));
        } else if (is_digit(c)) {
            DLX__TRY(number(l));
        } else if (c == '\'' || c == '"') {
            DLX__TRY(string(l));
        } else {
            DLX__TRY(operator(l, &balance));
        }
    }
}

static dlx_result tag(lexer *l, size_t start)
{
    char left = 0;
    char right = 0;
    size_t len = starts(l, start, "{%") ? plain_tag(l, start, "raw", &left, &right) : 0;
    if (len > 0) {
        l->at = start + len - 2 - (right != 0);
        if (right == '-') {
            close_tag(l, 2, right, true);
        } else {
            l->at = start + len; /* after {% raw %} no newline vanishes */
            l->line_starting = false;
        }
        return raw(l, start);
    }
    if (starts(l, start, "{#"))
        return comment(l);
    bool variable = starts(l, start, "{{");
    DLX__TRY(add(l, variable ? DLX__JT_VAR : DLX__JT_BLOCK, start, "", 0));
    l->at += 2;
    if (l->at < l->n && (l->text[l->at] == '-' || l->text[l->at] == '+'))
        l->at++;
    return inside(l, variable, start);
}

static dlx_result lex_all(lexer *l)
{
    while (l->at < l->n) {
        size_t start = next_tag(l, l->at);
        size_t end = start;
        if (start < l->n) {
            char sign = start + 2 < l->n ? l->text[start + 2] : '\0';
            end = text_end(l, l->at, start, sign, l->text[start + 1] == '{');
        }
        if (end > l->at)
            DLX__TRY(add(l, DLX__JT_TEXT, l->at, l->text + l->at, end - l->at));
        l->at = start;
        if (start < l->n)
            DLX__TRY(tag(l, start));
    }
    return add(l, DLX__JT_END, l->n, "", 0);
}

/* The source as Jinja reads it: line ends \n, and the last one gone. */
static char *normal_lines(dlx__arena *arena, const char *source, size_t n, size_t *len)
{
    char *text = dlx__arena_alloc(arena, n + 1, 1);
    size_t n_out = 0;
    for (size_t i = 0; text && i < n; i++) {
        if (source[i] == '\r' && i + 1 < n && source[i + 1] == '\n')
            continue;
        text[n_out++] = source[i] == '\r' ? '\n' : source[i];
    }
    if (n_out > 0 && text[n_out - 1] == '\n')
        n_out--;
    *len = n_out;
    return text;
}

dlx_result dlx__jinja_lex(dlx__jinja_token **tokens, const char *source, size_t n,
                          dlx__arena *arena, dlx_error *err)
{
    lexer l = {.line = 1, .line_starting = true, .arena = arena, .err = err, .n = n};
    l.text = normal_lines(arena, source, n, &l.n);
    dlx_result r = l.text ? lex_all(&l) : no_memory(&l);
    if (r != DLX_OK) {
        dlx__free(arena->mem, l.tokens);
        return r;
    }
    *tokens = l.tokens;
    return DLX_OK;
}
