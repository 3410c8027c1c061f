/*
 * test_export_command.c - dlx export as people call it: where it writes and where it does not, and
 * what it says of settings. labels: integration export
 */
#define _GNU_SOURCE
#include "support.h"

#include <jansson.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OWN DLX_TMP_DIR "/own" /* a model's folder that may be spoiled */
#define TMP(name) "'" DLX_TMP_DIR "/" name "'"

static char out[1 << 16], err[1 << 14]; /* of the last call */

static void slurp(const char *name, char *text, size_t size)
{
    FILE *file = fopen(support_tmp(name), "rb");
    assert_non_null(file);
    text[fread(text, 1, size - 1, file)] = 0;
    fclose(file);
}

/* Runs dlx with these words of shell; its exit code. What hangs is ended, and is a failure. */
static int dlx(const char *words)
{
    char line[8192];
    int status;
    snprintf(line, sizeof line,
             "exec '" DLX_BINARY "' %s >'" DLX_TMP_DIR "/export.out' 2>'" DLX_TMP_DIR
             "/export.err'",
             words);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(60);
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    slurp("export.out", out, sizeof out);
    slurp("export.err", err, sizeof err);
    if (!WIFEXITED(status))
        fail_msg("dlx %s: did not end by itself: %s", words, err);
    return WEXITSTATUS(status);
}

static void works(const char *words)
{
    const int code = dlx(words);
    if (code != 0)
        fail_msg("dlx %s: exit code %d: %s", words, code, err);
}

static void refuses(const char *words, int code, const char *said)
{
    const int found = dlx(words);
    if (found != code || !strstr(err, said) || strncmp(err, "dlx: ", 5) != 0)
        fail_msg("dlx %s: exit code %d, expected %d and '%s': %s", words, found, code, said, err);
}

static bool is_there(const char *name)
{
    return access(support_tmp(name), F_OK) == 0;
}

static int copy_model(void **state)
{
    (void)state;
    return system("rm -rf '" OWN "' && cp -r '" DLX_TESTS_DIR "/golden/sdar-tiny-b4' '" OWN "'");
}

#define EXPORT "export '" OWN "' "

/* Nothing waits for somebody to read: what is no file is told at once, by every verb that writes
 * files. */
static void pipes_are_refused_at_once(void **state)
{
    (void)state;
    static const char *const pipes[] = {"pipe.pte", "pipe.ptd", "pipe.gguf"};
    for (size_t i = 0; i < 3; i++) {
        remove(support_tmp(pipes[i]));
        assert_int_equal(mkfifo(support_tmp(pipes[i]), 0600), 0);
    }
    refuses(EXPORT TMP("pipe.pte") " --ctx 64", 2, "OUT: expected a file to write, found a pipe");
    refuses(EXPORT TMP("x.pte") " --ctx 64 --data " TMP("pipe.ptd"), 2,
            "--data: expected a file to write, found a pipe");
    refuses(EXPORT TMP("pipe.gguf") " --stage rounded", 2, "OUT: expected a file to write");
    refuses("quantize '" OWN "' " TMP("pipe.gguf"), 2, "OUT: expected a file to write");
    refuses("quantize '" OWN "' " TMP("x.gguf") " --observations " TMP("pipe.gguf"), 2,
            "--observations: expected a file to write");
    refuses("run '" OWN "' hi --raw --trace " TMP("pipe.pte"), 1, "start what reads from it first");
    refuses(EXPORT "/dev/full --ctx 64", 2, "OUT: expected a file to write");
    works(EXPORT "/dev/null --ctx 64 -q"); /* to see what it would weigh */
    refuses(EXPORT "/dev/null --ctx 64 --report", 2, "--report reads OUT again");
    for (size_t i = 0; i < 3; i++)
        remove(support_tmp(pipes[i]));
}

/* A signal ends the wait for settings from a pipe. */
static void a_pipe_of_settings_can_be_left(void **state)
{
    (void)state;
    int status;
    remove(support_tmp("pipe.json"));
    assert_int_equal(mkfifo(support_tmp("pipe.json"), 0600), 0);
    refuses(EXPORT "--config " TMP("pipe.json"), 2, "read twice: name OUT");
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(60);
        if (freopen(DLX_TMP_DIR "/export.err", "w", stderr))
            execl(DLX_BINARY, "dlx", "export", OWN, DLX_TMP_DIR "/x.pte", "--config",
                  DLX_TMP_DIR "/pipe.json", (char *)NULL);
        _exit(127);
    }
    sleep(1); /* it is waiting by then, or not yet listening: both end by the signal */
    kill(child, SIGTERM);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_false(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM);
    remove(support_tmp("pipe.json"));
}

/* A slip of the keyboard costs no model, and no program gets the name of something else. */
static void names_are_those_of_the_kind(void **state)
{
    (void)state;
    remove(support_tmp("own/tokenizer.json"));
    remove(support_tmp("x.gguf"));
    refuses(EXPORT TMP("x.pte") " --data '" OWN "/tokenizer.json'", 2, "ends with .ptd");
    refuses(EXPORT TMP("x.gguf"), 2, "OUT: expected a name that ends with .pte");
    refuses(EXPORT TMP("x.pte") " --stage rounded", 2, "OUT: expected a name that ends with .gguf");
    refuses("quantize '" OWN "' '" OWN "/tokenizer.json'", 2, "a part of MODEL");
    refuses("quantize '" OWN "' '" OWN "/../own/more.safetensors'", 2, "a part of MODEL");
    refuses("quantize '" OWN "' " TMP("x.gguf") " --observations '" OWN "/merges.txt'", 2,
            "--observations: ");
    assert_false(is_there("own/tokenizer.json") || is_there("own/more.safetensors") ||
                 is_there("own/merges.txt") || is_there("x.gguf"));
    works(EXPORT "'" OWN "/model.pte' --data '" OWN "/model.ptd' --ctx 64 -q");
}

static const char *told(const json_t *report, const char *key)
{
    return json_string_value(json_object_get(json_object_get(report, "config"), key));
}

/* What settings say of places: the command line wins, and the report says what was done. */
static void settings_name_the_place(void **state)
{
    (void)state;
    char said[4200];
    snprintf(said, sizeof said,
             "{\"output_path\": \"%s/said.pte\", \"checkpoint_path\": \"another/model\"}",
             DLX_TMP_DIR);
    support_write(support_tmp("place.json"), said);
    support_write(support_tmp("no-place.json"), "{\"max_seq_len\": 64}");
    for (int given = 0; given < 2; given++) {
        remove(support_tmp("said.pte"));
        remove(support_tmp("given.pte"));
        works(given ? EXPORT TMP("given.pte") " --config " TMP("place.json") " --ctx 64 --json"
                    : EXPORT "--config " TMP("place.json") " --ctx 64 --json");
        json_t *report = json_loads(out, 0, NULL);
        assert_non_null(report);
        assert_string_equal(told(report, "output_path"),
                            support_tmp(given ? "given.pte" : "said.pte"));
        assert_string_equal(told(report, "checkpoint_path"), OWN);
        assert_int_equal(is_there("said.pte"), !given);
        assert_int_equal(is_there("given.pte"), given);
        json_decref(report);
    }
    refuses(EXPORT "--config " TMP("no-place.json"), 2, "OUT is missing");
    refuses(EXPORT "--config " TMP("place.json") " --stage rounded", 2,
            "output_path of --config: expected a name that ends with .gguf");
}

static void what_is_missing_has_its_name(void **state)
{
    (void)state;
    refuses("export '" OWN "'", 2, "OUT is missing: the program to write, a .pte file");
    refuses(EXPORT "--stage rounded", 2,
            "OUT is missing: the file of weights to write, a .gguf file");
}

/* The name that was given is told, not the temporary one beside it. */
static void temporary_names_are_not_told(void **state)
{
    (void)state;
    char words[1024], name[260];
    memset(name, 'x', sizeof name);
    snprintf(name + 245, sizeof name - 245, ".pte");
    snprintf(words, sizeof words, EXPORT "'" DLX_TMP_DIR "/%s' --ctx 64 -q", name);
    refuses(words, 1, "the name is too long");
    assert_non_null(strstr(err, "xxx.pte: "));
    assert_null(strstr(err, ".part"));
}

/* Settings are written by people: faults are to be mended, not fetched. */
static void faults_of_settings(void **state)
{
    (void)state;
    static const struct {
        const char *words, *said;
    } cases[] = {
        {"--config ''", "config: expected the name of a JSON file of settings"},
        {"--config /dev/null", "found nothing; write {}"},
        {"--config " TMP("twice.json"), "expected every key once, found one again"},
        {"--config " TMP("torn.json"), "mend it"},
    };
    support_write(support_tmp("twice.json"), "{\"backend\": \"xnnpack\", \"backend\": \"qnn\"}");
    support_write(support_tmp("torn.json"), "{\"backend\": ");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char words[1024];
        snprintf(words, sizeof words, EXPORT TMP("x.pte") " -q %s", cases[i].words);
        refuses(words, 1, cases[i].said);
        assert_null(strstr(err, "fetch"));
    }
}

/* Each backend's files have their kind of name, whether it is named here or in the settings. */
static void packages_are_called_packages(void **state)
{
    (void)state;
    assert_int_equal(system("rm -rf '" DLX_TMP_DIR "/apple.mlpackage'"), 0);
    support_write(support_tmp("apple.json"), "{\"backend\": \"CoreML\"}");
    refuses(EXPORT TMP("apple") " --backend coreml", 2,
            "OUT: expected a name that ends with .mlpackage");
    refuses(EXPORT TMP("apple.pte") " --config " TMP("apple.json"), 2, "ends with .mlpackage");
    refuses(EXPORT TMP("apple.mlpackage") " --config " TMP("apple.json") " --backend xnnpack", 2,
            "ends with .pte");
    works(EXPORT TMP("apple.mlpackage/") " --config " TMP("apple.json") " --ctx 64 -q");
}

/* Of all backends the report has what is read back from the files. */
static void reports_list_what_is_inside(void **state)
{
    (void)state;
    works(EXPORT TMP("in.mlpackage") " --backend coreml --ctx 64 --report -q");
    assert_non_null(strstr(out, "Functions"));
    assert_non_null(strstr(out, "x linear"));
    works(EXPORT TMP("in") " --backend qnn --ctx 64 --report -q");
    assert_non_null(strstr(out, "Functions"));
    works(EXPORT TMP("in.pte") " --ctx 64 --report -q");
    assert_non_null(strstr(out, "Methods"));
}

/* A file that may not grow is a full disk: a sentence, and nothing is left. */
static void a_limit_of_files_is_told(void **state)
{
    (void)state;
    char command[4096];
    int status;
    remove(support_tmp("limit.pte"));
    snprintf(command, sizeof command,
             "ulimit -f 100; exec '" DLX_BINARY "' export '" OWN "' '" DLX_TMP_DIR
             "/limit.pte' -q 2>'" DLX_TMP_DIR "/export.err'");
    status = system(command);
    slurp("export.err", err, sizeof err);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    assert_non_null(strstr(err, "limit.pte: cannot write it: the file would be too large"));
    assert_int_not_equal(system("ls '" DLX_TMP_DIR "' | grep -q 'limit.pte'"),
                         0); /* nor a part of it */
}

static size_t count(const char *text, const char *part)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, part)); at += strlen(part))
        n++;
    return n;
}

/* Where no line can be painted anew there is one for a tenth, and one for the end. */
static void the_end_is_told_once(void **state)
{
    (void)state;
    static const char *const backends[] = {"x.pte' --ctx 64", "x.folder' --ctx 64 --backend qnn"};
    for (size_t i = 0; i < 2; i++) {
        char words[1024];
        snprintf(words, sizeof words, EXPORT "'" DLX_TMP_DIR "/%s", backends[i]);
        works(words);
        assert_int_equal(count(err, "exporting: 100 %"), 1);
        assert_true(count(err, "exporting: ") <= 11);
    }
}

/* U+009B begins an escape of terminals; a reader of JSON gets the name as it is. */
static void names_in_json_do_not_steer_the_terminal(void **state)
{
    (void)state;
    works(EXPORT "'" DLX_TMP_DIR "/c1\xC2\x9B.pte' --ctx 64 -q --json");
    assert_null(strstr(out, "\xC2\x9B"));
    assert_non_null(strstr(out, "c1\\u009b.pte"));
    json_t *report = json_loads(out, 0, NULL);
    assert_non_null(report);
    assert_non_null(strstr(json_string_value(json_object_get(report, "path")), "c1\xC2\x9B.pte"));
    json_decref(report);
}

/* What is rounded again has advice that would have helped. */
static void advice_on_integers_helps(void **state)
{
    (void)state;
    works("quantize '" OWN "' " TMP("all.gguf") " --type q4_0 --scales portable --all -q");
    works("export " TMP("all.gguf") " " TMP("all.pte") " --dtype int4 --ctx 64 -q");
    assert_non_null(strstr(out, "--type q4_0 --scales portable, without --all, writes"));
    works("export " TMP("all.gguf") " " TMP(
        "all.mlpackage") " --backend coreml --dtype int4 --ctx 64 -q");
    assert_non_null(strstr(out, "--keep token_embd.weight=f16, without --all, writes"));
    works("quantize '" OWN
          "' " TMP("held.gguf") " --type q4_0 --scales portable --keep token_embd.weight=f16 -q");
    works("export " TMP("held.gguf") " " TMP(
        "held.mlpackage") " --backend coreml --dtype int4 --ctx 64 -q");
    assert_null(strstr(out, "rounded again"));
}

static void chips_are_refused_with_their_reason(void **state)
{
    (void)state;
    refuses(EXPORT TMP("chip") " --backend qnn --soc SM8350", 1, "v69 and later");
    refuses(EXPORT TMP("chip") " --backend qnn --soc SM8351", 2, "is not one of SM8450");
    assert_null(strstr(err, "SM8350"));
}

static void help_names_every_kind_of_file(void **state)
{
    (void)state;
    works("export --help");
    assert_non_null(strstr(out, "of coreml an .mlpackage"));
    assert_non_null(strstr(out, "model.mlpackage --backend coreml"));
    assert_non_null(strstr(out, "Types of coreml: fp16"));
    works("inspect --help");
    assert_non_null(strstr(out, ".mlpackage or folder of qnn"));
}

static void help_says_that_compat_has_no_denoise(void **state)
{
    (void)state;
    works("export --help");
    assert_non_null(strstr(out, "denoise; compat never has it"));
}

/* The name of a method in a program's bytes made one that would paint the terminal. */
static void programs_do_not_steer_the_terminal(void **state)
{
    (void)state;
    static char bytes[4 << 20];
    works(EXPORT TMP("painted.pte") " -q --ctx 64");
    FILE *file = fopen(support_tmp("painted.pte"), "rb+");
    assert_non_null(file);
    const size_t n = fread(bytes, 1, sizeof bytes, file);
    for (size_t i = 0; i + 12 < n; i++)
        if (memcmp(bytes + i, "get_sampler", 12) == 0)
            memcpy(bytes + i, "\x1b[31mred\a\n", 10);
    rewind(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    fclose(file);
    works("inspect " TMP("painted.pte"));
    assert_non_null(strstr(out, "?[31mred??"));
    assert_null(strchr(out, '\x1b'));
    assert_null(strchr(out, '\a'));
    works("inspect --json " TMP("painted.pte"));
    assert_null(strchr(out, '\x1b'));
}

/* What a .pte file holds is no matter of GGUF files. */
static void damaged_programs_are_called_programs(void **state)
{
    (void)state;
    FILE *file = fopen(support_tmp("hollow.pte"), "wb");
    assert_non_null(file);
    fclose(file);
    refuses("run " TMP("hollow.pte") " hi", 1, "expected a .pte file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_do_not_steer_the_terminal),
        cmocka_unit_test(damaged_programs_are_called_programs),
        cmocka_unit_test(pipes_are_refused_at_once),
        cmocka_unit_test(a_pipe_of_settings_can_be_left),
        cmocka_unit_test(names_are_those_of_the_kind),
        cmocka_unit_test(settings_name_the_place),
        cmocka_unit_test(what_is_missing_has_its_name),
        cmocka_unit_test(temporary_names_are_not_told),
        cmocka_unit_test(faults_of_settings),
        cmocka_unit_test(help_says_that_compat_has_no_denoise),
        cmocka_unit_test(packages_are_called_packages),
        cmocka_unit_test(reports_list_what_is_inside),
        cmocka_unit_test(a_limit_of_files_is_told),
        cmocka_unit_test(the_end_is_told_once),
        cmocka_unit_test(names_in_json_do_not_steer_the_terminal),
        cmocka_unit_test(advice_on_integers_helps),
        cmocka_unit_test(chips_are_refused_with_their_reason),
        cmocka_unit_test(help_names_every_kind_of_file),
    };
    return cmocka_run_group_tests(tests, copy_model, NULL);
}
