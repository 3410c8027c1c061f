/* bench_settings.c - the settings of a comparison: options of generation written in one text. */
#include "bench_settings.h"

#include <stdlib.h>
#include <string.h>

/* ---- a side of a comparison ------------------------------------------------------------------ */

typedef struct side_settings {
    gen_flags gen;
    opt_count threads;
    const char *backend;
    arithmetic_flags arithmetic;
} side_settings;

static const opt where_rows[] = {
    {"threads", OPT_COUNT, offsetof(side_settings, threads), "N", .help = "threads to compute with",
     .lo = 1, .hi = 1024},
    {"backend", OPT_CHOICE, offsetof(side_settings, backend), "NAME", .help = "what computes",
     .choices = dlx_backend_names},
};

static const opt_table side_tables[] = {
    GEN_TABLE(side_settings, N_LENGTH_ROWS),
    OPT_TABLE("Where", where_rows),
    ARITHMETIC_TABLE(side_settings, arithmetic),
};

/* Only its tables are of interest: it is no verb that anybody could call. */
static const verb side_verb = {.name = "bench --ab",
                               .tables = side_tables,
                               .n_tables = sizeof side_tables / sizeof *side_tables,
                               .settings_bytes = sizeof(side_settings)};

/* "a=1 b" becomes "--a=1" and "--b": `words` holds them, *argv points to them. Returns how many. */
static int cut_words(bytes *words, const char *text, char ***argv)
{
    int n = 0;
    for (const char *p = text + strspn(text, " \t"); *p; p += strspn(p, " \t")) {
        size_t len = strcspn(p, " \t");
        bytes_printf(words, "%s%.*s", p[0] == '-' ? "" : "--", (int)len, p);
        bytes_add(words, "", 1);
        p += len;
        n++;
    }
    *argv = mem_resize(NULL, (size_t)n + 1, sizeof **argv);
    char *word = words->data; /* which moves no more */
    for (int i = 0; i < n; i++, word += strlen(word) + 1)
        (*argv)[i] = word;
    return n;
}

static int parse_side(bench_side *side, const char *text, const gen_flags *base)
{
    char **argv;
    side_settings s = {.gen = *base};
    opt_args args;
    bytes why = {0};
    int n = cut_words(&side->words, text, &argv);
    /* Lists of the base stay the base's; a list of this text replaces them. */
    s.gen.eos_ids = (opt_ids){0};
    s.gen.suppress = (opt_ranges){0};
    int code = EXIT_OK;
    opt_outcome outcome = opt_parse(&side_verb, n, argv, NULL, &s, &args, &why);
    if (outcome == OPT_WANTS_HELP)
        bytes_text(&why, "help is no setting");
    if (outcome != OPT_PARSED)
        code = say_misuse("bench", "--ab \"%s\": %s", show(text).text, bytes_string(&why));
    bytes_release(&why);
    free(argv);
    side->flags = s.gen;
    side->threads = s.threads;
    side->backend = s.backend;
    side->arithmetic = s.arithmetic;
    side->eos_ids = s.gen.eos_ids;
    side->suppress = s.gen.suppress;
    if (!side->eos_ids.given)
        side->flags.eos_ids = base->eos_ids;
    if (!side->suppress.given)
        side->flags.suppress = base->suppress;
    return code;
}

int bench_side_init(bench_side *side, const char *text, const gen_flags *base,
                    const dlx_model *model, size_t max_tokens)
{
    *side = (bench_side){.flags = *base};
    int code = text ? parse_side(side, text, base) : EXIT_OK;
    if (code != EXIT_OK)
        return code;
    if (!gen_plan_init(&side->plan, model, &side->flags, false))
        return EXIT_FAILED;
    side->plan.opts.max_tokens = max_tokens;
    return EXIT_OK;
}

void bench_side_release(bench_side *side)
{
    gen_plan_release(&side->plan);
    free(side->eos_ids.list.items);
    free(side->suppress.list.items);
    bytes_release(&side->words);
    *side = (bench_side){0};
}
