/*
 * test_bench_command.c - dlx bench as people and scripts call it: what it prints in each format,
 * the settings of a comparison, sentences and exit codes. labels: integration
 */
#define _GNU_SOURCE
#include "support.h"

#include <jansson.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char out[1 << 16], err[1 << 14]; /* of the last call */

static void slurp(const char *name, char *text, size_t size)
{
    FILE *file = fopen(support_tmp(name), "rb");
    assert_non_null(file);
    text[fread(text, 1, size - 1, file)] = 0;
    fclose(file);
}

/* Runs dlx bench with these words of shell; its exit code. */
static int bench(const char *words)
{
    char line[8192];
    snprintf(line, sizeof line,
             "cd '" DLX_SOURCE_DIR "' && '" DLX_BINARY "' bench %s >'" DLX_TMP_DIR
             "/bench.out' 2>'" DLX_TMP_DIR "/bench.err'",
             words);
    int status = system(line);
    slurp("bench.out", out, sizeof out);
    slurp("bench.err", err, sizeof err);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void works(const char *words)
{
    int code = bench(words);
    if (code != 0)
        fail_msg("dlx bench %s: exit code %d: %s", words, code, err);
}

static void refuses(const char *words, int code, const char *part)
{
    int found = bench(words);
    if (found != code || !strstr(err, part) || strncmp(err, "dlx: ", 5) != 0 || *out)
        fail_msg("dlx bench %s: exit code %d, expected %d and '%s': %s", words, found, code, part,
                 err);
}

static void assert_prints(const char *part)
{
    if (!strstr(out, part))
        fail_msg("stdout should hold '%s': %s", part, out);
}

#define BRIEF "--shape tiny --rows 1,3 --ctx 16 --rounds 1 "

static void every_format_tells_the_same_passes(void **state)
{
    (void)state;
    works(BRIEF "--gen 8");
    assert_prints("## shape tiny, q8_0");
    assert_prints("| 16 | 3 |");
    assert_prints("| generate | 8 |");
    assert_prints("peak ");
    works(BRIEF "--gen 0 --format csv -q");
    assert_prints("model,type,threads,context,rows,ms_best");
    assert_prints("\"shape tiny\",q8_0,");
    assert_string_equal(err, "");
    works(BRIEF "--gen 8 --json --threads 1,2 --type q4_0 --family llada");
    json_t *report = json_loads(out, 0, NULL);
    assert_int_equal(json_array_size(json_object_get(report, "passes")), 4);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(report, "model"), "family")), "llada");
    assert_non_null(json_object_get(json_object_get(report, "generate"), "tokens_per_second"));
    json_decref(report);
    works("--list-shapes");
    assert_prints("qwen2.5-0.5b");
    assert_prints("llada-8b");
    works("--list-shapes --json");
    assert_prints("{\"shapes\"");
}

/* A token a pass: the baseline of block decoding on the same body. */
static void autoregressive_baselines_are_measured(void **state)
{
    (void)state;
    works(BRIEF "--gen 8 --json --family qwen3");
    json_t *report = json_loads(out, 0, NULL);
    const json_t *generate = json_object_get(report, "generate");
    assert_int_equal(json_integer_value(json_object_get(generate, "tokens")), 8);
    assert_int_equal(json_integer_value(json_object_get(generate, "passes")), 8);
    json_decref(report);
    refuses(BRIEF "--gen 8 --family qwen2 --accept 2", 1, "writes one; choose 1");
    refuses(BRIEF "--gen 8 --family llama --block-length 4", 1,
            "--block-length: expected an option");
}

static void two_settings_are_compared_with_the_exact_decode(void **state)
{
    (void)state;
    works("tests/golden/llada-tiny --rows 1 --ctx 16 --rounds 1 --gen 16 --block-length 8 "
          "--ab cache=none --ab 'cache=dual threads=1' --json");
    json_t *report = json_loads(out, 0, NULL);
    const json_t *runs = json_object_get(report, "runs");
    assert_int_equal(json_array_size(runs), 3);
    for (size_t i = 0; i < 3; i++)
        assert_non_null(json_object_get(json_array_get(runs, i), "agreement"));
    assert_string_equal(json_string_value(json_object_get(json_array_get(runs, 1), "name")),
                        "cache=dual threads=1");
    assert_int_equal(json_integer_value(json_object_get(json_array_get(runs, 1), "threads")), 1);
    json_decref(report);
    works(
        "models/records --rows 1 --ctx 16 --rounds 1 --gen 8 --raw --prompt 'Anna ordered lamps.' "
        "--prompt 'Ben ordered chairs.' --ab 'sampler=leftmost threshold=0.5'");
    assert_prints("| as it is |");
    assert_prints("| sampler=leftmost threshold=0.5 |");
    assert_prints(" of 2 |");
}

static const char *string(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static void reports_say_what_was_multiplied(void **state)
{
    (void)state;
    works(BRIEF "--gen 0 --type int8 --kernels scalar --json");
    json_t *report = json_loads(out, 0, NULL);
    const json_t *pass = json_array_get(json_object_get(report, "passes"), 0);
    assert_string_equal(string(report, "weights"), "int8");
    assert_string_equal(string(report, "compute"), "float32");
    assert_string_equal(string(report, "kernels"), "scalar");
    assert_string_equal(string(pass, "type"), "int8");
    double of_int8 = json_number_value(json_object_get(pass, "bytes"));
    json_decref(report);
    works(BRIEF "--gen 0 --type bf16 --json");
    report = json_loads(out, 0, NULL);
    pass = json_array_get(json_object_get(report, "passes"), 0);
    assert_string_equal(string(report, "weights"), "stored");
    assert_string_equal(string(pass, "type"), "bf16");
    assert_true(json_number_value(json_object_get(pass, "bytes")) > 1.8 * of_int8);
    json_decref(report);
    works(BRIEF "--gen 0 --type int8 --kernels scalar -q");
    assert_prints("## shape tiny, bf16 made int8");
    assert_prints("kernels scalar, weights int8, compute float32");
    works(BRIEF "--gen 0 --type int8 --kernels scalar -q --format csv");
    assert_prints("\"shape tiny\",int8,");
    assert_prints(",int8,float32,scalar,dynamic,float32,");
}

/* Words of dlx bench about a program of this model; false: there is no runtime for programs. */
static bool benches_program(const char *how, const char *words)
{
    char line[4096];
    snprintf(line, sizeof line,
             "'" DLX_BINARY "' export '" DLX_TESTS_DIR "/golden/sdar-tiny-b4' '" DLX_TMP_DIR
             "/bench.pte' --ctx 64 -q %s >/dev/null",
             how);
    assert_int_equal(system(line), 0);
    snprintf(line, sizeof line, "'" DLX_TMP_DIR "/bench.pte' --rows 1 --ctx 16 --rounds 1 %s",
             words);
    const int code = bench(line);
    if (code && !strstr(err, "make executorch"))
        fail_msg("dlx bench %s: exit code %d: %s", line, code, err);
    return code == 0;
}

static json_int_t n_params(void)
{
    json_t *report = json_loads(out, 0, NULL);
    const json_int_t n =
        json_integer_value(json_object_get(json_object_get(report, "model"), "n_params"));
    json_decref(report);
    return n;
}

/* Type, scheme, kernels and parameters are the program's own, in each format. */
static void programs_say_what_they_are(void **state)
{
    (void)state;
    static const struct {
        const char *how, *weights, *scheme;
    } cases[] = {{"--dtype int4", "int4", "dynamic"},
                 {"--dtype int8", "int8", "dynamic"},
                 {"--dtype int8 --scheme weight-only", "int8", "weight-only"},
                 {"--dtype fp16", "fp16", "weight-only"}};
    works("tests/golden/sdar-tiny-b4 --rows 1 --ctx 16 --rounds 1 --gen 0 --json");
    const json_int_t n = n_params();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char part[128];
        if (!benches_program(cases[i].how, "--gen 4 --raw --json"))
            skip();
        json_t *report = json_loads(out, 0, NULL);
        const json_t *both[] = {report, json_object_get(report, "generate")};
        for (size_t k = 0; k < 2; k++) {
            assert_string_equal(string(both[k], "weights"), cases[i].weights);
            assert_string_equal(string(both[k], "scheme"), cases[i].scheme);
            assert_string_equal(string(both[k], "kernels"), "XNNPACK");
        }
        assert_int_equal(n_params(), n);
        json_decref(report);
        assert_true(benches_program(cases[i].how, "--gen 0"));
        snprintf(part, sizeof part, "kernels XNNPACK, weights %s, compute float32, scheme %s",
                 cases[i].weights, cases[i].scheme);
        assert_prints(part);
        assert_prints("0.3 million parameters");
        snprintf(part, sizeof part, "/bench.pte, %s\n", cases[i].weights); /* nothing made it so */
        assert_prints(part);
        assert_true(benches_program(cases[i].how, "--gen 0 --format csv"));
        snprintf(part, sizeof part, ",%s,float32,XNNPACK,%s,float32,%lld\n", cases[i].weights,
                 cases[i].scheme, (long long)n);
        assert_prints(part);
    }
}

static void settings_of_a_comparison_name_the_arithmetic(void **state)
{
    (void)state;
    works(
        "models/records --rows 1 --ctx 16 --rounds 1 --gen 8 --raw --prompt 'Anna ordered lamps.' "
        "--ab kernels=scalar --ab 'weights=int8 scheme=dynamic-row kv-type=int8' --json");
    json_t *report = json_loads(out, 0, NULL);
    const json_t *runs = json_object_get(report, "runs");
    assert_int_equal(json_array_size(runs), 3);
    assert_string_equal(string(json_array_get(runs, 0), "kernels"), "scalar");
    assert_string_equal(string(json_array_get(runs, 0), "weights"), "stored");
    assert_string_equal(string(json_array_get(runs, 1), "weights"), "int8");
    assert_string_equal(string(json_array_get(runs, 2), "weights"), "stored");
    assert_string_equal(string(json_array_get(runs, 2), "compute"), "float32");
    assert_string_equal(string(json_array_get(runs, 0), "scheme"), "dynamic");
    assert_string_equal(string(json_array_get(runs, 1), "scheme"), "dynamic-row");
    assert_string_equal(string(json_array_get(runs, 2), "scheme"), "weight-only");
    assert_string_equal(string(json_array_get(runs, 0), "kv_type"), "float32");
    assert_string_equal(string(json_array_get(runs, 1), "kv_type"), "int8");
    assert_string_equal(string(json_array_get(runs, 2), "kv_type"), "float32");
    json_decref(report);
}

/* Of a package the sentence is that of every verb. */
static void packages_are_run_elsewhere(void **state)
{
    (void)state;
#ifdef __APPLE__
    skip();
#else
    static const char *const more[] = {"", " --json", " --ab threads=1"};
    assert_int_equal(system("rm -rf '" DLX_TMP_DIR "/bench.mlpackage'; '" DLX_BINARY
                            "' export '" DLX_TESTS_DIR "/golden/llada-tiny' '" DLX_TMP_DIR
                            "/bench.mlpackage' --backend coreml --ctx 64 -q >/dev/null"),
                     0);
    for (size_t i = 0; i < 3; i++) {
        char words[1024];
        snprintf(words, sizeof words, "'" DLX_TMP_DIR "/bench.mlpackage' -q%s", more[i]);
        refuses(words, 1, "only macOS and iOS have Core ML");
    }
#endif
}

static void prompts_come_from_a_file(void **state)
{
    (void)state;
    support_write(support_tmp("prompts.txt"),
                  "{\"prompt\": \"Anna ordered lamps.\"}\n\nBen did.\n");
    works("models/records --rows 1 --ctx 16 --rounds 1 --gen 8 --raw --json --prompts "
          "'" DLX_TMP_DIR "/prompts.txt'");
    json_t *report = json_loads(out, 0, NULL);
    const json_t *g = json_object_get(report, "generate");
    assert_int_equal(json_integer_value(json_object_get(g, "prompts")), 2);
    json_decref(report);
}

static void mistakes_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *words;
        int code;
        const char *part;
    } cases[] = {
        {"", 2, "nothing to measure"},
        {"models/records --shape tiny", 2, "both given"},
        {"models/records --type q8_0", 2, "--type is for --shape"},
        {"models/nowhere", 1, "models/nowhere"},
        {"--shape qwen9", 2, "not one of"},
        {"--shape tiny --type q3_k", 2, "not one of"},
        {"--shape tiny --format xml", 2, "not one of"},
        {"--shape tiny --format csv --json", 2, "both given"},
        {"--shape tiny --threads 0", 2, "within 1 to 1024"},
        {"--shape tiny --threads 10000", 2, "within 1 to 1024"},
        {"--shape tiny --type q3_k", 2, "f32"},
        {"--shape tiny --type int8 --weights stored", 2, "both given"},
        {"--shape tiny --weights int4", 2, "not one of stored int8"},
        {"--shape tiny --compute f64", 2, "not one of float32 bf16"},
        {"--shape tiny --kernels nonsense", 2, "not one of scalar"},
        {"--shape tiny --backend reference --compute bf16", 1, "float32 only"},
        {"--shape tiny --ab 'backend=reference kernels=scalar'", 1, "none to choose from"},
        {"--shape tiny --ab kernels=nonsense", 2, "not one of scalar"},
        {"--shape tiny --rows 4,0", 2, "--rows: 0 is not within"},
        {"--shape tiny --rows 4,,8", 2, "--rows: \"\" is not a whole number"},
        {"--shape tiny --rows all", 2, "\"all\" is not a whole number"},
        {"--shape tiny --rounds 0", 2, "--rounds"},
        {"--shape tiny --ctx 2000000000", 1, "GiB"},
        {"--shape tiny --max-tokens 8", 2, "--gen N is the length"},
        {"--shape tiny --accept 3", 1, "divides the block of 4"},
        {"--shape tiny --accept 2 --threshold 0.5", 2, "schedule of its own"},
        {"--shape tiny --prompt Hello", 2, "no tokenizer"},
        {"--shape tiny --gen 0 --accept 2", 2, "no answers"},
        {"--shape tiny --ab help", 2, "no setting"},
        {"--shape tiny --ab cache=dual", 1, "cache"},
        {"--shape tiny --ab nonsense=1", 2, "no option --nonsense"},
        {"--shape tiny --ab a --ab b --ab c", 2, "given 3 times"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        refuses(cases[i].words, cases[i].code, cases[i].part);
}

/* Only when there is progress has the command begun to listen. */
static void wait_for_progress(void)
{
    for (int i = 0; i < 600; i++) {
        slurp("bench.err", err, sizeof err);
        if (strstr(err, "piece"))
            return;
        usleep(100000);
    }
    fail_msg("no progress within a minute: %s", err);
}

static void ctrl_c_prints_what_there_is(void **state)
{
    (void)state;
    int status;
    support_write(support_tmp("bench.err"), "");
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGINT, SIG_DFL);
        if (freopen(DLX_TMP_DIR "/bench.out", "w", stdout) &&
            freopen(DLX_TMP_DIR "/bench.err", "w", stderr))
            execl(DLX_BINARY, "dlx", "bench", "--shape", "tiny", "--rows", "1", "--ctx", "16",
                  "--rounds", "100", "--gen", "0", (char *)NULL);
        _exit(127);
    }
    wait_for_progress();
    kill(child, SIGINT);
    assert_int_equal(waitpid(child, &status, 0), child);
    slurp("bench.out", out, sizeof out);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 130);
    assert_prints("Stopped before the end");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_format_tells_the_same_passes),
        cmocka_unit_test(autoregressive_baselines_are_measured),
        cmocka_unit_test(two_settings_are_compared_with_the_exact_decode),
        cmocka_unit_test(reports_say_what_was_multiplied),
        cmocka_unit_test(programs_say_what_they_are),
        cmocka_unit_test(packages_are_run_elsewhere),
        cmocka_unit_test(settings_of_a_comparison_name_the_arithmetic),
        cmocka_unit_test(prompts_come_from_a_file),
        cmocka_unit_test(mistakes_are_told),
        cmocka_unit_test(ctrl_c_prints_what_there_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
