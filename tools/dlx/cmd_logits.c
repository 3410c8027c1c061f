/* cmd_logits.c - dlx logits: one forward pass, its numbers in a file or the best of each row in a
 * table. */
#include "answer.h"
#include "input.h"
#include "interrupt.h"
#include "machine_flags.h"
#include "npy_out.h"
#include "out.h"
#include "prompt.h"
#include "save.h"
#include "verbs.h"

#include <math.h>
#include <stdlib.h>

typedef struct settings {
    machine_flags machine;
    opt_ids ids;
    opt_count top;
    const char *output;
    bool json;
} settings;

#define AT(field) offsetof(settings, field)

enum { DEFAULT_TOP = 5, MAX_TOP = 100 };

static const opt rows[] = {
    {"ids", OPT_IDS, AT(ids), "1,2,3", .help = "the token ids, in place of TEXT"},
    {"output", OPT_FILE, AT(output), "FILE",
     .help = "write all logits, float32 [n, vocab], as a .npy file", .fallback = "a table",
     .letter = 'o'},
    {"top", OPT_COUNT, AT(top), "K", .help = "best ids of each row in the table", .fallback = "5",
     .lo = 1, .hi = MAX_TOP},
    OPT_JSON_ROW(settings),
};

static const opt_table tables[] = {OPT_TABLE("Logits", rows), MACHINE_TABLE(settings, MACHINE_RUN),
                                   ARITHMETIC_TABLE(settings, machine.arithmetic)};

typedef struct ranked {
    dlx_token id;
    float logit;
} ranked;

/* The best k of a row, best first, lower ids first among equals. Returns how many there are. */
static size_t best_of(const float *logits, size_t n, size_t k, ranked *out)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (isnan(logits[i]) || (kept == k && logits[i] <= out[k - 1].logit))
            continue;
        size_t at = kept < k ? kept++ : k - 1;
        for (; at > 0 && out[at - 1].logit < logits[i]; at--)
            out[at] = out[at - 1];
        out[at] = (ranked){(dlx_token)i, logits[i]};
    }
    return kept;
}

static double log_sum(const float *logits, size_t n, double top)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += exp((double)logits[i] - top);
    return top + log(sum);
}

/* A token's text in quotes for a table, or nothing without tokenizer. */
static json_t *piece(const dlx_model *model, bool has_tokenizer, dlx_token id)
{
    char *text;
    size_t n;
    if (!has_tokenizer || dlx_detokenize(model, &id, 1, false, &text, &n, NULL) != DLX_OK)
        return json_null();
    json_t *value = json_text(text, n);
    dlx_free(model, text);
    return value;
}

static json_t *row_json(const dlx_model *model, const dlx_model_info *info, size_t pos,
                        dlx_token id, const float *logits, size_t k)
{
    ranked best[MAX_TOP] = {{0, 0}};
    size_t n = best_of(logits, info->n_vocab_rows, k, best);
    double total = n ? log_sum(logits, info->n_vocab_rows, (double)best[0].logit) : 0;
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_pack("{s:i, s:f, s:f, s:o}", "id", (int)best[i].id,
                                              "logit", (double)best[i].logit, "p",
                                              exp((double)best[i].logit - total), "text",
                                              piece(model, info->has_tokenizer, best[i].id)));
    return json_pack("{s:I, s:i, s:o}", "pos", (json_int_t)pos, "id", (int)id, "top", list);
}

static void print_row(const json_t *row)
{
    size_t i;
    json_t *best;
    out_printf("%6lld %8lld", json_integer_value(json_object_get(row, "pos")),
               json_integer_value(json_object_get(row, "id")));
    json_array_foreach(json_object_get(row, "top"), i, best)
    {
        char *text = json_dumps(json_object_get(best, "text"), JSON_ENCODE_ANY);
        out_printf("   %lld %.4f", json_integer_value(json_object_get(best, "id")),
                   json_real_value(json_object_get(best, "logit")));
        if (text && text[0] == '"')
            out_printf(" %s", text);
        free(text);
    }
    out_text("\n");
}

static void print(const settings *s, const dlx_model *model, const id_list *ids,
                  const float *logits)
{
    dlx_model_info info;
    size_t k = s->top.given ? (size_t)s->top.value : DEFAULT_TOP;
    json_t *list = json_array();
    dlx_model_get_info(model, &info);
    if (!s->json)
        out_text("   pos       id   best ids with their logits\n");
    for (size_t i = 0; i < ids->n && !out_failed(); i++) {
        json_t *row = row_json(model, &info, i, ids->items[i], logits + i * info.n_vocab_rows, k);
        if (!s->json)
            print_row(row);
        json_array_append_new(list, row);
    }
    if (s->json)
        out_json(json_pack("{s:[I,I], s:o}", "shape", (json_int_t)ids->n,
                           (json_int_t)info.n_vocab_rows, "rows", list));
    else
        json_decref(list);
}

/* False, with a sentence, when a row holds nothing but NaN and infinities. */
static bool are_numbers(const float *logits, size_t n, size_t n_vocab)
{
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < n_vocab && !isfinite(logits[i * n_vocab + k]))
            k++;
        if (k == n_vocab) {
            say("the logits of position %zu are not finite numbers: the weights are damaged", i);
            return false;
        }
    }
    return true;
}

static int compute(const settings *s, const dlx_model *model, const id_list *ids, save *file)
{
    dlx_model_info info;
    dlx_session *session = NULL;
    dlx_error err;
    dlx_model_get_info(model, &info);
    if (info.n_ctx_train && ids->n > info.n_ctx_train)
        say("%zu ids are more than the %zu positions that the model was trained for: the logits of "
            "those beyond mean little",
            ids->n, info.n_ctx_train);
    int code = open_session(&session, model, &s->machine, ids->n);
    if (code != EXIT_OK)
        return code;
    float *logits = mem_resize(NULL, ids->n * info.n_vocab_rows, sizeof *logits); /* [n, vocab] */
    interrupt_watch(session);
    dlx_result r = dlx_logits(session, ids->items, ids->n, logits, &err);
    interrupt_watch(NULL);
    if (r == DLX_CANCELLED)
        code = interrupt_exit_code();
    else if (r != DLX_OK)
        code = say_failed("%s", err.text);
    else if (!are_numbers(logits, ids->n, info.n_vocab_rows))
        code = EXIT_FAILED;
    else if (file->file) {
        /* save_commit reports what npy_write could not write */
        npy_write(file->file, logits, ids->n, info.n_vocab_rows);
        code = save_commit(file) ? EXIT_OK : EXIT_FAILED;
    }
    if (code == EXIT_OK && (s->json || !s->output))
        print(s, model, ids, logits);
    free(logits);
    dlx_session_free(session);
    return code;
}

static int read_ids(const settings *s, const opt_args *args, const dlx_model *model, id_list *ids)
{
    dlx_model_info info;
    bytes text = {0};
    dlx_model_get_info(model, &info);
    if (s->ids.given)
        id_list_add(ids, s->ids.list.items, s->ids.list.n);
    int code = s->ids.given ? EXIT_OK : need_tokenizer(&info, "give token ids, with --ids 1,2,3");
    if (code == EXIT_OK && !s->ids.given)
        code = input_text("logits", "TEXT", args->n > 1 ? args->items[1] : NULL, &text);
    if (code == EXIT_OK && !s->ids.given)
        code = prompt_add_text(model, bytes_string(&text), text.n, ids);
    bytes_release(&text);
    if (code == EXIT_OK && ids->n == 0)
        code = say_misuse("logits", "there is no token to compute logits for");
    return code;
}

static int run(const void *of_verb, const opt_args *args)
{
    const settings *s = of_verb;
    save file = {0};
    dlx_model *model = NULL;
    id_list ids = {0};
    if (s->ids.given && args->n > 1)
        return say_misuse("logits", "TEXT and --ids are both given; one of them is the input");
    if ((s->json || !s->output) && !out_ready())
        return EXIT_FAILED;
    /* From here on: an interrupted run must not leave its temporary file behind. */
    interrupt_begin(NULL);
    if (s->output && !save_open(&file, s->output)) {
        interrupt_end();
        return EXIT_FAILED;
    }
    int code = open_model(&model, args->items[0], DLX_LOAD_ALL);
    if (code == EXIT_OK)
        code = read_ids(s, args, model, &ids);
    if (code == EXIT_OK)
        code = compute(s, model, &ids, &file);
    save_discard(&file);
    if (interrupted())
        code = interrupt_exit_code();
    interrupt_end();
    free(ids.items);
    dlx_model_free(model);
    return code;
}

static const verb_arg arguments[] = {
    MODEL_ARG,
    {"TEXT", ARG_TEXT, true, "text without chat template; - or nothing reads standard input"},
};

static const char *const about[] = {
    "Runs one forward pass over all ids under the family's inference mask and gives the raw "
    "logits, "
    "before any shift: row i belongs to position i. With -o they are written as float32 [n, vocab] "
    "for NumPy; without, the best ids of each row are printed.",
    NULL};

static const verb_example examples[] = {
    {"dlx logits models/demo --ids 1,2,3 -o out.npy",
     "numpy.load(\"out.npy\").shape is (3, vocab)"},
    {"dlx logits models/demo \"The sky is\" --top 3", "the three best ids of each row"},
};

const verb verb_logits = {.name = "logits",
                          .summary = "the raw logits of one forward pass",
                          .about = about,
                          .args = arguments,
                          .n_args = 2,
                          .tables = tables,
                          .n_tables = sizeof tables / sizeof *tables,
                          .examples = examples,
                          .n_examples = sizeof examples / sizeof *examples,
                          .settings_bytes = sizeof(settings),
                          .run = run};
