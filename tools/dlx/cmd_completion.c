/* cmd_completion.c - dlx completion: the script that makes a shell complete dlx. */
#include "complete.h"
#include "out.h"
#include "verbs.h"

#include <string.h>

static int run(const void *settings, const opt_args *args)
{
    static const struct {
        const char *name;
        void (*write)(bytes *out);
    } shells[] = {{"bash", complete_bash}, {"zsh", complete_zsh}, {"fish", complete_fish}};
    (void)settings;
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        if (strcmp(shells[i].name, args->items[0]) != 0)
            continue;
        bytes script = {0};
        shells[i].write(&script);
        out_bytes(script.data, script.n);
        bytes_release(&script);
        return EXIT_OK;
    }
    return say_misuse("completion", "\"%s\" is not a shell known here: bash, zsh or fish",
                      show(args->items[0]).text);
}

static const verb_arg arguments[] = {{"SHELL", ARG_SHELL, false, "bash, zsh or fish"}};

static const char *const about[] = {
    "Prints a completion script. It is made from the option tables that the command itself reads.",
    NULL};

static const verb_example examples[] = {
    {"source <(dlx completion bash)", "for this shell"},
    {"dlx completion fish > ~/.config/fish/completions/dlx.fish", "for good"},
};

const verb verb_completion = {.name = "completion",
                              .summary = "print a completion script for a shell",
                              .about = about,
                              .args = arguments,
                              .n_args = 1,
                              .examples = examples,
                              .n_examples = sizeof examples / sizeof *examples,
                              .run = run};
