/* test_cli_options.c - the command's option tables and the small parsers behind them. labels: quick
 */
#include "support.h"

#include "arithmetic_flags.h"
#include "complete.h"
#include "gap.h"
#include "gen_flags.h"
#include "help.h"
#include "input.h"
#include "number.h"
#include "opt.h"
#include "paint.h"
#include "suggest.h"
#include "trace.h"
#include "verbs.h"

#include <math.h>

/* ---- a verb of our own ----------------------------------------------------------------------- */

typedef struct knobs {
    bool flag, second;
    opt_count count, size;
    opt_real real;
    const char *text, *choice;
    opt_texts texts;
    opt_ids ids;
    opt_ranges ranges;
    opt_real share;
    opt_source sources[11];
} knobs;

static const char *const *colours(void)
{
    static const char *const names[] = {"red", "green", "blue", NULL};
    return names;
}

#define AT(field) offsetof(knobs, field)

static const opt knob_rows[] = {
    {"flag", OPT_FLAG, AT(flag), .help = "f", .letter = 'f'},
    {"second", OPT_FLAG, AT(second), .help = "s"},
    {"count", OPT_COUNT, AT(count), "N", .help = "c", .fallback = "3", .lo = 1, .hi = 10,
     .letter = 'c'},
    {"real", OPT_REAL, AT(real), "X", .help = "r", .min = 0, .max = 1},
    {"size", OPT_SIZE, AT(size), "SIZE", .help = "b"},
    {"text", OPT_TEXT, AT(text), "TEXT", .help = "t"},
    {"choice", OPT_CHOICE, AT(choice), "NAME", .help = "ch", .choices = colours,
     .unlisted = "grey"},
    {"texts", OPT_TEXTS, AT(texts), "TEXT", .help = "tt"},
    {"ids", OPT_IDS, AT(ids), "1,2", .help = "i"},
    {"ranges", OPT_RANGES, AT(ranges), "1-2", .help = "rr"},
    {"share", OPT_REAL, AT(share), "X", .help = "sh", .min = 0, .max = 1, .above = true},
};

static const opt_table knob_tables[] = {{.heading = "Knobs",
                                         .rows = knob_rows,
                                         .n = sizeof knob_rows / sizeof *knob_rows,
                                         .from_env = true,
                                         .sources = AT(sources)}};
static const verb_lack knob_lacks[] = {{"knots", 'k', "tie them yourself"}};
static const verb_arg knob_args[] = {{"MODEL", ARG_MODEL, false, "a thing"},
                                     {"PROMPT", ARG_TEXT, true, "words"}};
static const verb knob_verb = {.name = "knobs",
                               .summary = "for tests",
                               .args = knob_args,
                               .n_args = 2,
                               .tables = knob_tables,
                               .n_tables = 1,
                               .lacks = knob_lacks,
                               .n_lacks = 1,
                               .settings_bytes = sizeof(knobs)};

static knobs got;
static opt_args args;
static bytes why;

static opt_outcome parse_env(opt_env env, int n, char *const *words)
{
    memset(&got, 0, sizeof got);
    bytes_reset(&why);
    return opt_parse(&knob_verb, n, words, env, &got, &args, &why);
}

#define WORDS(...) ((char *[]){__VA_ARGS__})
#define PARSE(...)                                                                                 \
    parse_env(NULL, (int)(sizeof WORDS(__VA_ARGS__) / sizeof(char *)), WORDS(__VA_ARGS__))

static void assert_refused(opt_outcome outcome, const char *part)
{
    assert_int_equal(outcome, OPT_REFUSED);
    if (!strstr(bytes_string(&why), part))
        fail_msg("the sentence should say '%s': \"%s\"", part, bytes_string(&why));
    opt_release(&knob_verb, &got);
}

/* ---- options --------------------------------------------------------------------------------- */

static void test_options_in_any_place(void **state)
{
    (void)state;
    assert_int_equal(PARSE("--count", "7", "model", "--real=0.5", "-f", "prompt", "--text", "-x"),
                     OPT_PARSED);
    assert_int_equal(args.n, 2);
    assert_string_equal(args.items[0], "model");
    assert_string_equal(args.items[1], "prompt");
    assert_true(got.flag && !got.second && got.count.given && got.real.given);
    assert_int_equal(got.count.value, 7);
    assert_true(got.real.value == 0.5);
    assert_string_equal(got.text, "-x");
    assert_int_equal(PARSE("m", "-c3"), OPT_PARSED);
    assert_int_equal(got.count.value, 3);
    assert_int_equal(PARSE("m", "-c", "4", "--count=5"), OPT_PARSED);
    assert_int_equal(got.count.value, 5); /* the last one counts */
}

static void test_end_of_options(void **state)
{
    (void)state;
    assert_int_equal(PARSE("m", "--", "--flag"), OPT_PARSED);
    assert_string_equal(args.items[1], "--flag");
    assert_false(got.flag);
    assert_int_equal(PARSE("m", "-"), OPT_PARSED);
    assert_string_equal(args.items[1], "-");
    assert_int_equal(PARSE("--help", "--bogus"), OPT_WANTS_HELP);
    assert_int_equal(PARSE("m", "-h"), OPT_WANTS_HELP);
}

static void test_lists(void **state)
{
    (void)state;
    assert_int_equal(PARSE("m", "--ids", "3,1, 2", "--ranges=5,7-9", "--texts", "a", "--texts", "b",
                           "--size", "1.5G", "--choice", "green"),
                     OPT_PARSED);
    assert_int_equal(got.ids.list.n, 3);
    assert_int_equal(got.ids.list.items[2], 2);
    assert_int_equal(got.ranges.list.n, 2);
    assert_int_equal(got.ranges.list.items[1].last, 9);
    assert_int_equal(got.texts.n, 2);
    assert_string_equal(got.texts.items[1], "b");
    assert_int_equal(got.size.value, 3u << 29);
    assert_string_equal(got.choice, "green");
    opt_release(&knob_verb, &got);
    assert_int_equal(PARSE("m", "--ids", "1", "--ids=none"), OPT_PARSED);
    assert_true(got.ids.given);
    assert_int_equal(got.ids.list.n, 0);
    opt_release(&knob_verb, &got);
}

/* Taken, so that whoever reads it says what is wrong with it; offered nowhere. */
static void test_an_unlisted_choice(void **state)
{
    (void)state;
    assert_int_equal(PARSE("m", "--choice", "grey"), OPT_PARSED);
    assert_string_equal(got.choice, "grey");
    assert_refused(PARSE("m", "--choice", "gray"), "is not one of red green blue");
    assert_null(strstr(bytes_string(&why), "grey"));
}

static void test_flags_take_yes_and_no(void **state)
{
    (void)state;
    assert_int_equal(PARSE("m", "--flag", "--flag=no", "--second=on"), OPT_PARSED);
    assert_true(!got.flag && got.second);
    assert_refused(PARSE("m", "--flag=maybe"), "neither yes nor no");
}

static void test_refusals(void **state)
{
    (void)state;
    assert_refused(PARSE("m", "--count", "12x"), "--count: \"12x\" is not a whole number");
    assert_refused(PARSE("m", "--count", "11"), "11 is not within 1 to 10");
    assert_refused(PARSE("m", "--count", "-1"), "not a whole number");
    assert_refused(PARSE("m", "--count", "99999999999999999999999"), "not within");
    assert_refused(PARSE("m", "--real", "nan"), "not a number");
    assert_refused(PARSE("m", "--real", "0x1"), "not a number");
    assert_refused(PARSE("m", "--real", "0.5 "), "not a number");
    assert_refused(PARSE("m", "--real", "1.01"), "not within 0 to 1");
    assert_refused(PARSE("m", "--share", "0"), "--share: 0 is not above 0 and at most 1");
    assert_refused(PARSE("m", "--share", "-1e-300"), "not above 0");
    assert_refused(PARSE("m", "--share", "1.0001"), "at most 1");
    assert_refused(PARSE("m", "--texts", ""), "--texts: expected at least one character");
    assert_refused(PARSE("m", "--ids", "1,,2"), "not a list of token ids");
    assert_refused(PARSE("m", "--ids", ""), "not a list of token ids");
    assert_refused(PARSE("m", "--ids", "1 2"), "not a list of token ids");
    assert_refused(PARSE("m", "--ids", "2147483648"), "not a list of token ids");
    assert_refused(PARSE("m", "--ranges", "9-3"), "not a list of token ids and ranges");
    assert_refused(PARSE("m", "--size", "4Q"), "not a size");
    assert_refused(PARSE("m", "--choice", "gren"), "did you mean green?");
    assert_refused(PARSE("m", "--count"), "wants a value (N) behind it");
    assert_refused(PARSE("m", "--text", "--flag"), "but --flag follows");
    assert_refused(PARSE("m", "p", "q"), "put PROMPT in quotes");
    assert_refused(PARSE("--flag"), "MODEL is missing: a thing");
}

/* Only zero itself lies outside: no number is small enough to be refused. */
static void test_open_ranges(void **state)
{
    (void)state;
    assert_int_equal(PARSE("m", "--share", "1e-300"), OPT_PARSED);
    assert_true(got.share.value == 1e-300);
    assert_int_equal(PARSE("m", "--share", "1"), OPT_PARSED);
}

static void assert_shown(const char *word, const char *want)
{
    shown s = show(word);
    assert_string_equal(s.text, want);
    assert_int_equal(utf8_first_bad(s.text, strlen(s.text)), strlen(s.text));
}

static void test_long_words_are_cut(void **state)
{
    static char word[4000];
    (void)state;
    assert_shown("--steps", "--steps");
    assert_shown("", "");
    assert_shown("a\nb\033[2J\xff", "a?b?[2J?");
    memset(word, 'x', 80);
    assert_shown(word, word);
    strcpy(word + 80, "y");
    word[0] = 0;
    for (int i = 0; i < 1500; i++)
        strcat(word, "\xC3\xA9");
    shown s = show(word), p = show_path(word);
    assert_int_equal(strlen(s.text), 80 * 2 + 3);
    assert_int_equal(strlen(p.text), 250 * 2 + 3);
    assert_memory_equal(s.text, word, 160);
    assert_string_equal(s.text + 160, "...");
    assert_refused(PARSE("m", "--count", word), "...\" is not a whole number");
    assert_true(why.n < 250);
    assert_refused(PARSE("m", "p", word), "...\"; put PROMPT in quotes");
    assert_true(why.n < 300);
    assert_refused(PARSE("m", "--choice", word), "...\" is not one of red");
    assert_true(why.n < 250);
    word[0] = word[1] = '-';
    assert_refused(PARSE("m", word), "...; write -- in front");
    assert_true(why.n < 300);
}

static void test_plurals(void **state)
{
    (void)state;
    assert_string_equal(plural(0, "s"), "s");
    assert_string_equal(plural(1, "s"), "");
    assert_string_equal(plural(2, "es"), "es");
}

static void test_unknown_options_name_the_nearest(void **state)
{
    (void)state;
    assert_refused(PARSE("m", "--knots", "1"),
                   "dlx knobs has no option --knots: tie them yourself");
    assert_refused(PARSE("m", "-k1"), "tie them yourself");
    assert_refused(PARSE("m", "--cuont", "1"), "did you mean --count?");
    assert_refused(PARSE("m", "--fla=1"), "no option --fla; did you mean --flag?");
    assert_refused(PARSE("m", "--model-path", "x"), "did you mean MODEL");
    assert_refused(PARSE("m", "--sampler", "x"), "it belongs to dlx run");
    assert_refused(PARSE("m", "--zzzzzz"), "write -- in front of text");
    assert_refused(PARSE("m", "-z"), "no option -z");
    assert_refused(PARSE("m", "-fz"), "no option -fz");
}

static const char *test_environment(const char *name)
{
    return strcmp(name, "DLX_COUNT") == 0   ? "4"
           : strcmp(name, "DLX_TEXTS") == 0 ? "from the environment"
           : strcmp(name, "DLX_FLAG") == 0  ? "yes"
           : strcmp(name, "DLX_REAL") == 0  ? ""
                                            : NULL;
}

static const char *bad_environment(const char *name)
{
    return strcmp(name, "DLX_COUNT") == 0 ? "many" : NULL;
}

static void test_environment_is_below_options(void **state)
{
    (void)state;
    assert_int_equal(parse_env(test_environment, 1, WORDS("m")), OPT_PARSED);
    assert_int_equal(got.count.value, 4);
    assert_true(got.flag && !got.real.given);
    assert_int_equal(got.sources[2], OPT_FROM_ENV); /* count */
    assert_int_equal(got.sources[3], OPT_DEFAULT);  /* real */
    opt_release(&knob_verb, &got);
    assert_int_equal(
        parse_env(test_environment, 5, WORDS("m", "--count", "9", "--flag=no", "--texts=mine")),
        OPT_PARSED);
    assert_int_equal(got.count.value, 9);
    assert_int_equal(got.texts.n, 1);
    assert_string_equal(got.texts.items[0], "mine");
    assert_false(got.flag);
    assert_int_equal(got.sources[0], OPT_FROM_LINE); /* flag, given as "no" */
    assert_int_equal(got.sources[2], OPT_FROM_LINE);
    assert_int_equal(got.sources[9], OPT_DEFAULT);
    opt_release(&knob_verb, &got);
    assert_refused(parse_env(bad_environment, 1, WORDS("m")),
                   "DLX_COUNT in the environment: \"many\"");
}

/* ---- the real tables ------------------------------------------------------------------------- */

static void check_row(const verb *v, const opt *o, size_t column)
{
    bytes line = {0};
    assert_true(o->name && o->help && *o->help && !strchr(o->help, '\n'));
    assert_true((o->kind == OPT_FLAG) == (o->arg == NULL));
    assert_true((o->kind == OPT_CHOICE) == (o->choices != NULL));
    if (o->kind == OPT_COUNT)
        assert_true(o->lo < o->hi);
    if (o->kind == OPT_REAL)
        assert_true(o->min < o->max);
    help_option(&line, o);
    if (line.n + 6 > column)
        fail_msg("dlx %s: --%s leaves no room for its help", v->name, o->name);
    bytes_release(&line);
}

static void test_every_verb_is_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < n_all_verbs; i++) {
        const verb *v = all_verbs[i];
        const opt_table *table, *other_table;
        assert_true(v->name && v->summary && v->about && v->run && v->n_args <= 4);
        for (const opt *o = NULL; (o = opt_next(v, o, &table));) {
            check_row(v, o, 34);
            assert_true(table->base + o->offset < v->settings_bytes);
            for (const opt *p = o; (p = opt_next(v, p, &other_table));) {
                assert_string_not_equal(o->name, p->name);
                assert_true(!o->letter || o->letter != p->letter);
            }
        }
    }
}

static void test_help_lines_fit(void **state)
{
    const term plain = {0};
    (void)state;
    for (size_t i = 0; i < n_all_verbs; i++) {
        bytes text = {0};
        help_verb(&text, all_verbs[i], &plain);
        assert_null(strchr(text.data, '\033'));
        for (const char *p = text.data; *p;) {
            size_t n = strcspn(p, "\n");
            if (n > 104)
                fail_msg("dlx help %s has a line of %zu: %.40s", all_verbs[i]->name, n, p);
            p += n + (p[n] != 0);
        }
        bytes_release(&text);
    }
}

/* Everything made from the tables names every verb and option. */
static void test_nothing_drifts(void **state)
{
    (void)state;
    bytes bash = {0}, zsh = {0}, fish = {0}, page = {0}, name = {0}, index = {0};
    complete_bash(&bash);
    complete_zsh(&zsh);
    complete_fish(&fish);
    man_main(&index);
    for (size_t i = 0; i < n_all_verbs; i++) {
        const verb *v = all_verbs[i];
        assert_non_null(strstr(index.data, v->name));
        bytes_reset(&page);
        man_verb(&page, v);
        for (const opt *o = NULL; (o = opt_next(v, o, NULL));) {
            bytes_reset(&name);
            bytes_printf(&name, "--%s", o->name);
            assert_non_null(strstr(bash.data, name.data));
            assert_non_null(strstr(zsh.data, name.data));
            bytes_reset(&name);
            bytes_printf(&name, " -l %s", o->name);
            assert_non_null(strstr(fish.data, name.data));
            bytes_reset(&name);
            for (const char *p = o->name; *p; p++)
                bytes_printf(&name, *p == '-' ? "\\-" : "%c", *p);
            assert_non_null(strstr(page.data, name.data));
        }
    }
    bytes_release(&bash);
    bytes_release(&zsh);
    bytes_release(&fish);
    bytes_release(&page);
    bytes_release(&name);
    bytes_release(&index);
}

/* The names that users were promised. */
static void test_contract(void **state)
{
    (void)state;
    static const char *const run_names[] = {"ids",
                                            "raw",
                                            "system",
                                            "trace",
                                            "watch",
                                            "json",
                                            "threads",
                                            "backend",
                                            "max-tokens",
                                            "block-length",
                                            "small-block",
                                            "steps",
                                            "sampler",
                                            "threshold",
                                            "factor",
                                            "eb-threshold",
                                            "cfg-scale",
                                            "logits-eos-inf",
                                            "confidence-eos-eot-inf",
                                            "alg-temp",
                                            "eps",
                                            "temperature",
                                            "top-k",
                                            "top-p",
                                            "seed",
                                            "cache",
                                            "eos-ids",
                                            "eot-id",
                                            "suppress",
                                            "allow-special"};
    static const char *const tokenize_names[] = {"ids",   "decode", "chat",       "file",
                                                 "lines", "hex",    "no-specials"};
    const struct {
        const verb *v;
        const char *const *names;
        size_t n;
    } promised[] = {
        {&verb_run, run_names, sizeof run_names / sizeof *run_names},
        {&verb_tokenize, tokenize_names, sizeof tokenize_names / sizeof *tokenize_names}};
    for (size_t i = 0; i < 2; i++) {
        for (size_t k = 0; k < promised[i].n; k++) {
            const opt *o = NULL;
            while ((o = opt_next(promised[i].v, o, NULL)) && strcmp(o->name, promised[i].names[k]))
                ;
            if (!o)
                fail_msg("dlx %s lost --%s", promised[i].v->name, promised[i].names[k]);
        }
    }
}

static bool has_option(const verb *v, const char *name)
{
    for (const opt *o = NULL; (o = opt_next(v, o, NULL));)
        if (strcmp(o->name, name) == 0)
            return true;
    return false;
}

/* The rows left out are those that bound an answer, and the sources are those of the rows. */
static void test_infill_has_no_length(void **state)
{
    (void)state;
    assert_false(has_option(&verb_infill, "max-tokens"));
    assert_false(has_option(&verb_infill, "stop"));
    assert_true(has_option(&verb_infill, "block-length"));
    assert_int_equal(verb_infill.n_lacks, N_LENGTH_ROWS);
    for (size_t i = 0; i < N_LENGTH_ROWS; i++)
        assert_string_equal(verb_infill.lacks[i].name, gen_rows[i].name);
    for (size_t i = 0; i < n_all_verbs; i++) {
        for (size_t k = 0; k < all_verbs[i]->n_tables; k++) {
            const opt_table *t = &all_verbs[i]->tables[k];
            if (!t->sources || t->rows == arithmetic_rows + ARITHMETIC_KERNELS)
                continue;
            size_t first = (size_t)(t->rows - gen_rows);
            assert_int_equal(first + t->n, N_GEN_ROWS);
            assert_int_equal(t->sources - t->base,
                             offsetof(gen_flags, sources) + first * sizeof(opt_source));
        }
    }
}

/* Verbs that open a session or plan one; the kernels have a variable of their own name. */
static void test_arithmetic_is_everywhere(void **state)
{
    static const verb *const verbs[] = {&verb_run,  &verb_chat,  &verb_infill, &verb_logits,
                                        &verb_eval, &verb_bench, &verb_inspect};
    const term plain = {0};
    bytes text = {0};
    (void)state;
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        for (size_t k = 0; k < N_ARITHMETIC_ROWS; k++)
            assert_true(has_option(verbs[i], arithmetic_rows[k].name));
    assert_true(has_option(&verb_doctor, "kernels"));
    assert_false(has_option(&verb_doctor, "weights"));
    opt_env_name(&arithmetic_rows[ARITHMETIC_KERNELS], &text);
    assert_string_equal(text.data, "DLX_KERNEL");
    bytes_reset(&text);
    help_verb(&text, &verb_run, &plain);
    assert_non_null(strstr(text.data, "Options of the groups Generation, Model and machine, and "
                                      "Arithmetic"));
    bytes_reset(&text);
    man_verb(&text, &verb_doctor);
    assert_non_null(strstr(text.data, "Environment: \\fBDLX_KERNEL\\fR."));
    bytes_release(&text);
}

/* --ctx means another thing where several prompts share a context. */
static void test_help_of_ctx(void **state)
{
    const struct {
        const verb *v;
        const char *part;
    } cases[] = {{&verb_run, "(default: what the work needs)"},
                 {&verb_chat, "positions for all turns"},
                 {&verb_eval, "positions for the longest line"},
                 {&verb_eval, "(default: the model's, at most 4096)"}};
    const term plain = {0};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bytes text = {0};
        help_verb(&text, cases[i].v, &plain);
        assert_non_null(strstr(text.data, cases[i].part));
        bytes_release(&text);
    }
}

/* ---- suggestions ----------------------------------------------------------------------------- */

static void test_distance(void **state)
{
    (void)state;
    assert_int_equal(suggest_distance("", ""), 0);
    assert_int_equal(suggest_distance("abc", ""), 3);
    assert_int_equal(suggest_distance("steps", "stpes"), 1);
    assert_int_equal(suggest_distance("threads", "treads"), 1);
    assert_int_equal(suggest_distance("kitten", "sitting"), 3);
    static const char *const words[] = {"run", "infill", "inspect"};
    assert_string_equal(suggest_nearest("rnu", words, 3), "run");
    assert_string_equal(suggest_nearest("insp", words, 3), "inspect");
    assert_null(suggest_nearest("quantize", words, 3));
    assert_null(suggest_nearest("", words, 3));
}

static void test_foreign_spellings_name_ours(void **state)
{
    (void)state;
    static const char *const originals[] = {"model-path",   "pte-path",    "model_type",
                                            "quantization", "max-seq-len", "demo",
                                            "tokenizer",    "device",      "no-chat-template"};
    for (size_t i = 0; i < sizeof originals / sizeof *originals; i++)
        assert_non_null(suggest_foreign(originals[i]));
    size_t n;
    const suggest_alias *list = suggest_foreign_list(&n);
    for (size_t i = 0; i < n; i++) {
        /* none may shadow an option of run, and what looks like an option must be one somewhere */
        for (const opt *o = NULL; (o = opt_next(&verb_run, o, NULL));)
            assert_string_not_equal(o->name, list[i].theirs);
        if (strncmp(list[i].ours, "--", 2) != 0 || strstr(list[i].ours, " of "))
            continue;
        char name[64];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(list[i].ours + 2, " "), list[i].ours + 2);
        bool found = false;
        for (size_t k = 0; k < n_all_verbs; k++)
            for (const opt *o = NULL; (o = opt_next(all_verbs[k], o, NULL));)
                found = found || strcmp(o->name, name) == 0;
        if (!found)
            fail_msg("--%s is suggested but exists nowhere", name);
    }
}

/* ---- gaps ------------------------------------------------------------------------------------ */

static void assert_part(const gap_text *g, size_t i, const char *text, size_t n_masks)
{
    assert_true(i < g->n_parts);
    assert_int_equal(g->parts[i].n_masks, n_masks);
    if (text) {
        assert_int_equal(g->parts[i].n, strlen(text));
        assert_memory_equal(g->plain.data + g->parts[i].start, text, strlen(text));
    }
}

static bool gaps_of(gap_text *g, const char *text)
{
    bytes_reset(&why);
    return gap_parse(g, text, strlen(text), "<mask>", &why);
}

static void test_gaps(void **state)
{
    gap_text g;
    (void)state;
    assert_true(gaps_of(&g, "a [[3]] b<mask><mask>[[1]]c"));
    assert_int_equal(g.n_parts, 5);
    assert_int_equal(g.n_masks, 6);
    assert_part(&g, 0, "a ", 0);
    assert_part(&g, 1, NULL, 3);
    assert_part(&g, 2, " b", 0);
    assert_part(&g, 3, NULL, 3); /* two mask tokens and [[1]] are one gap */
    assert_part(&g, 4, "c", 0);
    gap_release(&g);
}

static void test_no_gaps(void **state)
{
    gap_text g;
    (void)state;
    static const char text[] = "if [[ -f x ]]; [[x]] [[]] [[1] [[12 \\[[8]] [";
    assert_true(gaps_of(&g, text));
    assert_int_equal(g.n_parts, 1);
    assert_int_equal(g.n_masks, 0);
    assert_part(&g, 0, "if [[ -f x ]]; [[x]] [[]] [[1] [[12 [[8]] [", 0);
    gap_release(&g);
    assert_true(gaps_of(&g, ""));
    assert_int_equal(g.n_parts, 0);
    gap_release(&g);
    assert_false(gaps_of(&g, "x [[0]]"));
    assert_non_null(strstr(why.data, "[[0]] at byte 2"));
    assert_false(gaps_of(&g, "[[99999999999999999999999999]]"));
    assert_non_null(strstr(why.data, "too many masks"));
}

/* ---- the rest -------------------------------------------------------------------------------- */

static void test_utf8(void **state)
{
    (void)state;
    assert_int_equal(utf8_first_bad("abc", 3), 3);
    assert_int_equal(utf8_first_bad("a\xC3\xA9z", 4), 4);
    assert_int_equal(utf8_first_bad("a\xC3", 2), 1);
    assert_int_equal(utf8_first_bad("a\xC0\x80", 3), 1);        /* overlong */
    assert_int_equal(utf8_first_bad("\xED\xA0\x80", 3), 0);     /* surrogate */
    assert_int_equal(utf8_first_bad("\xF4\x90\x80\x80", 4), 0); /* beyond U+10FFFF */
    assert_int_equal(utf8_first_bad("\xF0\x9F\x8D\xB0", 4), 4);
    size_t i = 0;
    assert_int_equal(utf8_next("\xF0\x9F\x8D\xB0", 4, &i), 0x1F370);
    assert_int_equal(i, 4);
}

static void test_hexadecimal(void **state)
{
    bytes out = {0};
    (void)state;
    assert_true(input_hex("61 6A\r", 6, &out));
    assert_string_equal(out.data, "aj");
    assert_false(input_hex("6", 1, &out));
    assert_false(input_hex("6x", 2, &out));
    bytes_release(&out);
}

static void test_trace_lines(void **state)
{
    char line[512] = "";
    const dlx_written written[] = {{9, 5, 0.5f}, {11, 6, -INFINITY}};
    const dlx_event event = {.kind = DLX_EV_PASS,
                             .pass = 2,
                             .pass_kind = DLX_PASS_COMMIT,
                             .block = 1,
                             .rows = 4,
                             .written = written,
                             .n_written = 2};
    (void)state;
    FILE *file = tmpfile();
    assert_non_null(file);
    trace_event(file, &event);
    rewind(file);
    assert_non_null(fgets(line, sizeof line, file));
    fclose(file);
    assert_string_equal(
        line, "{\"pass\":2,\"block\":1,\"kind\":\"commit\",\"rows\":4,\"written\":["
              "{\"pos\":9,\"id\":5,\"conf\":0.5},{\"pos\":11,\"id\":6,\"conf\":null}]}\n");
}

static void test_colours_of_confidence(void **state)
{
    (void)state;
    assert_int_equal(paint_level(0.0f), 0);
    assert_int_equal(paint_level(0.99f), 4);
    assert_int_equal(paint_level(1.5f), 4);
    assert_int_equal(paint_level(-0.01f), 4); /* a small negative entropy is sure */
    assert_int_equal(paint_level(-5.0f), 0);
    assert_int_equal(paint_cells('a'), 1);
    assert_int_equal(paint_cells(0x4E00), 2);
    assert_int_equal(paint_cells(0x301), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_in_any_place),
        cmocka_unit_test(test_end_of_options),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_an_unlisted_choice),
        cmocka_unit_test(test_flags_take_yes_and_no),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_open_ranges),
        cmocka_unit_test(test_long_words_are_cut),
        cmocka_unit_test(test_plurals),
        cmocka_unit_test(test_unknown_options_name_the_nearest),
        cmocka_unit_test(test_environment_is_below_options),
        cmocka_unit_test(test_every_verb_is_whole),
        cmocka_unit_test(test_help_lines_fit),
        cmocka_unit_test(test_nothing_drifts),
        cmocka_unit_test(test_contract),
        cmocka_unit_test(test_infill_has_no_length),
        cmocka_unit_test(test_arithmetic_is_everywhere),
        cmocka_unit_test(test_help_of_ctx),
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_foreign_spellings_name_ours),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_no_gaps),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_hexadecimal),
        cmocka_unit_test(test_trace_lines),
        cmocka_unit_test(test_colours_of_confidence),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    bytes_release(&why);
    return failed;
}
