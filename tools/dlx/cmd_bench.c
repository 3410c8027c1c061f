/* cmd_bench.c - dlx bench: milliseconds of passes against the machine's roofs, and whole answers.
 */
#include "bench_print.h"
#include "bench_settings.h"
#include "interrupt.h"
#include "machine_flags.h"
#include "out.h"
#include "progress.h"
#include "tamed.h"
#include "verbs.h"

#include <dlx/tools.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_TOKENS = 32, DEFAULT_ACCEPT = 2, MOST = 1 << 24 };

typedef struct settings {
    gen_flags gen;
    const char *shape, *type, *family;
    const char *rows, *ctx, *threads, *backend;
    arithmetic_flags arithmetic;
    opt_count rounds, tokens, accept;
    opt_texts prompts, ab;
    const char *prompt_file, *format;
    bool list_shapes, raw, json, quiet;
} settings;

#define AT(field) offsetof(settings, field)

static const char *const *family_names(void)
{
    static const char *names[16];
    for (size_t i = 0; i + 1 < sizeof names / sizeof *names; i++)
        names[i] = dlx_family_name(i);
    return names;
}

/* What weights are stored as, and "int8", which is bf16 that a session makes int8. */
static const char INT8[] = "int8";
static const char *const *type_names(void)
{
    static const char *names[32];
    size_t n = 0;
    for (; dlx_type_names()[n] && n + 2 < sizeof names / sizeof *names; n++)
        names[n] = dlx_type_names()[n];
    names[n] = INT8;
    return names;
}

static bool packs_int8(const settings *s)
{
    return s->type && strcmp(s->type, INT8) == 0;
}

static const char *const *format_names(void)
{
    static const char *const names[] = {"md", "csv", "json", NULL};
    return names;
}

static const opt shape_rows[] = {
    {"shape", OPT_CHOICE, AT(shape), "NAME",
     .help = "random weights of a published size, in place of MODEL", .choices = dlx_shape_names},
    {"type", OPT_CHOICE, AT(type), "T", .help = "of random weights; int8: bf16, --weights int8",
     .fallback = "q8_0", .choices = type_names},
    {"family", OPT_CHOICE, AT(family), "NAME", .help = "whose decoding random weights get",
     .fallback = "the published model's", .choices = family_names},
    {"list-shapes", OPT_FLAG, AT(list_shapes), .help = "print the sizes, measure nothing"},
};

static const opt pass_rows[] = {
    {"rows", OPT_TEXT, AT(rows), "M,M", .help = "rows of a pass", .fallback = "1,4,8,16,32,64,128"},
    {"ctx", OPT_TEXT, AT(ctx), "L,L", .help = "positions before these rows", .fallback = "512"},
    {"rounds", OPT_COUNT, AT(rounds), "N", .help = "rounds of probe, passes and answers",
     .fallback = "5", .lo = 1, .hi = 10000},
};

static const opt answer_rows[] = {
    {"gen", OPT_COUNT, AT(tokens), "N", .help = "tokens of an answer; 0: passes only",
     .fallback = "32, or what fits", .hi = MOST},
    {"accept", OPT_COUNT, AT(accept), "K", .help = "tokens that a pass reveals",
     .fallback = "as the sampler decides; shapes: 2", .lo = 1, .hi = MOST},
    {"prompt", OPT_TEXTS, AT(prompts), "TEXT", .help = "a prompt; may be given again",
     .fallback = "three of ours"},
    {"prompts", OPT_FILE, AT(prompt_file), "FILE",
     .help = "one prompt a line: text, or an object with \"prompt\""},
    {"raw", OPT_FLAG, AT(raw), .help = "give prompts as they are, without the chat template"},
    {"ab", OPT_TEXTS, AT(ab), "SETTINGS",
     .help = "compare settings, as \"cache=dual\"; given twice, one with the other"},
};

static const opt where_rows[] = {
    {"threads", OPT_TEXT, AT(threads), "N,N", .help = "threads to compute with",
     .fallback = "the fast cores"},
    {"backend", OPT_CHOICE, AT(backend), "NAME", .help = "what computes; see dlx doctor",
     .fallback = "cpu", .choices = dlx_backend_names},
};

static const opt output_rows[] = {
    {"format", OPT_CHOICE, AT(format), "F", .help = "md, csv (the passes alone) or json",
     .fallback = "md", .choices = format_names},
    OPT_JSON_ROW(settings),
    {"quiet", OPT_FLAG, AT(quiet), .help = "no progress on standard error", .letter = 'q'},
};

static const opt_table tables[] = {
    OPT_TABLE("Random weights", shape_rows),
    OPT_TABLE("Passes", pass_rows),
    OPT_TABLE("Answers", answer_rows),
    OPT_TABLE("Output", output_rows),
    GEN_TABLE(settings, N_LENGTH_ROWS),
    {.heading = "Model and machine",
     .rows = where_rows,
     .n = sizeof where_rows / sizeof *where_rows,
     .from_env = true},
    ARITHMETIC_TABLE(settings, arithmetic),
};

/* ---- what to measure ------------------------------------------------------------------------- */

enum { MOST_SIDES = 3 }; /* two that are compared, and the exact decode */

/* Everything that a benchmark points to. */
typedef struct bench_job {
    const settings *s;
    dlx_model *model;
    count_list rows, contexts;
    int *threads; /* [n_threads] */
    size_t n_threads;
    prompt_list prompts;
    bench_side sides[MOST_SIDES];
    dlx_bench_run runs[MOST_SIDES];
    size_t n_sides, n_runs;
    progress bar;
} bench_job;

static int read_list(const char *option, const char *list, uint64_t lo, uint64_t hi,
                     count_list *out)
{
    bytes why = {0};
    bool ok = !list || parse_counts(list, lo, hi, out, &why);
    int code = ok ? EXIT_OK : say_misuse("bench", "--%s: %s", option, bytes_string(&why));
    bytes_release(&why);
    return code;
}

static int read_lists(bench_job *job)
{
    const settings *s = job->s;
    count_list threads = {0};
    int code = read_list("rows", s->rows, 1, MOST, &job->rows);
    if (code == EXIT_OK)
        code = read_list("ctx", s->ctx, 0, INT32_MAX, &job->contexts);
    if (code == EXIT_OK)
        code = read_list("threads", s->threads, 1, 1024, &threads);
    job->threads = mem_resize(NULL, threads.n + 1, sizeof *job->threads);
    for (; job->n_threads < threads.n; job->n_threads++)
        job->threads[job->n_threads] = (int)threads.items[job->n_threads];
    free(threads.items);
    return code;
}

static int read_prompts(bench_job *job)
{
    static const char *const ours[] = {
        "Why is the sky blue? Answer in two sentences.",
        "Write a short story about a lighthouse keeper who finds a map.",
        "List three advantages and three disadvantages of working at night."};
    const settings *s = job->s;
    dlx_model_info info;
    int code = EXIT_OK;
    dlx_model_get_info(job->model, &info);
    for (size_t i = 0; i < s->prompts.n && code == EXIT_OK; i++)
        code = prompt_list_add(&job->prompts, job->model, s->prompts.items[i], s->raw);
    if (code == EXIT_OK && s->prompt_file)
        code = prompt_list_read(&job->prompts, job->model, s->prompt_file, s->raw);
    bool none = !s->prompts.n && !s->prompt_file && info.has_tokenizer;
    for (size_t i = 0; none && i < sizeof ours / sizeof *ours && code == EXIT_OK; i++)
        code = prompt_list_add(&job->prompts, job->model, ours[i], s->raw);
    return code;
}

/* Was a schedule chosen by hand? Then nothing is forced. */
static bool chose_schedule(const settings *s)
{
    return s->gen.sampler || s->gen.steps.given || s->gen.threshold.given ||
           s->gen.small_block.given || s->ab.n;
}

/* Models without a mask write one token a pass. */
static size_t tokens_a_pass(const bench_job *job)
{
    const settings *s = job->s;
    dlx_model_info info;
    if (s->accept.given)
        return (size_t)s->accept.value;
    dlx_model_get_info(job->model, &info);
    return !s->shape || chose_schedule(s) ? 0 : info.mask_id < 0 ? 1 : DEFAULT_ACCEPT;
}

/* A generation more: the options of the command line with those of `text` on top. */
static int add_side(bench_job *job, const char *text)
{
    const settings *s = job->s;
    dlx_error err;
    bench_side *side = &job->sides[job->n_sides++];
    size_t n_tokens = s->tokens.given ? (size_t)s->tokens.value : DEFAULT_TOKENS;
    int code = bench_side_init(side, text, &s->gen, job->model, n_tokens);
    if (code == EXIT_OK && tokens_a_pass(job) &&
        dlx_bench_force(job->model, tokens_a_pass(job), &side->plan.opts, &err) != DLX_OK)
        code = say_failed("--accept: %s", err.text);
    return code;
}

static int add_run(bench_job *job, const char *name, const char *text)
{
    int code = add_side(job, text);
    const bench_side *side = &job->sides[job->n_sides - 1];
    job->runs[job->n_runs++] = (dlx_bench_run){.name = name,
                                               .gen = &side->plan.opts,
                                               .backend = side->backend,
                                               .n_threads = (int)side->threads.value,
                                               .weights = side->arithmetic.weights,
                                               .compute = side->arithmetic.compute,
                                               .kernels = side->arithmetic.kernels,
                                               .scheme = side->arithmetic.scheme,
                                               .kv_type = side->arithmetic.kv_type};
    return code;
}

/* The exact decode is the same without the approximations of a cache. */
static int add_exact(bench_job *job)
{
    dlx_model_info info;
    int code = add_side(job, NULL);
    dlx_model_get_info(job->model, &info);
    job->sides[job->n_sides - 1].plan.opts.cache = dlx_cache_names(info.family)[0];
    return code;
}

static int choose_runs(bench_job *job)
{
    const settings *s = job->s;
    if (s->tokens.given && s->tokens.value == 0)
        return EXIT_OK;
    if (s->ab.n == 0)
        return add_run(job, "generate", NULL);
    int code = s->ab.n == 1 ? add_run(job, "as it is", NULL) : EXIT_OK;
    for (size_t i = 0; i < s->ab.n && code == EXIT_OK; i++)
        code = add_run(job, s->ab.items[i], s->ab.items[i]);
    return code == EXIT_OK ? add_exact(job) : code;
}

/* ---- the verb -------------------------------------------------------------------------------- */

static bool on_progress(void *user, const char *what, size_t done, size_t all)
{
    bench_job *job = user;
    progress_show(&job->bar, "piece", done, all, what);
    return !interrupted() && !out_failed();
}

static int print(const settings *s, const char *json)
{
    json_t *report = json_loads(json, 0, NULL);
    json_t *lines = report ? tamed(report) : NULL;
    if (!lines) {
        json_decref(report);
        return say_failed("the library's report is not JSON");
    }
    if (s->json || (s->format && strcmp(s->format, "json") == 0))
        out_json(json_incref(report));
    else if (s->format && strcmp(s->format, "csv") == 0)
        bench_print_csv(lines);
    else
        bench_print_md(lines);
    out_flush();
    json_decref(lines);
    json_decref(report);
    return EXIT_OK;
}

static int measure(bench_job *job)
{
    const settings *s = job->s;
    char *json = NULL;
    dlx_error err;
    dlx_bench_opts opts = {.size = sizeof opts,
                           .backend = s->backend,
                           .rows = job->rows.items,
                           .n_rows = job->rows.n,
                           .contexts = job->contexts.items,
                           .n_contexts = job->contexts.n,
                           .threads = job->threads,
                           .n_threads = job->n_threads,
                           .n_rounds = (size_t)s->rounds.value,
                           .runs = job->runs,
                           .n_runs = job->n_runs,
                           .prompts = job->prompts.items,
                           .n_prompts = job->prompts.n,
                           .on_progress = on_progress,
                           .user = job,
                           .weights = packs_int8(s) ? INT8 : s->arithmetic.weights,
                           .compute = s->arithmetic.compute,
                           .kernels = s->arithmetic.kernels,
                           .scheme = s->arithmetic.scheme,
                           .kv_type = s->arithmetic.kv_type,
                           .shorten = !s->tokens.given};
    if (job->n_sides > job->n_runs)
        opts.exact = &job->sides[job->n_sides - 1].plan.opts;
    progress_start(&job->bar, s->quiet);
    dlx_result r = dlx_bench(job->model, &opts, &json, &err);
    progress_end(&job->bar);
    if (r != DLX_OK && r != DLX_CANCELLED)
        return say_failed("%s", err.text);
    int code = json ? print(s, json) : EXIT_OK;
    dlx_free(job->model, json);
    if (r == DLX_CANCELLED)
        return interrupted() ? interrupt_exit_code() : EXIT_FAILED;
    return code;
}

static int open_subject(bench_job *job, const opt_args *args)
{
    const settings *s = job->s;
    dlx_shape_opts opts = {
        .size = sizeof opts, .type = packs_int8(s) ? "bf16" : s->type, .family = s->family};
    dlx_error err;
    if (!s->shape)
        return open_model(&job->model, args->items[0], DLX_LOAD_ALL);
    if (dlx_model_open_shape(&job->model, s->shape, &opts, &err) != DLX_OK)
        return say_failed("%s", err.text);
    return EXIT_OK;
}

static int list_shapes(const settings *s)
{
    char *text;
    dlx_error err;
    if (dlx_shapes(&text, &err) != DLX_OK)
        return say_failed("%s", err.text);
    json_t *shapes = json_loads(text, 0, NULL);
    dlx_free(NULL, text);
    if (s->json)
        out_json(json_pack("{s:O}", "shapes", shapes));
    else
        bench_print_shapes(shapes);
    json_decref(shapes);
    return EXIT_OK;
}

static int check(const settings *s, const opt_args *args)
{
    if (s->shape && args->n)
        return say_misuse("bench", "MODEL and --shape are both given; one of them is measured");
    if (!s->shape && !args->n)
        return say_misuse("bench",
                          "nothing to measure: name a MODEL, or --shape NAME (--list-shapes "
                          "prints the names)");
    if (!s->shape && (s->type || s->family))
        return say_misuse("bench", "--%s is for --shape; a MODEL has its own",
                          s->type ? "type" : "family");
    if (packs_int8(s) && s->arithmetic.weights && strcmp(s->arithmetic.weights, INT8) != 0)
        return say_misuse("bench", "--type int8 and --weights %s are both given",
                          s->arithmetic.weights);
    if (s->shape && (s->prompts.n || s->prompt_file))
        return say_misuse("bench",
                          "random weights have no tokenizer, so no prompts in words: leave "
                          "out --prompt and --prompts");
    if (s->tokens.given && s->tokens.value == 0 &&
        (s->ab.n || s->accept.given || s->prompts.n || s->prompt_file))
        return say_misuse("bench",
                          "--gen 0 asks for no answers: leave out --ab, --accept, --prompt "
                          "and --prompts");
    if (s->ab.n > 2)
        return say_misuse("bench", "--ab is given %zu times; two settings can be compared",
                          s->ab.n);
    if (s->accept.given && chose_schedule(s) && !s->ab.n)
        return say_misuse("bench", "--accept makes a schedule of its own; leave out --sampler, "
                                   "--steps, --threshold and --small-block");
    if (s->json && s->format && strcmp(s->format, "json") != 0)
        return say_misuse("bench", "--json and --format %s are both given", s->format);
    return EXIT_OK;
}

static int run(const void *of_verb, const opt_args *args)
{
    bench_job job = {.s = of_verb};
    if (job.s->list_shapes)
        return list_shapes(job.s);
    int code = check(job.s, args);
    if (code == EXIT_OK)
        code = read_lists(&job);
    if (code == EXIT_OK && !out_ready())
        code = EXIT_FAILED;
    interrupt_begin(NULL);
    if (code == EXIT_OK)
        code = open_subject(&job, args);
    if (code == EXIT_OK)
        code = read_prompts(&job);
    if (code == EXIT_OK)
        code = choose_runs(&job);
    if (code == EXIT_OK)
        code = measure(&job);
    for (size_t i = 0; i < job.n_sides; i++)
        bench_side_release(&job.sides[i]);
    prompt_list_release(&job.prompts);
    dlx_model_free(job.model);
    free(job.threads);
    free(job.contexts.items);
    free(job.rows.items);
    interrupt_end();
    return code;
}

static const verb_arg arguments[] = {
    {"MODEL", ARG_MODEL, true,
     "a Hugging Face directory, .gguf or .pte file, .mlpackage or folder of qnn"},
};

static const char *const about[] = {
    "Times single passes by rows and context, with the machine's bandwidth and arithmetic probed "
    "in "
    "every round between them, and prints how near each comes to its roof: the larger of the time "
    "to "
    "read the weights and the time to compute the products. Then it times whole answers.",
    "With --shape nothing is read: weights of a published size are made up. They are never sure of "
    "a "
    "token, so an answer reveals a fixed number a pass (--accept).",
    "--ab compares two settings on the same prompts, answering in turns, and prints for each how "
    "many tokens are those of the exact decode: the same options without an approximate cache, "
    "the weights as stored, in float32. A setting is options of generation without their dashes, "
    "and threads=, backend=, weights=, compute=, scheme=, kv-type= and kernels=.",
    "Ctrl-C prints what was measured so far (exit code 130).", NULL};

static const verb_example examples[] = {
    {"dlx bench --shape qwen2.5-0.5b --type q4_0 --threads 1,2",
     "passes and an answer, with one thread and with two"},
    {"dlx bench models/demo --ctx 128,512 --gen 0 --format csv", "passes alone, for a spreadsheet"},
    {"dlx bench models/demo --ab cache=none --ab \"cache=dual threshold=0.8\"",
     "what an approximate cache gains, and what it costs"},
    {"dlx bench models/demo --ab weights=stored --ab weights=int8",
     "what weights of half the size gain, and what they cost"},
};

static const verb_lack lacks[] = {
    {"max-tokens", 'n', "--gen N is the length of the answers"},
    {"kv", 0, "K and V are stored in one way in this build"},
};

const verb verb_bench = {.name = "bench",
                         .summary = "time passes against the machine's roofs",
                         .about = about,
                         .args = arguments,
                         .n_args = 1,
                         .tables = tables,
                         .n_tables = sizeof tables / sizeof *tables,
                         .lacks = lacks,
                         .n_lacks = sizeof lacks / sizeof *lacks,
                         .examples = examples,
                         .n_examples = sizeof examples / sizeof *examples,
                         .more = gen_help,
                         .settings_bytes = sizeof(settings),
                         .run = run};
