// labels: integration export
/*
 * test_inspect_program.c - what is told of an exported program, through the public interface and by
 * the command.
 */
#include "support.h"

#include "unit/export/export_sample.h"

#include <dlx/export.h>
#include <dlx/tools.h>
#include <jansson.h>
#include <sys/wait.h>

/* Writes the sample as PATH, with its weights in DATA if that is given. */
static void write_sample(const char *path, const char *data)
{
    sample s;
    dlx_error err;
    const dlx__pte_write_opts opts = {.data_path = data};
    sample_open(&s, NULL);
    assert_ok(sample_build(&s, &err), &err);
    assert_ok(dlx__pte_write(&s.program, path, &opts, NULL, &err), &err);
    sample_close(&s);
}

static json_t *inspect(const char *path, const dlx_program_opts *opts)
{
    char *text;
    dlx_error err;
    assert_ok(dlx_inspect_program(path, opts, &text, &err), &err);
    json_t *report = json_loads(text, 0, NULL);
    assert_non_null(report);
    dlx_free(NULL, text);
    return report;
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static json_int_t int_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void the_report_tells_methods_and_metadata(void **state)
{
    (void)state;
    const char *path = sample_path("report.pte");
    write_sample(path, NULL);
    assert_true(dlx_is_program(path));
    const dlx_program_opts opts = {.size = sizeof opts, .tensors = true};
    json_t *report = inspect(path, &opts);
    assert_string_equal(text_of(report, "format"), "pte");
    json_t *methods = json_object_get(report, "methods");
    assert_int_equal(json_array_size(methods), 2);
    json_t *forward = json_array_get(methods, 0), *step = json_array_get(methods, 1);
    assert_string_equal(text_of(forward, "name"), "forward");
    json_t *input = json_array_get(json_object_get(forward, "inputs"), 0);
    assert_string_equal(text_of(input, "type"), "f32");
    assert_int_equal(json_integer_value(json_array_get(json_object_get(input, "shape"), 1)),
                     SAMPLE_K);
    assert_true(json_is_true(json_object_get(input, "dynamic")));
    json_t *delegate = json_array_get(json_object_get(forward, "delegates"), 0);
    assert_string_equal(text_of(delegate, "backend"), "XnnpackBackend");
    json_t *node = json_array_get(json_object_get(delegate, "nodes"), 0);
    assert_string_equal(text_of(node, "name"), "FullyConnected");
    assert_string_equal(text_of(node, "weights"), "fp32");
    json_t *op = json_array_get(json_object_get(step, "operators"), 0);
    assert_string_equal(text_of(op, "name"), "aten::embedding.out");
    assert_string_equal(text_of(json_array_get(json_object_get(step, "state"), 0), "name"),
                        "cache.0.k");
    json_t *metadata = json_object_get(report, "metadata");
    assert_int_equal(int_of(metadata, "get_vocab_size"), SAMPLE_N);
    assert_string_equal(text_of(metadata, "get_layout"), "block");
    assert_int_equal(json_array_size(json_object_get(metadata, "get_eos_ids")), 2);
    json_int_t sum = 0;
    const char *key;
    json_t *size;
    json_object_foreach(json_object_get(report, "sizes"), key, size) sum +=
        json_integer_value(size);
    assert_int_equal(sum, int_of(report, "file_bytes"));
    assert_string_equal(text_of(json_array_get(json_object_get(report, "named_data"), 0), "key"),
                        "w");
    json_decref(report);
}

/* Runs the command with the words; its exit code, and what it printed. */
static int command(char out[16384], const char *words)
{
    char line[4096];
    const char *path = sample_path("inspect.out");
    snprintf(line, sizeof line, "'%s' %s >'%s' 2>&1", DLX_BINARY, words, path);
    int status = system(line);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    out[fread(out, 1, 16383, file)] = '\0';
    fclose(file);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void assert_prints(const char *words, int code, const char *part)
{
    char out[16384];
    int found = command(out, words);
    if (found != code || !strstr(out, part))
        fail_msg("dlx %s: expected %d and '%s', found %d and: %s", words, code, part, found, out);
}

static void the_command_tells_people_and_programs(void **state)
{
    (void)state;
    char words[2048];
    char path[512], split[512], data[512];
    snprintf(path, sizeof path, "%s", sample_path("told.pte"));
    snprintf(split, sizeof split, "%s", sample_path("told-split.pte"));
    snprintf(data, sizeof data, "%s", sample_path("told.ptd"));
    if (!*DLX_BINARY)
        skip();
    write_sample(path, NULL);
    write_sample(split, data);
    snprintf(words, sizeof words, "inspect '%s'", path);
    assert_prints(words, 0, "input        f32    up to [8, 64]");
    assert_prints(words, 0, "1 x FullyConnected fp32");
    assert_prints(words, 0, "get_eos_ids              [7, 9]");
    assert_prints(words, 0, "state        f32    [5, 32]  cache.0.k");
    snprintf(words, sizeof words, "inspect '%s' --json --tensors", path);
    assert_prints(words, 0, "\"named_data\": [{\"key\": \"w\", \"bytes\": 24576}]");
    snprintf(words, sizeof words, "inspect '%s' --data '%s' --tensors", split, data);
    assert_prints(words, 0, "data file                 24576  1 keys");
    snprintf(words, sizeof words, "inspect '%s'", split);
    assert_prints(words, 1, "has the key w, which is in no named data");
    snprintf(words, sizeof words, "inspect '%s' --plan", path);
    assert_prints(words, 1, "--plan and --graph are for models");
    snprintf(words, sizeof words, "inspect '%s' --data x.ptd", DLX_SOURCE_DIR "/models/records");
    assert_prints(words, 1, "belongs to a .pte program");
    snprintf(words, sizeof words, "run '%s' hi", path);
    assert_prints(words, 1, "a program that dlx export wrote");
    support_write(path, "not a program at all, but long enough to be one, if it only were that");
    snprintf(words, sizeof words, "inspect '%s'", path);
    assert_prints(words, 1, "told.pte: expected a .pte file");
}

/* Programs with their data beside them, and the data of another: told by names that people gave. */
static void data_of_another_program(void **state)
{
    (void)state;
    static const char *const folders[] = {"sdar-tiny-b4", "sdar-tiny-b4-tied"};
    char paths[3][2][512];
    dlx_error err = {.code = DLX_OK};
    char *text;
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 2; k++) {
            char name[32];
            snprintf(name, sizeof name, "of%d.pt%c", i, k ? 'd' : 'e');
            snprintf(paths[i][k], sizeof paths[i][k], "%s", sample_path(name));
            remove(paths[i][k]);
        }
    for (int i = 0; i < 3; i++) { /* the last has its data inside */
        dlx_model *m = support_open(folders[i % 2]);
        const dlx_export_opts opts = {
            .size = sizeof opts, .n_ctx = 64, .data_path = i < 2 ? paths[i][1] : NULL};
        assert_ok(dlx_export(m, paths[i][0], &opts, NULL, &err), &err);
        dlx_model_free(m);
    }
    for (int i = 0; i < 3; i += 2) {
        const dlx_program_opts foreign = {.size = sizeof foreign, .data_path = paths[1][1]};
        assert_int_equal(dlx_inspect_program(paths[i][0], &foreign, &text, &err), DLX_E_MISMATCH);
        assert_says(&err, "expected the data file that was exported with it");
        assert_says(&err, paths[i][0]);
        assert_says(&err, paths[1][1]);
        assert_null(strstr(err.text, "dlx.fill"));
    }
    dlx_model *m;
    assert_int_equal(rename(paths[1][1], paths[0][1]), 0); /* which is found beside it */
    assert_int_equal(dlx_model_open(&m, paths[0][0], NULL, &err), DLX_E_MISMATCH);
    assert_says(&err, "name the right one, or export the program again");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_report_tells_methods_and_metadata),
        cmocka_unit_test(the_command_tells_people_and_programs),
        cmocka_unit_test(data_of_another_program),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
