/* text_support.h - what the tests of the text room share: files, directories, the real data. */
#ifndef TEXT_SUPPORT_H
#define TEXT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#if defined(_WIN32)
#include <direct.h>
#define make_one_dir(path) _mkdir(path)
#else
#define make_one_dir(path) mkdir(path, 0777)
#endif

#include "base/mem.h"
#include "base/os.h"
#include "real_data.h"
#include "text/tokenizer.h"

#define CHECK(call)                                                                                \
    do {                                                                                           \
        dlx_error check_err = {0};                                                                 \
        dlx_error *err = &check_err;                                                               \
        dlx_result check_r = (call);                                                               \
        if (check_r != DLX_OK)                                                                     \
            print_error("%s: %s\n", #call, err->text);                                             \
        assert_int_equal(check_r, DLX_OK);                                                         \
    } while (0)

/* The whole file, terminated, from the C library's memory. */
static inline char *read_all(const char *path, size_t *n)
{
    char *text = NULL;
    size_t len = 0;
    dlx_error err = {0};
    if (dlx__os_read_file(&text, &len, path, (size_t)1 << 30, NULL, &err) != DLX_OK)
        fail_msg("%s", err.text);
    if (n)
        *n = len;
    return text;
}

static inline void write_all(const char *path, const void *bytes, size_t n)
{
    dlx__writer *w = NULL;
    CHECK(dlx__writer_open(&w, path, NULL, err));
    CHECK(dlx__writer_write(w, bytes, n, err));
    CHECK(dlx__writer_commit(w, err));
}

static inline void write_text(const char *dir, const char *name, const char *text)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    write_all(path, text, strlen(text));
}

static inline void copy_data(const char *from, const char *dir, const char *name)
{
    size_t n = 0;
    char *text = read_all(data_file(from), &n);
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    write_all(path, text, n);
    dlx__free(NULL, text);
}

/* A directory of this test alone, in a buffer of the caller; files of an earlier run are removed.
 */
static inline bool drop_file(void *user, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", (const char *)user, name);
    remove(path);
    return true;
}

/* Tests run side by side: each has folders of its own, by the name of its file. */
static inline void name_dir(char path[512], const char *name)
{
    const char *file = strrchr(__BASE_FILE__, '/');
    snprintf(path, 512, "%s/%s-%s", DLX_TMP_DIR, file ? file + 1 : __BASE_FILE__, name);
}

static inline void make_dir(char path[512], const char *name)
{
    name_dir(path, name);
    make_one_dir(path);
    CHECK(dlx__os_list_dir(path, drop_file, path, NULL, err));
}

static inline dlx__tokenizer *open_dir(const char *dir)
{
    dlx__checkpoint c;
    CHECK(dlx__checkpoint_open(&c, dir, DLX__NEED_NOTHING, NULL, err));
    dlx__tokenizer *t = NULL;
    CHECK(dlx__tokenizer_open(&t, &c, err));
    dlx__checkpoint_release(&c);
    return t;
}

/* The Qwen vocabulary with the added tokens of a family ("sdar", "fast_dllm_v2"), as the older
 * layout of files. */
static inline dlx__tokenizer *open_qwen(const char *family)
{
    char dir[512];
    char from[256];
    char name[64];
    snprintf(name, sizeof name, "qwen-%s", family);
    data_file("tokenizers/qwen/vocab.json");
    make_dir(dir, name);
    copy_data("tokenizers/qwen/vocab.json", dir, "vocab.json");
    copy_data("tokenizers/qwen/merges.txt", dir, "merges.txt");
    snprintf(from, sizeof from, "tokenizers/%s/tokenizer_config.json", family);
    copy_data(from, dir, "tokenizer_config.json");
    snprintf(from, sizeof from, "tokenizers/%s/added_tokens.json", family);
    copy_data(from, dir, "added_tokens.json");
    return open_dir(dir);
}

/* Fails with both sequences when the ids of the text differ from the expected ones. */
static inline bool same_ids(const dlx__tokenizer *t, const char *text, size_t n, unsigned flags,
                            const dlx_token *want, size_t n_want)
{
    dlx__ids ids;
    dlx__ids_init(&ids, NULL);
    CHECK(dlx__tokenizer_encode(t, text, n, flags, &ids, err));
    bool same = ids.n == n_want && (n_want == 0 || !memcmp(ids.data, want, n_want * sizeof *want));
    if (!same) {
        print_error("'%.*s'\n  want", (int)(n < 200 ? n : 200), text);
        for (size_t i = 0; i < n_want && i < 64; i++)
            print_error(" %d", (int)want[i]);
        print_error("\n  have");
        for (size_t i = 0; i < ids.n && i < 64; i++)
            print_error(" %d", (int)ids.data[i]);
        print_error("\n");
    }
    dlx__ids_release(&ids);
    return same;
}

/* Numbers of a text, whatever stands between them. */
static inline size_t read_numbers(const char *text, size_t n, dlx_token *out, size_t max)
{
    size_t n_out = 0;
    for (size_t i = 0; i < n;) {
        if (text[i] < '0' || text[i] > '9') {
            i++;
            continue;
        }
        long value = 0;
        for (; i < n && text[i] >= '0' && text[i] <= '9'; i++)
            value = value * 10 + (text[i] - '0');
        assert_true(n_out < max);
        out[n_out++] = (dlx_token)value;
    }
    return n_out;
}

static inline size_t read_json_ids(const json_t *list, dlx_token *out, size_t max)
{
    size_t n = json_array_size(list);
    assert_true(n <= max);
    for (size_t i = 0; i < n; i++)
        out[i] = (dlx_token)json_integer_value(json_array_get(list, i));
    return n;
}

static inline json_t *load_json(const char *path)
{
    json_t *json = NULL;
    CHECK(dlx__json_load(&json, path, NULL, err));
    return json;
}

/* The order in which GPT-2 numbers the bytes: printable ones first. */
static inline json_t *byte_vocab(void)
{
    json_t *vocab = json_object();
    int id = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int b = 0; b < 256; b++) {
            bool printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
            if (printable != (pass == 0))
                continue;
            unsigned cp = printable ? (unsigned)b : 256u + (unsigned)(id - 188);
            char text[4] = {(char)cp};
            if (cp >= 0x80) {
                text[0] = (char)(0xC0 | cp >> 6);
                text[1] = (char)(0x80 | (cp & 0x3F));
            }
            json_object_set_new(vocab, text, json_integer(id++));
        }
    return vocab;
}

#endif
