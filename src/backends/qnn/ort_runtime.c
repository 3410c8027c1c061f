/* ort_runtime.c - finding ONNX Runtime and its QNN provider. */
#include "backends/qnn/ort_table.h"

#include "base/fail.h"
#include "base/mem.h"
#include "base/printable.h"

#include <stdio.h>
#include <string.h>

#define HOW "pip install onnxruntime (and onnxruntime-qnn for the NPU), then DLX_ORT=its library"

#if defined(__APPLE__)
#define ENDING ".dylib"
static const char *const names[] = {"libonnxruntime.dylib", "libonnxruntime.1.dylib"};
#else
#define ENDING ".so"
static const char *const names[] = {"libonnxruntime.so", "libonnxruntime.so.1"};
#endif

enum { FATAL = 4 }; /* the least that it prints */

typedef struct ort_base {
    const dlx__ort_function *(*get_api)(uint32_t version);
    const char *(*version)(void);
} ort_base;
typedef const ort_base *(*get_base)(void);

/* ---- the runtime ----------------------------------------------------------------------------- */

dlx_result dlx__ort_check(const dlx__ort *ort, void *status, const char *path, const char *what,
                          dlx_error *err)
{
    char text[320];
    size_t n = 0;
    if (!status)
        return DLX_OK;
    const char *said = dlx__ort_text(ort, DLX__ORT_GET_ERROR_MESSAGE, status);
    for (; said[n] && n + 1 < sizeof text; n++)
        text[n] = said[n] < ' ' && said[n] > 0 ? ' ' : said[n];
    text[n] = '\0';
    dlx__ort_release(ort, DLX__ORT_RELEASE_STATUS, status);
    return dlx__fail(err, DLX_E_UNSUPPORTED, "%s: ONNX Runtime could not %s: %s", path, what, text);
}

/* What is named, alone; else what is beside us or known to the loader, then what else was found. */
static dlx_result load(dlx__ort *ort, const dlx__runtime_paths *paths, dlx_error *err)
{
    dlx_error why = {.text = ""};
    if (paths && paths->onnxruntime)
        return dlx__os_library_open(&ort->library, paths->onnxruntime, err);
    for (size_t i = 0; i < DLX__LEN(names); i++)
        if (dlx__os_library_open(&ort->library, names[i], &why) == DLX_OK)
            return DLX_OK;
    if (paths && paths->onnxruntime_else &&
        dlx__os_library_open(&ort->library, paths->onnxruntime_else, &why) == DLX_OK)
        return DLX_OK;
    return dlx__fail(err, DLX_E_UNSUPPORTED,
                     "directories for qnn run by ONNX Runtime, which is not here: " HOW " (%s)",
                     why.text);
}

static dlx_result get_table(dlx__ort *ort, const ort_base **base, const dlx__runtime_paths *paths,
                            dlx_error *err)
{
    const char *which =
        paths && paths->onnxruntime ? paths->onnxruntime : "the library that was found first";
    const get_base get = (get_base)dlx__os_library_find(ort->library, "OrtGetApiBase");
    *base = get ? get() : NULL;
    if (!*base)
        return dlx__fail(
            err, DLX_E_UNSUPPORTED,
            "%s: expected the library of ONNX Runtime, found one without OrtGetApiBase: " HOW,
            which);
    snprintf(ort->version, sizeof ort->version, "%s", (*base)->version());
    dlx__make_printable(ort->version);
    if (sscanf(ort->version, "1.%d", &ort->api) == 1 && ort->api >= DLX__ORT_LEAST_API) {
        if (ort->api > DLX__ORT_FULL_API)
            ort->api = DLX__ORT_FULL_API;
        ort->table = (*base)->get_api((uint32_t)ort->api);
    }
    if (ort->table)
        return DLX_OK;
    return dlx__fail(err, DLX_E_UNSUPPORTED,
                     "%s: expected ONNX Runtime 1.%d or newer, found %s: pip install onnxruntime",
                     which, DLX__ORT_LEAST_API, ort->version);
}

static dlx_result start(dlx__ort *ort, dlx_error *err)
{
    DLX__TRY(dlx__ort_check(ort, DLX__ORT_CALL(ort, CreateEnv)(FATAL, "dlx", &ort->env), "qnn",
                            "begin", err));
    return dlx__ort_check(ort, DLX__ORT_CALL(ort, CreateCpuMemoryInfo)(1, 0, &ort->memory_info),
                          "qnn", "begin", err);
}

/* ---- the provider ---------------------------------------------------------------------------- */

static dlx_result say_why(dlx__ort *ort, const char *why, dlx_error *err)
{
    dlx__free(ort->mem, ort->why_cpu);
    ort->why_cpu = dlx__strdup(ort->mem, why);
    return ort->why_cpu ? DLX_OK : dlx__fail_memory(err, "looking for a provider", strlen(why));
}

/* "<folder of path><rest>"; false: no memory. */
static bool beside(dlx__buf *at, const char *path, const char *rest)
{
    const char *last = strrchr(path, '/');
    dlx__buf_reset(at);
    return dlx__buf_append(at, path, last ? (size_t)(last + 1 - path) : 0) &&
           dlx__buf_text(at, rest);
}

/* *at: its path, or nothing where it is not found. */
static dlx_result find_provider(const dlx__ort *ort, const dlx__runtime_paths *paths, dlx__buf *at,
                                dlx_error *err)
{
    static const char *const places[] = {
        "libonnxruntime_providers_qnn" ENDING,
        "onnxruntime_qnn/libonnxruntime_providers_qnn" ENDING,
        "../../onnxruntime_qnn/libonnxruntime_providers_qnn" ENDING, /* as pip lays them out */
    };
    char own[4096];
    bool ok = true;
    if (paths && paths->qnn_provider) {
        ok = dlx__buf_text(at, paths->qnn_provider);
        return ok ? DLX_OK : dlx__fail_memory(err, "looking for a provider", at->len);
    }
    if (!dlx__os_library_path(own, sizeof own, (void (*)(void))ort->table[0]))
        return DLX_OK;
    for (size_t i = 0; i < DLX__LEN(places) && ok; i++) {
        ok = beside(at, own, places[i]);
        if (ok && dlx__os_path_kind(at->data) == DLX__PATH_FILE)
            return DLX_OK;
    }
    dlx__buf_reset(at);
    return ok ? DLX_OK : dlx__fail_memory(err, "looking for a provider", at->len);
}

/* It is registered once in a process: a second time is refused, and it is there. */
static dlx_result collect_devices(dlx__ort *ort, const char *path, dlx_error *err)
{
    void *const *all = NULL;
    size_t n = 0;
    dlx_error why = {.text = ""};
    const dlx_result r = dlx__ort_check(
        ort, DLX__ORT_CALL(ort, RegisterExecutionProviderLibrary)(ort->env, DLX__ORT_QNN, path),
        path, "take its provider", &why);
    DLX__TRY(dlx__ort_check(ort, DLX__ORT_CALL(ort, GetEpDevices)(ort->env, &all, &n), path,
                            "list its devices", err));
    for (size_t i = 0; i < n && ort->n_devices < DLX__LEN(ort->devices); i++)
        if (strcmp(dlx__ort_text(ort, DLX__ORT_EP_DEVICE_NAME, all[i]), DLX__ORT_QNN) == 0)
            ort->devices[ort->n_devices++] = all[i];
    if (ort->n_devices)
        return DLX_OK;
    return say_why(ort, r == DLX_OK ? "the QNN provider has no device" : why.text, err);
}

/* One that was asked for by name and is not there would be missed without a word. */
static dlx_result check_named(const dlx__ort *ort, const dlx__runtime_paths *paths, dlx_error *err)
{
    if (ort->n_devices || !paths || !paths->qnn_provider)
        return DLX_OK;
    return dlx__fail(err, DLX_E_UNSUPPORTED,
                     "%s: expected ONNX Runtime's QNN provider, found none: %s; name another one, "
                     "or take none for the CPU",
                     paths->qnn_provider, ort->why_cpu);
}

static dlx_result take_provider(dlx__ort *ort, const dlx__runtime_paths *paths, dlx_error *err)
{
    dlx__buf at, npu;
    if (paths && paths->qnn_provider && strcmp(paths->qnn_provider, "none") == 0)
        return say_why(ort, "the QNN provider was not wanted", err);
    dlx__buf_init(&at, ort->mem);
    dlx__buf_init(&npu, ort->mem);
    dlx_result r = find_provider(ort, paths, &at, err);
    if (r == DLX_OK && at.len == 0)
        r = say_why(ort, "no QNN provider is here: pip install onnxruntime-qnn", err);
    else if (r == DLX_OK)
        r = collect_devices(ort, at.data, err);
    if (r == DLX_OK)
        r = check_named(ort, paths, err);
    if (r == DLX_OK && ort->n_devices) {
        const bool ok = beside(&npu, at.data, "libQnnHtp" ENDING);
        ort->npu = ok ? dlx__strdup(ort->mem, npu.data) : NULL;
        if (!ort->npu)
            r = dlx__fail_memory(err, "looking for a provider", npu.len);
    }
    dlx__buf_release(&npu);
    dlx__buf_release(&at);
    return r;
}

/* ---- both ------------------------------------------------------------------------------------ */

dlx_result dlx__ort_open(dlx__ort *ort, const dlx__runtime_paths *paths, const dlx_allocator *mem,
                         dlx_error *err)
{
    const ort_base *base;
    *ort = (dlx__ort){.mem = mem};
#if defined(_WIN32)
    return dlx__fail(err, DLX_E_UNSUPPORTED,
                     "directories for qnn run on Linux, Android and macOS: take cpu here");
#endif
    dlx_result r = load(ort, paths, err);
    if (r == DLX_OK)
        r = get_table(ort, &base, paths, err);
    if (r == DLX_OK)
        r = start(ort, err);
    if (r == DLX_OK)
        r = take_provider(ort, paths, err);
    if (r != DLX_OK)
        dlx__ort_close(ort);
    return r;
}

void dlx__ort_close(dlx__ort *ort)
{
    if (ort->table) {
        dlx__ort_release(ort, DLX__ORT_RELEASE_MEMORY_INFO, ort->memory_info);
        dlx__ort_release(ort, DLX__ORT_RELEASE_ENV, ort->env);
    }
    dlx__os_library_close(ort->library);
    dlx__free(ort->mem, ort->npu);
    dlx__free(ort->mem, ort->why_cpu);
    *ort = (dlx__ort){.api = 0};
}

bool dlx__ort_describe(const dlx__ort *ort, dlx__buf *out)
{
    if (ort->n_devices)
        return dlx__buf_format(out, "ONNX Runtime %s, its QNN provider", ort->version);
    return dlx__buf_format(out, "ONNX Runtime %s, its CPU provider: %s", ort->version,
                           ort->why_cpu);
}
