/* cmd_chat.c - dlx chat: a conversation at a terminal, or one message a line through a pipe. */
#include "conversation.h"
#include "input.h"
#include "interrupt.h"
#include "line.h"
#include "machine_flags.h"
#include "out.h"
#include "output_flags.h"
#include "sys.h"
#include "verbs.h"

#include <string.h>

typedef struct settings {
    machine_flags machine;
    gen_flags gen;
    output_flags output;
    const char *system, *load;
} settings;

#define AT(field) offsetof(settings, field)

static const opt rows[] = {
    {"system", OPT_TEXT, AT(system), "TEXT", .help = "system message in front of the conversation",
     .fallback = "none"},
    {"load", OPT_FILE, AT(load), "FILE", .help = "go on with a conversation that /save wrote",
     .fallback = "none"},
};

static const opt_table tables[] = {
    OPT_TABLE("Conversation", rows),
    OUTPUT_TABLE(settings, N_TALK_ROWS),
    GEN_TABLE(settings, 0),
    MACHINE_TABLE(settings, MACHINE_CHAT),
    ARITHMETIC_TABLE(settings, machine.arithmetic),
};

/* A message: a line, and the next ones while each ends in a backslash. */
static line_outcome read_message(line_editor *editor, bool person, bytes *message)
{
    bytes line = {0};
    bool more = true;
    line_outcome outcome = LINE_READ;
    bytes_reset(message);
    while (more && outcome == LINE_READ) {
        outcome = line_read(editor, !person ? NULL : message->n ? ". " : "> ", &line);
        more = person && line.n && line.data[line.n - 1] == '\\';
        bytes_add(message, bytes_string(&line), line.n - more);
        if (more)
            bytes_text(message, "\n");
    }
    bytes_release(&line);
    return outcome;
}

static int handle(conversation *c, const bytes *message)
{
    const char *text = bytes_string(message);
    size_t n = message->n;
    if (!input_is_utf8("the message", text, n))
        return EXIT_FAILED;
    if (strspn(text, " \t\r\n") == n)
        return EXIT_OK;
    if (text[0] == '/' && text[1] != '/')
        return chat_command(c, text);
    if (text[0] == '/') {
        text++;
        n--;
    }
    return conversation_say(c, text, n);
}

/* True: leave. The first Ctrl-C at the prompt only tells how. */
static bool leave_on_interrupt(size_t *n_in_a_row)
{
    if (interrupt_exit_code() != EXIT_INTERRUPTED || ++*n_in_a_row > 1)
        return true;
    say_note("(Ctrl-C again, Ctrl-D or /quit leaves)");
    return false;
}

static int talk(conversation *c, line_editor *editor, bool person)
{
    bytes message = {0};
    size_t n_interrupts = 0;
    int code = EXIT_OK;
    while (!c->over && !out_failed()) {
        interrupt_begin(NULL);
        line_outcome outcome = read_message(editor, person, &message);
        if (outcome == LINE_END)
            break;
        if (outcome == LINE_INTERRUPT && (!person || leave_on_interrupt(&n_interrupts))) {
            code = person ? EXIT_OK : interrupt_exit_code();
            break;
        }
        if (outcome == LINE_INTERRUPT)
            continue;
        n_interrupts = 0;
        interrupt_begin(NULL);
        int one = handle(c, &message);
        if (!person && interrupted()) {
            code = interrupt_exit_code();
            break;
        }
        /* A person saw the sentence and goes on; a script must learn of it. */
        if (!person && one != EXIT_OK)
            code = one;
    }
    interrupt_end();
    bytes_release(&message);
    return code;
}

static int start(const settings *s, const dlx_model *model, conversation *c)
{
    dlx_model_info info;
    dlx_model_get_info(model, &info);
    *c = (conversation){.model = model, .messages = json_array(), .watch = s->output.watch};
    int code = need_tokenizer(&info, "a conversation needs one");
    if (code == EXIT_OK && !info.has_chat_template)
        code =
            say_failed("%s holds no chat template: dlx run --raw takes text as it is", info.path);
    if (code == EXIT_OK && !gen_plan_init(&c->plan, model, &s->gen, false))
        code = EXIT_FAILED;
    if (code == EXIT_OK)
        code = open_session(&c->session, model, &s->machine, 0);
    c->n_ctx = code == EXIT_OK ? dlx_session_n_ctx(c->session) : 0;
    if (code == EXIT_OK && s->system)
        code = conversation_system(c, "--system", s->system);
    if (code == EXIT_OK && s->load && !conversation_load(c, s->load))
        code = EXIT_FAILED;
    return code;
}

static int run(const void *of_verb, const opt_args *args)
{
    const settings *s = of_verb;
    dlx_model *model;
    conversation c;
    bool person = sys_is_terminal(stdin) && sys_is_terminal(stdout);
    if (!out_ready())
        return EXIT_FAILED;
    int code = open_model(&model, args->items[0], DLX_LOAD_ALL);
    if (code != EXIT_OK)
        return code;
    code = start(s, model, &c);
    if (code == EXIT_OK) {
        line_editor *editor = person ? line_editor_open() : NULL;
        c.quiet = s->output.quiet || !person;
        if (person)
            say_note("Talk to the model; /help lists the commands, Ctrl-D leaves.");
        code = talk(&c, editor, person);
        line_editor_free(editor);
    }
    conversation_release(&c);
    dlx_model_free(model);
    return code;
}

static const verb_arg arguments[] = {MODEL_ARG};

static const char *const about[] = {"A conversation. Lines can be edited, earlier ones come back "
                                    "with the arrow keys, a line that ends in "
                                    "a backslash goes on in the next. Ctrl-C stops an answer; "
                                    "twice at the prompt it leaves. When the "
                                    "context is full the oldest turns are forgotten, with a note.",
                                    "Commands begin with a slash: /help /quit /clear /config "
                                    "/system /temp /topk /topp /max /iter /conf "
                                    "/seed /stats /regen /watch /save /load. Through a pipe every "
                                    "line is a message, and answers are "
                                    "plain text.",
                                    NULL};

static const verb_example examples[] = {
    {"dlx chat models/demo --watch", "see how answers appear"},
    {"printf 'Hello\\nAnd in French?\\n' | dlx chat models/demo", "two messages from a script"},
};

const verb verb_chat = {.name = "chat",
                        .summary = "talk with a model",
                        .about = about,
                        .args = arguments,
                        .n_args = 1,
                        .tables = tables,
                        .n_tables = sizeof tables / sizeof *tables,
                        .examples = examples,
                        .n_examples = sizeof examples / sizeof *examples,
                        .more = gen_help,
                        .settings_bytes = sizeof(settings),
                        .run = run};
