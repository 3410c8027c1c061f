// labels: integration export
/*
 * test_inspect_refuses.c - Core ML packages and folders of qnn that dlx export wrote, wrong in one
 * place: bytes of the same number in a specification, metadata that lie, parts of other models,
 * files that are missing, links and pipes. Each is refused by its sentence.
 */
#define _GNU_SOURCE /* memmem, mkfifo, symlink */
#include "support.h"

#include <dlx/export.h>
#include <dlx/tools.h>

#include <sys/stat.h>
#include <unistd.h>

#define MODEL "Data/com.apple.CoreML/model.mlmodel"
#define WEIGHTS "Data/com.apple.CoreML/weights/weight.bin"
#define VOCABULARY "Data/dlx/model.gguf"
#define QNN DLX_TMP_DIR "/refused.qnn"
#define COREML DLX_TMP_DIR "/refused.mlpackage"
#define GOOD_QNN DLX_TMP_DIR "/refused-good.qnn"
#define GOOD_COREML DLX_TMP_DIR "/refused-good.mlpackage"
#define OTHER_QNN DLX_TMP_DIR "/refused-other.qnn"
#define OTHER_COREML DLX_TMP_DIR "/refused-other.mlpackage"

/* ---- the programs ------------------------------------------------------------------------------
 */

static void shell(const char *line)
{
    if (system(line) != 0)
        fail_msg("%s", line);
}

static void write_program(const char *golden, const char *backend, const char *path)
{
    dlx_error err;
    dlx_model *m = support_open(golden);
    const dlx_export_opts opts = {.size = sizeof opts,
                                  .backend = backend,
                                  .profile = backend[0] == 'q' ? "f32" : NULL,
                                  .dtype = backend[0] == 'q' ? NULL : "int4",
                                  .cache = "io",
                                  .n_ctx = 64};
    assert_ok(dlx_export(m, path, &opts, NULL, &err), &err);
    dlx_model_free(m);
}

static int write_all(void **state)
{
    (void)state;
    alarm(300); /* whatever waits for a pipe ends here */
    shell("rm -rf '" DLX_TMP_DIR "'/refused*");
    write_program("sdar-tiny-b4", "qnn", GOOD_QNN);
    write_program("sdar-tiny-b4", "coreml", GOOD_COREML);
    write_program("dream-tiny", "qnn", OTHER_QNN);
    write_program("dream-tiny", "coreml", OTHER_COREML);
    return 0;
}

static void begin(void)
{
    shell("rm -rf '" QNN "' '" COREML "' && cp -r '" GOOD_QNN "' '" QNN "' && cp -r '" GOOD_COREML
          "' '" COREML "'");
}

static void refuses(const char *path, const char *said)
{
    char *text = NULL;
    dlx_error err = {.text = ""};
    const dlx_result r = dlx_inspect_program(path, NULL, &text, &err);
    if (r == DLX_OK || !strstr(err.text, said))
        fail_msg("expected '%s', found %d: %s", said, (int)r, err.text);
}

/* ---- bytes -----------------------------------------------------------------------------------
 */

typedef struct bytes_of {
    uint8_t *data; /* to be freed */
    size_t n;
    char path[4200];
} bytes_of;

static bytes_of load(const char *folder, const char *name)
{
    bytes_of b = {.n = 0};
    snprintf(b.path, sizeof b.path, "%s/%s", folder, name);
    FILE *f = fopen(b.path, "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    b.n = (size_t)ftell(f);
    rewind(f);
    b.data = malloc(b.n + 1);
    assert_non_null(b.data);
    assert_int_equal(fread(b.data, 1, b.n, f), b.n);
    fclose(f);
    return b;
}

static void store(bytes_of *b)
{
    FILE *f = fopen(b->path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(b->data, 1, b->n, f), b->n);
    assert_int_equal(fclose(f), 0);
    free(b->data);
}

/* The first `text` behind the first `key`. */
static uint8_t *find(const bytes_of *b, const char *key, const char *text)
{
    uint8_t *at = memmem(b->data, b->n, key, strlen(key));
    if (!at)
        fail_msg("%s: no %s", b->path, key);
    at = memmem(at, b->n - (size_t)(at - b->data), text, strlen(text));
    if (!at)
        fail_msg("%s: no %s behind %s", b->path, text, key);
    return at;
}

/* As many bytes in the place of the first `from` behind `key`. */
static void change(const char *folder, const char *name, const char *key, const char *from,
                   const char *to)
{
    bytes_of b = load(folder, name);
    assert_int_equal(strlen(from), strlen(to));
    memcpy(find(&b, key, from), to, strlen(to));
    store(&b);
}

/* ---- Core ML packages ------------------------------------------------------------------------
 */

static void good_ones_pass(void **state)
{
    (void)state;
    static const char *const all[] = {GOOD_QNN, GOOD_COREML, OTHER_QNN, OTHER_COREML};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char *text;
        dlx_error err;
        assert_ok(dlx_inspect_program(all[i], NULL, &text, &err), &err);
        dlx_free(NULL, text);
    }
}

static void operations_and_metadata_are_held_to_the_model(void **state)
{
    (void)state;
    static const char *const cases[][4] = {
        {"\n\x04silu", "silu", "situ", "situ of silu_"},
        {"constexpr_b", "constexpr_blockwise_shift_scale", "constexpr_blXckwise_shift_scale",
         "an operation that dlx export never writes"},
        {"\n\x06linear", "weight", "weighs", "it has the parameter weighs, which dlx export never"},
        {"\n\x06matmul", "transpose_y", "transpose_z", "it has the parameter transpose_z"},
        {"\n\x07softmax",
         "\n\x04"
         "axis",
         "\n\x04"
         "axes",
         "it has the parameter axes"},
        {"\n\x0breduce_mean", "keep_dims", "keep_dimz", "it has the parameter keep_dimz"},
        {"dlx.n_ctx", "64", "65", "to keep 65 positions, found 64"},
        {"dlx.n_heads_kv",
         "\x12\x01"
         "2",
         "\x12\x01"
         "7",
         "metadata dlx.n_heads_kv to be 2, found 7"},
        {"dlx.cache", "io", "iO", "metadata dlx.cache to be a word that dlx export writes"},
        {"dlx.functions", "prefill", "prefilx", "metadata dlx.functions to be the names of its"},
        {"dlx.family", "sdar", "sdas", "metadata dlx.family to be sdar, found sdas"},
        {"dlx.dtype", "int4", "int5", "metadata dlx.dtype"},
        {"dlx.mask_id", "dlx.mask_id", "dlx.mask_ix", "metadata dlx.mask_id to be"},
        {"dlx.format", "dlx.format", "dlx.formax", "metadata dlx.format to be 1, found none"},
        {"dlx.minimum_deployment_target", "ios18", "ios26", "a system of the specification's"},
        {"dlx.compute_unit", "all", "alt", "metadata dlx.compute_unit"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin();
        change(COREML, MODEL, cases[i][0], cases[i][1], cases[i][2]);
        refuses(COREML, cases[i][3]);
    }
}

/* A result of another type, or of another length, than what goes in gives. */
static void results_are_inferred(void **state)
{
    (void)state;
    static const char *const words[] = {"which follows from what goes in, found f32 [1, 4, ",
                                        "which follows from what goes in, found f16 [1, 5, "};
    for (int i = 0; i < 2; i++) {
        begin();
        bytes_of b = load(COREML, MODEL);
        uint8_t *at = find(&b, "\n\x04silu", "silu_"); /* its result: a name, then a type */
        uint8_t *type = memmem(at, 40, "\x08\x0a\x10\x03", 4);
        assert_non_null(type);
        if (i == 0)
            type[1] = 11;
        else { /* lengths are messages of six bytes */
            assert_int_equal(type[4 + 6 + 5], 4);
            type[4 + 6 + 5] = 5;
        }
        store(&b);
        refuses(COREML, words[i]);
    }
}

static void parts_belong_together(void **state)
{
    (void)state;
    begin();
    bytes_of b = load(COREML, WEIGHTS);
    b.data[b.n / 2] ^= 1;
    store(&b);
    refuses(COREML, "weight.bin: expected the bytes that the identifier");
    begin();
    change(COREML, MODEL, "written by DiffuLex", "written", "Written"); /* no check reads it */
    refuses(COREML, "model.mlmodel: expected the bytes that the identifier");
    begin();
    shell("cp '" OTHER_COREML "/" VOCABULARY "' '" COREML "/" VOCABULARY "'");
    refuses(COREML, "metadata");
    begin();
    shell("head -c 100 /dev/urandom >'" COREML "/" VOCABULARY "'");
    refuses(COREML, VOCABULARY ": ");
    begin();
    shell("printf x >>'" COREML "/" VOCABULARY "'");
    refuses(COREML, "identifier");
    begin();
    change(COREML, "Manifest.json", "", "\"path\"", "\"patj\"");
    refuses(COREML, "expected \"path\", found no such field; write the package again");
}

static void no_link_and_no_pipe(void **state)
{
    (void)state;
    static const char *const parts[] = {MODEL, WEIGHTS, VOCABULARY};
    char path[4200];
    for (size_t i = 0; i < 3; i++) {
        begin();
        snprintf(path, sizeof path, "%s/%s", COREML, parts[i]);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(mkfifo(path, 0600), 0);
        refuses(COREML, i == 0 ? "which is no file" : "a pipe or a device");
        assert_int_equal(unlink(path), 0);
        assert_int_equal(symlink("/etc/hostname", path), 0);
        refuses(COREML, "found a link, which may lead out of it");
    }
    static const char *const files[] = {"weights.bin", "denoise.onnx", "prefill.onnx",
                                        "logits.onnx", "model.gguf"};
    for (size_t i = 0; i < 5; i++) {
        begin();
        snprintf(path, sizeof path, "%s/%s", QNN, files[i]);
        assert_int_equal(unlink(path), 0);
        refuses(QNN, "expected a file of the folder, found none");
        assert_int_equal(mkfifo(path, 0600), 0);
        refuses(QNN, "expected a file, found a pipe or a device");
        assert_int_equal(unlink(path), 0);
        assert_int_equal(symlink("/etc/hostname", path), 0);
        refuses(QNN, "found a link, which may lead out of it");
    }
}

/* ---- folders of qnn --------------------------------------------------------------------------
 */

static void manifests_are_held_to_the_model(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"\"family\": \"sdar\"", "\"family\": \"sdas\"", "expected a program of sdar"},
        {"\"rows\": 4", "\"rows\": 5", "for its model, rows and positions"},
        {"\"head_rows\": 4", "\"head_rows\": 3", "for its model, rows and positions"},
        {"\"n_ids\": 3", "\"n_ids\": 1", "ids, as its model and vocabulary have"},
        {"\"n_ids\": 3", "\"n_ids\": 9", "expected a program that chooses among"},
        {"\"name\": \"prefill\"", "\"name\": \"prefilx\"", "expected a function prefill"},
        {"\"name\": \"past_v_0\"", "\"name\": \"past_k_0\"", "expected past_k_0 once, found it"},
        {"\"output_new_v_0\"", "\"output_new_v_9\"", "a tensor that this version knows"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin();
        change(QNN, "qnn_manifest.json", "", cases[i][0], cases[i][1]);
        refuses(QNN, cases[i][2]);
    }
    begin();
    shell("sed -i 's/\"sha256\": \"./\"sha256\": \"g/' '" QNN "/qnn_manifest.json'");
    refuses(QNN, "64 hexadecimal digits");
    begin();
    shell("sed -i 's/\"functions\": \\[/\"functions\": [], \"unread\": [/' '" QNN
          "/qnn_manifest.json'");
    refuses(QNN, "expected functions, found an empty list");
}

static void files_are_those_of_the_manifest(void **state)
{
    (void)state;
    begin();
    assert_int_equal(truncate(QNN "/weights.bin", 4096), 0);
    refuses(QNN, "as the manifest says, found 4096; export it again");
    begin();
    bytes_of b = load(QNN, "weights.bin");
    b.data[b.n / 2] ^= 1;
    store(&b);
    refuses(QNN, "weights.bin: expected weights whose SHA-256 is ");
    begin();
    shell("cp '" OTHER_QNN "/model.gguf' '" QNN "/model.gguf'");
    refuses(QNN, "expected a program of dream, as its model is, found one of sdar");
    begin();
    shell("head -c 100 /dev/urandom >'" QNN "/model.gguf'");
    refuses(QNN, "model.gguf: ");
}

/* ---- what is said ----------------------------------------------------------------------------
 */

/* A vocabulary does not know its file: the model's name is put before it. */
static void a_damaged_vocabulary_names_its_file(void **state)
{
    (void)state;
    dlx_model *m;
    dlx_error err;
    const dlx_export_opts opts = {.size = sizeof opts, .backend = "qnn"};
    begin();
    shell("rm -rf '" QNN "'");
    assert_ok(dlx_model_open(&m, DLX_SOURCE_DIR "/models/records", NULL, &err), &err);
    assert_ok(dlx_export(m, QNN, &opts, NULL, &err), &err);
    dlx_model_free(m);
    bytes_of b = load(QNN, "model.gguf");
    uint8_t *merges = find(&b, "tokenizer.ggml.merges", "merges");
    merges[6 + 4 + 4 + 8 + 8] = 1; /* the list's types, its number, the first one's length */
    store(&b);
    assert_int_equal(dlx_model_open(&m, QNN, NULL, &err), DLX_E_FORMAT);
    assert_says(&err, QNN ": model.gguf: merge 0 needs the token");
    refuses(QNN, "model.gguf: merge 0 needs the token");
}

/* A package is one by what is in it, whatever it is called and wherever one stands. */
static void a_package_needs_no_ending(void **state)
{
    (void)state;
    char back[4096];
    dlx_model *m;
    dlx_session *s;
    dlx_error err[3];
    begin();
    shell("rm -rf '" DLX_TMP_DIR "/refused-out' && cp -r '" COREML "' '" DLX_TMP_DIR
          "/refused-out'");
    assert_non_null(getcwd(back, sizeof back));
    assert_int_equal(chdir(COREML), 0);
    static const char *const paths[] = {COREML "/", DLX_TMP_DIR "/refused-out", "."};
    for (size_t i = 0; i < 3; i++) {
        assert_true(dlx_is_program(paths[i]));
        assert_ok(dlx_model_open(&m, paths[i], NULL, &err[i]), &err[i]);
        assert_int_equal(dlx_session_open(&s, m, NULL, &err[i]) == DLX_OK, false);
        assert_string_equal(err[i].text, err[0].text);
        dlx_model_free(m);
    }
    assert_int_equal(chdir(back), 0);
    assert_int_equal(unlink(COREML "/Manifest.json"), 0);
    refuses(COREML, "a folder with Manifest.json in it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_pass),
        cmocka_unit_test(operations_and_metadata_are_held_to_the_model),
        cmocka_unit_test(results_are_inferred),
        cmocka_unit_test(parts_belong_together),
        cmocka_unit_test(no_link_and_no_pipe),
        cmocka_unit_test(manifests_are_held_to_the_model),
        cmocka_unit_test(files_are_those_of_the_manifest),
        cmocka_unit_test(a_damaged_vocabulary_names_its_file),
        cmocka_unit_test(a_package_needs_no_ending),
    };
    return cmocka_run_group_tests(tests, write_all, NULL);
}
