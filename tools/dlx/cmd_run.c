/* cmd_run.c - dlx run: one answer to one prompt. */
#include "answer.h"
#include "gen_flags.h"
#include "input.h"
#include "interrupt.h"
#include "machine_flags.h"
#include "out.h"
#include "output_flags.h"
#include "prompt.h"
#include "save.h"
#include "verbs.h"

#include <stdlib.h>

typedef struct settings {
    machine_flags machine;
    gen_flags gen;
    output_flags output;
    opt_ids ids;
    const char *system;
    bool raw;
} settings;

#define AT(field) offsetof(settings, field)

static const opt prompt_rows[] = {
    {"ids", OPT_IDS, AT(ids), "1,2,3", .help = "the prompt as token ids, in place of PROMPT"},
    {"raw", OPT_FLAG, AT(raw), .help = "give the prompt as it is, without the chat template"},
    {"system", OPT_TEXT, AT(system), "TEXT", .help = "system message in front of the prompt",
     .fallback = "none"},
};

static const opt_table tables[] = {
    OPT_TABLE("Prompt", prompt_rows),
    OUTPUT_TABLE(settings, N_OUTPUT_ROWS),
    GEN_TABLE(settings, 0),
    MACHINE_TABLE(settings, MACHINE_RUN),
    ARITHMETIC_TABLE(settings, machine.arithmetic),
};

/* Which ids the run begins with; says why not. */
static int read_prompt(const settings *s, const opt_args *args, const dlx_model *model,
                       id_list *ids)
{
    dlx_model_info info;
    bytes text = {0};
    dlx_model_get_info(model, &info);
    if (s->ids.given) {
        id_list_add(ids, s->ids.list.items, s->ids.list.n);
        return EXIT_OK;
    }
    int code = need_tokenizer(&info, "give the prompt as token ids, with --raw --ids 1,2,3");
    if (code == EXIT_OK)
        code = input_text("run", "PROMPT", args->n > 1 ? args->items[1] : NULL, &text);
    if (code == EXIT_OK && s->raw)
        code = prompt_add_text(model, bytes_string(&text), text.n, ids);
    else if (code == EXIT_OK)
        code = prompt_add_message(model, s->system, bytes_string(&text), text.n, ids);
    bytes_release(&text);
    return code;
}

static int check(const settings *s, const opt_args *args)
{
    if (s->ids.given && args->n > 1)
        return say_misuse("run", "PROMPT and --ids are both given; one of them is the prompt");
    if (s->ids.given && s->ids.list.n == 0)
        return say_misuse("run", "--ids names no token");
    if (s->raw && s->system)
        return say_misuse("run", "--system needs the chat template that --raw leaves out");
    if (s->ids.given && s->system)
        return say_misuse("run",
                          "--system goes through the chat template; --ids are used as they are");
    return EXIT_OK;
}

static void print(const settings *s, const answer *a)
{
    dlx_model_info info;
    const dlx_gen_result *r = &a->result;
    dlx_model_get_info(a->model, &info);
    if (s->output.json) {
        json_t *object = json_object();
        json_object_set_new(object, "text",
                            info.has_tokenizer ? json_text(a->text.data, a->text.n) : json_null());
        json_object_set_new(object, "ids", ids_json(r->ids, r->n_ids));
        out_json(answer_figures(a, object));
    } else if (!info.has_tokenizer) {
        bytes line = {0};
        ids_text(r->ids, r->n_ids, &line);
        bytes_text(&line, "\n");
        out_bytes(line.data, line.n);
        bytes_release(&line);
    } else if (!a->text.n || a->text.data[a->text.n - 1] != '\n') {
        out_text("\n"); /* the text itself has streamed out */
    }
    out_flush();
    if (!s->output.quiet && !s->output.json)
        answer_stats(a);
}

static int generate(const settings *s, const dlx_model *model, const id_list *ids, save *trace)
{
    gen_plan plan;
    dlx_session *session = NULL;
    answer a = {.model = model,
                .stream = !s->output.json,
                .watch = s->output.watch && !s->output.json,
                .watch_from = SIZE_MAX,
                .trace = trace->file};
    int code = EXIT_FAILED;
    if (gen_plan_init(&plan, model, &s->gen, false))
        code = open_session(&session, model, &s->machine,
                            dlx_gen_positions(model, &plan.opts, ids->n));
    if (code == EXIT_OK)
        code = answer_run(&a, session, ids->items, ids->n, &plan.opts);
    if (code == EXIT_OK && (!a.stopped || interrupted()))
        print(s, &a);
    code = answer_close(&a, code, trace);
    answer_release(&a);
    dlx_session_free(session);
    gen_plan_release(&plan);
    return code;
}

static int run(const void *of_verb, const opt_args *args)
{
    const settings *s = of_verb;
    save trace = {0};
    dlx_model *model = NULL;
    id_list ids = {0};
    int code = check(s, args);
    if (code != EXIT_OK)
        return code;
    if (!out_ready())
        return EXIT_FAILED;
    interrupt_begin(NULL);
    if (s->output.trace && !save_open(&trace, s->output.trace))
        return EXIT_FAILED;
    code = open_model(&model, args->items[0], DLX_LOAD_ALL);
    if (code == EXIT_OK)
        code = read_prompt(s, args, model, &ids);
    if (code == EXIT_OK && interrupted())
        code = interrupt_exit_code();
    if (code == EXIT_OK)
        code = generate(s, model, &ids, &trace);
    save_discard(&trace);
    free(ids.items);
    dlx_model_free(model);
    interrupt_end();
    return code;
}

static const verb_arg arguments[] = {
    MODEL_ARG,
    {"PROMPT", ARG_TEXT, true, "what to answer; - or nothing reads standard input"},
};

static const char *const about[] = {
    "Generates an answer to PROMPT. The prompt goes through the model's chat template as a message "
    "of "
    "the user, unless --raw says to take it as it is; a model without a template needs --raw. Text "
    "is "
    "printed as soon as it is final; statistics go to standard error.",
    "Ctrl-C stops within a pass and prints what there is (exit code 130); a trace is then not "
    "kept. "
    "The same model, options and seed give the same answer for any number of threads.",
    NULL};

static const verb_example examples[] = {
    {"dlx run models/demo \"Why is the sky blue?\" --watch", "watch the answer appear"},
    {"git diff | dlx run models/demo --system \"Write a commit message.\" -q",
     "a prompt from a pipe"},
    {"dlx run models/demo --raw --ids 1,2,3 --json --trace passes.jsonl", "token ids in and out"},
};

const verb verb_run = {.name = "run",
                       .summary = "answer one prompt",
                       .about = about,
                       .args = arguments,
                       .n_args = 2,
                       .tables = tables,
                       .n_tables = sizeof tables / sizeof *tables,
                       .examples = examples,
                       .n_examples = sizeof examples / sizeof *examples,
                       .more = gen_help,
                       .settings_bytes = sizeof(settings),
                       .run = run};
