/*
 * complete.c - shell completion scripts. They hold the words themselves: completing starts no
 * process and works before the command is on the path.
 */
#include "complete.h"

#include "verbs.h"

#include <string.h>

static bool wants_file(const opt *o)
{
    return o->kind == OPT_FILE || o->kind == OPT_FOLDER;
}

static void choices(bytes *out, const opt *o, const char *between)
{
    for (const char *const *c = o->choices(); *c; c++)
        bytes_printf(out, "%s%s", c == o->choices() ? "" : between, *c);
}

static void verb_names(bytes *out, const char *between)
{
    for (size_t i = 0; i < n_all_verbs; i++)
        bytes_printf(out, "%s%s", i ? between : "", all_verbs[i]->name);
}

/* What an argument that is no file completes to; NULL: nothing. */
static const char *argument_words(const verb_arg *arg, bytes *names)
{
    bytes_reset(names);
    if (arg->kind == ARG_VERB)
        verb_names(names, " ");
    else if (arg->kind == ARG_SHELL)
        bytes_text(names, "bash zsh fish");
    return names->n ? names->data : NULL;
}

/* ---- bash ------------------------------------------------------------------------------------ */

static void bash_verb(bytes *out, const verb *v)
{
    bytes names = {0};
    bytes_printf(out, "    %s)\n        case \"$previous\" in\n", v->name);
    for (const opt *o = NULL; (o = opt_next(v, o, NULL));) {
        if (o->kind == OPT_FLAG)
            continue;
        if (o->letter)
            bytes_printf(out, "        -%c | --%s)", o->letter, o->name);
        else
            bytes_printf(out, "        --%s)", o->name);
        bytes_text(out, " COMPREPLY=(");
        if (o->choices) {
            bytes_text(out, "$(compgen -W \"");
            choices(out, o, " ");
            bytes_text(out, "\" -- \"$word\")");
        } else if (wants_file(o)) {
            bytes_text(out, "$(compgen -f -- \"$word\")");
        }
        bytes_text(out, ") ; return ;;\n");
    }
    bytes_text(out, "        esac\n        words=\"--help");
    for (const opt *o = NULL; (o = opt_next(v, o, NULL));)
        bytes_printf(out, " --%s", o->name);
    bytes_text(out, "\"\n");
    for (size_t i = 0; i < v->n_args; i++) {
        const char *words = argument_words(&v->args[i], &names);
        if (words)
            bytes_printf(out, "        plain=\"%s\"\n", words);
    }
    bytes_text(out, "        ;;\n");
    bytes_release(&names);
}

void complete_bash(bytes *out)
{
    bytes_text(out, "# bash completion for dlx, made by: dlx completion bash\n"
                    "_dlx() {\n"
                    "    local word=\"${COMP_WORDS[COMP_CWORD]}\" words=\"\" plain=\"\"\n"
                    "    local previous=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
                    "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
                    "        COMPREPLY=($(compgen -W \"--help --version ");
    verb_names(out, " ");
    bytes_text(out,
               "\" -- \"$word\"))\n        return\n    fi\n    case \"${COMP_WORDS[1]}\" in\n");
    for (size_t i = 0; i < n_all_verbs; i++)
        bash_verb(out, all_verbs[i]);
    bytes_text(out, "    esac\n"
                    "    case \"$word\" in\n"
                    "    -*) COMPREPLY=($(compgen -W \"$words\" -- \"$word\")) ;;\n"
                    "    *) if [ -n \"$plain\" ]; then\n"
                    "            COMPREPLY=($(compgen -W \"$plain\" -- \"$word\"))\n"
                    "        else\n"
                    "            COMPREPLY=($(compgen -f -- \"$word\"))\n"
                    "        fi ;;\n"
                    "    esac\n"
                    "}\n"
                    "complete -o filenames -F _dlx dlx\n");
}

/* ---- zsh ------------------------------------------------------------------------------------- */

/* Text inside single quotes and square brackets of an _arguments specification. */
static void zsh_text(bytes *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p == '\'')
            bytes_text(out, "'\\''");
        else {
            if (strchr("[]:\\", *p))
                bytes_text(out, "\\");
            bytes_add(out, p, 1);
        }
    }
}

static void zsh_option(bytes *out, const opt *o, const char *dashes, const char *name)
{
    bytes_printf(out, "            '%s%s%s[", o->kind == OPT_TEXTS ? "*" : "", dashes, name);
    zsh_text(out, o->help);
    bytes_text(out, "]");
    if (o->kind != OPT_FLAG) {
        bytes_text(out, ":");
        zsh_text(out, o->arg);
        bytes_text(out, ":");
        if (o->choices) {
            bytes_text(out, "(");
            choices(out, o, " ");
            bytes_text(out, ")");
        } else if (wants_file(o)) {
            bytes_text(out, "_files");
        }
    }
    bytes_text(out, "' \\\n");
}

static void zsh_verb(bytes *out, const verb *v)
{
    bytes names = {0};
    bytes_printf(out, "    %s)\n        _arguments \\\n", v->name);
    for (const opt *o = NULL; (o = opt_next(v, o, NULL));) {
        char letter[2] = {o->letter, 0};
        if (o->letter)
            zsh_option(out, o, "-", letter);
        zsh_option(out, o, "--", o->name);
    }
    for (size_t i = 0; i < v->n_args; i++) {
        const char *words = argument_words(&v->args[i], &names);
        bytes_printf(out, "            ':%s:", v->args[i].name);
        if (words)
            bytes_printf(out, "(%s)", words);
        else if (v->args[i].kind != ARG_TEXT)
            bytes_text(out, "_files");
        bytes_text(out, "' \\\n");
    }
    bytes_text(out, "            '--help[explain the verb]'\n        ;;\n");
    bytes_release(&names);
}

void complete_zsh(bytes *out)
{
    bytes_text(out, "#compdef dlx\n"
                    "# zsh completion for dlx, made by: dlx completion zsh\n"
                    "_dlx() {\n"
                    "    if ((CURRENT == 2)); then\n"
                    "        local -a verbs=(\n");
    for (size_t i = 0; i < n_all_verbs; i++) {
        bytes_printf(out, "            '%s:", all_verbs[i]->name);
        zsh_text(out, all_verbs[i]->summary);
        bytes_text(out, "'\n");
    }
    bytes_text(out, "        )\n"
                    "        _describe verb verbs\n"
                    "        return\n"
                    "    fi\n"
                    "    local verb=$words[2]\n"
                    "    shift words\n"
                    "    ((CURRENT--))\n"
                    "    case $verb in\n");
    for (size_t i = 0; i < n_all_verbs; i++)
        zsh_verb(out, all_verbs[i]);
    bytes_text(out, "    esac\n"
                    "}\n"
                    "if [ \"$funcstack[1]\" = _dlx ]; then\n"
                    "    _dlx \"$@\"\n"
                    "else\n"
                    "    compdef _dlx dlx\n"
                    "fi\n");
}

/* ---- fish ------------------------------------------------------------------------------------ */

static void fish_text(bytes *out, const char *text)
{
    bytes_text(out, "'");
    for (const char *p = text; *p; p++) {
        if (*p == '\'' || *p == '\\')
            bytes_text(out, "\\");
        bytes_add(out, p, 1);
    }
    bytes_text(out, "'");
}

static void fish_option(bytes *out, const verb *v, const opt *o)
{
    bytes_printf(out, "complete -c dlx -n '__fish_seen_subcommand_from %s' -l %s", v->name,
                 o->name);
    if (o->letter)
        bytes_printf(out, " -s %c", o->letter);
    if (wants_file(o))
        bytes_text(out, " -r -F");
    else if (o->choices) {
        bytes_text(out, " -x -a '");
        choices(out, o, " ");
        bytes_text(out, "'");
    } else if (o->kind != OPT_FLAG)
        bytes_text(out, " -x");
    bytes_text(out, " -d ");
    fish_text(out, o->help);
    bytes_text(out, "\n");
}

void complete_fish(bytes *out)
{
    bytes names = {0};
    bytes_text(out, "# fish completion for dlx, made by: dlx completion fish\n");
    for (size_t i = 0; i < n_all_verbs; i++) {
        const verb *v = all_verbs[i];
        bytes_printf(out, "complete -c dlx -n __fish_use_subcommand -f -a %s -d ", v->name);
        fish_text(out, v->summary);
        bytes_text(out, "\n");
        for (size_t k = 0; k < v->n_args; k++) {
            const char *words = argument_words(&v->args[k], &names);
            if (words)
                bytes_printf(out,
                             "complete -c dlx -n '__fish_seen_subcommand_from %s' -f -a '%s'\n",
                             v->name, words);
        }
        for (const opt *o = NULL; (o = opt_next(v, o, NULL));)
            fish_option(out, v, o);
    }
    bytes_release(&names);
}
