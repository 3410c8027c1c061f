/*
 * test_quantize_command.c - dlx quantize as people call it: what becomes of the shipped model, what
 * is refused, and that nothing half-written is left. labels: integration
 */
#define _GNU_SOURCE
#include "support.h"

#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define RECORDS "models/records"
#define TEXTS "models/records/calibration.jsonl"

static char out[1 << 18], err[1 << 14]; /* of the last call */

static void slurp(const char *name, char *text, size_t size)
{
    FILE *file = fopen(support_tmp(name), "rb");
    assert_non_null(file);
    text[fread(text, 1, size - 1, file)] = 0;
    fclose(file);
}

/* Runs dlx with these words of shell; its exit code. */
static int dlx(const char *words)
{
    char line[8192];
    snprintf(line, sizeof line,
             "cd '" DLX_SOURCE_DIR "' && '" DLX_BINARY "' %s >'" DLX_TMP_DIR
             "/quantize.out' 2>'" DLX_TMP_DIR "/quantize.err'",
             words);
    int status = system(line);
    slurp("quantize.out", out, sizeof out);
    slurp("quantize.err", err, sizeof err);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void works(const char *words)
{
    int code = dlx(words);
    if (code != 0)
        fail_msg("dlx %s: exit code %d: %s", words, code, err);
}

static json_t *report_of(const char *words)
{
    works(words);
    json_t *report = json_loads(out, 0, NULL);
    assert_non_null(report);
    return report;
}

static double number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

/* ---- the shipped model --------------------------------------------------------------------- */

#define COMPARED                                                                                   \
    " --calibrate " TEXTS " --texts 48 --held-out models/records/heldout.jsonl --answers 40 "      \
    "--report --json -q "

static json_t *compared(const char *how)
{
    char words[6144];
    snprintf(words, sizeof words, "quantize " RECORDS " '%s' %s" COMPARED,
             support_tmp("compared.gguf"), how);
    return report_of(words);
}

static double part(const json_t *report, const char *key)
{
    return number(json_object_get(report, "compared"), key);
}

/* Passes of the quantized model as a part of the float one's. */
static double passes(const json_t *report)
{
    const json_t *both =
        json_object_get(json_object_get(json_object_get(report, "compared"), "answers"), "passes");
    return json_number_value(json_array_get(both, 1)) / json_number_value(json_array_get(both, 0));
}

static void eight_bits_are_the_model(void **state)
{
    (void)state;
    json_t *report = compared("--type q8_0");
    assert_true(part(report, "rows") > 1000);
    assert_true(part(report, "kl") <= 1e-3);
    assert_true(part(report, "top1") >= 0.995);
    assert_true(fabs(passes(report) - 1) <= 0.02);
    assert_true(number(report, "bytes") <= 0.55 * number(report, "bytes_f16"));
    size_t i;
    json_t *kv, *list = json_object_get(json_object_get(report, "compared"), "kv");
    assert_int_equal(json_array_size(list), 3);
    json_array_foreach(list, i, kv)
    {
        assert_true(number(kv, "kl") > 0 && number(kv, "kl") <= 1e-3);
        assert_true(number(kv, "top1") >= 0.995);
    }
    json_decref(report);
}

/* Four bits: error feedback is at least twice as close as rounding to the nearest, on all masked
 * rows and on those where something is left to decide. */
static void four_bits_and_feedback(void **state)
{
    (void)state;
    json_t *nearest = compared("--type q4_0"), *fed = compared("--type q4_0 --method gptq");
    const json_t *a = json_object_get(json_object_get(nearest, "compared"), "open");
    const json_t *b = json_object_get(json_object_get(fed, "compared"), "open");
    assert_true(part(fed, "kl") <= 3e-2);
    assert_true(part(fed, "top1") >= 0.97);
    assert_true(fabs(passes(fed) - 1) <= 0.05);
    assert_true(2 * part(fed, "kl") <= part(nearest, "kl"));
    assert_true(2 * number(b, "kl") <= number(a, "kl"));
    assert_true(number(fed, "bytes") <= 0.36 * number(fed, "bytes_f16"));
    json_decref(nearest);
    json_decref(fed);
}

/* ---- the file ------------------------------------------------------------------------------ */

static void quantize(const char *name, const char *how)
{
    char words[6144];
    snprintf(words, sizeof words, "quantize " RECORDS " '%s' %s -q", support_tmp(name), how);
    works(words);
}

static bool same_files(const char *a, const char *b)
{
    static char x[4 << 20], y[4 << 20];
    FILE *f = fopen(support_tmp(a), "rb");
    size_t n = fread(x, 1, sizeof x, f);
    fclose(f);
    f = fopen(support_tmp(b), "rb");
    size_t m = fread(y, 1, sizeof y, f);
    fclose(f);
    return n > 0 && n == m && memcmp(x, y, n) == 0;
}

static void same_bytes_for_any_number_of_threads(void **state)
{
    (void)state;
    static const char *const how[] = {
        "--type q4_k", "--type q4_0 --method awq-gptq --calibrate " TEXTS " --texts 8",
        "--type q8_0 --scheme static --calibrate " TEXTS " --texts 8"};
    for (size_t i = 0; i < sizeof how / sizeof *how; i++) {
        char words[1024];
        snprintf(words, sizeof words, "%s --threads 1", how[i]);
        quantize("one.gguf", words);
        for (int n = 2; n <= 8; n += 6) {
            snprintf(words, sizeof words, "%s --threads %d", how[i], n);
            quantize("more.gguf", words);
            assert_true(same_files("one.gguf", "more.gguf"));
        }
    }
}

/* The file runs by itself: its tokenizer, its template, its scheme. */
static void the_file_is_a_model(void **state)
{
    (void)state;
    static const char message[] =
        "'On 5 March 2024, Anna Smith ordered 12 lamps for $123.45, to be sent to Berlin.' --json";
    static const char *const how[] = {"--type f32", "--type q8_0", "--type mixed",
                                      "--type q8_0 --scheme static16 --calibrate " TEXTS
                                      " --texts 8"};
    char words[6144];
    works("run " RECORDS " 'On 5 March 2024, Anna Smith ordered 12 lamps for $123.45, to be sent "
          "to Berlin.' --json");
    json_t *want = json_loads(out, 0, NULL);
    for (size_t i = 0; i < sizeof how / sizeof *how; i++) {
        quantize("model.gguf", how[i]);
        snprintf(words, sizeof words, "run '%s' %s", support_tmp("model.gguf"), message);
        json_t *got = report_of(words);
        assert_true(json_equal(json_object_get(want, "text"), json_object_get(got, "text")));
        json_decref(got);
    }
    snprintf(words, sizeof words, "inspect '%s' --json", support_tmp("model.gguf"));
    works(words);
    assert_non_null(strstr(out, "static16"));
    /* And once more from GGUF to GGUF. */
    works("quantize '" DLX_TMP_DIR "/model.gguf' '" DLX_TMP_DIR "/again.gguf' --type q8_0 -q");
    snprintf(words, sizeof words, "run '%s' %s", support_tmp("again.gguf"), message);
    json_t *again = report_of(words);
    assert_true(json_equal(json_object_get(want, "text"), json_object_get(again, "text")));
    json_decref(again);
    json_decref(want);
}

static void a_page_with_plots(void **state)
{
    (void)state;
    works("quantize " RECORDS " '" DLX_TMP_DIR "/page.gguf' --type q4_0 -q --held-out "
          "models/records/heldout.jsonl --texts 8 --answers 2 --html '" DLX_TMP_DIR "/page.html'");
    assert_non_null(strstr(out, "masked positions"));
    static char page[1 << 18];
    slurp("page.html", page, sizeof page);
    assert_non_null(strstr(page, "<svg"));
    assert_non_null(strstr(page, "blk.5.ffn_down.weight"));
    assert_null(strstr(page, "http"));
    assert_null(strstr(page, "<script"));
}

/* Ranges of texts that two runs saw, merged: what one run sees of all. */
static void observers_of_several_runs(void **state)
{
    (void)state;
    static const char lines[] = "{\"text\": \"Anna Smith ordered 12 lamps.\"}\n"
                                "{\"text\": \"To be sent to Berlin on 5 March 2024.\"}\n";
    const char *second = strchr(lines, '\n') + 1;
    char first[128];
    snprintf(first, sizeof first, "%.*s", (int)(second - lines), lines);
    support_write(support_tmp("first.jsonl"), first);
    support_write(support_tmp("second.jsonl"), second);
    support_write(support_tmp("both.jsonl"), lines);
#define STATIC "--scheme static --observer minmax --positions 16 --calibrate '" DLX_TMP_DIR
    quantize("all.gguf", STATIC "/both.jsonl'");
    quantize("part.gguf", STATIC "/first.jsonl' --observations '" DLX_TMP_DIR "/first.json'");
    quantize("merged.gguf", STATIC "/second.jsonl' --observed '" DLX_TMP_DIR
                                   "/first.json' --observations '" DLX_TMP_DIR "/both.json'");
    quantize("read.gguf", "--scheme static --observed '" DLX_TMP_DIR "/both.json'");
    assert_false(same_files("all.gguf", "part.gguf"));
    assert_true(same_files("merged.gguf", "read.gguf"));
    json_t *seen = json_load_file(support_tmp("both.json"), 0, NULL);
    assert_int_equal(json_array_size(json_object_get(seen, "observers")), 11 * 6 + 1);
    json_decref(seen);
}

/* Observations of an older version, which had nothing of what products write: the same ranges of
 * what they read. A scheme that needs more says so, and so do files of both kinds. */
static void observers_of_an_older_version(void **state)
{
    (void)state;
    json_t *seen = json_load_file(support_tmp("both.json"), 0, NULL);
    json_t *all = json_object_get(seen, "observers");
    for (size_t i = json_array_size(all); i-- > 0;)
        if (strstr(json_string_value(json_object_get(json_array_get(all, i), "name")), ".out"))
            json_array_remove(all, i);
    assert_int_equal(json_array_size(all), 4 * 6 + 1);
    assert_int_equal(json_dump_file(seen, support_tmp("older.json"), 0), 0);
    json_decref(seen);
    quantize("older.gguf", "--scheme static --observed '" DLX_TMP_DIR "/older.json'");
    assert_false(same_files("older.gguf", "read.gguf")); /* which has more */
#define REFUSED "quantize models/records '" DLX_TMP_DIR "/refused.gguf' --observed '" DLX_TMP_DIR
    static const struct {
        const char *words, *said;
    } cases[] = {
        {REFUSED "/older.json' --scheme static-affine", "observe these texts again"},
        {REFUSED "/older.json' --scheme static --observed '" DLX_TMP_DIR "/both.json'",
         "in both files or in none"},
        {"export '" DLX_TMP_DIR "/older.gguf' '" DLX_TMP_DIR
         "/refused.pte' --dtype int8 --scheme static",
         "only what it reads"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int code = dlx(cases[i].words);
        if (code != 1 || !strstr(err, cases[i].said))
            fail_msg("dlx %s: exit code %d: %s", cases[i].words, code, err);
    }
    works("run '" DLX_TMP_DIR "/older.gguf' 'Anna Smith ordered 12 lamps.' --max-tokens 4");
    works("export '" DLX_TMP_DIR "/read.gguf' '" DLX_TMP_DIR
          "/read.pte' --dtype int8 --scheme static");
}

/* ---- what is refused ----------------------------------------------------------------------- */

static void refuses(const char *words, int code, const char *said)
{
    int found = dlx(words);
    if (found != code || !strstr(err, said) || strncmp(err, "dlx: ", 5) != 0)
        fail_msg("dlx %s: exit code %d, expected %d and '%s': %s", words, found, code, said, err);
    assert_int_not_equal(access(support_tmp("refused.gguf"), F_OK), 0);
}

static void refusals(void **state)
{
    (void)state;
    char words[6144];
    static const struct {
        const char *how;
        int code;
        const char *said;
    } cases[] = {
        {"--type q9_9", 2, "q9_9"},
        {"--scheme w8a8", 2, "w8a8"},
        {"--method best", 2, "best"},
        {"--group 33", 1, "33"},
        {"--group 64 --type q4_k", 1, "q4_k"},
        {"--keep ffn_down", 1, "PATTERN=TYPE"},
        {"--keep '*=q7'", 1, "q7"},
        {"--method gptq", 1, "--calibrate"},
        {"--scheme static", 1, "--calibrate"},
        {"--report", 2, "--held-out"},
        {"--held-out " TEXTS, 2, "--report"},
        {"--answers 3", 2, "--report"},
        {"--report --held-out /nowhere/at.all", 1, "/nowhere/at.all"},
        {"--observer minmax", 1, "static"},
        {"--observed /nowhere/at.all", 1, "static"},
        {"--scheme static --observed /nowhere/at.all", 1, "/nowhere/at.all"},
        {"--scheme static --observed " RECORDS "/config.json", 1, "config.json"},
        {"--keep 'blk.9.*=f16'", 1, "blk.9.*"},
        {"--keep '*=f16' --keep 'blk.0.*=q8_0'", 1, "blk.0.*"},
        {"--per-channel --type mixed", 1, "mixed"},
        {"--per-channel --group 64", 1, "group 64"},
        {"--method gptq --calibrate " TEXTS " --positions 1", 1, "positions"},
        {"--method gptq --calibrate " TEXTS " --positions 60000", 1, "positions"},
        {"--method gptq --calibrate /nowhere/at.all", 1, "/nowhere/at.all"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(words, sizeof words, "quantize " RECORDS " '%s' %s", support_tmp("refused.gguf"),
                 cases[i].how);
        refuses(words, cases[i].code, cases[i].said);
    }
    refuses("quantize " RECORDS, 2, "OUT");
    /* Nothing that is not a GGUF file is written over, nor the model itself, nor one's own page. */
    refuses("quantize " RECORDS " " RECORDS "/model.safetensors", 2, "not a GGUF file");
    refuses("quantize " RECORDS " " TEXTS " --method gptq --calibrate " TEXTS, 2, "--calibrate");
    quantize("whole.gguf", "--type f16");
    refuses("quantize '" DLX_TMP_DIR "/whole.gguf' '" DLX_TMP_DIR "/whole.gguf'", 2,
            "the file of MODEL");
    refuses("quantize " RECORDS " '" DLX_TMP_DIR "/p.gguf' --held-out " TEXTS
            " --html '" DLX_TMP_DIR "/p.gguf'",
            2, "same file");
    refuses("quantize " RECORDS " /nowhere/out.gguf", 1, "/nowhere/out.gguf");
    refuses("quantize " RECORDS " ''", 2, "OUT");
    refuses("quantize " RECORDS " -", 2, "OUT");
    refuses("quantize " RECORDS " /dev/null --report --held-out " TEXTS, 2, "OUT");
    refuses("quantize " RECORDS " /dev/null --scheme static --calibrate " TEXTS, 1, "/dev/null");
    refuses("quantize /nowhere/model /tmp/out.gguf", 1, "/nowhere/model");
    /* Nor is anything else that was named. */
    support_write(support_tmp("kept.jsonl"), "{\"text\": \"kept\"}\n");
#define KEPT "'" DLX_TMP_DIR "/kept.jsonl'"
    refuses("quantize " RECORDS " '" DLX_TMP_DIR "/w.gguf' --scheme static --calibrate " KEPT
            " --observations " KEPT,
            2, "--calibrate");
    refuses("quantize " RECORDS " '" DLX_TMP_DIR "/w.gguf' --scheme static --calibrate " TEXTS
            " --observations '" DLX_TMP_DIR "/w.gguf'",
            2, "same file");
    refuses("quantize " RECORDS " '" DLX_TMP_DIR "/w.gguf' --scheme static --calibrate " TEXTS
            " --observations " KEPT,
            2, "not a file of observations");
    refuses("quantize " RECORDS " '" DLX_TMP_DIR "/w.gguf' --held-out " TEXTS " --html " KEPT, 2,
            "not a page");
    refuses("quantize '" DLX_TMP_DIR "/whole.gguf' '" DLX_TMP_DIR "/w.gguf' --held-out " TEXTS
            " --html '" DLX_TMP_DIR "/whole.gguf'",
            2, "MODEL");
    refuses("quantize " RECORDS " '" DLX_TMP_DIR "/w.gguf' --scheme static --calibrate " TEXTS
            " --observations /nowhere/o.json",
            1, "/nowhere/o.json");
    static char kept[64];
    slurp("kept.jsonl", kept, sizeof kept);
    assert_string_equal(kept, "{\"text\": \"kept\"}\n");
}

/* Calibration files that hold nothing, or nothing that fits. */
static void poor_calibration(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"empty.txt", ""},
        {"empty.jsonl", "\n\n"},
        {"short.txt", "a"},
        {"other.jsonl", "{\"question\": \"?\"}\n"},
        {"broken.jsonl", "{\"text\": \n"},
    };
    char words[6144];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        support_write(support_tmp(texts[i][0]), texts[i][1]);
        snprintf(words, sizeof words,
                 "quantize " RECORDS " '" DLX_TMP_DIR
                 "/refused.gguf' --method gptq --calibrate '" DLX_TMP_DIR "/%s'",
                 texts[i][0]);
        refuses(words, 1, texts[i][0]);
    }
}

static size_t n_files_like(const char *part_of_name)
{
    size_t n = 0;
    DIR *dir = opendir(DLX_TMP_DIR);
    for (struct dirent *e; (e = readdir(dir));)
        n += strstr(e->d_name, part_of_name) != NULL;
    closedir(dir);
    return n;
}

/* Ctrl-C in the middle: exit code 130, and neither the file nor its beginning is there. */
static void interrupted(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        signal(SIGINT, SIG_DFL);
        if (chdir(DLX_SOURCE_DIR) != 0)
            _exit(98);
        execl(DLX_BINARY, "dlx", "quantize", RECORDS, DLX_TMP_DIR "/stopped.gguf", "--type", "q4_0",
              "--method", "awq-gptq", "--calibrate", TEXTS, "-q", (char *)NULL);
        _exit(99);
    }
    usleep(500000);
    kill(child, SIGINT);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 130);
    assert_int_equal(n_files_like("stopped.gguf"), 0);
}

/* A disk that is too small, where the test may make one. */
static void full_disk(void **state)
{
    (void)state;
    static const char dir[] = DLX_TMP_DIR "/small-disk";
    mkdir(dir, 0700);
    if (mount("none", dir, "tmpfs", 0, "size=1m") != 0) {
        print_message("skipped: mounting a small disk needs root\n");
        rmdir(dir);
        skip();
    }
    int code = dlx("quantize " RECORDS " '" DLX_TMP_DIR "/small-disk/out.gguf' --type q8_0");
    size_t n = 0;
    DIR *there = opendir(dir);
    for (struct dirent *e; (e = readdir(there));)
        n += e->d_name[0] != '.';
    closedir(there);
    umount(dir);
    rmdir(dir);
    assert_int_equal(code, 1);
    assert_non_null(strstr(err, "out.gguf"));
    assert_int_equal(n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(eight_bits_are_the_model),
        cmocka_unit_test(four_bits_and_feedback),
        cmocka_unit_test(same_bytes_for_any_number_of_threads),
        cmocka_unit_test(the_file_is_a_model),
        cmocka_unit_test(a_page_with_plots),
        cmocka_unit_test(observers_of_several_runs),
        cmocka_unit_test(observers_of_an_older_version),
        cmocka_unit_test(refusals),
        cmocka_unit_test(poor_calibration),
        cmocka_unit_test(interrupted),
        cmocka_unit_test(full_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
