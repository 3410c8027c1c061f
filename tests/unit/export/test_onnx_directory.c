/* test_onnx_directory.c - manifests of folders of qnn: what is read, and every refusal by its
 * sentence. */
#include "unit.h"

#include "export/onnx_directory.h"
#include "failing_mem.h"

#include <stdio.h>

#define SHA "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char text[] =
    "{\"format\": 1, \"family\": \"sdar\", \"profile\": \"f32\","
    " \"soc\": {\"name\": \"SM8650\", \"id\": 57, \"arch\": \"v75\"}, \"n_ctx\": 64,"
    " \"block_length\": 4, \"cache\": \"io\", \"n_ids\": 250, \"never_id\": 249, \"unseen\": "
    "-10000,"
    " \"functions\": ["
    "{\"name\": \"denoise\", \"file\": \"denoise.onnx\", \"rows\": 4, \"past\": 64, \"head_rows\": "
    "4,"
    " \"inputs\": [{\"name\": \"input_ids\", \"type\": \"int32\", \"shape\": [1, 4]}],"
    " \"outputs\": [{\"name\": \"output_hidden\", \"type\": \"float32\", \"shape\": [1, 4, 96]}],"
    " \"contexts\": [{\"soc\": \"SM8650\", \"file\": \"denoise_SM8650_ctx.onnx\"}]},"
    "{\"name\": \"logits\", \"file\": \"logits.onnx\", \"rows\": 0, \"past\": 0, \"head_rows\": 2,"
    " \"inputs\": [], \"outputs\": [], \"contexts\": []}],"
    " \"weights\": {\"file\": \"weights.bin\", \"bytes\": 4096, \"sha256\": \"" SHA "\"},"
    " \"model\": \"model.gguf\"}";

static void all_of_it_is_read(void **state)
{
    (void)state;
    dlx__onnx_directory d;
    dlx_error err;
    assert_ok(dlx__onnx_directory_parse(&d, text, sizeof text - 1, "m", NULL, &err), &err);
    assert_string_equal(d.family, "sdar");
    assert_string_equal(d.profile, "f32");
    assert_string_equal(d.soc, "SM8650");
    assert_string_equal(d.weights, "weights.bin");
    assert_string_equal(d.model, "model.gguf");
    assert_string_equal(d.sha256, SHA);
    assert_true(d.keeps && d.n_ctx == 64 && d.n_ids == 250 && d.never_id == 249);
    assert_true(d.unseen == -10000.0f && d.n_weight_bytes == 4096 && d.n_entries == 2);
    const dlx__onnx_entry *e = dlx__onnx_directory_find(&d, "denoise");
    assert_true(e->n_rows == 4 && e->n_past == 64 && e->n_head_rows == 4 && e->n_contexts == 1);
    assert_string_equal(e->contexts[0].file, "denoise_SM8650_ctx.onnx");
    assert_int_equal(e->inputs[0].type, DLX__ONNX_INT32);
    assert_int_equal(e->outputs[0].dims[2], 96);
    assert_null(dlx__onnx_directory_find(&d, "prefill"));
    dlx__onnx_directory_release(&d);
}

/* The text with something else in the place of something. */
static const char *changed(const char *from, const char *to)
{
    static char out[2 * sizeof text];
    const char *at = strstr(text, from);
    if (!at)
        fail_msg("no %s", from);
    snprintf(out, sizeof out, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    return out;
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"\"format\": 1", "\"format\": 2", "expected a manifest of format 1, found 2"},
        {"\"format\": 1", "\"format\": \"1\"", "\"format\""},
        {"\"family\": \"sdar\"", "\"family\": 7", "\"family\""},
        {"\"family\": \"sdar\"", "\"family\": \"\"", "a name of 1 to 63 plain characters"},
        {"\"sdar\"", "\"a b\"", "a name of 1 to 63 plain characters"},
        {"\"cache\": \"io\"", "\"cache\": \"state\"", "\"cache\" to be io or none"},
        {"\"cache\": \"io\"", "\"cache\": \"none\"", "\"past\" of denoise to be 0, found 64"},
        {"\"past\": 64", "\"past\": 63", "\"past\" of denoise to be the positions, found 63"},
        {"\"n_ctx\": 64", "\"n_ctx\": 0", "\"n_ctx\""},
        {"\"n_ctx\": 64", "\"n_ctx\": 1e30", "\"n_ctx\""},
        {"\"unseen\": -10000", "\"unseen\": 1", "\"unseen\""},
        {"\"never_id\": 249", "\"never_id\": -2", "\"never_id\""},
        {"\"soc\": {\"name\"", "\"soc\": {\"nome\"", "\"name\""},
        {"\"denoise.onnx\"", "\"../denoise.onnx\"", "a file of the directory itself"},
        {"\"denoise.onnx\"", "\"/tmp/denoise.onnx\"", "a file of the directory itself"},
        {"\"denoise.onnx\"", "\"a\\\\b.onnx\"", "a file of the directory itself"},
        {"\"denoise.onnx\"", "\"c:x.onnx\"", "a file of the directory itself"},
        {"\"denoise.onnx\"", "\"de\\u0000noise\"", "\"file\""},
        {"\"denoise_SM8650_ctx.onnx\"", "\"..\"", "a file of the directory itself"},
        {"\"weights.bin\"", "\"x/weights.bin\"", "a file of the directory itself"},
        {"\"model.gguf\"", "\".\"", "a file of the directory itself"},
        {"\"name\": \"logits\"", "\"name\": \"denoise\"", "found two called denoise"},
        {"\"head_rows\": 2", "\"head_rows\": 0", "\"head_rows\""},
        {"\"type\": \"int32\"", "\"type\": \"complex\"", "a type of numbers for \"input_ids\""},
        {"\"shape\": [1, 4]", "\"shape\": []", "\"input_ids\" to have 1 to 4 axes, found 0"},
        {"\"shape\": [1, 4]", "\"shape\": [1, 1, 1, 1, 4]", "1 to 4 axes, found 5"},
        {"\"shape\": [1, 4]", "\"shape\": [0, 4]", "entry 0 of \"shape\""},
        {"\"shape\": [1, 4]", "\"shape\": [1, 1e20]", "entry 1 of \"shape\""},
        {"\"shape\": [1, 4]", "\"shape\": [2e9, 2e9, 2e9]", "a shape that memory can hold"},
        {"\"bytes\": 4096", "\"bytes\": -1", "\"bytes\""},
        {"\"functions\": [", "\"functions\": 3, \"f\": [", "\"functions\" to be a list"},
        {"\"weights\": {", "\"weights\": 3, \"w\": {", "\"weights\" to be an object"},
        {"\"contexts\": []", "\"contexts\": [3]", "entry 0 of \"contexts\""},
        {"\"n_ids\": 250", "\"n_ids\": 250, \"n_ids\": 250", "n_ids"},
        {"\"n_ids\": 250,", "", "expected \"n_ids\", found no such field; write the folder again"},
        {"\"rows\": 4,", "", "expected \"rows\", found no such field; write the folder again"},
        {"\"type\": \"int32\",", "", "expected \"type\", found no such field; write the folder"},
        {"\"soc\": \"SM8650\",", "", "expected \"soc\", found no such field; write the folder"},
        {"\"bytes\": 4096,", "", "expected \"bytes\", found no such field; write the folder again"},
        {SHA, "", "\"sha256\" to be 64 hexadecimal digits"},
        {SHA, SHA "0", "\"sha256\" to be 64 hexadecimal digits"},
        {"\"01234", "\"0123g", "\"sha256\" to be 64 hexadecimal digits"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *wrong = changed(cases[i][0], cases[i][1]);
        dlx__onnx_directory d;
        dlx_error err = {.text = ""};
        assert_true(dlx__onnx_directory_parse(&d, wrong, strlen(wrong), "m", NULL, &err) != DLX_OK);
        if (!strstr(err.text, cases[i][2]))
            fail_msg("%s: expected '%s', found '%s'", cases[i][1], cases[i][2], err.text);
    }
}

static void no_part_of_it_is_enough(void **state)
{
    (void)state;
    dlx__onnx_directory d;
    dlx_error err;
    for (size_t n = 0; n < sizeof text - 1; n++)
        assert_true(dlx__onnx_directory_parse(&d, text, n, "m", NULL, &err) != DLX_OK);
}

static void no_memory(void **state)
{
    (void)state;
    dlx__onnx_directory d;
    dlx_error err;
    failing_mem f;
    size_t n_calls = 1;
    for (size_t at = 0; at <= n_calls; at++) {
        failing_mem_init(&f, at);
        const dlx_result r =
            dlx__onnx_directory_parse(&d, text, sizeof text - 1, "m", &f.mem, &err);
        assert_int_equal(r, at ? DLX_E_NOMEM : DLX_OK);
        if (!at) {
            n_calls = f.n_calls;
            dlx__onnx_directory_release(&d);
        }
        assert_int_equal(f.n_alive, 0);
    }
}

/* "No" for want of memory would send the folder to whoever reads other folders. */
static void looking_fails_without_memory(void **state)
{
    (void)state;
    failing_mem f;
    dlx_error err = {.text = ""};
    bool is = true;
    failing_mem_init(&f, 1);
    assert_int_equal(dlx__onnx_directory_looks_like(&is, DLX_TMP_DIR, &f.mem, &err), DLX_E_NOMEM);
    assert_false(is);
    assert_says(&err, "out of memory");
    assert_ok(dlx__onnx_directory_looks_like(&is, DLX_TMP_DIR, NULL, &err), &err);
    assert_false(is);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_it_is_read), cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(no_part_of_it_is_enough), cmocka_unit_test(no_memory),
        cmocka_unit_test(looking_fails_without_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
