// labels: quick
/* test_checkpoint.c - directories and files as models: what opens, and what each refusal says. */
#include "base/buf.h"
#include "base/mem.h"
#include "failing_mem.h"
#include "format/checkpoint.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define HOME DLX_TMP_DIR "/test_checkpoint"
#define GOLDEN DLX_TESTS_DIR "/golden/"
#define INDEX "model.safetensors.index.json"

static bool remove_entry(void *user, const char *name)
{
    char path[1024];
    (void)user;
    snprintf(path, sizeof path, HOME "/%s", name);
    dlx__os_remove(path);
    return true;
}

/* An empty directory HOME. */
static int fresh(void **state)
{
    (void)state;
#if defined(_WIN32)
    mkdir(HOME);
#else
    mkdir(HOME, 0777);
#endif
    return dlx__os_list_dir(HOME, remove_entry, NULL, NULL, NULL) == DLX_OK ? 0 : -1;
}

static void write_bytes(const char *name, const void *bytes, size_t n)
{
    char path[1024];
    snprintf(path, sizeof path, HOME "/%s", name);
    dlx__writer *w;
    dlx_error err;
    assert_ok(dlx__writer_open(&w, path, NULL, &err), &err);
    assert_ok(dlx__writer_write(w, bytes, n, &err), &err);
    assert_ok(dlx__writer_commit(w, &err), &err);
}

static void write_text(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text));
}

/* A shard that holds the named vectors of two floats. */
static void write_shard(const char *file, const char *first, const char *second)
{
    static const float x[2] = {1.5f, -2.0f};
    const dlx__tensor tensors[] = {{first, DLX__F32, 1, {2}, sizeof x, x},
                                   {second, DLX__F32, 1, {2}, sizeof x, x}};
    char path[1024];
    dlx_error err;
    snprintf(path, sizeof path, HOME "/%s", file);
    assert_ok(dlx__safetensors_write(path, tensors, second ? 2 : 1, NULL, &err), &err);
}

static void write_index(const char *map)
{
    char text[1024];
    snprintf(text, sizeof text, "{\"metadata\": {}, \"weight_map\": {%s}}", map);
    write_text(INDEX, text);
}

static void refuse(const char *path, dlx__checkpoint_need need, dlx_result code, const char *words)
{
    dlx__checkpoint c;
    dlx_error err = {.text = ""};
    assert_int_equal(dlx__checkpoint_open(&c, path, need, NULL, &err), code);
    assert_says(&err, words);
}

static void golden_directories_open(void **state)
{
    (void)state;
    static const char *const names[] = {"llada-tiny", "llada-gqa-sharded", "dream-bf16-sharded/",
                                        "sdar-tiny-b4-bf16"};
    for (size_t i = 0; i < DLX__LEN(names); i++) {
        char path[1024];
        snprintf(path, sizeof path, GOLDEN "%s", names[i]);
        if (dlx__os_path_kind(path) != DLX__PATH_DIR) {
            print_message("skipped: no %s\n", path);
            skip();
        }
        dlx__checkpoint c;
        dlx_error err;
        assert_ok(dlx__checkpoint_open(&c, path, DLX__NEED_WEIGHTS, NULL, &err), &err);
        assert_int_equal(c.kind, DLX__CHECKPOINT_HF);
        assert_true(json_is_object(c.config));
        assert_true(c.path[strlen(c.path) - 1] != '/');
        const dlx__weights *w = dlx__checkpoint_weights(&c);
        assert_true(w->n > 5 && w->shapes_known);
        assert_true(w->n_maps == (strstr(names[i], "sharded") ? 2u : 1u));
        for (size_t t = 0; t < w->n; t++) {
            assert_non_null(w->tensors[t].data);
            assert_int_equal(dlx__weights_find(w, w->tensors[t].name), t);
        }
        dlx__checkpoint_release(&c);
    }
}

static void shards_follow_the_index(void **state)
{
    (void)state;
    write_text("config.json", "{}");
    write_shard("one.safetensors", "a", "b");
    write_shard("two.safetensors", "c", NULL);
    write_index(
        "\"c\": \"two.safetensors\", \"a\": \"one.safetensors\", \"b\": \"one.safetensors\"");
    dlx__checkpoint c;
    dlx_error err;
    assert_ok(dlx__checkpoint_open(&c, HOME "/", DLX__NEED_WEIGHTS, NULL, &err), &err);
    assert_int_equal(c.hf_weights.n, 3);
    assert_int_equal(c.hf_weights.n_maps, 2);
    assert_string_equal(c.hf_weights.files[2], HOME "/two.safetensors");
    dlx__checkpoint_release(&c);
    assert_ok(dlx__checkpoint_open(&c, HOME, DLX__NEED_NAMES, NULL, &err), &err);
    assert_true(c.hf_weights.shapes_known);
    dlx__checkpoint_release(&c);
}

static void an_index_without_shards_gives_names(void **state)
{
    (void)state;
    write_text("config.json", "{}");
    write_shard("one.safetensors", "a", NULL);
    write_index("\"b\": \"two.safetensors\", \"a\": \"one.safetensors\"");
    dlx__checkpoint c;
    dlx_error err;
    assert_ok(dlx__checkpoint_open(&c, HOME, DLX__NEED_NAMES, NULL, &err), &err);
    assert_int_equal(c.hf_weights.n, 2);
    assert_false(c.hf_weights.shapes_known);
    assert_null(c.hf_weights.tensors[0].data);
    dlx__checkpoint_release(&c);
    refuse(HOME, DLX__NEED_WEIGHTS, DLX_E_IO,
           HOME "/two.safetensors: expected this file because " INDEX " names it");
}

static void a_lying_index_is_refused(void **state)
{
    (void)state;
    write_text("config.json", "{}");
    write_shard("one.safetensors", "a", "b");
    write_shard("two.safetensors", "c", NULL);
    write_index(
        "\"a\": \"two.safetensors\", \"c\": \"two.safetensors\", \"b\": \"one.safetensors\"");
    refuse(HOME, DLX__NEED_WEIGHTS, DLX_E_MISMATCH, "tensor a in " HOME "/two.safetensors");
    write_index("\"x\": \"two.safetensors\"");
    refuse(HOME, DLX__NEED_WEIGHTS, DLX_E_MISMATCH, "found it nowhere");
    write_shard("two.safetensors", "a", NULL);
    write_index("\"a\": \"one.safetensors\", \"b\": \"two.safetensors\"");
    refuse(HOME, DLX__NEED_WEIGHTS, DLX_E_FORMAT, "tensor a occurs twice");
    static const char *const escapes[] = {"../x",   "/etc/passwd", "a/b", "..",
                                          "a\\\\b", "C:x",         "",    "."};
    for (size_t i = 0; i < DLX__LEN(escapes); i++) {
        char map[100];
        snprintf(map, sizeof map, "\"a\": \"%s\"", escapes[i]);
        write_index(map);
        refuse(HOME, DLX__NEED_NAMES, DLX_E_FORMAT, "in the same directory");
    }
    write_index("\"a\": 7");
    refuse(HOME, DLX__NEED_WEIGHTS, DLX_E_FORMAT, "in the same directory");
    write_index("");
    refuse(HOME, DLX__NEED_WEIGHTS, DLX_E_FORMAT, "weight_map");
}

static void directories_without_weights(void **state)
{
    (void)state;
    write_text("config.json", "{}");
    refuse(HOME, DLX__NEED_WEIGHTS, DLX_E_IO, "no model.safetensors or " INDEX " in " HOME ": ");
    write_text("pytorch_model.bin", "x");
    refuse(HOME, DLX__NEED_WEIGHTS, DLX_E_IO, "PyTorch weights only");
    dlx__checkpoint c;
    dlx_error err;
    assert_ok(dlx__checkpoint_open(&c, HOME, DLX__NEED_NAMES, NULL, &err), &err);
    assert_int_equal(dlx__checkpoint_weights(&c)->n, 0);
    dlx__checkpoint_release(&c);
}

static void small_files_are_optional_but_must_be_right(void **state)
{
    (void)state;
    refuse(HOME, DLX__NEED_NOTHING, DLX_E_IO, "expected config.json or tokenizer.json");
    write_text("model-q8.gguf", "x");
    refuse(HOME, DLX__NEED_WEIGHTS, DLX_E_IO, "found model-q8.gguf; name the .gguf file itself");
    write_text("tokenizer.json", "{}");
    write_text("tokenizer_config.json", "{\"model_max_length\": 1000000000000000019884624838656}");
    write_text("added_tokens.json", "{\"<x>\": 5}");
    dlx__checkpoint c;
    dlx_error err;
    assert_ok(dlx__checkpoint_open(&c, HOME, DLX__NEED_NOTHING, NULL, &err), &err);
    assert_null(c.config);
    assert_null(c.generation);
    assert_non_null(c.tokenizer_config);
    assert_non_null(c.added_tokens);
    char *path = dlx__checkpoint_file(&c, "tokenizer.json");
    assert_string_equal(path, HOME "/tokenizer.json");
    dlx__free(NULL, path);
    dlx__checkpoint_release(&c);
    refuse(HOME, DLX__NEED_WEIGHTS, DLX_E_IO, "expected config.json");
    write_text("config.json", "[]");
    refuse(HOME, DLX__NEED_NOTHING, DLX_E_FORMAT, "config.json: expected an object");
    write_text("config.json", "{");
    refuse(HOME, DLX__NEED_NOTHING, DLX_E_FORMAT, "config.json: line 1");
}

static void write_gguf(uint32_t n_parts, bool tensor)
{
    dlx__gguf_writer *w;
    dlx_error err;
    static const float x[2] = {1, 2};
    const dlx__tensor t = {"w", DLX__F32, 1, {2}, sizeof x, x};
    assert_ok(dlx__gguf_writer_open(&w, HOME "/m.gguf", NULL, &err), &err);
    if (n_parts)
        assert_int_equal(dlx__gguf_put_u32(w, "split.count", n_parts), DLX_OK);
    if (tensor)
        assert_int_equal(dlx__gguf_add_tensor(w, &t), DLX_OK);
    assert_ok(dlx__gguf_begin_data(w, &err), &err);
    if (tensor)
        assert_ok(dlx__gguf_write_tensor(w, x, sizeof x, &err), &err);
    assert_ok(dlx__gguf_writer_commit(w, &err), &err);
}

static void gguf_files_open(void **state)
{
    (void)state;
    dlx__checkpoint c;
    dlx_error err;
    write_gguf(1, true);
    assert_ok(dlx__checkpoint_open(&c, HOME "/m.gguf", DLX__NEED_WEIGHTS, NULL, &err), &err);
    assert_int_equal(c.kind, DLX__CHECKPOINT_GGUF);
    assert_int_equal(dlx__checkpoint_weights(&c)->n, 1);
    dlx__checkpoint_release(&c);
    write_gguf(3, true);
    refuse(HOME "/m.gguf", DLX__NEED_NAMES, DLX_E_UNSUPPORTED, "one of 3 parts");
    write_gguf(0, false);
    refuse(HOME "/m.gguf", DLX__NEED_WEIGHTS, DLX_E_FORMAT, "a vocabulary only");
    assert_ok(dlx__checkpoint_open(&c, HOME "/m.gguf", DLX__NEED_NOTHING, NULL, &err), &err);
    dlx__checkpoint_release(&c);
}

static void other_files_are_named(void **state)
{
    (void)state;
    write_bytes("x", "PK\3\4....", 8);
    refuse(HOME "/x", DLX__NEED_WEIGHTS, DLX_E_FORMAT, "a zip archive");
    write_bytes("x", "\10\0\0\0ET12", 8);
    refuse(HOME "/x", DLX__NEED_WEIGHTS, DLX_E_FORMAT, "an ExecuTorch program");
    write_bytes("x", "\2\0\0\0\0\0\0\0{}", 10);
    refuse(HOME "/x", DLX__NEED_WEIGHTS, DLX_E_FORMAT, "a safetensors file");
    write_text("x", "{\"model_type\": 1}");
    refuse(HOME "/x", DLX__NEED_WEIGHTS, DLX_E_FORMAT, "a JSON file");
    write_text("x", "");
    refuse(HOME "/x", DLX__NEED_WEIGHTS, DLX_E_FORMAT, "an empty file");
    write_text("x", "hello");
    refuse(HOME "/x", DLX__NEED_WEIGHTS, DLX_E_FORMAT, "found something else");
    refuse(HOME "/absent", DLX__NEED_WEIGHTS, DLX_E_IO, "there is no such file");
}

static void memory_may_run_out(void **state)
{
    (void)state;
    write_text("config.json", "{}");
    write_shard("one.safetensors", "a", "b");
    write_index("\"a\": \"one.safetensors\", \"b\": \"one.safetensors\"");
    bool finished = false;
    for (size_t at = 1; !finished && at < 200; at++) {
        failing_mem f;
        failing_mem_init(&f, at);
        dlx__checkpoint c;
        dlx_error err;
        dlx_result r = dlx__checkpoint_open(&c, HOME, DLX__NEED_WEIGHTS, &f.mem, &err);
        assert_true(r == DLX_OK || r == DLX_E_NOMEM);
        if (r == DLX_OK)
            dlx__checkpoint_release(&c);
        assert_int_equal(f.n_alive, 0);
        finished = r == DLX_OK;
    }
    assert_true(finished);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_directories_open),
        cmocka_unit_test_setup(shards_follow_the_index, fresh),
        cmocka_unit_test_setup(an_index_without_shards_gives_names, fresh),
        cmocka_unit_test_setup(a_lying_index_is_refused, fresh),
        cmocka_unit_test_setup(directories_without_weights, fresh),
        cmocka_unit_test_setup(small_files_are_optional_but_must_be_right, fresh),
        cmocka_unit_test_setup(gguf_files_open, fresh),
        cmocka_unit_test_setup(other_files_are_named, fresh),
        cmocka_unit_test_setup(memory_may_run_out, fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
