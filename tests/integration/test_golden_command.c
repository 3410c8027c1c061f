// labels: golden
/*
 * Every decode run of tests/golden through the command line, as a user would replay it:
 * dlx run MODEL --raw --ids ... --trace FILE --json. Runs whose uniforms were recorded need the
 * draw callback of the library and are left to test_golden_traces; they are counted here.
 */
#include "golden_decode.h"
#include "golden_folders.h"

#include <sys/wait.h>
#include <unistd.h>

enum { N_ALL = 267, N_BUGS = 9, N_DRAWN = 5, MAX_FILES = 64, MAX_LINE = 16384 };

static decode_file file;
static decode_trace trace;
static char line[MAX_LINE];
static size_t n_line;

static void add(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(line + n_line, sizeof line - n_line, format, args);
    va_end(args);
    assert_true(n >= 0 && n_line + (size_t)n < sizeof line);
    n_line += (size_t)n;
}

static void add_ids(const char *option, const dlx_token *ids, size_t n)
{
    add(" %s ", option);
    for (size_t i = 0; i < n; i++)
        add("%s%d", i ? "," : "", (int)ids[i]);
}

/* The command line that stands for a file's options: only what differs from the family's defaults.
 */
static void write_line(const decode_file *f, const dlx_gen_opts *defaults)
{
    const dlx_gen_opts *o = &f->opts;
    n_line = 0;
    add("'%s' run '%s/golden/%s' --raw -q --threads 1 --allow-special --json --trace trace.jsonl",
        DLX_BINARY, DLX_TESTS_DIR, f->folder);
    add_ids("--ids", f->prompt, f->n_prompt);
    add(" --max-tokens %zu --sampler %s --cache %s", o->max_tokens, o->sampler, o->cache);
    if (o->block_length && o->block_length != defaults->block_length)
        add(" --block-length %zu", o->block_length);
    if (o->small_block != defaults->small_block)
        add(" --small-block %zu", o->small_block);
    if (o->steps)
        add(" --steps %zu", o->steps);
    if (o->threshold != defaults->threshold)
        add(" --threshold %.17g", o->threshold);
    if (o->factor != defaults->factor)
        add(" --factor %.17g", o->factor);
    if (o->eb_threshold != defaults->eb_threshold)
        add(" --eb-threshold %.17g", o->eb_threshold);
    if (o->cfg_scale > 0)
        add(" --cfg-scale %.17g", o->cfg_scale);
    if (o->logits_eos_inf)
        add(" --logits-eos-inf");
    if (o->confidence_eos_eot_inf)
        add(" --confidence-eos-eot-inf --eot-id %d", (int)o->eot_id);
    if (o->eps != defaults->eps)
        add(" --eps %.17g", o->eps);
    if (o->top_k)
        add(" --top-k %zu", o->top_k);
    if (o->top_p < 1)
        add(" --top-p %.17g", o->top_p);
    if (o->n_stop_ids)
        add_ids("--eos-ids", o->stop_ids, o->n_stop_ids);
    else
        add(" --eos-ids none");
    if (o->n_suppress)
        add_ids("--suppress", o->suppress, o->n_suppress);
    add(" > out.json");
}

static void read_trace(const char *path)
{
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    memset(&trace, 0, sizeof trace);
    while (true) {
        json_t *pass = json_loadf(in, JSON_DISABLE_EOF_CHECK, NULL), *w;
        if (!pass)
            break;
        dlx_written written[DECODE_MAX_IDS];
        size_t i;
        json_array_foreach(json_object_get(pass, "written"), i, w)
        {
            written[i] = (dlx_written){(size_t)json_integer_value(json_object_get(w, "pos")),
                                       (dlx_token)json_integer_value(json_object_get(w, "id")),
                                       (float)json_number_value(json_object_get(w, "conf"))};
        }
        trace_add(&trace, strcmp(json_string_value(json_object_get(pass, "kind")), "denoise") == 0,
                  (size_t)json_integer_value(json_object_get(pass, "rows")), written, i);
        json_decref(pass);
    }
    fclose(in);
}

/* The ids of the result: the reference's, up to the stop or to the tokens that were asked for. */
static void check_result(const decode_file *f)
{
    json_t *out = json_load_file("out.json", 0, NULL), *id;
    assert_non_null(out);
    dlx_token want[DECODE_MAX_IDS];
    const json_t *generated = json_object_get(f->json, "generated_ids");
    size_t n = generated ? decode_ids(generated, want) : f->n_final - f->n_prompt, i;
    if (!generated)
        memcpy(want, f->final + f->n_prompt, n * sizeof *want);
    json_t *ids = json_object_get(out, "ids");
    assert_true(json_array_size(ids) <= n);
    json_array_foreach(ids, i, id)
    {
        assert_int_equal(json_integer_value(id), want[i]);
    }
    const char *finish = json_string_value(json_object_get(out, "finish_reason"));
    if (strcmp(finish, "length") == 0)
        assert_int_equal(json_array_size(ids), n < f->opts.max_tokens ? n : f->opts.max_tokens);
    else
        assert_string_equal(finish, "stop");
    assert_int_equal(json_integer_value(json_object_get(out, "prompt_tokens")), f->n_prompt);
    assert_true(json_is_null(json_object_get(out, "text")));
    json_decref(out);
}

static void replay(const decode_file *f, const dlx_gen_opts *defaults)
{
    write_line(f, defaults);
    int status = system(line);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        fail_msg("%s/%s: exit code %d of: %s", f->folder, f->name, WEXITSTATUS(status), line);
    read_trace("trace.jsonl");
    bool bidirectional = strcmp(decode_text(f, "family"), "llada") == 0 ||
                         strcmp(decode_text(f, "family"), "dream") == 0;
    const char *difference = decode_differs(&trace, &f->want, bidirectional ? 1e-3 : 2e-4, 1e-6);
    if (difference)
        fail_msg("%s/%s: %s\n%s", f->folder, f->name, difference, line);
    check_result(f);
}

static void every_run_replays_through_the_command(void **state)
{
    (void)state;
    static char names[MAX_FILES][128];
    size_t n_all = 0, n_bugs = 0, n_drawn = 0;
    assert_int_equal(system("mkdir -p '" DLX_TMP_DIR "/golden-command'"), 0);
    assert_int_equal(chdir(DLX_TMP_DIR "/golden-command"), 0);
    for (size_t i = 0; i < sizeof golden_folders / sizeof *golden_folders; i++) {
        char path[1024];
        dlx_error err = {.code = DLX_OK};
        dlx__model model;
        dlx_gen_opts defaults;
        snprintf(path, sizeof path, "%s/golden/%s", DLX_TESTS_DIR, golden_folders[i]);
        assert_ok(dlx__model_open(&model, path, DLX__NEED_WEIGHTS, NULL, &err), &err);
        dlx__gen_defaults(&model, &defaults);
        size_t n = decode_list(golden_folders[i], names, MAX_FILES), n_equal = 0;
        for (size_t k = 0; k < n; k++) {
            decode_open(&file, golden_folders[i], names[k], &model);
            n_bugs += file.is_bug;
            n_drawn += !file.is_bug && file.opts.draw;
            if (!file.is_bug && !file.opts.draw) {
                replay(&file, &defaults);
                n_equal++;
            }
            decode_close(&file);
        }
        printf("  %s: %zu of %zu runs replayed, equal\n", golden_folders[i], n_equal, n);
        n_all += n;
        dlx__model_release(&model);
    }
    assert_int_equal(n_all, N_ALL);
    assert_int_equal(n_bugs, N_BUGS);
    assert_int_equal(n_drawn, N_DRAWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_run_replays_through_the_command)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
