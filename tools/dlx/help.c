/* help.c - help texts made from the tables of the verbs. */
#include "help.h"

#include "verbs.h"

#include <dlx/common.h>
#include <string.h>

enum { HELP_WIDTH = 88, OPTION_COLUMN = 32 };

void help_usage(bytes *out, const verb *v)
{
    bytes_printf(out, "dlx %s", v->name);
    for (size_t i = 0; i < v->n_args; i++)
        bytes_printf(out, v->args[i].optional ? " [%s]" : " %s", v->args[i].name);
    if (v->n_tables)
        bytes_text(out, " [options]");
}

void help_option(bytes *out, const opt *o)
{
    if (o->letter)
        bytes_printf(out, "-%c, ", o->letter);
    bytes_printf(out, "--%s", o->name);
    if (o->arg)
        bytes_printf(out, " %s", o->arg);
}

static void heading(bytes *out, const term *t, const char *text)
{
    bytes_printf(out, "\n%s%s%s\n", term_code(t, STYLE_BOLD), text, term_code(t, STYLE_PLAIN));
}

static void paragraph(bytes *out, const char *text)
{
    size_t column = 0;
    for (const char *p = text; *p;) {
        size_t word = strcspn(p, " ");
        if (column && column + 1 + word > HELP_WIDTH) {
            bytes_text(out, "\n");
            column = 0;
        }
        if (column) {
            bytes_text(out, " ");
            column++;
        }
        bytes_add(out, p, word);
        column += word;
        p += word;
        p += strspn(p, " ");
    }
    bytes_text(out, "\n");
}

static void row(bytes *out, const char *left, const char *right, size_t column)
{
    size_t start = out->n;
    bytes_printf(out, "  %s", left);
    size_t used = out->n - start;
    bytes_pad(out, used + 2 <= column ? column - used : 2);
    bytes_text(out, right);
    bytes_text(out, "\n");
}

static void option_row(bytes *out, const opt *o)
{
    bytes left = {0}, right = {0};
    if (!o->letter)
        bytes_text(&left, "    ");
    help_option(&left, o);
    bytes_text(&right, o->help);
    if (o->fallback)
        bytes_printf(&right, " (default: %s)", o->fallback);
    row(out, left.data, right.data, OPTION_COLUMN);
    bytes_release(&left);
    bytes_release(&right);
}

/* Which groups the environment may set, and one of their options as an example. */
static void environment(bytes *out, const verb *v)
{
    bytes text = {0}, name = {0};
    const opt_table *table;
    size_t n = 0, n_left = 0;
    for (size_t i = 0; i < v->n_tables; i++)
        n_left += v->tables[i].from_env;
    if (!n_left)
        return;
    bytes_printf(&text, "Options of the group%s", plural(n_left, "s"));
    for (size_t i = 0; i < v->n_tables; i++) {
        if (!v->tables[i].from_env)
            continue;
        bytes_printf(&text, "%s %s", !n ? "" : n_left > 1 ? "," : ", and", v->tables[i].heading);
        n++;
        n_left--;
    }
    bytes_text(&text, " may also be set in the environment: an option on the command line wins "
                      "over its variable, the variable over the model's own default.");
    bytes_text(out, "\n");
    paragraph(out, bytes_string(&text));
    const opt *o = NULL;
    while ((o = opt_next(v, o, &table)) && !table->from_env)
        ;
    opt_env_name(o, &name);
    bytes_printf(out, "For example: --%s is %s.\n", o->name, name.data);
    bytes_release(&text);
    bytes_release(&name);
}

static void options(bytes *out, const verb *v, const term *t)
{
    for (size_t i = 0; i < v->n_tables; i++) {
        heading(out, t, v->tables[i].heading);
        for (size_t k = 0; k < v->tables[i].n; k++)
            option_row(out, &v->tables[i].rows[k]);
    }
    environment(out, v);
}

void help_verb(bytes *out, const verb *v, const term *t)
{
    bytes_text(out, "usage: ");
    help_usage(out, v);
    bytes_text(out, "\n");
    for (size_t i = 0; v->about && v->about[i]; i++) {
        bytes_text(out, "\n");
        paragraph(out, v->about[i]);
    }
    if (v->n_args)
        heading(out, t, "Arguments");
    for (size_t i = 0; i < v->n_args; i++)
        row(out, v->args[i].name, v->args[i].help, 12);
    options(out, v, t);
    if (v->more)
        v->more(out);
    if (v->n_examples)
        heading(out, t, "Examples");
    for (size_t i = 0; i < v->n_examples; i++)
        bytes_printf(out, "  %s\n      %s\n", v->examples[i].line, v->examples[i].what);
}

static void verb_rows(bytes *out)
{
    for (size_t i = 0; i < n_all_verbs; i++)
        row(out, all_verbs[i]->name, all_verbs[i]->summary, 14);
}

void help_short(bytes *out, const term *t)
{
    bytes_printf(out,
                 "dlx %s - diffusion language models on this machine\n"
                 "\nusage: dlx VERB MODEL ...\n",
                 dlx_version());
    heading(out, t, "Verbs");
    verb_rows(out);
    bytes_text(out, "\ndlx VERB --help explains a verb. MODEL is a Hugging Face directory, a .gguf "
                    "file or a .pte program.\n");
}

void help_all(bytes *out, const term *t)
{
    help_short(out, t);
    heading(out, t, "Usage");
    for (size_t i = 0; i < n_all_verbs; i++) {
        bytes_text(out, "  ");
        help_usage(out, all_verbs[i]);
        bytes_text(out, "\n");
    }
    heading(out, t, "Conventions");
    row(out, "Results", "go to standard output, everything else to standard error.", 14);
    row(out, "--json", "makes the result one JSON object.", 14);
    row(out, "Exit code", "0 done, 1 failed, 2 wrong usage, 130 stopped with Ctrl-C.", 14);
    row(out, "NO_COLOR", "switches colours off; they are used on terminals only.", 14);
    row(out, "DLX_...", "variables set options: DLX_THREADS, DLX_BACKEND, DLX_MAX_TOKENS ...", 14);
    row(out, "DLX_KERNEL", "names the kernels, as --kernels does; dlx doctor lists them.", 14);
    heading(out, t, "Examples");
    bytes_text(out, "  dlx run path/to/model \"Why is the sky blue?\" --watch\n"
                    "  dlx chat path/to/model\n"
                    "  dlx infill path/to/model \"The capital of France is [[2]].\"\n"
                    "  dlx inspect path/to/model\n");
}
