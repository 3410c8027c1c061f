/* cmd_tokenize.c - dlx tokenize: text to ids and back, and the chat template; needs no weights. */
#include "answer.h"
#include "input.h"
#include "machine_flags.h"
#include "out.h"
#include "prompt.h"
#include "sys.h"
#include "verbs.h"

#include <stdlib.h>
#include <string.h>

typedef struct settings {
    bool ids, no_specials, skip_specials, hex, json;
    opt_ids decode;
    const char *chat, *file, *lines;
} settings;

#define AT(field) offsetof(settings, field)

static const opt input_rows[] = {
    {"file", OPT_FILE, AT(file), "FILE", .help = "the whole of a file, in place of TEXT"},
    {"lines", OPT_FILE, AT(lines), "FILE", .help = "one text a line; one result a line"},
    {"hex", OPT_FLAG, AT(hex), .help = "the texts of --lines are hexadecimal UTF-8"},
    {"chat", OPT_FILE, AT(chat), "FILE",
     .help = "render a .json of messages with the chat template"},
    {"decode", OPT_IDS, AT(decode), "1,2,3", .help = "print the text of these ids"},
};

static const opt output_rows[] = {
    {"ids", OPT_FLAG, AT(ids), .help = "print the ids, comma-separated"},
    {"no-specials", OPT_FLAG, AT(no_specials), .help = "special tokens in the text are plain text"},
    {"skip-specials", OPT_FLAG, AT(skip_specials), .help = "--decode leaves special tokens out"},
    OPT_JSON_ROW(settings),
};

static const opt_table tables[] = {OPT_TABLE("Input", input_rows),
                                   OPT_TABLE("Output", output_rows)};

static int tokenize(const dlx_model *model, const settings *s, const char *text, size_t n,
                    id_list *ids)
{
    dlx_token *found;
    size_t n_found;
    dlx_error err;
    if (dlx_tokenize(model, text, n, s->no_specials, &found, &n_found, &err) != DLX_OK)
        return say_failed("%s", err.text);
    ids->n = 0;
    id_list_add(ids, found, n_found);
    dlx_free(model, found);
    return EXIT_OK;
}

/* Text exactly as it is; only a person at a terminal gets a newline to keep the prompt apart. */
static void print_exact(const char *text, size_t n)
{
    out_bytes(text, n);
    if (sys_is_terminal(stdout) && (n == 0 || text[n - 1] != '\n'))
        out_text("\n");
}

static void print_ids_line(const id_list *ids)
{
    bytes line = {0};
    ids_text(ids->items, ids->n, &line);
    bytes_text(&line, "\n");
    out_bytes(line.data, line.n);
    bytes_release(&line);
}

static json_t *pieces_json(const dlx_model *model, const id_list *ids)
{
    json_t *list = json_array();
    for (size_t i = 0; i < ids->n; i++) {
        char *text;
        size_t n;
        if (dlx_detokenize(model, &ids->items[i], 1, false, &text, &n, NULL) != DLX_OK) {
            json_array_append_new(list, json_null());
            continue;
        }
        json_array_append_new(list, json_text(text, n));
        dlx_free(model, text);
    }
    return list;
}

static int print_tokens(const dlx_model *model, const settings *s, const char *text, size_t n)
{
    id_list ids = {0};
    int code = tokenize(model, s, text, n, &ids);
    if (code == EXIT_OK && s->ids && !s->json) {
        print_ids_line(&ids);
    } else if (code == EXIT_OK) {
        json_t *pieces = pieces_json(model, &ids);
        for (size_t i = 0; i < ids.n && !s->json; i++) {
            char *piece = json_dumps(json_array_get(pieces, i), JSON_ENCODE_ANY);
            out_printf("%8d  %s\n", (int)ids.items[i], piece ? piece : "");
            free(piece);
        }
        if (s->json)
            out_json(json_pack("{s:I, s:o, s:O}", "n", (json_int_t)ids.n, "ids",
                               ids_json(ids.items, ids.n), "pieces", pieces));
        json_decref(pieces);
    }
    free(ids.items);
    return code;
}

static int decode(const dlx_model *model, const settings *s)
{
    char *text;
    size_t n;
    dlx_error err;
    const id_list *ids = &s->decode.list;
    if (dlx_detokenize(model, ids->items, ids->n, s->skip_specials, &text, &n, &err) != DLX_OK)
        return say_failed("%s", err.text);
    if (s->json)
        out_json(json_pack("{s:o}", "text", json_text(text, n)));
    else
        print_exact(text, n);
    dlx_free(model, text);
    return EXIT_OK;
}

/* ---- --lines --------------------------------------------------------------------------------- */

static int one_line(const dlx_model *model, const settings *s, size_t number, const char *text,
                    size_t n, json_t *all)
{
    bytes raw = {0};
    bytes where = {0};
    id_list ids = {0};
    int code = EXIT_OK;
    if (!s->hex)
        bytes_add(&raw, text, n);
    else if (!input_hex(text, n, &raw))
        code = say_failed("%s: line %zu is not hexadecimal", s->lines, number);
    bytes_printf(&where, "line %zu of %s", number, s->lines);
    if (code == EXIT_OK && !input_is_utf8(where.data, bytes_string(&raw), raw.n))
        code = EXIT_FAILED;
    if (code == EXIT_OK)
        code = tokenize(model, s, bytes_string(&raw), raw.n, &ids);
    if (code == EXIT_OK && s->json)
        json_array_append_new(all, ids_json(ids.items, ids.n));
    else if (code == EXIT_OK)
        print_ids_line(&ids);
    free(ids.items);
    bytes_release(&where);
    bytes_release(&raw);
    return code;
}

static int each_line(const dlx_model *model, const settings *s)
{
    bytes text = {0};
    json_t *all = json_array();
    int code = input_file(s->lines, false, &text);
    size_t number = 0;
    for (size_t i = 0; code == EXIT_OK && i < text.n && !out_failed();) {
        const char *line = text.data + i;
        const char *end = memchr(line, '\n', text.n - i);
        size_t n = end ? (size_t)(end - line) : text.n - i;
        code = one_line(model, s, ++number, line, n, all);
        i += n + 1;
    }
    if (code == EXIT_OK && s->json)
        out_json(json_pack("{s:O}", "lines", all));
    json_decref(all);
    bytes_release(&text);
    return code;
}

/* ---- --chat ---------------------------------------------------------------------------------- */

/* Splits a request into messages and what the template sees beside them. */
static bool split_request(json_t *request, json_t **messages, bool *generation_prompt)
{
    *generation_prompt = true;
    if (json_is_array(request)) {
        *messages = json_incref(request);
        return true;
    }
    *messages = json_incref(json_object_get(request, "messages"));
    json_t *prompt = json_object_get(request, "add_generation_prompt");
    if (json_is_boolean(prompt))
        *generation_prompt = json_is_true(prompt);
    json_t *more = json_incref(json_object_get(request, "chat_template_kwargs"));
    json_object_del(request, "messages");
    json_object_del(request, "add_generation_prompt");
    json_object_del(request, "chat_template_kwargs");
    json_object_update(request, more);
    json_decref(more);
    return json_is_array(*messages);
}

static int render(const dlx_model *model, const settings *s, const json_t *messages,
                  const json_t *extras, bool generation_prompt)
{
    dlx_error err;
    char *rendered;
    char *messages_text = json_dumps(messages, JSON_COMPACT);
    char *extras_text = json_is_object(extras) ? json_dumps(extras, JSON_COMPACT) : NULL;
    dlx_result r =
        dlx_chat_render(model, messages_text, extras_text, generation_prompt, &rendered, &err);
    int code = EXIT_OK;
    free(messages_text);
    free(extras_text);
    if (r != DLX_OK)
        return say_failed("%s", err.text);
    if (s->ids) {
        code = print_tokens(model, s, rendered, strlen(rendered));
    } else if (s->json) {
        out_json(json_pack("{s:o}", "text", json_text(rendered, strlen(rendered))));
    } else {
        print_exact(rendered, strlen(rendered));
    }
    dlx_free(model, rendered);
    return code;
}

static int chat(const dlx_model *model, const settings *s)
{
    bytes text = {0};
    json_error_t where;
    json_t *messages = NULL;
    bool generation_prompt;
    int code = input_file(s->chat, true, &text);
    if (code != EXIT_OK)
        return code;
    json_t *request = json_loadb(bytes_string(&text), text.n, JSON_ALLOW_NUL, &where);
    bytes_release(&text);
    if (!request)
        return say_failed("%s is not JSON: line %d, %s; mend the file", show_path(s->chat).text,
                          where.line, where.text);
    if (split_request(request, &messages, &generation_prompt))
        code = render(model, s, messages, request, generation_prompt);
    else
        code =
            say_failed("%s holds no messages: expected an array of {\"role\", \"content\"}, or an "
                       "object with such an array as \"messages\"",
                       s->chat);
    json_decref(messages);
    json_decref(request);
    return code;
}

static int run(const void *of_verb, const opt_args *args)
{
    const settings *s = of_verb;
    dlx_model *model;
    bytes text = {0};
    int n_inputs = (args->n > 1) + (s->file != NULL) + (s->lines != NULL) + (s->chat != NULL) +
                   s->decode.given;
    if (n_inputs > 1)
        return say_misuse("tokenize",
                          "TEXT, --file, --lines, --chat and --decode exclude each other");
    if (s->hex && !s->lines)
        return say_misuse("tokenize", "--hex says how to read --lines, which is not given");
    int code = open_model(&model, args->items[0], DLX_LOAD_TEXT);
    if (code != EXIT_OK)
        return code;
    if (s->decode.given)
        code = decode(model, s);
    else if (s->lines)
        code = each_line(model, s);
    else if (s->chat)
        code = chat(model, s);
    else {
        code = s->file ? input_file(s->file, true, &text)
                       : input_text("tokenize", "TEXT", args->n > 1 ? args->items[1] : NULL, &text);
        if (code == EXIT_OK)
            code = print_tokens(model, s, bytes_string(&text), text.n);
    }
    bytes_release(&text);
    dlx_model_free(model);
    return code;
}

static const verb_arg arguments[] = {
    MODEL_ARG,
    {"TEXT", ARG_TEXT, true, "what to tokenize; - or nothing reads standard input"},
};

static const char *const about[] = {"Turns text into token ids, or back with --decode. Adds no "
                                    "beginning-of-sequence token; special "
                                    "tokens in the text are parsed unless --no-specials. Needs the "
                                    "tokenizer only, not the weights.",
                                    "--chat FILE renders a conversation: FILE is an array of "
                                    "messages, or an object with \"messages\" and "
                                    "perhaps \"add_generation_prompt\" (default true); its other "
                                    "members, \"tools\" for one, are variables "
                                    "of the template. --decode and --chat write the text exactly, "
                                    "with a final newline on a terminal only.",
                                    NULL};

static const verb_example examples[] = {
    {"dlx tokenize models/demo \"Hello there\"", "one token a line"},
    {"dlx tokenize models/demo --chat talk.json --ids", "ids of a rendered conversation"},
    {"dlx tokenize models/demo --decode 9707,1052", "ids back to text"},
};

const verb verb_tokenize = {.name = "tokenize",
                            .summary = "text to token ids and back; render conversations",
                            .about = about,
                            .args = arguments,
                            .n_args = 2,
                            .tables = tables,
                            .n_tables = 2,
                            .examples = examples,
                            .n_examples = sizeof examples / sizeof *examples,
                            .settings_bytes = sizeof(settings),
                            .run = run};
