/* chat_commands.c - what begins with a slash in a chat. A new command is one row of the table. */
#include "conversation.h"

#include "suggest.h"

#include <inttypes.h>
#include <string.h>

typedef struct command {
    const char *name, *also; /* also: another name, or NULL */
    const char *arg;         /* NULL: takes none; "[X]": may have one; "X": needs one */
    const char *help;
    int (*run)(conversation *c, const char *arg);
} command;

/* ---- settings: each is a field of dlx_gen_opts with the range of the option of the same meaning -
 */

typedef enum field_kind { FIELD_SIZE, FIELD_REAL, FIELD_SEED } field_kind;

typedef struct setting {
    const char *name, *option;
    field_kind kind;
    size_t offset;
} setting;

#define SETTING(name, option, kind, field)                                                         \
    {                                                                                              \
        name, option, kind, offsetof(dlx_gen_opts, field)                                          \
    }

static const setting settings[] = {
    SETTING("temp", "temperature", FIELD_REAL, temperature),
    SETTING("topk", "top-k", FIELD_SIZE, top_k),
    SETTING("topp", "top-p", FIELD_REAL, top_p),
    SETTING("max", "max-tokens", FIELD_SIZE, max_tokens),
    SETTING("iter", "steps", FIELD_SIZE, steps),
    SETTING("conf", "threshold", FIELD_REAL, threshold),
    SETTING("seed", "seed", FIELD_SEED, seed),
};

static void show_setting(const conversation *c, const setting *s)
{
    const void *at = (const char *)&c->plan.opts + s->offset;
    if (s->kind == FIELD_REAL)
        say_note("  %-6s %-14g %s", s->name, *(const double *)at, gen_row(s->option)->help);
    else if (s->kind == FIELD_SEED)
        say_note("  %-6s %-14" PRIu64 " %s", s->name, *(const uint64_t *)at,
                 gen_row(s->option)->help);
    else
        say_note("  %-6s %-14zu %s", s->name, *(const size_t *)at, gen_row(s->option)->help);
}

static int change_setting(conversation *c, const setting *s, const char *arg)
{
    void *at = (char *)&c->plan.opts + s->offset;
    const opt *row = gen_row(s->option);
    bytes why = {0};
    uint64_t count = 0;
    double real = 0;
    dlx_error err;
    if (dlx_gen_uses(c->model, &c->plan.opts, s->option, &err) != DLX_OK)
        return say_failed("/%s sets %s", s->name, err.text);
    bool ok = s->kind == FIELD_REAL ? parse_real(arg, row->min, row->above, row->max, &real, &why)
                                    : parse_count(arg, row->lo, row->hi, &count, &why);
    if (!ok)
        say("/%s: %s", s->name, bytes_string(&why));
    else if (s->kind == FIELD_REAL)
        *(double *)at = real;
    else if (s->kind == FIELD_SEED)
        *(uint64_t *)at = count;
    else
        *(size_t *)at = (size_t)count;
    if (ok)
        show_setting(c, s);
    bytes_release(&why);
    return ok ? EXIT_OK : EXIT_FAILED;
}

/* ---- commands -------------------------------------------------------------------------------- */

static int do_help(conversation *c, const char *arg);

static int do_quit(conversation *c, const char *arg)
{
    (void)arg;
    c->over = true;
    return EXIT_OK;
}

static int do_clear(conversation *c, const char *arg)
{
    (void)arg;
    conversation_clear(c);
    say_note("forgotten");
    return EXIT_OK;
}

static int do_config(conversation *c, const char *arg)
{
    (void)arg;
    say_note("  sampler %s, cache %s, context %zu", c->plan.opts.sampler, c->plan.opts.cache,
             c->n_ctx);
    if (c->plan.opts.block_length)
        say_note("  blocks of %zu", c->plan.opts.block_length);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        show_setting(c, &settings[i]);
    if (c->system.n)
        say_note("  system message: %s", c->system.data);
    return EXIT_OK;
}

static int do_system(conversation *c, const char *arg)
{
    int code = conversation_system(c, "/system", arg);
    if (code != EXIT_OK)
        return code;
    say_note(*arg ? "the system message is set" : "there is no system message now");
    return EXIT_OK;
}

static int do_stats(conversation *c, const char *arg)
{
    (void)arg;
    if (!c->has_last) {
        say_note("there is no answer yet");
        return EXIT_OK;
    }
    answer_stats(&c->last);
    const dlx_gen_result *r = &c->last.result;
    say_note("prompt of %zu token%s, %zu of them reused; %zu row%s computed in %.2f s", r->n_prompt,
             plural(r->n_prompt, "s"), r->n_reused, r->rows, plural(r->rows, "s"), r->seconds);
    return EXIT_OK;
}

static int do_save(conversation *c, const char *arg)
{
    return conversation_save(c, arg) ? EXIT_OK : EXIT_FAILED;
}

static int do_load(conversation *c, const char *arg)
{
    return conversation_load(c, arg) ? EXIT_OK : EXIT_FAILED;
}

static int do_regen(conversation *c, const char *arg)
{
    (void)arg;
    return conversation_again(c);
}

static int do_watch(conversation *c, const char *arg)
{
    (void)arg;
    c->watch = !c->watch;
    say_note("the denoising is %s", c->watch ? "shown" : "not shown");
    return EXIT_OK;
}

static const command commands[] = {
    {"help", "h", NULL, "this list", do_help},
    {"quit", "q", NULL, "leave; also /exit and Ctrl-D", do_quit},
    {"exit", NULL, NULL, NULL, do_quit},
    {"clear", NULL, NULL, "forget the conversation", do_clear},
    {"config", NULL, NULL, "show the settings", do_config},
    {"system", NULL, "[TEXT]", "set or remove the system message", do_system},
    {"stats", NULL, NULL, "figures of the last answer", do_stats},
    {"regen", NULL, NULL, "answer the last message anew (with /seed: differently)", do_regen},
    {"watch", NULL, NULL, "show the denoising, or not", do_watch},
    {"save", NULL, "FILE", "write the conversation as JSON", do_save},
    {"load", NULL, "FILE", "go on with a saved conversation", do_load},
};

static int do_help(conversation *c, const char *arg)
{
    (void)c;
    (void)arg;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        const command *k = &commands[i];
        bytes left = {0};
        if (!k->help)
            continue;
        bytes_printf(&left, "/%s", k->name);
        if (k->also)
            bytes_printf(&left, " /%s", k->also);
        if (k->arg)
            bytes_printf(&left, " %s", k->arg);
        say_note("  %-16s %s", left.data, k->help);
        bytes_release(&left);
    }
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        say_note("  /%-4s [VALUE]    %s", settings[i].name, gen_row(settings[i].option)->help);
    say_note("A line that ends in \\ goes on in the next; //text sends /text.");
    return EXIT_OK;
}

static int unknown(const char *name)
{
    enum { N = sizeof commands / sizeof *commands + sizeof settings / sizeof *settings };
    const char *names[N];
    size_t n = 0;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        names[n++] = commands[i].name;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        names[n++] = settings[i].name;
    const char *near = suggest_nearest(name, names, n);
    if (near)
        return say_failed("unknown command /%s; did you mean /%s?", show(name).text, near);
    return say_failed("unknown command /%s; /help lists them", show(name).text);
}

static int run_command(conversation *c, const command *k, const char *arg)
{
    if (!k->arg && *arg)
        return say_failed("/%s takes nothing behind it", k->name);
    if (k->arg && k->arg[0] != '[' && !*arg)
        return say_failed("/%s wants %s behind it", k->name, k->arg);
    return k->run(c, arg);
}

static int dispatch(conversation *c, const char *name, const char *arg)
{
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, name) == 0 ||
            (commands[i].also && strcmp(commands[i].also, name) == 0))
            return run_command(c, &commands[i], arg);
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        if (strcmp(settings[i].name, name) != 0)
            continue;
        if (*arg)
            return change_setting(c, &settings[i], arg);
        show_setting(c, &settings[i]);
        return EXIT_OK;
    }
    return unknown(name);
}

int chat_command(conversation *c, const char *line)
{
    bytes name = {0}, arg = {0};
    const char *p = line + 1;
    for (; *p && *p != ' ' && *p != '\t'; p++) {
        char lower = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
        bytes_add(&name, &lower, 1);
    }
    bytes_text(&arg, p + strspn(p, " \t"));
    while (arg.n && (arg.data[arg.n - 1] == ' ' || arg.data[arg.n - 1] == '\t'))
        arg.data[--arg.n] = 0;
    int code = dispatch(c, bytes_string(&name), bytes_string(&arg));
    bytes_release(&name);
    bytes_release(&arg);
    return code;
}
