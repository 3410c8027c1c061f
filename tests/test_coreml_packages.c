// labels: export
/*
 * test_coreml_packages.c - a session opens every package that is exported: what Core ML would tell
 * of it is told by our reader, which shares nothing with the writer, and the session holds it
 * against the checkpoint. The Swift example looks for bytes of it, which must be there.
 */
#include "golden_folders.h"
#include "support.h"

#include "backends/coreml/coreml.h"
#include "export/mlpackage_read.h"

#include <dlx/export.h>

#define PACKAGE "coreml-open.mlpackage"

/* ---- the reader as a runtime ----------------------------------------------------------------- */

static dlx__mlpackage_file file;

static dlx_result open_file(void **package, const char *path, dlx_error *err)
{
    DLX__TRY(dlx__mlpackage_open(&file, path, NULL, err));
    *package = &file;
    return DLX_OK;
}

static void close_file(void *package)
{
    dlx__mlpackage_close(package);
}

static bool tell(void *package, const char *key, char *to, size_t n)
{
    (void)package;
    for (size_t i = 0; i < file.n_metadata; i++)
        if (strcmp(file.metadata[i].key, key) == 0)
            return (size_t)snprintf(to, n, "%s", file.metadata[i].value) < n;
    return false;
}

static dlx_result find(void **function, void *package, const char *name, const char *unit,
                       dlx_error *err)
{
    (void)package;
    (void)unit;
    for (size_t i = 0; i < file.n_functions; i++)
        if (strcmp(file.functions[i].name, name) == 0) {
            *function = &file.functions[i];
            return DLX_OK;
        }
    snprintf(err->text, sizeof err->text, "no function %s", name);
    return err->code = DLX_E_FORMAT;
}

static dlx__coreml_type type_of(int element)
{
    const char *name = dlx__mil_element_name(element);
    if (strcmp(name, "f16") == 0)
        return DLX__COREML_HALF;
    if (strcmp(name, "f32") == 0)
        return DLX__COREML_FLOAT;
    return strcmp(name, "i32") == 0 ? DLX__COREML_INT32 : DLX__COREML_OTHER;
}

static size_t put(dlx__coreml_port *to, size_t n, size_t at, const dlx__mil_values *values,
                  dlx__coreml_side side)
{
    for (size_t i = 0; i < values->n; i++, at++) {
        const dlx__mil_value *v = &values->items[i];
        if (at >= n)
            continue;
        to[at] = (dlx__coreml_port){
            .side = side, .type = type_of(v->type.element), .n_dims = (int)v->type.rank};
        snprintf(to[at].name, sizeof to[at].name, "%s", v->name);
        for (size_t d = 0; d < v->type.rank && d < DLX__COREML_DIMS; d++)
            to[at].dims[d] = (size_t)v->type.dims[d];
    }
    return at;
}

static size_t ports(void *function, dlx__coreml_port *to, size_t n)
{
    const dlx__mlpackage_function *f = function;
    size_t at = put(to, n, 0, &f->inputs, DLX__COREML_INPUT);
    at = put(to, n, at, &f->outputs, DLX__COREML_OUTPUT);
    return put(to, n, at, &f->states, DLX__COREML_STATE);
}

static void *new_state(void *function)
{
    return function;
}

static void leave(void *handle)
{
    (void)handle;
}

static const dlx__coreml_runtime reader = {.open = open_file,
                                           .close = close_file,
                                           .fact = tell,
                                           .load = find,
                                           .unload = leave,
                                           .ports = ports,
                                           .new_state = new_state,
                                           .drop_state = leave};

/* ---- packages -------------------------------------------------------------------------------- */

static dlx_result opened(const dlx__model *m, size_t n_ctx, dlx_error *err)
{
    dlx__backend *b;
    const dlx__backend_opts o = {.n_ctx = n_ctx, .n_streams = 2, .path = support_tmp(PACKAGE)};
    DLX__TRY(dlx__coreml_load_by(&b, &reader, m, &o, err));
    assert_int_equal(b->functions[b->fixed.logits].size.n_rows, 0);
    assert_int_equal(b->facts.n_ctx, 64);
    dlx__coreml_close(b);
    return DLX_OK;
}

static void export_with(const char *folder, const char *cache)
{
    char *text;
    dlx_error err;
    dlx_model *m = support_open(folder);
    const dlx_export_opts o = {.size = sizeof o, .backend = "coreml", .cache = cache, .n_ctx = 64};
    assert_ok(dlx_export(m, support_tmp(PACKAGE), &o, &text, &err), &err);
    dlx_free(m, text);
    dlx_model_free(m);
}

static void a_session_opens_every_package(void **state)
{
    (void)state;
    static const char *const caches[] = {"io", "state", "none"};
    static const char *const more[] = AUTOREGRESSIVE_FOLDERS;
    const size_t n = DLX__LEN(golden_folders);
    for (size_t i = 0; i < n + N_AUTOREGRESSIVE; i++) {
        const char *folder = i < n ? golden_folders[i] : more[i - n];
        dlx_error err;
        dlx__model m;
        assert_ok(dlx__model_open(&m, support_golden(folder), DLX__NEED_WEIGHTS, NULL, &err), &err);
        const bool whole = m.family->visibility == DLX__VISIBLE_FULL;
        for (size_t c = 0; c < (whole ? 3 : 2); c++) {
            export_with(folder, caches[c]);
            assert_ok(opened(&m, 64, &err), &err);
            assert_int_equal(opened(&m, 65, &err), DLX_E_ARG);
        }
        dlx__model_release(&m);
    }
}

/* Another model of the same family: the first shape that differs is named. */
static void a_package_of_another_model_is_refused(void **state)
{
    (void)state;
    dlx_error err;
    dlx__model m;
    export_with("dream-tiny", "io");
    assert_ok(dlx__model_open(&m, support_golden("dream-tied"), DLX__NEED_WEIGHTS, NULL, &err),
              &err);
    m.graph.n_embd *= 2;
    assert_int_equal(opened(&m, 64, &err), DLX_E_MISMATCH);
    assert_says(&err, "export it again");
    dlx__model_release(&m);
}

static bool holds(const char *bytes, size_t n, const char *entry, size_t n_entry)
{
    for (size_t i = 0; i + n_entry <= n; i++)
        if (memcmp(bytes + i, entry, n_entry) == 0)
            return true;
    return false;
}

/* Key and value, each behind its length, as examples/ios looks for them. */
static void the_example_finds_what_it_looks_for(void **state)
{
    (void)state;
    static const char *const entries[][2] = {
        {"dlx.cache", "io"}, {"dlx.visibility", "block_causal"}, {"dlx.shift_logits", "0"}};
    char path[4200], entry[128];
    static char bytes[1 << 22];
    for (int shifts = 0; shifts < 2; shifts++) {
        export_with(shifts ? "fast-dllm-v2-tiny" : "sdar-tiny-b4", "io");
        snprintf(path, sizeof path, "%s/Data/com.apple.CoreML/model.mlmodel", support_tmp(PACKAGE));
        FILE *f = fopen(path, "rb");
        assert_non_null(f);
        const size_t n = fread(bytes, 1, sizeof bytes, f);
        fclose(f);
        for (size_t i = 0; i < DLX__LEN(entries); i++) {
            const char *key = entries[i][0], *value = entries[i][1];
            const int length = snprintf(entry, sizeof entry, "\n%c%s\x12%c%s", (int)strlen(key),
                                        key, (int)strlen(value), value);
            assert_int_equal(holds(bytes, n, entry, (size_t)length), i < 2 || !shifts);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_opens_every_package),
        cmocka_unit_test(a_package_of_another_model_is_refused),
        cmocka_unit_test(the_example_finds_what_it_looks_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
