// labels: quick export
/*
 * test_qnn_export.c - directories for QNN: every family and profile, what the manifest says of
 * them, one copy of each weight, options that take effect or are refused, and nothing on the disk
 * when something fails. What the graphs compute is the business of
 * scripts/conformance/check_qnn.py.
 */
#include "support.h"

#include <dlx/export.h>

#include "backends/backend.h"
#include "base/os.h"
#include "export/exporter.h"
#include "failing_mem.h"
#include "model/model.h"

#include <jansson.h>

static const char *const FAMILIES[] = {"fast-dllm-v2-tiny", "dream-tied",    "llada-tiny",
                                       "sdar-tiny-b4",      "ar-qwen2-tiny", "sdar-tiny-b4-tied"};
static const char *const PROFILES[] = {"f32", "f16", "nb4"};

static void clear(const char *name)
{
    char command[3 * sizeof DLX_TMP_DIR + 128];
    snprintf(command, sizeof command, "rm -rf '%s/%s' '%s/%s'*.part*", DLX_TMP_DIR, name,
             DLX_TMP_DIR, name);
    assert_int_equal(system(command), 0);
}

static json_t *manifest_of(const char *name)
{
    char path[4200];
    json_error_t why;
    snprintf(path, sizeof path, "%s/qnn_manifest.json", support_tmp(name));
    json_t *manifest = json_load_file(path, JSON_REJECT_DUPLICATES, &why);
    if (!manifest)
        fail_msg("%s: %s", path, why.text);
    return manifest;
}

/* The manifest of what is exported; to be released. */
static json_t *exported(const dlx_model *m, const char *name, const dlx_export_opts *opts)
{
    dlx_error err;
    dlx_export_opts of_qnn = *opts;
    of_qnn.backend = "qnn";
    if (dlx_export(m, support_tmp(name), &of_qnn, NULL, &err) != DLX_OK)
        fail_msg("%s", err.text);
    return manifest_of(name);
}

static json_t *function(const json_t *manifest, const char *name)
{
    size_t i;
    json_t *f;
    json_array_foreach(json_object_get(manifest, "functions"), i, f)
    {
        if (strcmp(json_string_value(json_object_get(f, "name")), name) == 0)
            return f;
    }
    fail_msg("expected a function %s", name);
    return NULL;
}

/* "float32 [1, 2, 64, 32]" of an input or output; "none" */
static const char *typed(const json_t *f, const char *side, const char *name)
{
    static char text[128];
    size_t i, k;
    json_t *t, *dim;
    json_array_foreach(json_object_get(f, side), i, t)
    {
        if (strcmp(json_string_value(json_object_get(t, "name")), name) != 0)
            continue;
        size_t at = (size_t)snprintf(text, sizeof text, "%s [",
                                     json_string_value(json_object_get(t, "type")));
        json_array_foreach(json_object_get(t, "shape"), k, dim)
        {
            at += (size_t)snprintf(text + at, sizeof text - at, "%s%lld", k ? ", " : "",
                                   (long long)json_integer_value(dim));
        }
        snprintf(text + at, sizeof text - at, "]");
        return text;
    }
    return "none";
}

static json_int_t number(const json_t *f, const char *key)
{
    return json_integer_value(json_object_get(f, key));
}

/* Every file that a manifest names is there, and weights.bin is as long as it says. */
static void assert_files(const json_t *manifest, const char *name)
{
    size_t i, n;
    char path[4200], *bytes;
    json_t *f;
    dlx_error err;
    json_array_foreach(json_object_get(manifest, "functions"), i, f)
    {
        snprintf(path, sizeof path, "%s/%s", support_tmp(name),
                 json_string_value(json_object_get(f, "file")));
        assert_int_equal(dlx__os_path_kind(path), DLX__PATH_FILE);
    }
    const json_t *weights = json_object_get(manifest, "weights");
    snprintf(path, sizeof path, "%s/weights.bin", support_tmp(name));
    assert_ok(dlx__os_read_file(&bytes, &n, path, 1 << 26, NULL, &err), &err);
    assert_int_equal(n, number(weights, "bytes"));
    free(bytes);
    snprintf(path, sizeof path, "%s/model.gguf", support_tmp(name));
    assert_ok(dlx__os_read_file(&bytes, &n, path, 1 << 26, NULL, &err), &err);
    assert_memory_equal(bytes, "GGUF", 4);
    free(bytes);
}

static void every_family_in_every_profile(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof FAMILIES / sizeof *FAMILIES * 3; i++) {
        const char *family = FAMILIES[i / 3], *profile = PROFILES[i % 3];
        const bool whole = strstr(family, "dream") || strstr(family, "llada");
        dlx_model *m = support_open(family);
        clear("every.qnn");
        json_t *manifest =
            exported(m, "every.qnn", &(dlx_export_opts){.profile = profile, .n_ctx = 64});
        assert_files(manifest, "every.qnn");
        assert_string_equal(json_string_value(json_object_get(manifest, "profile")), profile);
        assert_string_equal(json_string_value(json_object_get(manifest, "cache")),
                            whole ? "none" : "io");
        assert_int_equal(json_array_size(json_object_get(manifest, "functions")), whole ? 2 : 3);
        const json_t *f = function(manifest, whole ? "denoise_64" : "denoise");
        assert_int_equal(number(f, "past"), whole ? 0 : 64);
        assert_int_equal(strcmp(typed(f, "inputs", "past_k_0"), "none") == 0, whole);
        if (whole)
            assert_string_equal(typed(f, "outputs", "output_best"), "int32 [32]");
        json_decref(manifest);
        dlx_model_free(m);
    }
}

/* Names and shapes, by hand: 3 layers, 2 heads of 32 for K and V, width 96, 320 ids, blocks of 4.
 */
static void functions_have_their_names_and_shapes(void **state)
{
    (void)state;
    static const char *const inputs[][2] = {{"input_ids", "int32 [1, 4]"},
                                            {"cos", "float32 [1, 1, 4, 32]"},
                                            {"sin", "float32 [1, 1, 4, 32]"},
                                            {"mask", "float32 [1, 1, 4, 68]"},
                                            {"head_rows", "int32 [4]"},
                                            {"past_k_0", "float32 [1, 2, 64, 32]"},
                                            {"past_v_2", "float32 [1, 2, 64, 32]"},
                                            {"past_k_3", "none"}};
    static const char *const outputs[][2] = {{"output_new_k_0", "float32 [1, 2, 4, 32]"},
                                             {"output_new_v_2", "float32 [1, 2, 4, 32]"},
                                             {"output_hidden", "float32 [1, 4, 96]"},
                                             {"output_best", "int32 [4]"},
                                             {"output_logit", "float32 [4]"},
                                             {"output_lse", "float32 [4]"}};
    dlx_model *m = support_open("sdar-tiny-b4");
    clear("shapes.qnn");
    json_t *manifest =
        exported(m, "shapes.qnn", &(dlx_export_opts){.profile = "f32", .n_ctx = 64, .n_rows = 30});
    const json_t *f = function(manifest, "denoise");
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
        assert_string_equal(typed(f, "inputs", inputs[i][0]), inputs[i][1]);
    for (size_t i = 0; i < sizeof outputs / sizeof *outputs; i++)
        assert_string_equal(typed(f, "outputs", outputs[i][0]), outputs[i][1]);
    f = function(manifest, "prefill");
    assert_string_equal(typed(f, "inputs", "input_ids"), "int32 [1, 32]"); /* whole blocks */
    assert_string_equal(typed(f, "inputs", "head_rows"), "none");
    assert_string_equal(typed(f, "outputs", "output_best"), "none");
    f = function(manifest, "logits");
    assert_string_equal(typed(f, "inputs", "rows"), "float32 [1, 4, 96]");
    assert_string_equal(typed(f, "outputs", "output_logits"), "float32 [1, 4, 320]");
    assert_int_equal(number(manifest, "never_id"), 305);
    assert_int_equal(number(manifest, "block_length"), 4);
    json_decref(manifest);
    dlx_model_free(m);
}

static void canvases_have_a_graph_each(void **state)
{
    (void)state;
    const size_t lengths[] = {16, 48};
    dlx_model *m = support_open("dream-tied");
    clear("canvas.qnn");
    json_t *manifest = exported(
        m, "canvas.qnn",
        &(dlx_export_opts){
            .profile = "f32", .n_ctx = 64, .cache = "io", .canvases = lengths, .n_canvases = 2});
    assert_int_equal(json_array_size(json_object_get(manifest, "functions")), 3);
    assert_true(json_is_null(json_object_get(manifest, "block_length")));
    assert_int_equal(number(function(manifest, "denoise_16"), "head_rows"), 16);
    assert_int_equal(number(function(manifest, "denoise_48"), "head_rows"), 32);
    assert_int_equal(number(function(manifest, "denoise_48"), "past"), 64);
    assert_int_equal(number(function(manifest, "logits"), "head_rows"), 32);
    json_decref(manifest);
    dlx_model_free(m);
}

/* Each weight once: as long as the tensors are, whatever number of graphs reads them; the head of a
 * tied model is its table. */
static void each_weight_is_there_once(void **state)
{
    (void)state;
    static const char *const folders[] = {"sdar-tiny-b4", "sdar-tiny-b4-tied"};
    for (int tied = 0; tied < 2; tied++) {
        dlx_model *m = support_open(folders[tied]);
        dlx_model_info info;
        dlx_model_get_info(m, &info);
        clear("once.qnn");
        json_t *manifest =
            exported(m, "once.qnn", &(dlx_export_opts){.profile = "f32", .n_ctx = 64});
        const json_int_t n_bytes = number(json_object_get(manifest, "weights"), "bytes");
        const json_int_t n_least = 4 * (json_int_t)(info.n_params + info.n_vocab_rows); /* never */
        assert_in_range(n_bytes, n_least, n_least + 40 * 4096); /* what begins pages */
        json_decref(manifest);
        dlx_model_free(m);
    }
}

static void the_rules_of_profiles(void **state)
{
    (void)state;
    static const struct {
        dlx_export_opts opts;
        const char *profile;
    } cases[] = {
        {{.n_ctx = 64}, "nb4"},
        {{.dtype = "fp32", .n_ctx = 64}, "f32"},
        {{.dtype = "fp16", .n_ctx = 64}, "f16"},
        {{.dtype = "int4", .n_ctx = 64}, "nb4"},
        {{.profile = "f16", .dtype = "fp16", .n_ctx = 64}, "f16"},
    };
    dlx_model *m = support_open("sdar-tiny-b4");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        clear("rules.qnn");
        json_t *manifest = exported(m, "rules.qnn", &cases[i].opts);
        assert_string_equal(json_string_value(json_object_get(manifest, "profile")),
                            cases[i].profile);
        assert_true(json_is_null(json_object_get(manifest, "soc")));
        json_decref(manifest);
    }
    json_t *manifest = exported(m, "rules.qnn", &(dlx_export_opts){.soc = "sm8750", .n_ctx = 64});
    const json_t *soc = json_object_get(manifest, "soc"); /* the earlier directory is replaced */
    assert_string_equal(json_string_value(json_object_get(soc, "name")), "SM8750");
    assert_int_equal(number(soc, "id"), 69);
    json_decref(manifest);
    dlx_model_free(m);
}

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

/* C19: none of them is the usual one, and none is put back; from settings of the original too. */
static void c19_options_take_effect(void **state)
{
    (void)state;
    dlx_model *m = support_open("sdar-tiny-b4");
    char path[4097];
    snprintf(path, sizeof path, "%s", support_tmp("c19.json"));
    support_write(path, "{\"backend\": \"qnn\", \"quantization\": \"fp16\", \"max_seq_len\": 40}");
    const dlx_export_opts asked[] = {
        {.profile = "f16", .soc = "SM8750", .n_ctx = 48, .n_rows = 16, .n_threads = 3},
        {.config = path, .soc = "sm8550", .n_rows = 12}};
    static const struct {
        const char *soc;
        json_int_t n_ctx, n_rows;
    } found[] = {{"SM8750", 48, 16}, {"SM8550", 40, 12}};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        clear("c19.qnn");
        json_t *manifest = exported(m, "c19.qnn", &asked[i]);
        const json_t *prefill = function(manifest, "prefill");
        assert_string_equal(text_of(manifest, "profile"), "f16");
        assert_string_equal(text_of(manifest, "cache"), "io");
        assert_string_equal(text_of(json_object_get(manifest, "soc"), "name"), found[i].soc);
        assert_int_equal(number(manifest, "n_ctx"), found[i].n_ctx);
        assert_int_equal(number(prefill, "rows"), found[i].n_rows);
        assert_int_equal(number(prefill, "past"), found[i].n_ctx);
        json_decref(manifest);
    }
    dlx_model_free(m);
}

static void what_cannot_be_exported(void **state)
{
    (void)state;
    const size_t twice[] = {8, 8}, far[] = {65};
    const struct {
        dlx_export_opts opts;
        const char *family, *words;
    } cases[] = {
        {{.profile = "a16w4"},
         "sdar-tiny-b4",
         "profile: expected nb4, f16, f32, a16w8 or a16lpbq, found"},
        {{.profile = "f16", .dtype = "fp32"}, "sdar-tiny-b4", "profile f16: its dtype is fp16"},
        {{.profile = "a16w8"}, "sdar-tiny-b4", "--scheme static --calibrate"},
        {{.profile = "a16lpbq"}, "sdar-tiny-b4", "--scheme static --calibrate"},
        {{.profile = "a16lpbq", .scheme = "weight-only"}, "sdar-tiny-b4", "its scheme is static"},
        {{.dtype = "int8", .scheme = "dynamic"}, "sdar-tiny-b4", "ranges alone: take static"},
        {{.dtype = "int4", .scheme = "dynamic"}, "sdar-tiny-b4", "take weight-only"},
        {{.cache = "state"}, "sdar-tiny-b4", "cache: expected none or io, found state"},
        {{.cache = "none"}, "sdar-tiny-b4", "take io"},
        {{.soc = "SM1"}, "sdar-tiny-b4", "soc: expected one of"},
        {{.soc = "SM8350"}, "sdar-tiny-b4", "v69 and later"},
        {{.canvases = far, .n_canvases = 1}, "sdar-tiny-b4", "see a whole canvas"},
        {{.canvases = far, .n_canvases = 1, .n_ctx = 64}, "dream-tied", "found 65"},
        {{.canvases = twice, .n_canvases = 2}, "dream-tied", "found 8 twice"},
        {{.no_denoise = true}, "sdar-tiny-b4", "no denoise"},
        {{.data_path = "x.ptd"}, "sdar-tiny-b4", "data"},
    };
    clear("refused.qnn");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        dlx_model *m = support_open(cases[i].family);
        dlx_error err;
        dlx_export_opts opts = cases[i].opts;
        opts.backend = "qnn";
        assert_int_not_equal(dlx_export(m, support_tmp("refused.qnn"), &opts, NULL, &err), DLX_OK);
        support_sentence(&err, cases[i].words);
        assert_int_equal(dlx__os_path_kind(support_tmp("refused.qnn")), DLX__PATH_ABSENT);
        opts = (dlx_export_opts){.soc = "SM8650"};
        assert_int_not_equal(dlx_export(m, support_tmp("refused.pte"), &opts, NULL, &err), DLX_OK);
        support_sentence(&err, "soc");
        dlx_model_free(m);
    }
}

/* A chip that every profile is refused for is not offered. */
static void chips_that_are_offered_can_be_taken(void **state)
{
    (void)state;
    dlx_error err;
    dlx_model *m = support_open("sdar-tiny-b4");
    const dlx_export_opts opts = {.backend = "qnn", .soc = "SM1"};
    assert_int_equal(dlx_export(m, support_tmp("refused.qnn"), &opts, NULL, &err), DLX_E_ARG);
    support_sentence(&err, "SM8450");
    assert_null(strstr(err.text, "SM8350"));
    dlx_model_free(m);
}

static bool count_named(void *user, const char *name)
{
    const char **prefix = user;
    if (strncmp(name, *prefix, strlen(*prefix)) == 0)
        fail_msg("%s was left", name);
    return true;
}

/* Neither it nor anything that was begun under its name. */
static void assert_nothing_left(const char *name)
{
    dlx_error err;
    assert_ok(dlx__os_list_dir(DLX_TMP_DIR, count_named, &name, NULL, &err), &err);
}

static bool stop_at_half(void *user, double done, double seconds_left)
{
    (void)seconds_left;
    ++*(int *)user;
    return done < 0.5;
}

static void a_stopped_export_leaves_nothing(void **state)
{
    (void)state;
    int n_calls = 0;
    dlx_error err;
    dlx_model *m = support_open("sdar-tiny-b4");
    const dlx_export_opts opts = {.backend = "qnn",
                                  .profile = "f32",
                                  .n_ctx = 64,
                                  .on_progress = stop_at_half,
                                  .user = &n_calls};
    clear("stopped.qnn");
    assert_int_equal(dlx_export(m, support_tmp("stopped.qnn"), &opts, NULL, &err), DLX_CANCELLED);
    assert_true(n_calls > 1);
    assert_nothing_left("stopped.qnn");
    dlx_model_free(m);
}

static void any_number_of_threads(void **state)
{
    (void)state;
    char first[80] = "", sha[80];
    dlx_model *m = support_open("dream-tied");
    for (int n_threads = 1; n_threads < 4; n_threads++) {
        clear("threads.qnn");
        json_t *manifest =
            exported(m, "threads.qnn", &(dlx_export_opts){.n_ctx = 64, .n_threads = n_threads});
        const json_t *weights = json_object_get(manifest, "weights");
        snprintf(sha, sizeof sha, "%s", json_string_value(json_object_get(weights, "sha256")));
        assert_int_equal(strlen(sha), 64);
        if (n_threads > 1)
            assert_string_equal(first, sha);
        memcpy(first, sha, sizeof first);
        json_decref(manifest);
    }
    dlx_model_free(m);
}

/* The same lines twice, from shapes alone. */
static void the_graphs_are_printed(void **state)
{
    (void)state;
    char *text[2];
    dlx_error err;
    dlx_model *m = support_open("ar-qwen2-tiny");
    const dlx_export_opts opts = {.backend = "qnn", .n_ctx = 64};
    for (int i = 0; i < 2; i++)
        if (dlx_export_graph(m, &opts, &text[i], &err) != DLX_OK)
            fail_msg("%s", err.text);
    assert_string_equal(text[0], text[1]);
    assert_non_null(strstr(text[0], "function denoise\n"));
    assert_non_null(strstr(text[0], "  in  past_v_1 float32 [1, 2, 64, 16]\n"));
    assert_non_null(strstr(text[0], "MatMulNBits("));
    assert_non_null(strstr(text[0], "K=64 N=64 bits=4 block_size=32 -> float32 [1, 1, 64]"));
    assert_non_null(strstr(text[0], "  output_best = Cast("));
    dlx_free(m, text[0]);
    dlx_free(m, text[1]);
    dlx_model_free(m);
}

static void open_core(dlx__model *model, const char *folder)
{
    dlx_error err;
    if (dlx__model_open(model, support_golden(folder), DLX__NEED_WEIGHTS, NULL, &err) != DLX_OK)
        fail_msg("%s", err.text);
}

static dlx__export_opts core_opts(const dlx__model *m, const char *name,
                                  dlx__export_written *written)
{
    const dlx__export_rules *rules = dlx__backend_find("qnn")->exports;
    return (dlx__export_opts){.path = support_tmp(name),
                              .rules = rules,
                              .packing = DLX__PACK_INT4,
                              .profile = "nb4",
                              .forms = rules->forms(DLX__PACK_INT4, DLX__SCHEME_WEIGHT_ONLY),
                              .cache = DLX__EXPORT_IO,
                              .n_ctx = 32,
                              .n_rows = 8,
                              .n_ids = m->hp.n_vocab,
                              .never_id = 5,
                              .description = "GGUF",
                              .n_description = 4,
                              .n_threads = 1,
                              .written = written};
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    dlx__model model;
    dlx_result r = DLX_E_NOMEM;
    open_core(&model, "sdar-tiny-b4");
    clear("failing.qnn");
    for (size_t i = 1; r != DLX_OK; i += 7) {
        failing_mem mem;
        dlx_error err = {.code = DLX_OK};
        dlx__export_written written;
        failing_mem_init(&mem, i);
        mem.once = i % 2;
        dlx__export_opts opts = core_opts(&model, "failing.qnn", &written);
        opts.mem = &mem.mem;
        r = dlx__backend_find("qnn")->export_model(&model, &opts, &err);
        if (r != DLX_OK) {
            assert_int_equal(r, DLX_E_NOMEM);
            support_sentence(&err, "out of memory");
            assert_int_equal(dlx__os_path_kind(support_tmp("failing.qnn")), DLX__PATH_ABSENT);
        }
        assert_int_equal(mem.n_alive, 0);
    }
    dlx__model_release(&model);
}

static void unknown_nodes_are_refused_by_name(void **state)
{
    (void)state;
    dlx__model model;
    dlx__export_written written;
    dlx_error err;
    open_core(&model, "sdar-tiny-b4");
    const dlx__export_opts opts = core_opts(&model, "unknown.qnn", &written);
    clear("unknown.qnn");
    model.graph.nodes[5].op = DLX__N_OPS;
    assert_int_equal(dlx__backend_find("qnn")->export_model(&model, &opts, &err),
                     DLX_E_UNSUPPORTED);
    support_sentence(&err, "nothing for the node kind unknown");
    assert_nothing_left("unknown.qnn");
    dlx__model_release(&model);
}

/* A file may not grow beyond what the system lets it: a disk that is full fails in the same way. */
static void a_full_disk_leaves_nothing(void **state)
{
    (void)state;
    char command[4 * sizeof DLX_TMP_DIR + sizeof DLX_BINARY + sizeof DLX_TESTS_DIR + 256];
    clear("full.qnn");
    if (!DLX_BINARY[0])
        skip();
    snprintf(command, sizeof command,
             "trap '' XFSZ; ulimit -f 200; '%s' export '%s/golden/sdar-tiny-b4' '%s/full.qnn' "
             "--backend qnn --profile f32 -q 2>'%s/told.txt'",
             DLX_BINARY, DLX_TESTS_DIR, DLX_TMP_DIR, DLX_TMP_DIR);
    assert_int_not_equal(system(command), 0);
    char *text;
    size_t n;
    dlx_error err;
    assert_ok(dlx__os_read_file(&text, &n, support_tmp("told.txt"), 1 << 16, NULL, &err), &err);
    assert_non_null(strstr(text, "weights.bin: cannot write it: the file would be too large"));
    free(text);
    assert_nothing_left("full.qnn");
}

/* Rows rounded by what calibration recorded: the rounding is in the graph, the bare weights in the
 * file of the stage before it, which says the scheme. */
static void ranges_become_scales(void **state)
{
    (void)state;
    static const struct {
        const char *name, *words[3];
    } profiles[] = {
        {"a16w8",
         {"DequantizeLinear(model.layers.0.self_attn.q_proj.weight, "
          "model.layers.0.self_attn.q_proj.weight.scales) axis=0",
          "axis=0 -> float32 [128, 96]", "Gemm("}},
        {"a16lpbq", /* turned, as the NPU's compiler knows it */
         {"DequantizeLinear(model.layers.0.self_attn.q_proj.weight.levels, "
          "model.layers.0.self_attn.q_proj.weight.scales, zeros.uint8.128.1) axis=1",
          "axis=0 block_size=32 -> float32 [96, 128]", "MatMul("}},
    };
    dlx__model model;
    dlx_error err;
    open_core(&model, "sdar-tiny-b4");
    for (size_t i = 0; i < model.graph.n; i++)
        if (model.graph.nodes[i].op == DLX__OP_LINEAR) {
            model.graph.nodes[i].has_ranges = true;
            model.graph.nodes[i].in_largest = 3;
            model.graph.nodes[i].in_range = (dlx__range){-1, 3};
            model.graph.nodes[i].out_range = (dlx__range){-4, 4};
        }
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++) {
        const dlx__export_rules *rules = dlx__backend_find("qnn")->exports;
        dlx__export_opts opts = {.rules = rules, .mem = NULL};
        const dlx__export_ask ask = {.profile = profiles[i].name, .n_ctx = 32, .n_rows = 8};
        assert_ok(dlx__export_resolve(&opts, &ask, &model, &err), &err);
        assert_string_equal(opts.profile, profiles[i].name);
        assert_int_equal(rules->same_scheme(opts.packing, opts.scheme), DLX__SCHEME_STATIC16);
        opts.n_ids = 320;
        opts.never_id = 305;
        dlx__buf out;
        dlx__buf_init(&out, NULL);
        assert_ok(dlx__backend_find("qnn")->export_graph(&model, &opts, &out, &err), &err);
        assert_non_null(strstr(out.data, "QuantizeLinear("));
        assert_non_null(strstr(out.data, "-> uint16 [4, 96]"));
        for (size_t k = 0; k < sizeof profiles->words / sizeof *profiles->words; k++)
            if (!strstr(out.data, profiles[i].words[k]))
                fail_msg("%s: there is no %s", profiles[i].name, profiles[i].words[k]);
        dlx__buf_release(&out);
    }
    dlx__model_release(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_family_in_every_profile),
        cmocka_unit_test(functions_have_their_names_and_shapes),
        cmocka_unit_test(canvases_have_a_graph_each),
        cmocka_unit_test(each_weight_is_there_once),
        cmocka_unit_test(the_rules_of_profiles),
        cmocka_unit_test(c19_options_take_effect),
        cmocka_unit_test(what_cannot_be_exported),
        cmocka_unit_test(chips_that_are_offered_can_be_taken),
        cmocka_unit_test(a_stopped_export_leaves_nothing),
        cmocka_unit_test(any_number_of_threads),
        cmocka_unit_test(the_graphs_are_printed),
        cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(unknown_nodes_are_refused_by_name),
        cmocka_unit_test(a_full_disk_leaves_nothing),
        cmocka_unit_test(ranges_become_scales),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
