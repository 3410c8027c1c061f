// labels: quick export
/*
 * test_export.c - what every exporter starts from: the model's graph, sound, complete, and printed
 * the same way every time; and programs, as far as they can be judged without a runtime.
 */
#include "support.h"

#include <dlx/export.h>
#include <dlx/tools.h>

#include "backends/backend.h"
#include "export/exporter.h"
#include "failing_mem.h"
#include "model/model.h"

#include <jansson.h>

static const char *const FOLDERS[] = {"fast-dllm-v2-tiny", "dream-tied", "llada-tiny",
                                      "sdar-tiny-b4", "sdar-tiny-b4-tied"};

static void open_model(dlx__model *model, const char *folder)
{
    dlx_error err;
    if (dlx__model_open(model, support_golden(folder), DLX__NEED_WEIGHTS, NULL, &err) != DLX_OK)
        fail_msg("%s", err.text);
}

static void every_family_has_a_sound_graph(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof FOLDERS / sizeof *FOLDERS; f++) {
        dlx__model model;
        dlx_error err;
        open_model(&model, FOLDERS[f]);
        assert_int_equal(dlx__graph_check(&model.graph, &err), DLX_OK);
        size_t n_ops[DLX__N_OPS] = {0};
        for (size_t i = 0; i < model.graph.n; i++)
            n_ops[model.graph.nodes[i].op]++;
        assert_int_equal(n_ops[DLX__OP_EMBED], 1);
        assert_int_equal(n_ops[DLX__OP_ATTEND], model.hp.n_layers);
        assert_int_equal(n_ops[DLX__OP_ROPE], 2 * model.hp.n_layers);
        assert_int_equal(n_ops[DLX__OP_SILU_MUL], model.hp.n_layers);
        assert_int_equal(n_ops[DLX__OP_LINEAR], 7 * model.hp.n_layers + 1);
        assert_int_equal(n_ops[DLX__OP_RMSNORM],
                         (model.hp.qk_norm ? 4 : 2) * model.hp.n_layers + 1);
        dlx__model_release(&model);
    }
}

static void the_graph_prints_the_same_twice(void **state)
{
    (void)state;
    for (size_t f = 0; f < sizeof FOLDERS / sizeof *FOLDERS; f++) {
        dlx__buf text[2];
        for (int k = 0; k < 2; k++) {
            dlx__model model;
            open_model(&model, FOLDERS[f]);
            dlx__buf_init(&text[k], NULL);
            assert_true(dlx__graph_print(&model.graph, &text[k]));
            dlx__model_release(&model);
        }
        assert_int_equal(text[0].len, text[1].len);
        assert_memory_equal(text[0].data, text[1].data, text[0].len);
        assert_non_null(strstr(text[0].data, "attend"));
        dlx__buf_release(&text[0]);
        dlx__buf_release(&text[1]);
    }
}

/* A tied head reads the embedding itself: an exporter must see one tensor, not two. */
static void a_tied_head_stays_tied(void **state)
{
    (void)state;
    dlx__model model;
    open_model(&model, "dream-tied");
    assert_true(model.hp.tied);
    const dlx__node *head = &model.graph.nodes[model.graph.logits];
    const dlx__node *embed = &model.graph.nodes[model.graph.embedded];
    assert_ptr_equal(head->weight->data, embed->weight->data);
    dlx__model_release(&model);
}

static dlx_result export_to(const dlx_model *m, const char *name, const dlx_export_opts *opts,
                            dlx_error *err)
{
    char *report = NULL;
    const dlx_result r = dlx_export(m, support_tmp(name), opts, &report, err);
    dlx_free(m, report);
    return r;
}

/* Every family in every type and form: written, and sound to the reader that checks everybody's. */
static void programs_of_every_family(void **state)
{
    (void)state;
    static const char *const dtypes[] = {"fp32", "fp16", "int8", "int4"};
    static const char *const caches[] = {"state", "io", "none", "compat"};
    for (size_t f = 0; f < sizeof FOLDERS / sizeof *FOLDERS; f++) {
        dlx_model *m = support_open(FOLDERS[f]);
        const bool blocks = strstr(FOLDERS[f], "sdar") || strstr(FOLDERS[f], "fast");
        for (size_t i = 0; i < 16; i++) {
            const dlx_export_opts opts = {
                .size = sizeof opts, .dtype = dtypes[i / 4], .cache = caches[i % 4], .n_ctx = 64};
            dlx_error err;
            char *json;
            if (blocks && i % 4 == 2) { /* nothing kept is no way to decode block by block */
                assert_int_equal(export_to(m, "no.pte", &opts, &err), DLX_E_UNSUPPORTED);
                support_sentence(&err, "cache");
                continue;
            }
            if (export_to(m, "every.pte", &opts, &err) != DLX_OK ||
                dlx_inspect_program(support_tmp("every.pte"), NULL, &json, &err) != DLX_OK)
                fail_msg("%s %s %s: %s", FOLDERS[f], opts.dtype, opts.cache, err.text);
            const bool masks = blocks && i % 4 < 2;
            assert_int_equal(strstr(json, "\"forward_masked\"") != NULL, masks);
            assert_int_equal(strstr(json, "\"denoise_masked\"") != NULL, masks);
            assert_int_equal(strstr(json, "\"denoise\"") != NULL, i % 4 < 3);
            assert_non_null(strstr(json, "XnnpackBackend"));
            dlx_free(NULL, json);
        }
        dlx_model_free(m);
    }
}

/* The report tells what was written; a method that nobody wants takes no room. */
static void what_the_report_tells(void **state)
{
    (void)state;
    dlx_model *m = support_open("sdar-tiny-b4");
    const struct {
        dlx_export_opts opts;
        const char *told;
    } cases[] = {
        {{.n_ctx = 64}, "\"denoise\":true,\"call_bytes\":null"},
        {{.n_ctx = 64, .no_denoise = true}, "\"denoise\":false,\"call_bytes\":null"},
        /* 3 layers of 2 heads of 32: K and V of 64 positions, masks of 4 rows over 68 and so on */
        {{.n_ctx = 64, .cache = "compat"},
         "\"denoise\":false,\"call_bytes\":{\"cache\":98304,\"masks\":7104}"},
        {{.n_ctx = 64, .cache = "compat"}, "\"n_rows\":4,"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *report;
        dlx_error err;
        if (dlx_export(m, support_tmp("told.pte"), &cases[i].opts, &report, &err) != DLX_OK)
            fail_msg("%s", err.text);
        if (!strstr(report, cases[i].told))
            fail_msg("expected %s in %s", cases[i].told, report);
        dlx_free(m, report);
    }
    dlx_model_free(m);
}

/* A program says which ids denoise leaves out: those that a session leaves out. */
static void what_denoise_leaves_out(void **state)
{
    (void)state;
    dlx_model *m = support_open("fast-dllm-v2-realvocab");
    dlx_model_info info;
    dlx_error err;
    char *json, told[2][64];
    dlx_model_get_info(m, &info);
    const dlx_export_opts opts = {.size = sizeof opts, .n_ctx = 64};
    if (export_to(m, "ids.pte", &opts, &err) != DLX_OK ||
        dlx_inspect_program(support_tmp("ids.pte"), NULL, &json, &err) != DLX_OK)
        fail_msg("%s", err.text);
    snprintf(told[0], sizeof told[0], "\"get_n_ids\":%zu", info.n_vocab);
    snprintf(told[1], sizeof told[1], "\"get_never_id\":%d", (int)info.mask_id);
    for (int i = 0; i < 2; i++)
        if (!strstr(json, told[i]))
            fail_msg("expected %s in %s", told[i], json);
    dlx_free(NULL, json);
    dlx_model_free(m);
}

/* A program describes its model: shape, ids, vocabulary and template are those of the source. */
static void a_program_is_a_model(void **state)
{
    (void)state;
    static const char text[] = "Anna Smith ordered 12 lamps for $123.45.";
    dlx_model *source, *program;
    dlx_model_info a, b;
    dlx_error err;
    dlx_token *x, *y;
    size_t n, k;
    if (dlx_model_open(&source, DLX_SOURCE_DIR "/models/records", NULL, &err) != DLX_OK ||
        export_to(source, "records.pte", NULL, &err) != DLX_OK ||
        dlx_model_open(&program, support_tmp("records.pte"), NULL, &err) != DLX_OK)
        fail_msg("%s", err.text);
    dlx_model_get_info(source, &a);
    dlx_model_get_info(program, &b);
    assert_string_equal(a.family, b.family);
    assert_int_equal(a.n_vocab, b.n_vocab);
    assert_int_equal(a.n_vocab_rows, b.n_vocab_rows);
    assert_int_equal(a.block_length, b.block_length);
    assert_int_equal(a.mask_id, b.mask_id);
    assert_int_equal(a.n_stop_ids, b.n_stop_ids);
    assert_memory_equal(a.stop_ids, b.stop_ids, a.n_stop_ids * sizeof *a.stop_ids);
    assert_true(b.has_tokenizer && b.has_chat_template && !b.has_weights);
    if (dlx_tokenize(source, text, sizeof text - 1, false, &x, &n, &err) != DLX_OK ||
        dlx_tokenize(program, text, sizeof text - 1, false, &y, &k, &err) != DLX_OK)
        fail_msg("%s", err.text);
    assert_int_equal(n, k);
    assert_memory_equal(x, y, n * sizeof *x);
    dlx_free(source, x);
    dlx_free(program, y);
    dlx_model_free(program);
    dlx_model_free(source);
}

/* Without the runtime a session says how to get it; it is never another backend's. */
static void a_session_on_a_program(void **state)
{
    (void)state;
    dlx_model *source = support_open("sdar-tiny-b4"), *program;
    const dlx_session_opts on_cpu = {.size = sizeof on_cpu, .backend = "cpu"};
    const dlx_session_opts long_one = {.size = sizeof long_one, .n_ctx = 4096};
    const dlx_export_opts opts = {.size = sizeof opts, .n_ctx = 64};
    dlx_session *session;
    dlx_error err;
    if (export_to(source, "session.pte", &opts, &err) != DLX_OK ||
        dlx_model_open(&program, support_tmp("session.pte"), NULL, &err) != DLX_OK)
        fail_msg("%s", err.text);
    assert_int_equal(dlx_session_open(&session, program, &on_cpu, &err), DLX_E_ARG);
    support_sentence(&err, "xnnpack");
    if (dlx__backend_find("xnnpack")->probe(NULL) == DLX_OK) {
        if (dlx_session_open(&session, program, NULL, &err) != DLX_OK)
            fail_msg("%s", err.text);
        assert_int_equal(dlx_session_n_ctx(session), 64);
        dlx_session_free(session);
        assert_int_equal(dlx_session_open(&session, program, &long_one, &err), DLX_E_ARG);
        support_sentence(&err, "64 positions");
    } else {
        assert_int_equal(dlx_session_open(&session, program, NULL, &err), DLX_E_UNSUPPORTED);
        support_sentence(&err, "make executorch");
    }
    dlx_model_free(program);
    dlx_model_free(source);
}

/* Rows that are no whole groups of 32: int8, and the report counts them: all but attn_output, of 96
 * inputs, in each of three layers. */
static void rows_without_groups(void **state)
{
    (void)state;
    static const struct {
        const char *folder, *told;
    } cases[] = {{"sdar-tiny-b4", "\"fallbacks\":0"}, {"sdar-tiny-b4-tied", "\"fallbacks\":18"}};
    for (size_t i = 0; i < 2; i++) {
        dlx_model *m = support_open(cases[i].folder);
        const dlx_export_opts opts = {.size = sizeof opts, .dtype = "int4", .n_ctx = 64};
        char *report;
        dlx_error err;
        if (dlx_export(m, support_tmp("groups.pte"), &opts, &report, &err) != DLX_OK)
            fail_msg("%s", err.text);
        if (!strstr(report, cases[i].told))
            fail_msg("%s: expected %s in %s", cases[i].folder, cases[i].told, report);
        dlx_free(m, report);
        dlx_model_free(m);
    }
}

/* Lines of the static graph that begin with this. */
static size_t count_lines(const char *text, const char *with)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, with)) != NULL; at += strlen(with))
        n++;
    return n;
}

/* It is what is written, node by node; shapes alone are enough for it. */
static void the_static_graph_is_printed(void **state)
{
    (void)state;
    const dlx_export_opts opts = {.size = sizeof opts, .dtype = "int4", .n_ctx = 64};
    const dlx_model_opts shapes = {.size = sizeof shapes, .load = DLX_LOAD_SHAPES};
    for (size_t f = 0; f < sizeof FOLDERS / sizeof *FOLDERS; f++) {
        const bool canvas = strstr(FOLDERS[f], "dream") || strstr(FOLDERS[f], "llada");
        dlx_model *m = support_open(FOLDERS[f]), *bare;
        char *text, *again;
        dlx_error err;
        if (dlx_model_open(&bare, support_golden(FOLDERS[f]), &shapes, &err) != DLX_OK ||
            dlx_export_graph(m, &opts, &text, &err) != DLX_OK ||
            dlx_export_graph(bare, &opts, &again, &err) != DLX_OK)
            fail_msg("%s: %s", FOLDERS[f], err.text);
        assert_string_equal(text, again);
        const size_t n = canvas ? 1 : 2; /* of each kind, forward and denoise */
        assert_int_equal(count_lines(text, "method "), 2 * n);
        assert_int_equal(count_lines(text, "gets %0 embedded rows"), 2 * n);
        assert_int_equal(count_lines(text, "gets %0 picked rows"), n);
        assert_int_equal(count_lines(text, " logits: fp32 [1, "), n);
        assert_int_equal(count_lines(text, " probabilities: fp32 ["), n);
        assert_int_equal(count_lines(text, " mask: "), 2 * (n - 1));
        assert_true(count_lines(text, ":qbint4[") > 0 || strstr(FOLDERS[f], "tied"));
        assert_true(count_lines(text, ":qcint8[") > 0);
        dlx_free(m, text);
        dlx_free(bare, again);
        dlx_model_free(bare);
        dlx_model_free(m);
    }
}

static json_int_t sum_of_parts(const json_t *report)
{
    const char *name;
    json_t *part;
    json_int_t sum = 0;
    json_object_foreach(json_object_get(report, "parts"), name, part) sum +=
        json_integer_value(part);
    return sum;
}

/* Exports as `opts` say, then as the settings of the report say. */
static void carry_out(const dlx_model *m, const dlx_export_opts *opts)
{
    const char *backend = opts->backend;
    const bool one_file = strcmp(backend, "xnnpack") == 0;
    char path[4097], one[4200], two[4200];
    snprintf(path, sizeof path, "%s", support_tmp("settings.json"));
    snprintf(one, sizeof one, "%.4096s.%.8s", support_tmp("one"), one_file ? "pte" : backend);
    snprintf(two, sizeof two, "%.4096s.%.8s", support_tmp("two"), one_file ? "pte" : backend);
    const dlx_export_opts by_file = {.size = sizeof by_file, .config = path};
    char *report, *again;
    dlx_error err;
    assert_int_equal(dlx_export(m, one, opts, &report, &err), DLX_OK);
    json_t *told = json_loads(report, 0, NULL);
    if (one_file)
        assert_int_equal(sum_of_parts(told), json_integer_value(json_object_get(told, "bytes")));
    char *settings = json_dumps(json_object_get(told, "config"), 0);
    support_write(path, settings);
    if (dlx_export(m, two, &by_file, &again, &err) != DLX_OK)
        fail_msg("%s", err.text);
    json_t *second = json_loads(again, 0, NULL);
    static const char *const same[] = {"backend", "dtype", "scheme",     "profile", "cache",
                                       "n_ctx",   "bytes", "data_bytes", "parts",   "memory"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        assert_true(json_equal(json_object_get(told, same[i]), json_object_get(second, same[i])));
    json_decref(told);
    json_decref(second);
    free(settings);
    dlx_free(m, report);
    dlx_free(m, again);
}

/* The parts are all of the file; settings of a report give the same program again. */
static void the_report_can_be_carried_out(void **state)
{
    (void)state;
    dlx_model *m = support_open("sdar-tiny-b4");
    static const struct {
        const char *backend, *dtype, *profile;
    } rows[] = {{"xnnpack", "int8", NULL}, {"xnnpack", "fp32", NULL}, {"coreml", "fp16", NULL},
                {"coreml", "int4", NULL},  {"qnn", NULL, "f16"},      {"qnn", NULL, "f32"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const dlx_export_opts opts = {.size = sizeof opts,
                                      .backend = rows[i].backend,
                                      .dtype = rows[i].dtype,
                                      .profile = rows[i].profile,
                                      .n_ctx = 48};
        carry_out(m, &opts);
    }
    dlx_model_free(m);
}

static bool stop_at_once(void *user, double done, double seconds_left)
{
    (void)seconds_left;
    *(double *)user = done;
    return false;
}

static bool only_forward(void *user, double done, double seconds_left)
{
    double *last = user;
    (void)seconds_left;
    assert_true(done >= *last && done <= 1);
    *last = done;
    return true;
}

static void progress_and_stopping(void **state)
{
    (void)state;
    dlx_model *m = support_open("dream-tied");
    dlx_error err;
    double last = 1;
    dlx_export_opts opts = {
        .size = sizeof opts, .n_ctx = 64, .on_progress = stop_at_once, .user = &last};
    remove(support_tmp("stopped.pte"));
    assert_int_equal(export_to(m, "stopped.pte", &opts, &err), DLX_CANCELLED);
    assert_true(last < 0.5); /* while weights were still being named */
    FILE *file = fopen(support_tmp("stopped.pte"), "rb");
    assert_null(file);
    last = 0;
    opts.on_progress = only_forward;
    assert_int_equal(export_to(m, "whole.pte", &opts, &err), DLX_OK);
    assert_true(last == 1);
    dlx_model_free(m);
}

static char *bytes_of(const char *name, size_t *n)
{
    FILE *f = fopen(support_tmp(name), "rb");
    assert_non_null(f);
    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    char *bytes = malloc(*n);
    assert_non_null(bytes);
    assert_int_equal(fread(bytes, 1, *n, f), *n);
    fclose(f);
    return bytes;
}

/* Programs, and their weights alone, have the same bytes for any number of threads. */
static void any_number_of_threads(void **state)
{
    (void)state;
    static const int n_threads[] = {1, 2, 3, 8};
    dlx_model *m = support_open("llada-tiny"); /* rows of q and k lie in another order in GGUF */
    for (int alone = 0; alone < 2; alone++) {
        char *first = NULL;
        size_t n = 0, n_first = 0;
        for (size_t t = 0; t < 4; t++) {
            const dlx_export_opts opts = {
                .size = sizeof opts, .dtype = "int4", .n_threads = n_threads[t]};
            dlx_error err;
            const char *path = support_tmp("threads.out");
            if ((alone ? dlx_export_weights(m, path, &opts, NULL, &err)
                       : dlx_export(m, path, &opts, NULL, &err)) != DLX_OK)
                fail_msg("%s", err.text);
            char *bytes = bytes_of("threads.out", &n);
            assert_true(!first || (n == n_first && memcmp(first, bytes, n) == 0));
            if (first)
                free(bytes);
            else
                first = bytes;
            n_first = n;
        }
        free(first);
    }
    dlx_model_free(m);
}

static void what_cannot_be_exported(void **state)
{
    (void)state;
    const dlx_export_opts cases[] = {
        {.dtype = "fp8"},       {.cache = "ring"},
        {.backend = "vulkan"},  {.backend = "cpu"},
        {.n_ctx = 2},           {.n_ctx = 1 << 20},
        {.n_rows = 3},          {.n_ctx = 32, .n_rows = 33},
        {.block_length = 5000}, {.block_length = 64, .n_ctx = 32},
    };
    static const char *const parts[] = {"dtype",   "cache", "backend", "cpu",   "block",
                                        "context", "block", "context", "block", "block"};
    dlx_model *m = support_open("sdar-tiny-b4");
    dlx_error err;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_not_equal(export_to(m, "refused.pte", &cases[i], &err), DLX_OK);
        support_sentence(&err, parts[i]);
    }
    assert_int_equal(dlx_export(m, "/nowhere/model.pte", NULL, NULL, &err), DLX_E_IO);
    support_sentence(&err, "/nowhere/model.pte");
    dlx_model_free(m);
}

/* What is too large is blamed, with both numbers, and not what it does not fit into. */
static void a_block_that_is_too_long(void **state)
{
    (void)state;
    static const struct {
        dlx_export_opts opts;
        const char *said;
    } cases[] = {
        {{.block_length = 64, .n_ctx = 32},
         "block length: expected at most 32, the positions of the context, found 64: give a "
         "smaller one, or a longer context"},
        {{.block_length = 4096},
         "block length: expected at most 1024, the positions of the context, found 4096: give a "
         "smaller one"},
        {{.block_length = 32, .n_rows = 16}, "rows: expected at least 32, which a block has"},
        {{.n_ctx = 32, .n_rows = 33}, "rows: expected at most 32, the positions of the context"},
    };
    dlx_model *m = support_open("sdar-tiny-b4");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dlx_error err;
        assert_int_equal(export_to(m, "refused.pte", &cases[i].opts, &err), DLX_E_ARG);
        support_sentence(&err, cases[i].said);
    }
    dlx_model_free(m);
}

/* "compat" has one method, whether denoise is asked for or not. */
static void compat_has_no_denoise(void **state)
{
    (void)state;
    dlx_model *m = support_open("sdar-tiny-b4");
    size_t n[2];
    for (int i = 0; i < 2; i++) {
        const dlx_export_opts opts = {
            .size = sizeof opts, .cache = "compat", .n_ctx = 64, .no_denoise = i == 1};
        char *report;
        dlx_error err;
        if (dlx_export(m, support_tmp("compat.pte"), &opts, &report, &err) != DLX_OK)
            fail_msg("%s", err.text);
        assert_non_null(strstr(report, "\"denoise\":false"));
        assert_non_null(strstr(report, "\"methods\":1}"));
        dlx_free(m, report);
        free(bytes_of("compat.pte", &n[i]));
    }
    assert_int_equal(n[0], n[1]);
    dlx_model_free(m);
}

/* From allocation i on, or that one alone: out of memory is a sentence, and nothing stays. */
static void fail_each(const dlx__model *m, dlx__export_cache cache, bool once)
{
    const dlx__backend_class *class = dlx__backend_find("xnnpack");
    dlx_result r = DLX_E_NOMEM;
    for (size_t i = 1; r != DLX_OK; i++) {
        failing_mem mem;
        dlx_error err = {.code = DLX_OK};
        dlx__export_written written;
        failing_mem_init(&mem, i);
        mem.once = once;
        const dlx__export_opts opts = {
            .path = support_tmp("failing.pte"),
            .forms = class->exports->forms(DLX__PACK_INT8, DLX__SCHEME_DYNAMIC),
            .cache = cache,
            .n_ctx = 32,
            .n_rows = 8,
            .n_ids = m->hp.n_vocab,
            .never_id = 5,
            .mem = &mem.mem,
            .written = &written};
        r = class->export_model(m, &opts, &err);
        if (r != DLX_OK) {
            assert_int_equal(r, DLX_E_NOMEM);
            support_sentence(&err, "out of memory");
        }
        assert_int_equal(mem.n_alive, 0);
    }
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    dlx__model model;
    open_model(&model, "sdar-tiny-b4");
    fail_each(&model, DLX__EXPORT_STATE, false);
    fail_each(&model, DLX__EXPORT_COMPAT, true);
    dlx__model_release(&model);
}

static void backends_without_a_program_say_so(void **state)
{
    (void)state;
    assert_null(dlx__backend_find("reference")->export_model);
    assert_null(dlx__backend_find("cpu")->export_model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_family_has_a_sound_graph),
        cmocka_unit_test(the_graph_prints_the_same_twice),
        cmocka_unit_test(a_tied_head_stays_tied),
        cmocka_unit_test(programs_of_every_family),
        cmocka_unit_test(what_the_report_tells),
        cmocka_unit_test(what_denoise_leaves_out),
        cmocka_unit_test(a_program_is_a_model),
        cmocka_unit_test(a_session_on_a_program),
        cmocka_unit_test(rows_without_groups),
        cmocka_unit_test(the_static_graph_is_printed),
        cmocka_unit_test(the_report_can_be_carried_out),
        cmocka_unit_test(progress_and_stopping),
        cmocka_unit_test(any_number_of_threads),
        cmocka_unit_test(what_cannot_be_exported),
        cmocka_unit_test(a_block_that_is_too_long),
        cmocka_unit_test(compat_has_no_denoise),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(backends_without_a_program_say_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
