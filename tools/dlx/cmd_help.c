/* cmd_help.c - dlx help: the same texts as --help. */
#include "help.h"
#include "out.h"
#include "verbs.h"

static int run(const void *settings, const opt_args *args)
{
    term t = term_of(stdout);
    bytes text = {0};
    (void)settings;
    const verb *v = args->n ? verb_find(args->items[0]) : NULL;
    if (args->n && !v) {
        const char *near = verb_nearest(args->items[0]);
        return say_misuse(NULL, "there is no verb %s%s%s%s", show(args->items[0]).text,
                          near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
    }
    if (v)
        help_verb(&text, v, &t);
    else
        help_all(&text, &t);
    out_bytes(text.data, text.n);
    bytes_release(&text);
    return EXIT_OK;
}

static const verb_arg arguments[] = {{"VERB", ARG_VERB, true, "the verb to explain; without, all"}};

static const char *const about[] = {"Explains a verb, as dlx VERB --help does.", NULL};

const verb verb_help = {.name = "help",
                        .summary = "explain a verb",
                        .about = about,
                        .args = arguments,
                        .n_args = 1,
                        .run = run};
