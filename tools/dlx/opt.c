/* opt.c - parsing by table. */
#include "opt.h"

#include "suggest.h"
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_ROWS = 128 }; /* options of one verb */

const opt *opt_next(const verb *v, const opt *o, const opt_table **table)
{
    bool take = !o;
    for (size_t t = 0; t < v->n_tables; t++) {
        for (size_t i = 0; i < v->tables[t].n; i++) {
            const opt *row = &v->tables[t].rows[i];
            if (take) {
                if (table)
                    *table = &v->tables[t];
                return row;
            }
            take = row == o;
        }
    }
    return NULL;
}

void opt_env_name(const opt *o, bytes *out)
{
    bytes_text(out, o->env ? o->env : "DLX_");
    for (const char *p = o->env ? "" : o->name; *p; p++) {
        char c = *p == '-' ? '_' : *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
        bytes_add(out, &c, 1);
    }
}

/* ---- values ---------------------------------------------------------------------------------- */

static bool store_choice(const opt *o, const char *text, const char **out, bytes *why)
{
    const char *const *names = o->choices();
    size_t n = 0;
    for (; names[n]; n++) {
        if (strcmp(names[n], text) == 0) {
            *out = text;
            return true;
        }
    }
    if (o->unlisted && strcmp(o->unlisted, text) == 0) {
        *out = text;
        return true;
    }
    const char *near = suggest_nearest(text, names, n);
    bytes_printf(why, "\"%s\" is not one of", show(text).text);
    for (size_t i = 0; i < n; i++)
        bytes_printf(why, " %s", names[i]);
    if (near)
        bytes_printf(why, "; did you mean %s?", near);
    return false;
}

/* Later values replace earlier ones, except for OPT_TEXTS. */
static bool store(const opt *o, const char *text, char *at, bytes *why)
{
    void *place = at;
    opt_count *count = place;
    opt_real *real = place;
    opt_texts *texts = place;
    opt_ids *ids = place;
    opt_ranges *ranges = place;
    switch (o->kind) {
    case OPT_FLAG:
        return parse_switch(text, place, why);
    case OPT_COUNT:
        count->given = true;
        return parse_count(text, o->lo, o->hi, &count->value, why);
    case OPT_SIZE:
        count->given = true;
        return parse_size(text, &count->value, why);
    case OPT_REAL:
        real->given = true;
        return parse_real(text, o->min, o->above, o->max, &real->value, why);
    case OPT_TEXTS:
        if (!*text) {
            bytes_text(why, "expected at least one character, found an empty text; leave it out");
            return false;
        }
        texts->items = mem_resize(texts->items, texts->n + 1, sizeof *texts->items);
        texts->items[texts->n++] = text;
        return true;
    case OPT_CHOICE:
        return store_choice(o, text, place, why);
    case OPT_IDS:
        free(ids->list.items);
        ids->given = true;
        return parse_ids(text, &ids->list, why);
    case OPT_RANGES:
        free(ranges->list.items);
        ranges->given = true;
        return parse_ranges(text, &ranges->list, why);
    default: /* OPT_TEXT, OPT_FILE, OPT_FOLDER */
        *(const char **)place = text;
        return true;
    }
}

void opt_release(const verb *v, void *settings)
{
    const opt_table *table;
    for (const opt *o = NULL; (o = opt_next(v, o, &table));) {
        void *place = (char *)settings + table->base + o->offset;
        if (o->kind == OPT_TEXTS)
            free(((opt_texts *)place)->items);
        else if (o->kind == OPT_IDS)
            free(((opt_ids *)place)->list.items);
        else if (o->kind == OPT_RANGES)
            free(((opt_ranges *)place)->list.items);
    }
}

/* ---- names ----------------------------------------------------------------------------------- */

typedef struct parser {
    const verb *v;
    char *const *argv;
    int argc, at;
    char *settings;
    opt_args *args;
    bool seen[MAX_ROWS];
    bytes *why;
} parser;

/* The option called name[0..len), and its index among the verb's options. */
static const opt *by_name(const verb *v, const char *name, size_t len, size_t *index,
                          const opt_table **table)
{
    size_t i = 0;
    for (const opt *o = NULL; (o = opt_next(v, o, table)); i++) {
        if (strlen(o->name) == len && memcmp(o->name, name, len) == 0) {
            *index = i;
            return o;
        }
    }
    return NULL;
}

static const opt *by_letter(const verb *v, char letter, size_t *index, const opt_table **table)
{
    *index = 0;
    for (const opt *o = NULL; (o = opt_next(v, o, table)); *index += 1)
        if (o->letter && o->letter == letter)
            return o;
    return NULL;
}

/* What to do instead of an option that this verb cannot have; NULL: it is not foreseen. */
static const char *lacking(const verb *v, const char *name, bool letter)
{
    for (size_t i = 0; i < v->n_lacks; i++) {
        const verb_lack *lack = &v->lacks[i];
        if (letter ? lack->letter && name[0] == lack->letter : strcmp(lack->name, name) == 0)
            return lack->instead;
    }
    return NULL;
}

/* Which verbs have the option, when this one does not: "--steps". */
static bool elsewhere(const verb *v, const char *name, bytes *why)
{
    size_t index, found = 0;
    for (size_t i = 0; i < n_all_verbs; i++) {
        const opt_table *table;
        if (all_verbs[i] == v || !by_name(all_verbs[i], name, strlen(name), &index, &table))
            continue;
        bytes_printf(why, found++ ? ", %s" : "; it belongs to dlx %s", all_verbs[i]->name);
    }
    return found > 0;
}

static opt_outcome unknown(parser *p, const char *word)
{
    const char *dashless = word + strspn(word, "-");
    bytes name = {0};
    const char *names[MAX_ROWS];
    size_t n = 0, index;
    const opt_table *table;
    bytes_add(&name, dashless, strcspn(dashless, "="));
    bytes_printf(p->why, "dlx %s has no option %.*s%s", p->v->name, (int)(dashless - word), word,
                 show(bytes_string(&name)).text);
    for (const opt *o = NULL; (o = opt_next(p->v, o, &table));)
        names[n++] = o->name;
    const suggest_alias *alias = suggest_foreign(bytes_string(&name));
    bool usable =
        alias && (strncmp(alias->ours, "--", 2) != 0 ||
                  by_name(p->v, alias->ours + 2, strcspn(alias->ours + 2, " "), &index, &table));
    const char *near = suggest_nearest(bytes_string(&name), names, n);
    const char *instead = lacking(p->v, bytes_string(&name), word[1] != '-');
    if (instead)
        bytes_printf(p->why, ": %s", instead);
    else if (usable)
        bytes_printf(p->why, "; did you mean %s?", alias->ours);
    else if (near)
        bytes_printf(p->why, "; did you mean --%s?", near);
    else if (!elsewhere(p->v, bytes_string(&name), p->why))
        bytes_text(p->why, "; write -- in front of text that begins with a dash");
    bytes_release(&name);
    return OPT_REFUSED;
}

/* ---- the command line ------------------------------------------------------------------------ */

static opt_outcome refuse_value(parser *p, const opt *o, const char *origin)
{
    bytes front = {0};
    if (origin)
        bytes_printf(&front, "%s in the environment: ", origin);
    else
        bytes_printf(&front, "--%s: ", o->name);
    bytes_add(&front, bytes_string(p->why), p->why->n);
    bytes_reset(p->why);
    bytes_add(p->why, front.data, front.n);
    bytes_release(&front);
    return OPT_REFUSED;
}

/* An option's value is the next word, unless that is an option itself: then it was forgotten. */
static const char *value_word(parser *p, const opt *o)
{
    const opt_table *table;
    size_t index;
    const char *next = p->at < p->argc ? p->argv[p->at] : NULL;
    if (next && strncmp(next, "--", 2) == 0 &&
        (!next[2] || by_name(p->v, next + 2, strcspn(next + 2, "="), &index, &table))) {
        bytes_printf(p->why,
                     "--%s wants a value (%s), but %s follows; --%s=%s would mean just that",
                     o->name, o->arg, show(next).text, o->name, show(next).text);
        return NULL;
    }
    if (!next) {
        bytes_printf(p->why, "--%s wants a value (%s) behind it", o->name, o->arg);
        return NULL;
    }
    p->at++;
    return next;
}

/* The value of a row of a table, and where it came from. */
static bool take_value(parser *p, const opt_table *table, const opt *o, const char *value,
                       opt_source source)
{
    if (table->sources)
        ((opt_source *)(void *)(p->settings + table->sources))[o - table->rows] = source;
    return store(o, value, p->settings + table->base + o->offset, p->why);
}

static opt_outcome take_option(parser *p, const char *word)
{
    const opt_table *table = NULL;
    size_t index = 0;
    const char *value = NULL;
    const opt *o;
    if (word[1] == '-') {
        size_t len = strcspn(word + 2, "=");
        o = by_name(p->v, word + 2, len, &index, &table);
        value = word[2 + len] ? word + 3 + len : NULL;
    } else {
        o = by_letter(p->v, word[1], &index, &table);
        value = word[2] ? word + 2 : NULL;
        if (o && o->kind == OPT_FLAG && value)
            o = NULL;
    }
    if (!o)
        return unknown(p, word);
    if (!value && o->kind == OPT_FLAG)
        value = "yes";
    if (!value && !(value = value_word(p, o)))
        return OPT_REFUSED;
    p->seen[index] = true;
    if (!take_value(p, table, o, value, OPT_FROM_LINE))
        return refuse_value(p, o, NULL);
    return OPT_PARSED;
}

static opt_outcome take_argument(parser *p, const char *word)
{
    if (p->args->n == p->v->n_args) {
        const verb_arg *last = p->v->n_args ? &p->v->args[p->v->n_args - 1] : NULL;
        bytes_printf(p->why, "dlx %s takes no further argument: \"%s\"", p->v->name,
                     show(word).text);
        if (last && last->kind == ARG_TEXT)
            bytes_printf(p->why, "; put %s in quotes if it has several words", last->name);
        return OPT_REFUSED;
    }
    p->args->items[p->args->n++] = word;
    return OPT_PARSED;
}

static opt_outcome take_environment(parser *p, opt_env env)
{
    bytes name = {0};
    opt_outcome outcome = OPT_PARSED;
    const opt_table *table;
    size_t i = 0;
    for (const opt *o = NULL; outcome == OPT_PARSED && (o = opt_next(p->v, o, &table)); i++) {
        if (!table->from_env || p->seen[i])
            continue;
        bytes_reset(&name);
        opt_env_name(o, &name);
        const char *value = env(name.data);
        if (value && *value && !take_value(p, table, o, value, OPT_FROM_ENV))
            outcome = refuse_value(p, o, name.data);
    }
    bytes_release(&name);
    return outcome;
}

static opt_outcome check_arguments(const parser *p)
{
    for (size_t i = p->args->n; i < p->v->n_args; i++) {
        if (!p->v->args[i].optional) {
            bytes_printf(p->why, "%s is missing: %s", p->v->args[i].name, p->v->args[i].help);
            return OPT_REFUSED;
        }
    }
    return OPT_PARSED;
}

opt_outcome opt_parse(const verb *v, int argc, char *const *argv, opt_env env, void *settings,
                      opt_args *args, bytes *why)
{
    parser p = {.v = v, .argv = argv, .argc = argc, .settings = settings, .args = args, .why = why};
    bool options = true;
    *args = (opt_args){0};
    while (p.at < p.argc) {
        const char *word = p.argv[p.at++];
        opt_outcome outcome = OPT_PARSED;
        if (options && strcmp(word, "--") == 0)
            options = false;
        else if (options && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0))
            return OPT_WANTS_HELP;
        else if (options && word[0] == '-' && word[1])
            outcome = take_option(&p, word);
        else
            outcome = take_argument(&p, word);
        if (outcome != OPT_PARSED)
            return outcome;
    }
    opt_outcome outcome = check_arguments(&p);
    return outcome == OPT_PARSED && env ? take_environment(&p, env) : outcome;
}
