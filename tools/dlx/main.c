/* main.c - dlx: finds the verb, reads its options, runs it, and sees that the result got out. */
#include "help.h"
#include "out.h"
#include "suggest.h"
#include "sys.h"
#include "verbs.h"

#include <dlx/common.h>
#include <stdlib.h>
#include <string.h>

static const char *environment(const char *name)
{
    return getenv(name);
}

static int run_verb(const verb *v, int argc, char **argv)
{
    void *settings = calloc(1, v->settings_bytes ? v->settings_bytes : 1);
    opt_args args;
    bytes text = {0};
    int code;
    if (!settings)
        return say_failed("out of memory");
    switch (opt_parse(v, argc, argv, environment, settings, &args, &text)) {
    case OPT_WANTS_HELP: {
        term t = term_of(stdout);
        help_verb(&text, v, &t);
        out_bytes(text.data, text.n);
        code = EXIT_OK;
        break;
    }
    case OPT_REFUSED:
        code = say_misuse(v->name, "%s", text.data);
        break;
    default:
        code = v->run(settings, &args);
    }
    opt_release(v, settings);
    bytes_release(&text);
    free(settings);
    return code;
}

/* No verb in front: an option of the original command, a typing error, or a model. */
static int no_verb(const char *word)
{
    if (word[0] == '-') {
        bytes name = {0};
        const char *bare = word + strspn(word, "-");
        bytes_add(&name, bare, strcspn(bare, "="));
        const suggest_alias *alias = suggest_foreign(name.data);
        bytes_release(&name);
        if (alias)
            return say_misuse(NULL,
                              "options follow a verb (dlx run MODEL ...); for %s did you mean %s?",
                              show(word).text, alias->ours);
        return say_misuse(NULL, "options follow a verb: dlx run MODEL %s ...", show(word).text);
    }
    const char *near = verb_nearest(word);
    if (near)
        return say_misuse(NULL, "there is no verb %s; did you mean %s?", show(word).text, near);
    if (sys_kind_of(word) != SYS_ABSENT)
        return say_misuse(NULL, "a verb comes before the model; did you mean dlx run %s?",
                          show_path(word).text);
    return say_misuse(NULL, "there is no verb %s", show(word).text);
}

static int dispatch(int argc, char **argv)
{
    term t = term_of(stdout);
    bytes text = {0};
    const char *word = argc > 1 ? argv[1] : NULL;
    const verb *v = word ? verb_find(word) : NULL;
    if (v)
        return run_verb(v, argc - 2, argv + 2);
    if (!word)
        help_short(&text, &t);
    else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
        help_all(&text, &t);
    else if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
        bytes_printf(&text, "dlx %s\n", dlx_version());
    else
        return no_verb(word);
    out_bytes(text.data, text.n);
    bytes_release(&text);
    return EXIT_OK;
}

int main(int argc, char **argv)
{
    sys_start();
    return out_finish(dispatch(argc, argv));
}
