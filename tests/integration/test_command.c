/*
 * test_command.c - the real command, as people and scripts call it. The models are golden
 * checkpoints; where text is needed they get a tokenizer of single bytes. labels: integration
 */
#define _GNU_SOURCE
#include "support.h"

#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- running --------------------------------------------------------------------------------- */

static char out[1 << 20], err[1 << 16]; /* of the last call */
static size_t n_out;

static size_t slurp(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t n = fread(text, 1, size - 1, file);
    text[n] = 0;
    fclose(file);
    return n;
}

/* Runs a line of shell in which $DLX is the command and $TMP the folder for files; its exit code.
 */
static int shell(const char *format, ...)
{
    char line[8192], whole[9000];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    snprintf(whole, sizeof whole, "{ %s\n} >\"$TMP/out\" 2>\"$TMP/err\"", line);
    int status = system(whole);
    n_out = slurp(support_tmp("command/out"), out, sizeof out);
    slurp(support_tmp("command/err"), err, sizeof err);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void assert_stderr_says(const char *part)
{
    if (!strstr(err, part))
        fail_msg("stderr should say '%s': %s", part, err);
    if (strncmp(err, "dlx: ", 5) != 0)
        fail_msg("a sentence begins with dlx: %s", err);
}

static void assert_prints(const char *part)
{
    if (!strstr(out, part))
        fail_msg("stdout should hold '%s': %s", part, out);
}

/* stdout is exactly one JSON object. */
static json_t *object(void)
{
    json_error_t where;
    json_t *value = json_loads(out, 0, &where);
    if (!json_is_object(value))
        fail_msg("not one JSON object (%s): %s", where.text, out);
    return value;
}

static json_int_t number(const json_t *value, const char *key)
{
    const json_t *member = json_object_get(value, key);
    if (!json_is_integer(member))
        fail_msg("no number '%s'", key);
    return json_integer_value(member);
}

/* ---- a tokenizer of single bytes ------------------------------------------------------------- */

/* The printable code point that byte-level BPE writes for a byte. */
static unsigned byte_code_point(unsigned byte)
{
    unsigned n = 256;
    for (unsigned b = 0; b < 256; b++) {
        bool printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
        if (b == byte)
            return printable ? b : n;
        n += !printable;
    }
    return 0;
}

static json_t *special(int id, const char *content)
{
    return json_pack("{s:i, s:s, s:b, s:b, s:b, s:b, s:b}", "id", id, "content", content,
                     "single_word", 0, "lstrip", 0, "rstrip", 0, "normalized", 0, "special", 1);
}

static void write_template(const char *folder, const char *text)
{
    char path[8192];
    json_t *root = json_pack("{s:s}", "chat_template", text);
    snprintf(path, sizeof path, "%s/tokenizer_config.json", folder);
    assert_int_equal(json_dump_file(root, path, 0), 0);
    json_decref(root);
}

static void write_tokenizer(const char *folder, int mask_id, int stop_id)
{
    char path[8192];
    json_t *vocab = json_object();
    for (unsigned b = 0; b < 256; b++) {
        unsigned c = byte_code_point(b);
        char key[3] = {(char)(c < 0x80 ? c : 0xC0 | c >> 6), (char)(0x80 | (c & 0x3F)), 0};
        if (c < 0x80)
            key[1] = 0;
        json_object_set_new(vocab, key, json_integer(b));
    }
    for (int id = 256; id < 320; id++) { /* the rest of the models' vocabulary: words */
        char key[16];
        snprintf(key, sizeof key, "w%d", id);
        if (id != mask_id && id != stop_id)
            json_object_set_new(vocab, key, json_integer(id));
    }
    json_t *root = json_pack(
        "{s:s, s:[o,o], s:n, s:{s:s,s:b,s:b,s:b}, s:{s:s,s:b,s:b,s:b}, s:{s:s, s:o, s:[]}}",
        "version", "1.0", "added_tokens", special(stop_id, "<stop>"), special(mask_id, "<mask>"),
        "normalizer", "pre_tokenizer", "type", "ByteLevel", "add_prefix_space", 0, "trim_offsets",
        1, "use_regex", 1, "decoder", "type", "ByteLevel", "add_prefix_space", 0, "trim_offsets", 1,
        "use_regex", 1, "model", "type", "BPE", "vocab", vocab, "merges");
    assert_non_null(root);
    snprintf(path, sizeof path, "%s/tokenizer.json", folder);
    assert_int_equal(json_dump_file(root, path, 0), 0);
    json_decref(root);
    write_template(folder,
                   "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}\n{% endfor %}"
                   "{% if add_generation_prompt %}<assistant>{% endif %}");
}

/* $TMP/<name>: a golden checkpoint that can read and write. */
static void make_model(const char *name, const char *golden, int mask_id, int stop_id)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", support_tmp("command/"));
    strcat(folder, name);
    mkdir(folder, 0777);
    assert_int_equal(shell("ln -sf \"$GOLDEN/%s\"/*.json \"$GOLDEN/%s\"/*.safetensors \"$TMP/%s\"",
                           golden, golden, name),
                     0);
    write_tokenizer(folder, mask_id, stop_id);
}

static int setup(void **state)
{
    char golden[4096];
    (void)state;
    mkdir(support_tmp("command"), 0777);
    snprintf(golden, sizeof golden, "%s/golden", DLX_TESTS_DIR);
    setenv("DLX", DLX_BINARY, 1);
    setenv("TMP", support_tmp("command"), 1);
    setenv("GOLDEN", golden, 1);
    static const char *const settings[] = {"DLX_THREADS", "DLX_BACKEND", "DLX_MAX_TOKENS",
                                           "DLX_SEED"};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        unsetenv(settings[i]);
    make_model("sdar", "sdar-tiny-b4", 305, 301);
    make_model("llada", "llada-tiny", 300, 288);
    make_model("next", "ar-qwen2-tiny", 299, 298);
    make_model("deaf", "sdar-tiny-b4", 305, 301); /* leaves system messages out */
    write_template(support_tmp("command/deaf"),
                   "{% for m in messages if m['role'] != 'system' %}<{{ m['role'] }}>"
                   "{{ m['content'] }}{% endfor %}<assistant>");
    make_model("polite", "sdar-tiny-b4", 305, 301); /* has a system message of its own */
    write_template(support_tmp("command/polite"),
                   "{% if messages[0]['role'] == 'system' %}{{ messages[0]['content'] }}"
                   "{% else %}Be kind{% endif %}{{ messages[-1]['content'] }}");
    return 0;
}

/* ---- help and usage -------------------------------------------------------------------------- */

static void test_help(void **state)
{
    (void)state;
    assert_int_equal(shell("\"$DLX\""), 0);
    assert_prints("usage: dlx VERB");
    assert_int_equal(shell("\"$DLX\" --version"), 0);
    assert_prints(dlx_version());
    assert_int_equal(shell("for v in run chat infill logits tokenize inspect eval doctor; do "
                           "\"$DLX\" $v --help >/dev/null && \"$DLX\" help $v || exit 9; done"),
                     0);
    assert_prints("--eb-threshold G");
    assert_string_equal(err, "");
}

static void test_misuse_is_a_sentence_and_2(void **state)
{
    (void)state;
    static const struct {
        const char *words, *part;
    } cases[] = {
        {"run", "MODEL is missing: a Hugging Face directory"},
        {"rnu m", "did you mean run?"},
        {"run m --model-path x", "did you mean MODEL"},
        {"run m --max-seq-len 8", "did you mean --ctx?"},
        {"--model-type llada", "options follow a verb"},
        {"run m p --steps many", "--steps: \"many\" is not a whole number"},
        {"run m p --sampler entropyy", "did you mean entropy?"},
        {"run m p q", "put PROMPT in quotes"},
        {"run m p --ids 1", "PROMPT and --ids are both given"},
        {"completion tcsh", "bash, zsh or fish"},
        {"tokenize m --hex x", "--hex says how to read --lines"},
        {"infill m x --max-tokens 3", "no option --max-tokens: the gaps of TEXT say how many"},
        {"infill m x -n 3", "the gaps of TEXT say how many"},
        {"infill m x --prompt ''", "--prompt is empty"},
        {"infill m x --stop y", "a gap is always filled"},
        {"run m p --stop ''", "--stop: expected at least one character"},
        {"run m p --top-p 0", "--top-p: 0 is not above 0 and at most 1"},
        {"run m p --threads 0", "--threads: 0 is not within 1 to 1024"},
        {"run m p --threads 10000", "--threads: 10000 is not within 1 to 1024"},
        {"inspect m --weights int4", "--weights: \"int4\" is not one of stored int8"},
        {"eval m f --compute half", "--compute: \"half\" is not one of float32 bf16"},
        {"chat m --kernels nonsense", "--kernels: \"nonsense\" is not one of scalar"},
        {"run m p --kv-type q4_0", "--kv-type: \"q4_0\" is not one of float32 bf16 f16 int8"},
        {"logits m --scheme w8a8", "--scheme: \"w8a8\" is not one of weight-only dynamic"},
        {"bench --shape tiny --type q3_k", "--type: \"q3_k\" is not one of f32"},
        {"run m p --steps $(printf %03000d 0)x", "00...\" is not a whole number"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(shell("\"$DLX\" %s", cases[i].words), 2);
        assert_stderr_says(cases[i].part);
        assert_non_null(strstr(err, "\ntry: dlx "));
        assert_string_equal(out, "");
    }
    assert_int_equal(shell("DLX_THREADS=abc \"$DLX\" run \"$TMP/sdar\" hi"), 2);
    assert_stderr_says("DLX_THREADS in the environment");
    static const char *const verbs[] = {"run \"$TMP/sdar\" hi", "inspect \"$TMP/sdar\"", "doctor",
                                        "logits \"$TMP/sdar\" hi", "bench --shape tiny"};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        assert_int_equal(shell("DLX_KERNEL=nonsense \"$DLX\" %s", verbs[i]), 2);
        assert_stderr_says("DLX_KERNEL in the environment: \"nonsense\" is not one of scalar");
    }
}

static void test_failure_is_a_sentence_and_1(void **state)
{
    (void)state;
    assert_int_equal(shell("\"$DLX\" run /nonexistent/model hi"), 1);
    assert_stderr_says("/nonexistent/model");
    assert_int_equal(shell("mkdir -p \"$TMP/empty\"; \"$DLX\" run \"$TMP/empty\" hi"), 1);
    assert_stderr_says("config.json");
    assert_int_equal(shell("\"$DLX\" run \"$GOLDEN/llada-tiny\" hi"), 1);
    assert_stderr_says("--raw --ids");
    assert_int_equal(shell("\"$DLX\" run \"$TMP/llada\" hi --small-block 8"), 1);
    assert_stderr_says("llada");
    assert_int_equal(shell("\"$DLX\" run \"$TMP/sdar\" hi --memory-limit 1K"), 1);
    assert_stderr_says("1024");
    /* 384 GiB of keys and values, where there is less */
    if ((double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) < 3e11) {
        assert_int_equal(
            shell("\"$DLX\" run '" DLX_SOURCE_DIR "/models/records' hi --ctx 67108864"), 1);
        assert_stderr_says("a session of 67108864 positions needs ");
        assert_stderr_says("the machine has ");
    }
    assert_int_equal(shell("\"$DLX\" run \"$TMP/sdar\" hi --backend reference --kernels scalar"),
                     1);
    assert_stderr_says("kernels scalar: the reference backend has none to choose from");
    assert_int_equal(shell("\"$DLX\" inspect \"$TMP/sdar\" --backend reference --compute bf16"), 1);
    assert_stderr_says("the reference backend computes in float32 only");
}

/* What is given must be of use, whatever its value: zero and "no" as well. */
static void test_useless_options_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *model, *words, *part;
    } cases[] = {
        {"sdar", "--eps 0", "dlx: --eps: expected an option of sdar, found one of dream"},
        {"sdar", "--factor 0", "--factor: expected an option of sdar, found one of llada"},
        {"sdar", "--cfg-scale 0", "--cfg-scale: "},
        {"sdar", "--alg-temp 0", "--alg-temp: "},
        {"sdar", "--logits-eos-inf=no", "--logits-eos-inf: "},
        {"sdar", "--small-block 1", "found one of fast-dllm-v2: leave it out"},
        {"sdar", "--eot-id 5", "--eot-id: expected an option of sdar, found one of llada"},
        {"llada", "--eot-id 5000",
         "eot-id 5000 is not in the vocabulary of 320: ids go from 0 to 319"},
        {"llada", "--eb-threshold 0", "--eb-threshold: "},
        {"llada", "--threshold 0.5",
         "--threshold: the sampler low_confidence does not use it; leave it out, or choose a "
         "sampler of llada that does: threshold"},
        {"llada", "--sampler threshold --factor 1", "that does: factor"},
        {"sdar", "--sampler sequential --threshold 0", "that does: low_confidence_dynamic"},
        {"sdar", "--sampler maskgit_plus --threshold 0",
         "sampler: 'maskgit_plus' belongs to dream"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(
            shell("\"$DLX\" run \"$TMP/%s\" hi -q -n 32 %s", cases[i].model, cases[i].words), 1);
        assert_stderr_says(cases[i].part);
        assert_string_equal(out, "");
    }
    assert_int_equal(shell("DLX_EPS=0 \"$DLX\" run \"$TMP/sdar\" hi"), 1);
    assert_stderr_says("DLX_EPS in the environment: eps: expected an option of sdar");
    assert_int_equal(shell("\"$DLX\" infill \"$TMP/sdar\" 'a [[2]]' --eos-ids 1"), 1);
    assert_stderr_says("--eos-ids: infill fills the gaps");
    assert_int_equal(shell("DLX_MAX_TOKENS=8 \"$DLX\" infill \"$TMP/sdar\" 'a [[2]]' -q"), 0);
    assert_int_equal(shell("printf '/conf 0.5\\n' | \"$DLX\" chat \"$TMP/llada\""), 1);
    assert_stderr_says("/conf sets threshold: the sampler low_confidence does not use it");
    assert_int_equal(
        shell("\"$DLX\" run \"$TMP/llada\" hi -q -n 32 --sampler threshold --threshold 0 "
              "--steps 32 --top-p 1e-30 --eot-id 319 --confidence-eos-eot-inf=no"),
        0);
}

/* A template without a place for it would drop the text in silence. */
static void test_system_messages_are_not_dropped(void **state)
{
    (void)state;
    assert_int_equal(shell("\"$DLX\" run \"$TMP/deaf\" hi -q --system 'Be brief.'"), 1);
    assert_stderr_says("--system has no effect: the chat template of");
    assert_int_equal(
        shell("\"$DLX\" infill \"$TMP/deaf\" '[[2]]' -q --prompt hi --system 'Be brief.'"), 1);
    assert_stderr_says("--system has no effect");
    assert_int_equal(shell("\"$DLX\" chat \"$TMP/deaf\" --system x </dev/null"), 1);
    assert_stderr_says("--system has no effect");
    assert_int_equal(shell("printf '/system x\\n' | \"$DLX\" chat \"$TMP/deaf\""), 1);
    assert_stderr_says("/system has no effect");
    support_write(support_tmp("command/talk.json"), "[{\"role\":\"system\",\"content\":\"x\"},"
                                                    "{\"role\":\"user\",\"content\":\"hi\"}]");
    assert_int_equal(shell("\"$DLX\" chat \"$TMP/deaf\" --load \"$TMP/talk.json\" </dev/null"), 0);
    assert_stderr_says("the system message of the file has no effect");
    assert_non_null(strstr(err, "loaded 1 message from"));
    assert_int_equal(shell("\"$DLX\" run \"$TMP/sdar\" hi -q -n 4 --system 'Be brief.'"), 0);
    assert_int_equal(shell("\"$DLX\" run \"$TMP/polite\" hi -q -n 4 --system 'Be kind'"), 0);
    assert_int_equal(shell("\"$DLX\" run \"$TMP/deaf\" hi -q -n 4 --system ''"), 0);
    assert_string_equal(err, "");
}

static void test_figures_have_plurals(void **state)
{
    (void)state;
    assert_int_equal(shell("\"$DLX\" run \"$GOLDEN/llada-tiny\" --ids 1 -n 1 --eos-ids none"), 0);
    assert_non_null(strstr(err, "1 token in 1 pass ("));
    assert_int_equal(shell("\"$DLX\" run \"$GOLDEN/llada-tiny\" --ids 1 -n 2 --eos-ids none"), 0);
    assert_non_null(strstr(err, "2 tokens in 2 passes ("));
}

/* ---- run ------------------------------------------------------------------------------------- */

static void test_run_without_tokenizer(void **state)
{
    (void)state;
    assert_int_equal(
        shell("\"$DLX\" run \"$GOLDEN/llada-tiny\" --raw --ids 1,2,3 --max-tokens 32 -q"), 0);
    assert_string_equal(err, "");
    assert_int_equal(strspn(out, "0123456789,\n"), n_out);
    char *plain = strdup(out);
    assert_int_equal(shell("\"$DLX\" run \"$GOLDEN/llada-tiny\" --raw --ids 1,2,3 --max-tokens 32 "
                           "--json --threads 2"),
                     0);
    json_t *answer = object();
    assert_true(json_is_null(json_object_get(answer, "text")));
    assert_int_equal(number(answer, "prompt_tokens"), 3);
    assert_true(number(answer, "passes") > 0 && number(answer, "rows") >= number(answer, "passes"));
    json_t *ids = json_object_get(answer, "ids");
    assert_int_equal(json_array_size(ids), number(answer, "completion_tokens"));
    char *p = plain; /* one thread printed the same ids as two */
    for (size_t i = 0; i < json_array_size(ids); i++, p += *p == ',')
        assert_int_equal(strtol(p, &p, 10), json_integer_value(json_array_get(ids, i)));
    free(plain);
    json_decref(answer);
}

static void test_prompt_from_everywhere(void **state)
{
    (void)state;
    assert_int_equal(shell("\"$DLX\" run \"$TMP/sdar\" 'hello there' -n 16 --seed 1"), 0);
    char *first = strdup(out);
    assert_non_null(strstr(err, " passes ("));
    assert_int_equal(shell("echo 'hello there' | \"$DLX\" run \"$TMP/sdar\" -n 16"), 0);
    assert_string_equal(out, first);
    assert_int_equal(shell("printf 'hello there' | \"$DLX\" run -n 16 \"$TMP/sdar\" -"), 0);
    assert_string_equal(out, first);
    assert_int_equal(shell("DLX_MAX_TOKENS=16 \"$DLX\" run \"$TMP/sdar\" -- 'hello there'"), 0);
    assert_string_equal(out, first);
    assert_int_equal(shell("DLX_MAX_TOKENS=99 \"$DLX\" run \"$TMP/sdar\" -n 16 'hello there'"), 0);
    assert_string_equal(out, first);
    assert_int_equal(shell("printf 'ab\\377' | \"$DLX\" run \"$TMP/sdar\" -n 16"), 1);
    assert_stderr_says("byte 0xFF at offset 2");
    free(first);
}

static void test_text_and_ids_agree(void **state)
{
    (void)state;
    assert_int_equal(shell("\"$DLX\" run \"$TMP/sdar\" 'hello' -n 24 --json --watch"), 0);
    json_t *answer = object();
    const char *reason = json_string_value(json_object_get(answer, "finish_reason"));
    assert_true(strcmp(reason, "length") == 0 || strcmp(reason, "stop") == 0);
    assert_true(json_is_string(json_object_get(answer, "text")));
    json_decref(answer);
    assert_int_equal(shell("\"$DLX\" run \"$TMP/sdar\" 'hello' -n 24 --watch"), 0);
    assert_null(strchr(out, '\033')); /* nothing but text on a pipe */
}

static void test_trace(void **state)
{
    (void)state;
    bool seen[64] = {false};
    assert_int_equal(
        shell("rm -f \"$TMP\"/t.jsonl*; \"$DLX\" run \"$GOLDEN/sdar-tiny-b4\" --ids 5,6,7,8 "
              "-n 16 --json --trace \"$TMP/t.jsonl\""),
        0);
    json_t *answer = object();
    FILE *file = fopen(support_tmp("command/t.jsonl"), "rb");
    assert_non_null(file);
    json_int_t last = -1;
    json_t *line;
    while ((line = json_loadf(file, JSON_DISABLE_EOF_CHECK, NULL))) {
        json_int_t pass = number(line, "pass");
        assert_true(pass == last || pass == last + 1);
        last = pass;
        assert_true(number(line, "rows") > 0 && json_is_string(json_object_get(line, "kind")));
        json_int_t before = -1;
        size_t i;
        json_t *written;
        json_array_foreach(json_object_get(line, "written"), i, written)
        {
            json_int_t pos = number(written, "pos");
            assert_true(pos > before && pos >= 4 && pos < 64 && !seen[pos]);
            seen[pos] = true;
            before = pos;
        }
        json_decref(line);
    }
    fclose(file);
    assert_true(last + 1 <= number(answer, "passes"));
    for (size_t pos = 4; pos < 20; pos++)
        assert_true(seen[pos]);
    json_decref(answer);
    assert_int_equal(shell("ls \"$TMP\"/dlx-*.part"), 2); /* no temporary file stays */
}

static void test_unwritable_places(void **state)
{
    (void)state;
    assert_int_equal(shell("\"$DLX\" run \"$TMP/sdar\" hi --trace /nonexistent/t.jsonl"), 1);
    assert_stderr_says("/nonexistent/t.jsonl cannot be written");
    assert_stderr_says("; make its folder first, or name another place");
    assert_string_equal(out, ""); /* refused before anything was computed */
    assert_int_equal(shell("\"$DLX\" run \"$TMP/sdar\" hi --trace \"$TMP\""), 1);
    assert_stderr_says("; name a file in it");
    assert_int_equal(shell("\"$DLX\" man --all /nonexistent/man"), 1);
    assert_stderr_says("; make its folder first, or name another place");
    assert_int_equal(shell("\"$DLX\" run \"$TMP/sdar\" hi --trace \"$TMP/$(printf %%0256d 0)\""),
                     1);
    assert_stderr_says("; choose a shorter name");
    assert_string_equal(out, "");
    if (access("/dev/full", W_OK) == 0) {
        assert_int_equal(shell("\"$DLX\" run \"$TMP/sdar\" hi -q --trace /dev/full -n 400 "
                               "--eos-ids none"),
                         1);
        assert_stderr_says("/dev/full could not be written whole");
    }
    assert_int_equal(shell("\"$DLX\" run \"$TMP/sdar\" hi -q >&-"), 1);
    assert_stderr_says("standard output is closed");
    assert_int_equal(shell("test -w /dev/full || exit 1; \"$DLX\" doctor >/dev/full"), 1);
    if (access("/dev/full", W_OK) == 0)
        assert_stderr_says("standard output");
}

/* The temporary name is no longer than the place allows, and nothing but the file stays. */
static void test_long_file_names(void **state)
{
    (void)state;
    assert_int_equal(shell("rm -rf \"$TMP/long\"; mkdir \"$TMP/long\"; \"$DLX\" logits "
                           "\"$GOLDEN/llada-tiny\" --ids 1 -o \"$TMP/long/$(printf %%0249d 0)\""),
                     0);
    assert_int_equal(shell("cd \"$TMP/long\" && \"$DLX\" logits \"$GOLDEN/llada-tiny\" --ids 1 "
                           "-o \"$(printf %%0255d 1)\" && ls | wc -c"),
                     0);
    assert_int_equal(atoi(out), 249 + 1 + 255 + 1);
}

static pid_t start(char *const *words, int stdout_fd)
{
    pid_t child = fork();
    if (child == 0) {
        signal(SIGINT, SIG_DFL);
        if (stdout_fd >= 0)
            dup2(stdout_fd, STDOUT_FILENO);
        if (!freopen(support_tmp("command/err"), "wb", stderr))
            _exit(98);
        execv(DLX_BINARY, words);
        _exit(99);
    }
    return child;
}

static int code_of(pid_t child)
{
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/* Nobody can take the result: no long run for nothing, one sentence, and no trace of it. */
static void test_no_run_without_a_reader(void **state)
{
    (void)state;
    static const char *const forms[] = {"--json", "--watch"};
    for (size_t i = 0; i < 2; i++) {
        char trace[4096], model[4096];
        int ends[2];
        snprintf(trace, sizeof trace, "%s", support_tmp("command/unread.jsonl"));
        snprintf(model, sizeof model, "%s", support_golden("sdar-tiny-b4"));
        unlink(trace);
        char *words[] = {"dlx",       "run",  model,       "--ids",     "5,6,7,8",
                         "-n",        "1000", "-q",        "--trace",   trace,
                         "--eos-ids", "none", "--backend", "reference", (char *)(uintptr_t)forms[i],
                         NULL};
        assert_int_equal(pipe(ends), 0);
        close(ends[0]);
        assert_int_equal(code_of(start(words, ends[1])), 1);
        close(ends[1]);
        slurp(support_tmp("command/err"), err, sizeof err);
        assert_string_equal(
            err, "dlx: cannot write the result: the reader of standard output has gone\n");
        assert_int_equal(access(trace, F_OK), -1);
    }
    static const char *const works[] = {
        "run \"$GOLDEN/sdar-tiny-b4\" --ids 5,6 --trace \"$TMP/unread.jsonl\" --json",
        "infill \"$TMP/llada\" 'a [[8]]' --trace \"$TMP/unread.jsonl\" --json",
        "eval \"$TMP/sdar\" \"$TMP/err\" -o \"$TMP/unread.jsonl\"",
        "logits \"$GOLDEN/llada-tiny\" --ids 1 -o \"$TMP/unread.jsonl\" --json"};
    for (size_t i = 0; i < sizeof works / sizeof *works; i++) {
        assert_int_equal(shell("rm -f \"$TMP/unread.jsonl\"; \"$DLX\" %s >&-", works[i]), 1);
        assert_stderr_says("standard output is closed");
        assert_null(strchr(strchr(err, '\n') + 1, '\n'));
        assert_int_equal(shell("ls \"$TMP\"/unread.jsonl \"$TMP\"/dlx-*"), 2);
    }
    assert_int_equal(
        shell("\"$DLX\" logits \"$GOLDEN/llada-tiny\" --ids 1 -o \"$TMP/unread.npy\" >&-"), 0);
}

/* The page in work is finished, so no temporary file stays. */
static void test_interrupted_manual(void **state)
{
    (void)state;
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", support_tmp("command/cut-man"));
    assert_int_equal(shell("rm -rf \"$TMP/cut-man\""), 0);
    for (int i = 0; i < 40; i++) {
        char *words[] = {"dlx", "man", "--all", folder, NULL};
        pid_t child = start(words, -1);
        usleep((useconds_t)i * 500);
        kill(child, SIGINT);
        int code = code_of(child);
        assert_true(code == 0 || code == 130 || code == -SIGINT);
    }
    assert_int_equal(shell("ls \"$TMP\"/cut-man/*.part"), 2);
}

/* Ctrl-C in the middle: what there is is printed, and the code is 130. */
static void test_interrupt(void **state)
{
    (void)state;
    int ends[2];
    char first;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGINT, SIG_DFL);
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl(DLX_BINARY, "dlx", "run", support_golden("sdar-tiny-b4"), "--ids", "5,6,7,8", "-n",
              "1000", "--eos-ids", "none", "--threads", "1", "-q", "--backend", "reference",
              "--trace", support_tmp("command/cut.jsonl"), (char *)NULL);
        _exit(99);
    }
    close(ends[1]);
    usleep(150000);
    kill(child, SIGINT);
    size_t n = 0;
    while (read(ends[0], &first, 1) == 1)
        n++;
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    /* A very fast machine may have finished, a very slow one may not have begun to listen. */
    if (WIFEXITED(status) && WEXITSTATUS(status) == 130)
        assert_int_equal(access(support_tmp("command/cut.jsonl"), F_OK), -1);
    else
        assert_true((WIFEXITED(status) && WEXITSTATUS(status) == 0 && n > 0) ||
                    (WIFSIGNALED(status) && WTERMSIG(status) == SIGINT));
}

/* Logits of three thousand positions take the reference half a minute; Ctrl-C ends them within a
 * pass, and leaves no file. */
static void test_interrupted_logits(void **state)
{
    (void)state;
    static char ids[2 * 3000];
    for (size_t i = 0; i < sizeof ids; i += 2)
        memcpy(ids + i, i + 2 < sizeof ids ? "7," : "7", 2);
    char model[] = DLX_SOURCE_DIR "/models/records";
    char folder[] = DLX_TMP_DIR "/command/cut-logits",
         file[] = DLX_TMP_DIR "/command/cut-logits/out.npy";
    assert_int_equal(shell("rm -rf '%s' && mkdir '%s'", folder, folder), 0);
    char *words[] = {"dlx",       "logits",    model, "--ids", ids,
                     "--backend", "reference", "-o",  file,    NULL};
    pid_t child = start(words, -1);
    /* The temporary file says that the command has begun to listen. */
    for (int i = 0; i < 600 && shell("ls '%s' | grep -q .", folder) != 0; i++)
        usleep(50000);
    usleep(300000);
    kill(child, SIGINT);
    const time_t asked = time(NULL);
    assert_int_equal(code_of(child), 130);
    assert_true(time(NULL) - asked <= 10);
    assert_int_equal(shell("ls '%s' | grep .", folder), 1);
}

/* ---- the other verbs ------------------------------------------------------------------------- */

static void test_infill(void **state)
{
    (void)state;
    assert_int_equal(shell("\"$DLX\" infill \"$TMP/llada\" 'one [[3]] two \\[[8]]<mask>.' --json"),
                     0);
    json_t *answer = object();
    const char *text = json_string_value(json_object_get(answer, "text"));
    assert_memory_equal(text, "one ", 4);
    assert_non_null(strstr(text, " two [[8]]"));
    assert_int_equal(text[strlen(text) - 1], '.');
    json_t *gaps = json_object_get(answer, "gaps");
    assert_int_equal(json_array_size(gaps), 2);
    assert_int_equal(number(json_array_get(gaps, 0), "pos"), 4);
    assert_int_equal(json_array_size(json_object_get(json_array_get(gaps, 0), "ids")), 3);
    assert_int_equal(json_array_size(json_object_get(answer, "ids")), 4 + 3 + 10 + 1 + 1);
    json_decref(answer);
    assert_int_equal(shell("\"$DLX\" infill \"$TMP/llada\" 'say [[2]]!' --prompt hello -q"), 0);
    assert_memory_equal(out, "say ", 4);
    assert_int_equal(shell("\"$DLX\" infill \"$TMP/llada\" 'no gap'"), 2);
    assert_stderr_says("[[8]]");
    assert_int_equal(shell("\"$DLX\" infill \"$GOLDEN/llada-tiny\" --ids 1,300,300,2 -q"), 0);
    assert_memory_equal(out, "1,", 2);
    assert_int_equal(shell("\"$DLX\" infill \"$TMP/llada\" 'a [[40]]' -q --ctx 20"), 1);
    assert_stderr_says("the text with its gaps of 42 ids is longer than the context of 20");
}

static void test_logits(void **state)
{
    (void)state;
    static char file[1 << 17];
    assert_int_equal(shell("\"$DLX\" logits \"$GOLDEN/llada-tiny\" --ids 1,2,3 -o \"$TMP/o.npy\""),
                     0);
    assert_string_equal(out, "");
    size_t n = slurp(support_tmp("command/o.npy"), file, sizeof file);
    assert_memory_equal(file, "\x93NUMPY\x01\x00", 8);
    size_t header = 10 + (unsigned char)file[8] + 256 * (size_t)(unsigned char)file[9];
    assert_int_equal(header % 64, 0);
    assert_int_equal(file[header - 1], '\n');
    assert_non_null(strstr(file + 10, "'fortran_order': False, 'shape': (3, 320)"));
    assert_int_equal(n, header + 3 * 320 * sizeof(float));
    float logits[320];
    memcpy(logits, file + header + 320 * sizeof(float), sizeof logits);
    size_t best = 0;
    for (size_t i = 1; i < 320; i++)
        best = logits[i] > logits[best] ? i : best;
    assert_int_equal(shell("\"$DLX\" logits \"$GOLDEN/llada-tiny\" --ids 1,2,3 --top 1 --json"), 0);
    json_t *report = object();
    const json_t *row = json_array_get(json_object_get(report, "rows"), 1);
    assert_int_equal(number(json_array_get(json_object_get(row, "top"), 0), "id"), best);
    json_decref(report);
    /* longer than the model was trained for: computed, and said */
    assert_int_equal(shell("\"$DLX\" logits \"$GOLDEN/llada-tiny\" --top 1 "
                           "--ids 1$(printf ',1%%.0s' $(seq 1 600))"),
                     0);
    assert_stderr_says("601 ids are more than the ");
    assert_non_null(strstr(out, "\n   600 "));
}

static void test_tokenize(void **state)
{
    (void)state;
    assert_int_equal(shell("\"$DLX\" tokenize \"$TMP/llada\" 'aB<mask>' --ids"), 0);
    assert_string_equal(out, "97,66,300\n");
    assert_int_equal(shell("\"$DLX\" tokenize \"$TMP/llada\" 'a<mask>' --ids --no-specials"), 0);
    assert_string_equal(out, "97,60,109,97,115,107,62\n");
    assert_int_equal(shell("\"$DLX\" tokenize \"$TMP/llada\" --decode 97,66,300"), 0);
    assert_string_equal(out, "aB<mask>");
    assert_int_equal(shell("printf '61\\n\\nc3a9' >\"$TMP/hex\"; "
                           "\"$DLX\" tokenize \"$TMP/llada\" --lines \"$TMP/hex\" --hex"),
                     0);
    assert_string_equal(out, "97\n\n195,169\n");
    assert_int_equal(shell("printf '61\\nzz' | \"$DLX\" tokenize \"$TMP/llada\" --lines - --hex"),
                     1);
    assert_stderr_says("line 2 is not hexadecimal");
    support_write(support_tmp("command/talk.json"), "[{\"role\":\"user\",\"content\":\"hi\"}]");
    assert_int_equal(shell("\"$DLX\" tokenize \"$TMP/llada\" --chat \"$TMP/talk.json\""), 0);
    assert_string_equal(out, "<user>hi\n<assistant>");
    support_write(support_tmp("command/talk.json"),
                  "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}],"
                  "\"add_generation_prompt\":false}");
    assert_int_equal(shell("\"$DLX\" tokenize \"$TMP/llada\" --chat \"$TMP/talk.json\" --json"), 0);
    json_t *report = object();
    assert_string_equal(json_string_value(json_object_get(report, "text")), "<user>hi\n");
    json_decref(report);
}

static void test_reports(void **state)
{
    (void)state;
    assert_int_equal(shell("\"$DLX\" inspect \"$TMP/sdar\" --json --ctx 64 --tensors"), 0);
    json_t *report = object();
    assert_string_equal(json_string_value(json_object_get(report, "family")), "sdar");
    assert_int_equal(number(json_object_get(report, "plan"), "n_ctx"), 64);
    assert_true(json_array_size(json_object_get(report, "tensors")) > 0);
    json_decref(report);
    assert_int_equal(shell("\"$DLX\" inspect \"$TMP/sdar\""), 0);
    assert_prints("Memory plan");
    assert_int_equal(shell("\"$DLX\" inspect \"$TMP/sdar\" --plan --json"), 0);
    json_decref(object());
    assert_int_equal(shell("\"$DLX\" doctor --json"), 0);
    report = object();
    assert_true(json_array_size(json_object_get(report, "backends")) > 0);
    json_decref(report);
    assert_int_equal(shell("\"$DLX\" doctor"), 0);
    assert_prints("the fastest of this processor");
    assert_int_equal(shell("DLX_KERNEL=scalar \"$DLX\" doctor"), 0);
    assert_prints("scalar: DLX_KERNEL names them");
}

/* The tables reach the session, and a plan tells what they change. */
static void test_arithmetic(void **state)
{
    (void)state;
    json_int_t packed[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(shell("DLX_KERNEL=scalar \"$DLX\" inspect '" DLX_SOURCE_DIR
                               "/models/records' --plan --json --weights %s",
                               i ? "int8" : "stored"),
                         0);
        json_t *plan = object();
        assert_string_equal(json_string_value(json_object_get(plan, "kernels")), "scalar");
        assert_string_equal(json_string_value(json_object_get(plan, "weights")),
                            i ? "int8" : "stored");
        packed[i] = number(plan, "packed_bytes");
        json_decref(plan);
    }
    assert_true(packed[1] < packed[0] && packed[1] > packed[0] / 3);
    assert_int_equal(shell("\"$DLX\" run \"$TMP/llada\" hi --json -n 8 --weights int8"), 0);
    json_decref(object());
    assert_int_equal(shell("DLX_KV_TYPE=int8 \"$DLX\" inspect \"$TMP/llada\" --plan "
                           "--scheme weight-only"),
                     0);
    assert_prints("keys and values are kept as int8");
    assert_prints("weight-only");
    assert_int_equal(shell("\"$DLX\" run \"$TMP/llada\" hi --scheme static"), 1);
    assert_stderr_says("scheme static: expected the range of what");
    /* A table without the instruction says so, and computes. */
    assert_int_equal(
        shell("\"$DLX\" run \"$TMP/llada\" hi --json -n 8 --compute bf16 --kernels scalar"), 0);
    json_decref(object());
    assert_stderr_says("--compute bf16: these kernels have no instruction for it");
    assert_int_equal(shell("\"$DLX\" inspect \"$TMP/llada\" --compute bf16 --kernels scalar"), 0);
    assert_prints("these kernels have no instruction for bf16");
}

static void test_eval(void **state)
{
    (void)state;
    support_write(support_tmp("command/task.jsonl"), "{\"prompt\":\"hi\",\"answer\":\"x\"}\n"
                                                     "{\"prompt\":\"ho\",\"answer\":\"y\"}\n");
    assert_int_equal(shell("\"$DLX\" eval \"$TMP/sdar\" \"$TMP/task.jsonl\" -n 8 --ctx 64 --json "
                           "-o \"$TMP/lines.jsonl\""),
                     0);
    json_t *report = object();
    assert_int_equal(number(report, "lines"), 2);
    json_decref(report);
    assert_non_null(strstr(err, "line 2 of 2"));
    assert_int_equal(shell("wc -l <\"$TMP/lines.jsonl\""), 0);
    assert_int_equal(atoi(out), 2);
    assert_int_equal(
        shell("\"$DLX\" eval \"$TMP/sdar\" \"$TMP/task.jsonl\" -n 8 --ctx 64 --limit 1 -q"), 0);
    assert_string_equal(err, "");
    assert_prints("tokens/s");
    assert_int_equal(shell("\"$DLX\" eval \"$GOLDEN/sdar-tiny-b4\" \"$TMP/task.jsonl\""), 1);
    assert_stderr_says("put tokenizer.json");
    support_write(support_tmp("command/task.jsonl"), "\n\n{\"text\":\n");
    assert_int_equal(shell("\"$DLX\" eval \"$TMP/sdar\" \"$TMP/task.jsonl\""), 1);
    assert_stderr_says("task.jsonl, line 3, column ");
    assert_stderr_says("mend the line");
}

static void test_eval_against(void **state)
{
    (void)state;
    support_write(support_tmp("command/pairs.jsonl"),
                  "{\"prompt\":\"hi\",\"answer\":\"x\"}\n{\"text\":\"some words\"}\n"
                  "{\"text\":\"other words\"}\n");
    static const char call[] = "\"$DLX\" eval \"$TMP/sdar\" \"$TMP/pairs.jsonl\" -n 8 --ctx 64 "
                               "--samples 2 --against \"$TMP/llada\"";
    assert_int_equal(shell("%s --json -o \"$TMP/both.jsonl\"", call), 0);
    assert_non_null(strstr(err, "judgement 6 of 6"));
    json_t *report = object();
    json_t *compared = json_object_get(report, "comparison");
    assert_int_equal(number(compared, "lines"), 3);
    assert_int_equal(number(json_object_get(compared, "nats_per_token"), "n"), 2);
    assert_int_equal(number(json_object_get(report, "model"), "lines"), 3);
    const json_t *other = json_object_get(report, "against");
    assert_non_null(strstr(json_string_value(json_object_get(other, "path")), "/llada"));
    /* The lines hold both, and both are what either model alone would get. */
    assert_int_equal(shell("grep -c '^{\"model\":{.*},\"against\":{.*}}$' \"$TMP/both.jsonl\""), 0);
    assert_int_equal(atoi(out), 3);
    assert_int_equal(shell("\"$DLX\" eval \"$TMP/llada\" \"$TMP/pairs.jsonl\" -n 8 --ctx 64 "
                           "--samples 2 --json -q"),
                     0);
    json_t *alone = object();
    assert_true(json_equal(json_object_get(alone, "text"), json_object_get(other, "text")));
    json_decref(alone);
    json_decref(report);
    assert_int_equal(shell("%s -q --limit 1", call), 0);
    assert_string_equal(err, "");
    assert_prints("all, 1 line\n");
    assert_prints("only A");
}

static void test_eval_against_refusals(void **state)
{
    (void)state;
    support_write(support_tmp("command/pairs.jsonl"), "{\"text\":\"some words\"}\n");
    static const struct {
        const char *options, *sentence;
        int code;
    } cases[] = {
        {"--against \"$TMP/llada\" -o \"$TMP/pairs.jsonl\"", "--output is the file of TASK", 2},
        {"--against \"\"", "found an empty text", 2},
        {"--against \"$TMP/sdar/\"", "names MODEL itself", 2},
        {"--against \"$TMP/nowhere\"", "found no file of that name", 1},
        {"--against \"$GOLDEN/llada-tiny\"", "holds no tokenizer", 1},
        {"--against \"$TMP/llada\" --small-block 4", "--small-block", 1},
        {"--against", "--against", 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(
            shell("\"$DLX\" eval \"$TMP/sdar\" \"$TMP/pairs.jsonl\" %s", cases[i].options),
            cases[i].code);
        assert_stderr_says(cases[i].sentence);
        assert_null(strstr(err, "judgement"));
    }
    assert_int_equal(
        shell("\"$DLX\" eval \"$TMP/sdar\" \"$TMP/nowhere.jsonl\" --against \"$TMP/llada\""), 1);
    assert_stderr_says("there is no such file");
    assert_int_equal(shell("\"$DLX\" eval \"$TMP/sdar\" \"$TMP/pairs.jsonl\" --samples 1 -q "
                           "--against \"$TMP/llada\" -o /dev/full"),
                     1);
    assert_stderr_says("/dev/full could not be written whole");
    assert_int_equal(shell("\"$DLX\" eval \"$TMP/sdar\" \"$TMP/pairs.jsonl\" --samples 1 -q "
                           "--against \"$TMP/llada\" --ctx 4"),
                     1);
    assert_stderr_says("/sdar");
}

/* Ctrl-C while the second model is at work: the lines that both have judged are compared. */
static void test_interrupted_eval_against(void **state)
{
    (void)state;
    static char tasks[40 * 400];
    tasks[0] = 0;
    for (int i = 0; i < 400; i++)
        strcat(tasks, "{\"text\":\"some words\"}\n");
    support_write(support_tmp("command/many.jsonl"), tasks);
    char model[4096], task[4096], other[4096];
    snprintf(model, sizeof model, "%s", support_tmp("command/sdar"));
    snprintf(other, sizeof other, "%s", support_tmp("command/llada"));
    snprintf(task, sizeof task, "%s", support_tmp("command/many.jsonl"));
    char *words[] = {"dlx",       "eval", model,       task, "--against", other,
                     "--samples", "32",   "--threads", "1",  NULL};
    FILE *to = fopen(support_tmp("command/out"), "wb");
    assert_non_null(to);
    pid_t child = start(words, fileno(to));
    for (int i = 0; i < 30000 && !strstr(err, "(60 %)"); i++) {
        usleep(10000);
        slurp(support_tmp("command/err"), err, sizeof err);
    }
    kill(child, SIGINT);
    assert_int_equal(code_of(child), 130);
    fclose(to);
    slurp(support_tmp("command/out"), out, sizeof out);
    int n_lines = 0;
    const char *lines = strstr(out, "\nall, ");
    assert_non_null(lines);
    sscanf(lines, " all, %d", &n_lines);
    assert_in_range(n_lines, 70, 399);
    assert_prints("nats a token");
}

static void test_chat_on_a_pipe(void **state)
{
    (void)state;
    assert_int_equal(
        shell("rm -f \"$TMP/saved.json\"; printf 'hello\\n\\n/max 8\\n//slash\\n/save %%s\\n"
              "/QUIT\\nnever\\n' \"$TMP/saved.json\" | \"$DLX\" chat \"$TMP/sdar\" -n 12"),
        0);
    assert_null(strchr(out, '\033'));
    json_t *saved = json_load_file(support_tmp("command/saved.json"), 0, NULL);
    json_t *messages = json_object_get(saved, "messages");
    assert_int_equal(json_array_size(messages), 4);
    assert_string_equal(json_string_value(json_object_get(json_array_get(messages, 2), "content")),
                        "/slash");
    json_decref(saved);
    assert_int_equal(shell("printf '/temp hot\\n' | \"$DLX\" chat \"$TMP/sdar\""), 1);
    assert_stderr_says("/temp: \"hot\" is not a number");
    assert_int_equal(shell("printf '/hlep\\n' | \"$DLX\" chat \"$TMP/sdar\""), 1);
    assert_stderr_says("did you mean /help?");
    assert_int_equal(
        shell("printf 'one\\ntwo\\nthree\\n' | \"$DLX\" chat \"$TMP/sdar\" -n 8 --ctx 64"), 0);
    assert_non_null(strstr(err, "1 turn is forgotten, oldest first"));
    assert_int_equal(shell("echo hello | \"$DLX\" chat \"$TMP/sdar\" -n 8 --ctx 16"), 1);
    assert_stderr_says("the context holds 16");
    assert_int_equal(shell("\"$DLX\" chat \"$GOLDEN/llada-tiny\" </dev/null"), 1);
    assert_stderr_says("tokenizer");
}

/* A token a pass: the second turn takes over what the first one left, at any length. */
static void test_chat_left_to_right(void **state)
{
    (void)state;
    assert_int_equal(shell("printf 'one\\ntwo\\n' | \"$DLX\" chat \"$TMP/next\" -n 8"), 0);
    assert_int_equal(shell("printf '/iter 4\\n' | \"$DLX\" chat \"$TMP/next\""), 1);
    assert_stderr_says("/iter sets steps: expected an option of qwen2");
    assert_int_equal(shell("\"$DLX\" run \"$TMP/next\" hello -n 8 --json"), 0);
    json_t *result = object();
    assert_int_equal(number(result, "passes"), number(result, "completion_tokens"));
    json_decref(result);
    assert_int_equal(shell("\"$DLX\" infill \"$TMP/next\" 'a[[2]]b'"), 1);
    assert_stderr_says("names no mask token");
}

static void test_generated_texts(void **state)
{
    (void)state;
    assert_int_equal(
        shell("rm -rf \"$TMP/man\"; \"$DLX\" man --all \"$TMP/man\" && ls \"$TMP/man\""), 0);
    assert_prints("dlx-run.1");
    assert_prints("dlx.1");
    assert_int_equal(shell("\"$DLX\" man tokenize"), 0);
    assert_prints(".TH \"DLX-TOKENIZE\" \"1\"");
    if (access("/bin/bash", X_OK) == 0) {
        assert_int_equal(
            shell("\"$DLX\" completion bash >\"$TMP/complete\" && /bin/bash -c "
                  "'source \"$TMP/complete\"; COMP_WORDS=(dlx run --thr); COMP_CWORD=2; _dlx; "
                  "echo \"${COMPREPLY[*]}\"'"),
            0);
        assert_string_equal(out, "--threshold --threads\n");
    }
    assert_int_equal(shell("\"$DLX\" completion zsh && \"$DLX\" completion fish"), 0);
    assert_prints("#compdef dlx");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_misuse_is_a_sentence_and_2),
        cmocka_unit_test(test_failure_is_a_sentence_and_1),
        cmocka_unit_test(test_useless_options_are_refused),
        cmocka_unit_test(test_system_messages_are_not_dropped),
        cmocka_unit_test(test_figures_have_plurals),
        cmocka_unit_test(test_run_without_tokenizer),
        cmocka_unit_test(test_prompt_from_everywhere),
        cmocka_unit_test(test_text_and_ids_agree),
        cmocka_unit_test(test_trace),
        cmocka_unit_test(test_unwritable_places),
        cmocka_unit_test(test_long_file_names),
        cmocka_unit_test(test_no_run_without_a_reader),
        cmocka_unit_test(test_interrupted_manual),
        cmocka_unit_test(test_interrupt),
        cmocka_unit_test(test_interrupted_logits),
        cmocka_unit_test(test_infill),
        cmocka_unit_test(test_logits),
        cmocka_unit_test(test_tokenize),
        cmocka_unit_test(test_reports),
        cmocka_unit_test(test_arithmetic),
        cmocka_unit_test(test_eval),
        cmocka_unit_test(test_eval_against),
        cmocka_unit_test(test_eval_against_refusals),
        cmocka_unit_test(test_interrupted_eval_against),
        cmocka_unit_test(test_chat_on_a_pipe),
        cmocka_unit_test(test_chat_left_to_right),
        cmocka_unit_test(test_generated_texts),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
