// labels: quick
/*
 * Damaged models through the public interface: files cut at many lengths and files with flipped
 * bits. Opening them must fail with a sentence or give a model that works; whoever opens one may
 * also generate.
 */
#include "golden_gguf.h"
#include "support.h"

#include <dlx/tools.h>

enum { N_ROUGH = 60 };

typedef struct bytes {
    unsigned char *data;
    size_t n;
} bytes;

static bytes read_bytes(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("%s is not there", path);
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    bytes b = {.n = (size_t)ftell(f)};
    rewind(f);
    b.data = malloc(b.n);
    assert_non_null(b.data);
    assert_int_equal(fread(b.data, 1, b.n, f), b.n);
    fclose(f);
    return b;
}

static void write_bytes(const char *path, const unsigned char *data, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

/* A directory of its own with a copy of these files. */
typedef struct patient {
    char dir[2048];
    char path[2200]; /* of the file that is damaged */
    bytes healthy;
    size_t n_opened, n_refused;
    bool has_text_only;
} patient;

static void join(char *out, size_t room, const char *dir, const char *name)
{
    int n = snprintf(out, room, "%s/%s", dir, name);
    assert_true(n > 0 && (size_t)n < room);
}

static void patient_open(patient *p, const char *name, const char *from,
                         const char *const *companions, const char *damaged)
{
    memset(p, 0, sizeof *p);
    assert_true(strlen(support_tmp(name)) < sizeof p->dir);
    strcpy(p->dir, support_tmp(name));
    char command[2200], path[4200];
    snprintf(command, sizeof command, "mkdir -p '%s'", p->dir);
    assert_int_equal(system(command), 0);
    for (; *companions; companions++) {
        join(path, sizeof path, from, *companions);
        bytes b = read_bytes(path);
        join(p->path, sizeof p->path, p->dir, *companions);
        write_bytes(p->path, b.data, b.n);
        free(b.data);
    }
    join(path, sizeof path, from, damaged);
    p->healthy = read_bytes(path);
    join(p->path, sizeof p->path, p->dir, damaged);
}

/* The damaged file is left whole: other tests of a rerun begin with it. */
static void patient_close(patient *p)
{
    write_bytes(p->path, p->healthy.data, p->healthy.n);
    free(p->healthy.data);
    print_message("%s: %zu opened, %zu refused\n", p->path, p->n_opened, p->n_refused);
}

static void check_sentence(dlx_result r, const dlx_error *err)
{
    if (r >= 0 || err->code != r || strlen(err->text) < 15)
        fail_msg("result %d and \"%s\"", r, err->text);
}

/* A few tokens, as far as the options allow: failures are fine when they say why. */
static void use_model(const dlx_model *model)
{
    static const dlx_token prompt[] = {5, 9, 17};
    dlx_session_opts opts = {
        .size = sizeof opts, .n_ctx = 64, .n_threads = 1, .memory_limit = 1u << 28};
    dlx_session *session;
    dlx_error err = {.code = DLX_OK};
    dlx_result r = dlx_session_open(&session, model, &opts, &err);
    if (r != DLX_OK) {
        check_sentence(r, &err);
        return;
    }
    dlx_gen_opts gen;
    dlx_gen_init(model, &gen);
    gen.max_tokens = 4;
    r = dlx_generate(session, prompt, 3, &gen, NULL, &err);
    if (r != DLX_OK)
        check_sentence(r, &err);
    dlx_session_free(session);
}

static void use_text(const dlx_model *model)
{
    static const char text[] = "A  line\n of <|im_start|> 123 h\xC3\xA9llo's";
    dlx_error err = {.code = DLX_OK};
    dlx_token *ids;
    char *back;
    size_t n;
    dlx_result r = dlx_tokenize(model, text, strlen(text), false, &ids, &n, &err);
    if (r != DLX_OK) {
        check_sentence(r, &err);
        return;
    }
    r = dlx_detokenize(model, ids, n, true, &back, NULL, &err);
    if (r != DLX_OK)
        check_sentence(r, &err);
    dlx_free(model, ids);
    dlx_free(model, back);
    r = dlx_chat_render(model, "[{\"role\":\"user\",\"content\":\"Hi\"}]", NULL, true, &back, &err);
    if (r != DLX_OK)
        check_sentence(r, &err);
    dlx_free(model, back);
}

/* Opens what stands in the directory (or in the file itself); true when it opened. */
static bool try_open(patient *p, const char *path)
{
    dlx_model_opts opts = {.size = sizeof opts,
                           .load = p->has_text_only ? DLX_LOAD_TEXT : DLX_LOAD_ALL};
    dlx_model *model;
    dlx_error err = {.code = DLX_OK};
    dlx_result r = dlx_model_open(&model, path, &opts, &err);
    if (r != DLX_OK) {
        assert_null(model);
        check_sentence(r, &err);
        p->n_refused++;
        return false;
    }
    if (p->has_text_only)
        use_text(model);
    else
        use_model(model);
    dlx_model_free(model);
    p->n_opened++;
    return true;
}

static void flip_bytes(patient *p, const char *path, size_t from, size_t to, size_t step)
{
    static const unsigned char masks[] = {0x01, 0x10, 0x80};
    for (size_t at = from, turn = 0; at < to; at += step, turn++) {
        unsigned char healthy = p->healthy.data[at];
        p->healthy.data[at] ^= masks[turn % sizeof masks];
        write_bytes(p->path, p->healthy.data, p->healthy.n);
        (void)try_open(p, path);
        p->healthy.data[at] = healthy;
    }
}

/* No part of the file is a model: not the first `fine` lengths, nor any later one. */
static void cut_file(patient *p, const char *path, size_t fine, size_t step)
{
    size_t n = p->healthy.n;
    for (size_t len = 0; len < n; len += len < fine ? step : (n - fine) / N_ROUGH + 1) {
        write_bytes(p->path, p->healthy.data, len);
        if (try_open(p, path))
            fail_msg("%s opened with %zu of %zu bytes", p->path, len, n);
    }
    write_bytes(p->path, p->healthy.data, n - 1);
    assert_false(try_open(p, path));
    write_bytes(p->path, p->healthy.data, n);
    assert_true(try_open(p, path));
}

static const char *const none[] = {NULL};
static const char *const config[] = {"config.json", "generation_config.json", NULL};
static const char *const weights[] = {"model.safetensors", "generation_config.json", NULL};

static void test_safetensors_cut(void **state)
{
    (void)state;
    patient p;
    patient_open(&p, "cut-safetensors", support_golden("llada-bf16"), config, "model.safetensors");
    cut_file(&p, p.dir, 3300, 29);
    patient_close(&p);
}

static void test_safetensors_flipped(void **state)
{
    (void)state;
    patient p;
    patient_open(&p, "flip-safetensors", support_golden("llada-bf16"), config, "model.safetensors");
    flip_bytes(&p, p.dir, 0, 16, 1);
    flip_bytes(&p, p.dir, 16, 3200, 17);
    assert_true(p.n_refused > p.n_opened);
    patient_close(&p);
}

static void test_config_flipped(void **state)
{
    (void)state;
    static const char *const folders[] = {"llada-bf16", "dream-specials", "sdar-tiny-b4-bf16",
                                          "fast-dllm-v2-tiny-tied"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        patient p;
        patient_open(&p, "flip-config", support_golden(folders[i]), weights, "config.json");
        flip_bytes(&p, p.dir, i % 2, p.healthy.n, 2);
        assert_true(p.n_refused > p.healthy.n / 8);
        patient_close(&p);
    }
}

static void test_config_cut(void **state)
{
    (void)state;
    patient p;
    patient_open(&p, "cut-config", support_golden("llada-bf16"), weights, "config.json");
    for (size_t n = p.healthy.n; n > 0 && p.healthy.data[n - 1] != '}'; n--)
        p.healthy.n--; /* white space behind the object may go */
    cut_file(&p, p.dir, p.healthy.n, 3);
    patient_close(&p);
}

static void test_tokenizer_flipped(void **state)
{
    (void)state;
    static const char *const files[] = {"tokenizer.json", "tokenizer_config.json"};
    for (size_t i = 0; i < 2; i++) {
        patient p;
        const char *const companion[] = {files[1 - i], NULL};
        patient_open(&p, "flip-tokenizer", DLX_SOURCE_DIR "/models/records", companion, files[i]);
        p.has_text_only = true;
        flip_bytes(&p, p.dir, 0, dlx__min(p.healthy.n, 1600), 7);
        flip_bytes(&p, p.dir, 1600, p.healthy.n, 431);
        assert_true(p.n_refused > 0 && p.n_opened > 0);
        patient_close(&p);
    }
}

static void test_gguf(void **state)
{
    (void)state;
    dlx__model model;
    dlx_error err = {.code = DLX_OK};
    if (dlx__model_open(&model, support_golden("llada-bf16"), DLX__NEED_WEIGHTS, NULL, &err))
        fail_msg("%s", err.text);
    write_golden_gguf(&model, support_tmp("damaged.gguf"), NULL);
    dlx__model_release(&model);
    patient p;
    patient_open(&p, "damaged-gguf", DLX_TMP_DIR, none, "damaged.gguf");
    cut_file(&p, p.path, 4000, 37);
    flip_bytes(&p, p.path, 0, 4000, 13);
    patient_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_safetensors_cut),   cmocka_unit_test(test_safetensors_flipped),
        cmocka_unit_test(test_config_flipped),    cmocka_unit_test(test_config_cut),
        cmocka_unit_test(test_tokenizer_flipped), cmocka_unit_test(test_gguf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
