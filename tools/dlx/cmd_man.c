/* cmd_man.c - dlx man: manual pages made from the option tables that the command itself reads. */
#include "help.h"
#include "interrupt.h"
#include "out.h"
#include "save.h"
#include "sys.h"
#include "verbs.h"

#include <errno.h>
#include <string.h>

typedef struct settings {
    const char *all;
} settings;

static const opt rows[] = {
    {"all", OPT_FOLDER, offsetof(settings, all), "DIR",
     .help = "write dlx.1, dlx-run.1 ... into a directory"},
};

static const opt_table tables[] = {OPT_TABLE("Output", rows)};

/* v NULL: the page of the command itself. */
static bool write_page(const char *folder, const verb *v)
{
    save file = {0};
    bytes path = {0}, page = {0};
    bytes_printf(&path, v ? "%s/dlx-%s.1" : "%s/dlx.1", folder, v ? v->name : "");
    if (v)
        man_verb(&page, v);
    else
        man_main(&page);
    bool ok = save_open(&file, path.data);
    if (ok) {
        fwrite(page.data, 1, page.n, file.file);
        ok = save_commit(&file);
    }
    bytes_release(&path);
    bytes_release(&page);
    return ok;
}

static int write_all(const char *folder)
{
    if (!sys_make_folder(folder))
        return say_failed("%s cannot be made: %s%s", show_path(folder).text, strerror(errno),
                          save_advice(errno));
    /* A page in work is finished first: no temporary file stays. */
    interrupt_begin(NULL);
    bool ok = write_page(folder, NULL);
    for (size_t i = 0; i < n_all_verbs && ok && !interrupted(); i++)
        ok = write_page(folder, all_verbs[i]);
    int code = !ok ? EXIT_FAILED : interrupted() ? interrupt_exit_code() : EXIT_OK;
    interrupt_end();
    return code;
}

static int run(const void *of_verb, const opt_args *args)
{
    const settings *s = of_verb;
    bytes page = {0};
    if (s->all && args->n)
        return say_misuse("man", "VERB and --all are both given; --all writes every page");
    if (s->all)
        return write_all(s->all);
    const verb *v = args->n ? verb_find(args->items[0]) : NULL;
    if (args->n && !v)
        return say_misuse(NULL, "there is no verb %s", show(args->items[0]).text);
    if (v)
        man_verb(&page, v);
    else
        man_main(&page);
    out_bytes(page.data, page.n);
    bytes_release(&page);
    return EXIT_OK;
}

static const verb_arg arguments[] = {
    {"VERB", ARG_VERB, true, "the verb; without, the command itself"}};

static const char *const about[] = {
    "Prints a manual page in roff, or writes all of them into a directory.", NULL};

static const verb_example examples[] = {
    {"dlx man run | man -l -", "read a page that is not installed"},
};

const verb verb_man = {.name = "man",
                       .summary = "print manual pages",
                       .about = about,
                       .args = arguments,
                       .n_args = 1,
                       .tables = tables,
                       .n_tables = 1,
                       .examples = examples,
                       .n_examples = 1,
                       .settings_bytes = sizeof(settings),
                       .run = run};
