// labels: quick
/* test_gguf_real.c - the vocabulary files that llama.cpp ships open, and hold tokens and merges. */
#include "base/buf.h"
#include "format/gguf.h"
#include "real_data.h"
#include "unit.h"

#include <stdio.h>

typedef struct visit {
    const char *dir;
    int n;
} visit;

static bool open_one(void *user, const char *name)
{
    visit *v = user;
    size_t len = strlen(name);
    if (len < 5 || strcmp(name + len - 5, ".gguf") != 0)
        return true;
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", v->dir, name);
    dlx__gguf g;
    dlx_error err;
    assert_ok(dlx__gguf_open(&g, path, NULL, &err), &err);
    dlx__gguf_string model;
    assert_ok(dlx__gguf_text(&g, "tokenizer.ggml.model", &model, &err), &err);
    const dlx__gguf_kv *tokens = dlx__gguf_find(&g, "tokenizer.ggml.tokens");
    const dlx__gguf_kv *types = dlx__gguf_find(&g, "tokenizer.ggml.token_type");
    assert_non_null(tokens);
    assert_non_null(types);
    assert_true(tokens->is_array && tokens->type == DLX__GGUF_STRING && tokens->n > 1000);
    assert_int_equal(types->n, tokens->n);
    for (size_t i = 0; i < types->n; i++)
        assert_in_range(dlx__gguf_array_int(types, i), 0, 6);
    assert_int_equal(g.weights.n, 0);
    dlx__gguf_release(&g);
    v->n++;
    return true;
}

static void vocabularies_open(void **state)
{
    (void)state;
    visit v = {.dir = data_file("tokenizers/gguf")};
    dlx_error err;
    assert_ok(dlx__os_list_dir(v.dir, open_one, &v, NULL, &err), &err);
    assert_true(v.n > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(vocabularies_open)};
    return data_status(cmocka_run_group_tests(tests, NULL, NULL));
}
