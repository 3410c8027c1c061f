// labels: golden
/*
 * Greedy continuations that transformers computed of Llama, Qwen2 and Qwen3 (tests/golden/ar-*):
 * the same ids through the library on every backend, and through the command as its traces tell.
 */
#include "golden_folders.h"
#include "support.h"

#include "backends/backend.h"

#include <dlx/tools.h>
#include <jansson.h>
#include <sys/wait.h>
#include <unistd.h>

enum { N_RUNS = 12, MOST = 256, TILE = 128 };

static const char *const folders[] = AUTOREGRESSIVE_FOLDERS;

typedef struct run {
    dlx_token prompt[MOST], ids[MOST]; /* a stop id that ended them is the last */
    size_t n_prompt, n_ids, max_tokens;
    bool stopped;
} run;

static size_t read_ids(const json_t *list, dlx_token *ids)
{
    size_t n = json_array_size(list);
    assert_true(n > 0 && n <= MOST);
    for (size_t i = 0; i < n; i++)
        ids[i] = (dlx_token)json_integer_value(json_array_get(list, i));
    return n;
}

static run read_run(const json_t *json)
{
    run r = {.max_tokens = (size_t)json_integer_value(json_object_get(json, "max_tokens"))};
    r.n_prompt = read_ids(json_object_get(json, "prompt"), r.prompt);
    r.n_ids = read_ids(json_object_get(json, "ids"), r.ids);
    r.stopped = strcmp(json_string_value(json_object_get(json, "finish_reason")), "stop") == 0;
    return r;
}

static json_t *load_runs(const char *folder)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/continuations.json", support_golden(folder));
    json_t *json = json_load_file(path, 0, NULL);
    assert_non_null(json);
    return json;
}

/* Passes: one a token, and one more for each further tile of the prompt. */
static size_t n_passes(const run *r)
{
    return r->n_ids + (r->n_prompt + TILE - 1) / TILE - 1;
}

static void check_library(const char *folder, const char *backend, size_t *n)
{
    dlx_model *model = support_open(folder);
    dlx_session *session = support_session(model, backend, MOST);
    json_t *json = load_runs(folder);
    size_t i;
    json_t *one;
    json_array_foreach(json_object_get(json, "runs"), i, one)
    {
        run r = read_run(one);
        dlx_gen_opts gen;
        dlx_gen_result out;
        dlx_error err;
        dlx_gen_init(model, &gen);
        gen.max_tokens = r.max_tokens;
        assert_ok(dlx_generate(session, r.prompt, r.n_prompt, &gen, &out, &err), &err);
        assert_int_equal(out.n_ids, r.n_ids - r.stopped);
        assert_memory_equal(out.ids, r.ids, out.n_ids * sizeof *r.ids);
        assert_int_equal(out.finish, r.stopped ? DLX_FINISH_STOP : DLX_FINISH_LENGTH);
        if (r.stopped)
            assert_int_equal(out.stop_id, r.ids[r.n_ids - 1]);
        if (out.n_reused == 0)
            assert_int_equal(out.passes, n_passes(&r));
        ++*n;
    }
    json_decref(json);
    dlx_session_free(session);
    dlx_model_free(model);
}

static void the_library_goes_on_as_transformers_does(void **state)
{
    (void)state;
    for (const char *const *backend = dlx_backend_names(); *backend; backend++) {
        if (dlx__backend_find(*backend)->programs)
            continue;
        size_t n = 0;
        for (size_t i = 0; i < N_AUTOREGRESSIVE; i++)
            check_library(folders[i], *backend, &n);
        printf("  %s: %zu continuations equal\n", *backend, n);
        assert_int_equal(n, N_RUNS);
    }
}

/* ---- the command ----------------------------------------------------------------------------- */

/* Runs dlx with these words; stdout goes to out.json. */
static int dlx(const char *words)
{
    char line[9000];
    snprintf(line, sizeof line, "'%s' %s > out.json 2> err.txt", DLX_BINARY, words);
    int status = system(line);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void run_words(char *line, size_t size, const char *folder, const run *r)
{
    size_t n = (size_t)snprintf(line, size,
                                "run '%s' --raw -q --threads 1 --json --trace trace.jsonl "
                                "--max-tokens %zu --ids ",
                                support_golden(folder), r->max_tokens);
    for (size_t i = 0; i < r->n_prompt; i++)
        n += (size_t)snprintf(line + n, size - n, "%s%d", i ? "," : "", (int)r->prompt[i]);
    assert_true(n < size);
}

/* Every token has a line of its own, in order, in a pass of its own. */
static void check_trace(const run *r)
{
    FILE *in = fopen("trace.jsonl", "r");
    size_t n_ids = 0, rows = 0;
    assert_non_null(in);
    for (json_t *line; (line = json_loadf(in, JSON_DISABLE_EOF_CHECK, NULL)); json_decref(line)) {
        const json_t *written = json_object_get(line, "written");
        bool prefill = strcmp(json_string_value(json_object_get(line, "kind")), "prefill") == 0;
        rows += (size_t)json_integer_value(json_object_get(line, "rows"));
        assert_int_equal(json_integer_value(json_object_get(line, "block")), 0);
        assert_int_equal(json_array_size(written), prefill ? 0 : 1);
        if (prefill)
            continue;
        const json_t *w = json_array_get(written, 0);
        assert_int_equal(json_integer_value(json_object_get(line, "rows")), 1);
        assert_int_equal(json_integer_value(json_object_get(w, "pos")), r->n_prompt + n_ids);
        assert_int_equal(json_integer_value(json_object_get(w, "id")), r->ids[n_ids]);
        assert_int_equal(json_integer_value(json_object_get(line, "pass")),
                         n_passes(r) - r->n_ids + n_ids);
        n_ids++;
    }
    fclose(in);
    assert_int_equal(n_ids, r->n_ids);
    assert_int_equal(rows, r->n_prompt + r->n_ids - 1);
}

static void check_command(const char *folder, const run *r)
{
    static char line[8192];
    run_words(line, sizeof line, folder, r);
    assert_int_equal(dlx(line), 0);
    json_t *out = json_load_file("out.json", 0, NULL);
    const json_t *ids = json_object_get(out, "ids");
    assert_int_equal(json_array_size(ids), r->n_ids - r->stopped);
    for (size_t i = 0; i < json_array_size(ids); i++)
        assert_int_equal(json_integer_value(json_array_get(ids, i)), r->ids[i]);
    assert_string_equal(json_string_value(json_object_get(out, "finish_reason")),
                        r->stopped ? "stop" : "length");
    assert_int_equal(json_integer_value(json_object_get(out, "passes")), n_passes(r));
    json_decref(out);
    check_trace(r);
}

static void the_command_does_the_same(void **state)
{
    (void)state;
    size_t n = 0;
    for (size_t i = 0; i < N_AUTOREGRESSIVE; i++) {
        json_t *json = load_runs(folders[i]), *one;
        size_t k;
        json_array_foreach(json_object_get(json, "runs"), k, one)
        {
            run r = read_run(one);
            check_command(folders[i], &r);
            n++;
        }
        json_decref(json);
    }
    assert_int_equal(n, N_RUNS);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *verb, *words, *part;
        int code;
    } cases[] = {
        {"run", "--ids 1,2 --block-length 4", "--block-length: expected an option of", 1},
        {"run", "--ids 1,2 --steps 4", "--steps: expected an option of", 1},
        {"run", "--ids 1,2 --threshold 0.5", "--threshold: expected an option of", 1},
        {"run", "--ids 1,2 --sampler threshold", "belongs to fast-dllm-v2", 1},
        {"run", "--ids 1,2 --cache dual", "belongs to dream", 1},
        {"infill", "--ids 1,2", "names no mask token, so there is nothing to fill", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[4400], said[4096];
        snprintf(line, sizeof line, "%s '%s' %s%s", cases[i].verb, support_golden(folders[1]),
                 strcmp(cases[i].verb, "run") == 0 ? "--raw " : "", cases[i].words);
        assert_int_equal(dlx(line), cases[i].code);
        FILE *f = fopen("err.txt", "r");
        said[fread(said, 1, sizeof said - 1, f)] = '\0';
        fclose(f);
        if (!strstr(said, cases[i].part))
            fail_msg("dlx %s: expected \"%s\" in: %s", line, cases[i].part, said);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_library_goes_on_as_transformers_does),
        cmocka_unit_test(the_command_does_the_same),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };
    assert_int_equal(system("mkdir -p '" DLX_TMP_DIR "/autoregressive'"), 0);
    assert_int_equal(chdir(DLX_TMP_DIR "/autoregressive"), 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
