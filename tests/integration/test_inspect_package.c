// labels: integration export
/*
 * test_inspect_package.c - what is told of a Core ML package, through the public interface and by
 * the command.
 */
#define _GNU_SOURCE /* memmem */
#include "support.h"

#include "unit/export/mlpackage_sample.h"

#include <dlx/tools.h>
#include <jansson.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const char manifest[] =
    "{\"fileFormatVersion\": \"1.0.0\", \"rootModelIdentifier\": \"A\", \"itemInfoEntries\": {"
    "\"A\": {\"path\": \"c/model.mlmodel\", \"name\": \"n\", \"author\": \"a\", \"description\": "
    "\"\"},"
    "\"B\": {\"path\": \"c/weights\", \"name\": \"n\", \"author\": \"a\", \"description\": \"\"}}}";

static void put_file(const char *root, const char *path, const void *bytes, size_t n)
{
    char full[4096];
    snprintf(full, sizeof full, "%s/%s", root, path);
    FILE *file = fopen(full, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

/* The sample with this fault as a folder; its path lives until the next call. */
static const char *write_package(package_fault fault)
{
    static char root[2048];
    static const char *const folders[] = {"", "/Data", "/Data/c", "/Data/c/weights"};
    package p;
    snprintf(root, sizeof root, "%s/told.mlpackage", DLX_TMP_DIR);
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        char folder[4096];
        snprintf(folder, sizeof folder, "%s%s", root, folders[i]);
        (void)mkdir(folder, 0777);
    }
    package_build(&p, fault);
    const dlx__mlpackage_parts parts = package_parts(&p);
    put_file(root, "Manifest.json", manifest, sizeof manifest - 1);
    put_file(root, "Data/c/model.mlmodel", parts.model, parts.n_model);
    put_file(root, "Data/c/weights/weight.bin", parts.weights, parts.n_weights);
    package_release(&p);
    return root;
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static json_int_t int_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void the_report_tells_functions_and_weights(void **state)
{
    (void)state;
    char *text;
    dlx_error err;
    const char *path = write_package(WELL);
    assert_true(dlx_is_program(path));
    assert_ok(dlx_inspect_program(path, NULL, &text, &err), &err);
    json_t *report = json_loads(text, 0, NULL);
    dlx_free(NULL, text);
    assert_string_equal(text_of(report, "format"), "mlpackage");
    assert_string_equal(text_of(report, "model"), "mlProgram");
    assert_int_equal(int_of(report, "specification"), 9);
    assert_string_equal(text_of(report, "default_function"), "f");
    json_t *g = json_array_get(json_object_get(report, "methods"), 1);
    assert_string_equal(text_of(g, "name"), "g");
    assert_string_equal(text_of(g, "opset"), "CoreML8");
    json_t *s = json_array_get(json_object_get(g, "state"), 0);
    assert_string_equal(text_of(s, "kind"), "state");
    assert_string_equal(text_of(s, "type"), "f16");
    assert_int_equal(json_integer_value(json_array_get(json_object_get(s, "shape"), 2)), 64);
    json_t *weights = json_object_get(report, "weights");
    assert_int_equal(int_of(weights, "records"), 4);
    assert_int_equal(int_of(weights, "shared"), 3);
    assert_int_equal(int_of(json_array_get(json_object_get(weights, "types"), 1), "bytes"),
                     256 + 128);
    assert_string_equal(text_of(json_object_get(report, "metadata"), "mask_id"), "5");
    json_int_t sum = 0;
    const char *key;
    json_t *size;
    json_object_foreach(json_object_get(report, "sizes"), key, size) sum +=
        json_integer_value(size);
    assert_int_equal(sum, int_of(report, "file_bytes"));
    json_decref(report);

    const dlx_program_opts opts = {.size = sizeof opts, .data_path = "x.ptd"};
    assert_int_equal(dlx_inspect_program(path, &opts, &text, &err), DLX_E_ARG);
    assert_says(&err, "a Core ML package has neither named data nor a .ptd file");
}

/* What a file says of itself may not turn the text beside it around. */
static void nothing_it_says_steers_a_terminal(void **state)
{
    (void)state;
    char *text;
    package p;
    dlx_error err;
    const char *root = write_package(WELL);
    package_build(&p, WELL);
    const dlx__mlpackage_parts parts = package_parts(&p);
    char *at = memmem(parts.model, parts.n_model, "somebody", 8);
    assert_non_null(at);
    memcpy(at, "s\xE2\x80\xAE\xC2\x9Bxy", 8);
    put_file(root, "Data/c/model.mlmodel", parts.model, parts.n_model);
    package_release(&p);
    assert_ok(dlx_inspect_program(root, NULL, &text, &err), &err);
    assert_non_null(strstr(text, "s\xEF\xBF\xBD\xEF\xBF\xBDxy"));
    dlx_free(NULL, text);
}

static void assert_prints(const char *words, int code, const char *part)
{
    char line[8192], out[16384];
    const char *to = support_tmp("inspect-package.out");
    snprintf(line, sizeof line, "'%s' %s >'%s' 2>&1", DLX_BINARY, words, to);
    const int status = system(line);
    FILE *file = fopen(to, "rb");
    assert_non_null(file);
    out[fread(out, 1, sizeof out - 1, file)] = '\0';
    fclose(file);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) != code || !strstr(out, part))
        fail_msg("dlx %s: expected %d and '%s', found %d and: %s", words, code, part,
                 WEXITSTATUS(status), out);
}

static void the_command_tells_people_and_names_faults(void **state)
{
    (void)state;
    char words[4096], part[4096];
    if (!*DLX_BINARY)
        skip();
    const char *path = write_package(WELL);
    snprintf(words, sizeof words, "inspect '%s/'", path);
    assert_prints(words, 0, "g (CoreML8, operations 6)");
    assert_prints(words, 0, "state        f16    [1, 4, 64]  s");
    assert_prints(words, 0, "1 x constexpr_blockwise_shift_scale");
    assert_prints(words, 0, "i4                            2  bytes 2050");
    assert_prints(words, 0, "mask_id                  \"5\"");
    assert_prints(words, 0, "  c/model.mlmodel");
    snprintf(words, sizeof words, "inspect '%s' --json", path);
    assert_prints(words, 0, "\"types\": [{\"type\": \"i4\", \"records\": 2, \"bytes\": 2050}");
    snprintf(words, sizeof words, "inspect '%s' --plan", path);
    assert_prints(words, 1, "--plan and --graph are for models");
    snprintf(words, sizeof words, "inspect '%s' --tensors", path);
    assert_prints(words, 1, "a Core ML package has neither named data nor a .ptd file");
    path = write_package(BLOB_SENTINEL);
    snprintf(words, sizeof words, "inspect '%s'", path);
    assert_prints(words, 1,
                  "Data/c/model.mlmodel: function f, constexpr_blockwise_shift_scale of w: "
                  "expected the sentinel 0xdeadbeef");
    snprintf(part, sizeof part, "%s/Manifest.json", path);
    assert_int_equal(remove(part), 0);
    assert_prints(words, 1, "a folder with Manifest.json in it");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_report_tells_functions_and_weights),
        cmocka_unit_test(nothing_it_says_steers_a_terminal),
        cmocka_unit_test(the_command_tells_people_and_names_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
