/*
 * test_onnx_manifest_read.c - manifests that are wrong in one place, each with its sentence; and
 * one that is not. labels: quick
 */
#include "unit.h"

#include "export/onnx_manifest_read.h"

#include <stdio.h>
#include <stdlib.h>

static const char whole[] =
    "{\"format\": 1, \"family\": \"sdar\", \"profile\": \"f32\", \"soc\": null, \"n_ctx\": 64,"
    " \"block_length\": 4, \"cache\": \"io\", \"n_ids\": 320, \"never_id\": 305, \"unseen\": "
    "-10000,"
    " \"functions\": ["
    "{\"name\": \"denoise\", \"file\": \"denoise.onnx\", \"rows\": 4, \"past\": 64, \"head_rows\": "
    "3},"
    "{\"name\": \"logits\", \"file\": \"logits.onnx\", \"rows\": 0, \"past\": 0, \"head_rows\": "
    "4}]}";

/* The manifest with the first `from` replaced. */
static char *changed(const char *from, const char *to)
{
    const char *at = strstr(whole, from);
    if (!at)
        fail_msg("nothing to change: %s", from);
    const size_t before = (size_t)(at - whole);
    char *text = malloc(sizeof whole + strlen(to));
    assert_non_null(text);
    memcpy(text, whole, before);
    strcpy(text + before, to);
    strcat(text, at + strlen(from));
    return text;
}

static void what_is_whole_is_read(void **state)
{
    (void)state;
    dlx__onnx_seen seen;
    dlx_error err;
    assert_ok(dlx__onnx_manifest_parse(&seen, whole, sizeof whole - 1, "m.json", &err), &err);
    assert_string_equal(seen.profile, "f32");
    assert_true(seen.has_past);
    assert_int_equal(seen.n_ctx, 64);
    assert_int_equal(seen.n_ids, 320);
    assert_int_equal(seen.never_id, 305);
    assert_int_equal(seen.n, 2);
    assert_int_equal(seen.logits, 1);
    assert_string_equal(seen.functions[0].file, "denoise.onnx");
    assert_int_equal(seen.functions[0].n_head_rows, 3);
}

static void what_is_wrong_has_its_sentence(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to, *says;
    } ways[] = {
        {"\"format\": 1", "\"format\": 2", "format"},
        {"\"format\": 1, ", "", "format"},
        {"\"io\"", "\"state\"", "cache: expected none or io, found state"},
        {"\"cache\": \"io\"", "\"cache\": 7", "cache"},
        {"\"io\"", "\"none\"", "function denoise: expected 0 kept positions, found 64"},
        {"\"n_ctx\": 64", "\"n_ctx\": 0", "n_ctx"},
        {"\"n_ctx\": 64", "\"n_ctx\": 1e18", "n_ctx"},
        {"\"n_ctx\": 64", "\"n_ctx\": 128", "expected 128 kept positions, found 64"},
        {"\"n_ids\": 320", "\"n_ids\": -1", "n_ids"},
        {"\"never_id\": 305", "\"never_id\": 1e300", "never_id"},
        {"\"rows\": 4", "\"rows\": 65", "rows"},
        {"\"head_rows\": 3", "\"head_rows\": 5",
         "a head of no more rows than the pass, found 5 of 4"},
        {"\"head_rows\": 4", "\"head_rows\": 0", "function logits: expected a head"},
        {"\"rows\": 0", "\"rows\": 1", "a head of no more rows than the pass, found 4 of 1"},
        {"\"rows\": 0", "\"rows\": 4", "function logits: expected 64 kept positions, found 0"},
        {"\"denoise.onnx\"", "\"../denoise.onnx\"",
         "file: expected the name of something in the folder"},
        {"\"denoise.onnx\"", "\"/etc/passwd\"",
         "file: expected the name of something in the folder"},
        {"\"denoise.onnx\"", "\".hidden\"", "file: expected the name of something in the folder"},
        {"\"denoise.onnx\"", "\"C:x\"", "file: expected the name of something in the folder"},
        {"\"denoise.onnx\"", "\"\"", "file: expected the name of something in the folder"},
        {"\"functions\": [", "\"functions\": [], \"other\": [", "functions: expected 1 to 64"},
        {"\"functions\": [", "\"functions\": [7, ", "name"},
        {"\"rows\": 0, \"past\": 0", "\"rows\": 4, \"past\": 64",
         "expected passes and one of the head alone, found not both"},
        {"{\"format\"", "[\"format\"", "m.json"},
        {"]}", "]", "m.json"},
    };
    for (size_t i = 0; i < DLX__LEN(ways); i++) {
        dlx__onnx_seen seen;
        dlx_error err = {.text = ""};
        char *text = changed(ways[i].from, ways[i].to);
        if (dlx__onnx_manifest_parse(&seen, text, strlen(text), "m.json", &err) == DLX_OK)
            fail_msg("expected \"%s\", but it was accepted", ways[i].says);
        assert_says(&err, "m.json");
        assert_says(&err, ways[i].says);
        free(text);
    }
}

static void folders_are_told_apart(void **state)
{
    (void)state;
    dlx__onnx_seen seen;
    dlx_error err;
    assert_false(dlx__onnx_looks_like("/nowhere"));
    assert_false(dlx__onnx_looks_like(DLX_TMP_DIR));
    assert_int_equal(dlx__onnx_manifest_read(&seen, "/nowhere", NULL, &err), DLX_E_IO);
    assert_says(&err, "/nowhere/qnn_manifest.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_whole_is_read),
        cmocka_unit_test(what_is_wrong_has_its_sentence),
        cmocka_unit_test(folders_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
