/* manpage.c - man pages made from the tables of the verbs. */
#include "help.h"

#include "verbs.h"

#include <dlx/common.h>
#include <string.h>

/* Text for roff: dashes stay dashes, backslashes stay themselves, no line starts a request. */
static void roff(bytes *out, const char *text)
{
    bool start = true;
    for (const char *p = text; *p; p++) {
        if (start && (*p == '.' || *p == '\''))
            bytes_text(out, "\\&");
        if (*p == '\\')
            bytes_text(out, "\\e");
        else if (*p == '-')
            bytes_text(out, "\\-");
        else
            bytes_add(out, p, 1);
        start = *p == '\n';
    }
}

static void roff_line(bytes *out, const char *before, const char *text, const char *after)
{
    bytes_text(out, before);
    roff(out, text);
    bytes_text(out, after);
}

static void title(bytes *out, const char *name, const char *summary)
{
    bytes_text(out, ".TH \"");
    for (const char *p = name; *p; p++) {
        char c = *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p;
        bytes_add(out, &c, 1);
    }
    bytes_printf(out, "\" \"1\" \"\" \"dlx %s\" \"User Commands\"\n.SH NAME\n", dlx_version());
    roff_line(out, "", name, " \\- ");
    roff_line(out, "", summary, "\n");
}

static void option_entry(bytes *out, const opt *o, const opt_table *table)
{
    bytes name = {0};
    bytes_text(out, ".TP\n\\fB");
    if (o->letter)
        bytes_printf(out, "\\-%c\\fR, \\fB", o->letter);
    roff_line(out, "\\-\\-", o->name, "\\fR");
    if (o->arg)
        roff_line(out, " \\fI", o->arg, "\\fR");
    roff_line(out, "\n", o->help, "");
    if (o->fallback)
        roff_line(out, " (default: ", o->fallback, ")");
    bytes_text(out, ".\n");
    if (o->choices) {
        bytes_text(out, "One of");
        for (const char *const *choice = o->choices(); *choice; choice++)
            roff_line(out, choice[1] ? " \\fB" : " \\fB", *choice, choice[1] ? "\\fR," : "\\fR.\n");
    }
    if (table->from_env) {
        opt_env_name(o, &name);
        bytes_printf(out, "Environment: \\fB%s\\fR.\n", name.data);
    }
    bytes_release(&name);
}

static void footer(bytes *out)
{
    bytes_text(
        out,
        ".SH EXIT STATUS\n"
        "0 when done, 1 after a failure, 2 for wrong usage, 130 when stopped with Ctrl\\-C.\n");
}

void man_verb(bytes *out, const verb *v)
{
    bytes text = {0};
    bytes_printf(&text, "dlx-%s", v->name);
    title(out, text.data, v->summary);
    bytes_text(out, ".SH SYNOPSIS\n");
    bytes_reset(&text);
    help_usage(&text, v);
    roff_line(out, "\\fB", text.data, "\\fR\n");
    bytes_text(out, ".SH DESCRIPTION\n");
    for (size_t i = 0; v->about && v->about[i]; i++)
        roff_line(out, i ? ".PP\n" : "", v->about[i], "\n");
    for (size_t i = 0; i < v->n_args; i++) {
        roff_line(out, ".TP\n\\fI", v->args[i].name, "\\fR\n");
        roff_line(out, "", v->args[i].help, ".\n");
    }
    for (size_t i = 0; i < v->n_tables; i++) {
        roff_line(out, i ? ".SS \"" : ".SH OPTIONS\n.SS \"", v->tables[i].heading, "\"\n");
        for (size_t k = 0; k < v->tables[i].n; k++)
            option_entry(out, &v->tables[i].rows[k], &v->tables[i]);
    }
    if (v->more) {
        bytes_reset(&text);
        v->more(&text);
        roff_line(out, ".SH NOTES\n.nf\n", text.data, ".fi\n");
    }
    for (size_t i = 0; i < v->n_examples; i++) {
        roff_line(out, i ? ".TP\n\\fB" : ".SH EXAMPLES\n.TP\n\\fB", v->examples[i].line, "\\fR\n");
        roff_line(out, "", v->examples[i].what, "\n");
    }
    footer(out);
    bytes_text(out, ".SH SEE ALSO\n\\fBdlx\\fR(1)\n");
    bytes_release(&text);
}

void man_main(bytes *out)
{
    title(out, "dlx", "run and judge diffusion language models");
    bytes_text(out,
               ".SH SYNOPSIS\n\\fBdlx\\fR \\fIVERB\\fR \\fIMODEL\\fR ...\n.SH DESCRIPTION\n"
               "A diffusion language model starts from masks and reveals several tokens a pass. "
               "\\fBdlx\\fR runs such models on this machine. Results go to standard output, "
               "everything else to standard error; \\fB\\-\\-json\\fR makes a result one JSON "
               "object. \\fIMODEL\\fR is a Hugging Face directory, a .gguf file or a .pte "
               "program.\n"
               ".SH VERBS\n");
    for (size_t i = 0; i < n_all_verbs; i++) {
        roff_line(out, ".TP\n\\fBdlx\\-", all_verbs[i]->name, "\\fR(1)\n");
        roff_line(out, "", all_verbs[i]->summary, ".\n");
    }
    bytes_text(out,
               ".SH ENVIRONMENT\n.TP\n\\fBDLX_THREADS\\fR, \\fBDLX_BACKEND\\fR, "
               "\\fBDLX_MAX_TOKENS\\fR ...\nAn option of generation or of the machine that is not "
               "given on the command line; each page names the variables.\n"
               ".TP\n\\fBDLX_KERNEL\\fR\nThe kernels to compute with, as \\fB\\-\\-kernels\\fR "
               "names them; \\fBdlx doctor\\fR lists those of this processor.\n"
               ".TP\n\\fBNO_COLOR\\fR\nWhen set and not empty, no colours are used.\n");
    footer(out);
}
