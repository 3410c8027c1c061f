/*
 * cmd_infill.c - dlx infill: fills the gaps of a text. What was typed comes back byte for byte;
 * only the gaps are the model's.
 */
#include "answer.h"
#include "gap.h"
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
#include <string.h>

typedef struct settings {
    machine_flags machine;
    gen_flags gen;
    output_flags output;
    opt_ids ids;
    const char *prompt, *system;
} settings;

#define AT(field) offsetof(settings, field)

static const opt text_rows[] = {
    {"prompt", OPT_TEXT, AT(prompt), "TEXT", .help = "a message that the text is the answer to",
     .fallback = "none"},
    {"system", OPT_TEXT, AT(system), "TEXT", .help = "system message in front of --prompt",
     .fallback = "none"},
    {"ids", OPT_IDS, AT(ids), "1,2,3",
     .help = "the text as token ids with mask ids, in place of TEXT"},
};

static const opt_table tables[] = {
    OPT_TABLE("Text", text_rows),
    OUTPUT_TABLE(settings, N_OUTPUT_ROWS),
    GEN_TABLE(settings, N_LENGTH_ROWS),
    MACHINE_TABLE(settings, MACHINE_RUN),
    ARITHMETIC_TABLE(settings, machine.arithmetic),
};

typedef struct job {
    const settings *s;
    const dlx_model *model;
    dlx_model_info info;
    gap_text gaps;
    id_list ids;     /* what the canvas starts from */
    size_t n_before; /* ids of --prompt, in front of the text */
} job;

static int parse_gaps(job *j, const char *argument)
{
    char *mask = NULL;
    dlx_error err;
    bytes text = {0}, why = {0};
    int code = input_text("infill", "TEXT", argument, &text);
    if (code == EXIT_OK &&
        dlx_detokenize(j->model, &j->info.mask_id, 1, false, &mask, NULL, &err) != DLX_OK)
        code = say_failed("%s", err.text);
    if (code == EXIT_OK && !gap_parse(&j->gaps, bytes_string(&text), text.n, mask, &why))
        code = say_misuse("infill", "TEXT: %s", bytes_string(&why));
    if (code == EXIT_OK && j->gaps.n_masks == 0)
        code = say_misuse("infill", "TEXT holds no gap: write [[8]] for 8 masks%s%s",
                          *mask ? ", or the mask token " : "", mask);
    dlx_free(j->model, mask);
    bytes_release(&why);
    bytes_release(&text);
    return code;
}

/* The ids of every part, one after the other. */
static int build_ids(job *j)
{
    int code = EXIT_OK;
    for (size_t i = 0; i < j->gaps.n_parts && code == EXIT_OK; i++) {
        gap_part *part = &j->gaps.parts[i];
        part->first_id = j->ids.n;
        if (part->n_masks == 0)
            code = prompt_add_text(j->model, j->gaps.plain.data + part->start, part->n, &j->ids);
        for (size_t k = 0; k < part->n_masks; k++)
            id_list_add(&j->ids, &j->info.mask_id, 1);
        part->n_ids = j->ids.n - part->first_id;
    }
    return code;
}

/* --ids: runs of masks are the gaps, the rest is the text. */
static int take_ids(job *j)
{
    const id_list *given = &j->s->ids.list;
    gap_text *g = &j->gaps;
    for (size_t i = 0; i < given->n; i++) {
        bool masked = given->items[i] == j->info.mask_id;
        if (i == 0 || masked != (g->parts[g->n_parts - 1].n_masks > 0)) {
            g->parts = mem_resize(g->parts, g->n_parts + 1, sizeof *g->parts);
            g->parts[g->n_parts++] = (gap_part){.first_id = j->ids.n + i};
        }
        g->parts[g->n_parts - 1].n_masks += masked;
        g->parts[g->n_parts - 1].n_ids++;
        g->n_masks += masked;
    }
    id_list_add(&j->ids, given->items, given->n);
    if (g->n_masks == 0)
        return say_misuse("infill", "--ids holds no mask, which is id %d", (int)j->info.mask_id);
    return EXIT_OK;
}

static int prepare(job *j, const opt_args *args)
{
    const settings *s = j->s;
    int code = EXIT_OK;
    if (j->info.mask_id < 0)
        return say_failed("%s names no mask token, so there is nothing to fill", j->info.path);
    if (!s->ids.given || s->prompt)
        code = need_tokenizer(&j->info, "give the text as token ids, with --ids 1,2,3");
    if (code == EXIT_OK && s->prompt && !input_is_utf8("--prompt", s->prompt, strlen(s->prompt)))
        code = EXIT_FAILED;
    if (code == EXIT_OK && s->prompt)
        code = prompt_add_message(j->model, s->system, s->prompt, strlen(s->prompt), &j->ids);
    j->n_before = j->ids.n;
    if (code == EXIT_OK && s->ids.given)
        return take_ids(j);
    if (code == EXIT_OK)
        code = parse_gaps(j, args->n > 1 ? args->items[1] : NULL);
    return code == EXIT_OK ? build_ids(j) : code;
}

/* A gap's text. Masks that a Ctrl-C left over are written as a gap again: the result can go on. */
static void gap_result(const job *j, const dlx_token *ids, size_t n, bytes *out)
{
    for (size_t i = 0, run; i < n; i += run) {
        bool masked = ids[i] == j->info.mask_id;
        for (run = 1; i + run < n && (ids[i + run] == j->info.mask_id) == masked; run++)
            ;
        char *text;
        size_t len;
        if (masked)
            bytes_printf(out, "[[%zu]]", run);
        else if (dlx_detokenize(j->model, ids + i, run, true, &text, &len, NULL) != DLX_OK)
            bytes_text(out, "\xEF\xBF\xBD"); /* ids without text: --allow-special lets them in */
        else {
            bytes_add(out, text, len);
            dlx_free(j->model, text);
        }
    }
}

static void part_text(const job *j, const gap_part *part, const dlx_token *canvas, bytes *out)
{
    if (part->n_masks || j->s->ids.given)
        gap_result(j, canvas + part->first_id, part->n_ids, out);
    else
        bytes_add(out, j->gaps.plain.data + part->start, part->n);
}

static void print_json(const job *j, const answer *a)
{
    const dlx_token *canvas = a->result.canvas;
    json_t *object = json_object(), *gaps = json_array();
    bytes all = {0}, one = {0};
    bool text = j->info.has_tokenizer;
    for (size_t i = 0; i < j->gaps.n_parts; i++) {
        const gap_part *part = &j->gaps.parts[i];
        bytes_reset(&one);
        if (text)
            part_text(j, part, canvas, &one);
        bytes_add(&all, bytes_string(&one), one.n);
        if (part->n_masks)
            json_array_append_new(
                gaps, json_pack("{s:I, s:o, s:o}", "pos", (json_int_t)part->first_id, "ids",
                                ids_json(canvas + part->first_id, part->n_ids), "text",
                                text ? json_text(one.data, one.n) : json_null()));
    }
    json_object_set_new(object, "text", text ? json_text(all.data, all.n) : json_null());
    json_object_set_new(object, "ids", ids_json(canvas + j->n_before, j->ids.n - j->n_before));
    json_object_set_new(object, "gaps", gaps);
    out_json(answer_figures(a, object));
    bytes_release(&all);
    bytes_release(&one);
}

static void print(const job *j, const answer *a)
{
    bytes all = {0};
    if (j->s->output.json) {
        print_json(j, a);
    } else if (!j->info.has_tokenizer) {
        ids_text(a->result.canvas + j->n_before, j->ids.n - j->n_before, &all);
    } else {
        for (size_t i = 0; i < j->gaps.n_parts; i++)
            part_text(j, &j->gaps.parts[i], a->result.canvas, &all);
    }
    if (!j->s->output.json) {
        if (!all.n || all.data[all.n - 1] != '\n')
            bytes_text(&all, "\n");
        out_bytes(all.data, all.n);
    }
    out_flush();
    if (!j->s->output.quiet && !j->s->output.json)
        answer_stats(a);
    bytes_release(&all);
}

static int fill(job *j, save *trace)
{
    const settings *s = j->s;
    gen_plan plan;
    dlx_session *session = NULL;
    answer a = {.model = j->model,
                .watch = s->output.watch && !s->output.json,
                .watch_from = j->n_before,
                .trace = trace->file};
    int code = EXIT_FAILED;
    if (gen_plan_init(&plan, j->model, &s->gen, true))
        code = open_session(&session, j->model, &s->machine,
                            dlx_gen_positions(j->model, &plan.opts, j->ids.n));
    if (code == EXIT_OK)
        code = answer_run(&a, session, j->ids.items, j->ids.n, &plan.opts);
    /* A run that was stopped before its first pass may have no canvas yet. */
    if (code == EXIT_OK && (!a.stopped || interrupted()) && a.result.n_canvas >= j->ids.n)
        print(j, &a);
    code = answer_close(&a, code, trace);
    answer_release(&a);
    dlx_session_free(session);
    gen_plan_release(&plan);
    return code;
}

static int run(const void *of_verb, const opt_args *args)
{
    job j = {.s = of_verb};
    save trace = {0};
    dlx_model *model = NULL;
    if (j.s->ids.given && args->n > 1)
        return say_misuse("infill", "TEXT and --ids are both given; one of them is the text");
    if (j.s->system && !j.s->prompt)
        return say_misuse("infill", "--system belongs to a message: give --prompt as well");
    if (j.s->prompt && !*j.s->prompt)
        return say_misuse("infill", "--prompt is empty: expected at least one character");
    if (!out_ready())
        return EXIT_FAILED;
    interrupt_begin(NULL);
    if (j.s->output.trace && !save_open(&trace, j.s->output.trace))
        return EXIT_FAILED;
    int code = open_model(&model, args->items[0], DLX_LOAD_ALL);
    if (code == EXIT_OK) {
        j.model = model;
        dlx_model_get_info(model, &j.info);
        code = prepare(&j, args);
    }
    if (code == EXIT_OK)
        code = fill(&j, &trace);
    save_discard(&trace);
    gap_release(&j.gaps);
    free(j.ids.items);
    dlx_model_free(model);
    interrupt_end();
    return code;
}

static const verb_arg arguments[] = {
    MODEL_ARG,
    {"TEXT", ARG_TEXT, true, "text with gaps; - or nothing reads standard input"},
};

static const char *const about[] = {
    "Fills the gaps of TEXT and prints the completed text. [[8]] is a gap of 8 tokens; the model's "
    "own "
    "mask token, written as often as needed, is a gap as well; \\[[8]] is those characters "
    "themselves.",
    "TEXT is taken as it is, without the chat template, special tokens in it included. With "
    "--prompt "
    "the message goes through the template and TEXT is the answer to it that is filled; only TEXT "
    "is "
    "printed. Ctrl-C prints what there is, with the open gaps as gaps.",
    NULL};

static const verb_example examples[] = {
    {"dlx infill models/demo \"The capital of France is [[2]], on the [[1]].\"", "fill two gaps"},
    {"dlx infill models/demo --prompt \"Name a colour.\" '{\"colour\": \"[[2]]\"}'",
     "an answer whose form is given"},
};

static const verb_lack lacks[] = {
    {"max-tokens", 'n', "the gaps of TEXT say how many tokens there are, as [[8]]"},
    {"stop", 0, "a gap is always filled; [[8]] says how long it is"},
};

const verb verb_infill = {.name = "infill",
                          .summary = "fill the gaps of a text",
                          .about = about,
                          .args = arguments,
                          .n_args = 2,
                          .tables = tables,
                          .n_tables = sizeof tables / sizeof *tables,
                          .lacks = lacks,
                          .n_lacks = sizeof lacks / sizeof *lacks,
                          .examples = examples,
                          .n_examples = sizeof examples / sizeof *examples,
                          .more = gen_help,
                          .settings_bytes = sizeof(settings),
                          .run = run};
