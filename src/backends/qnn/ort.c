/* ort.c - the table of functions by number. */
#include "backends/qnn/ort.h"

#include "base/fail.h"

#if defined(_WIN32)
#define LIBRARY "onnxruntime.dll"
#elif defined(__APPLE__)
#define LIBRARY "libonnxruntime.1.dylib"
#else
#define LIBRARY "libonnxruntime.so.1"
#endif

/* The version of the table that is asked for: its functions are those of 1.22 and newer. */
enum { API_VERSION = 22 };

typedef struct status status; /* OrtStatus; NULL: well */

/* number in the table, name, result, arguments */
#define FUNCTIONS(X)                                                                               \
    X(2, error_message, const char *, (const status *))                                            \
    X(3, create_env, status *, (int, const char *, void **))                                       \
    X(7, create_session, status *, (const void *, const char *, const void *, void **))            \
    X(9, run, status *,                                                                            \
      (void *, const void *, const char *const *, const void *const *, size_t,                     \
       const char *const *, size_t, void **))                                                      \
    X(10, create_options, status *, (void **))                                                     \
    X(23, set_optimization, status *, (void *, int))                                               \
    X(24, set_threads, status *, (void *, int))                                                    \
    X(49, create_tensor, status *,                                                                 \
      (const void *, void *, size_t, const int64_t *, size_t, int, void **))                       \
    X(69, create_memory, status *, (int, int, void **))                                            \
    X(92, release_env, void, (void *))                                                             \
    X(93, release_status, void, (status *))                                                        \
    X(94, release_memory, void, (void *))                                                          \
    X(95, release_session, void, (void *))                                                         \
    X(96, release_value, void, (void *))                                                           \
    X(100, release_options, void, (void *))

/* A call of the function by its name. */
#define TYPE_OF(number, name, result, arguments) typedef result(*name##_fn) arguments;
FUNCTIONS(TYPE_OF)
#undef TYPE_OF
enum {
#define NUMBER_OF(number, name, result, arguments) number_of_##name = (number),
    FUNCTIONS(NUMBER_OF)
#undef NUMBER_OF
};
#define CALL(r, name, ...) ((name##_fn)(r)->table[number_of_##name])(__VA_ARGS__)

typedef struct api_base {
    void (*const *(*get_api)(uint32_t))(void);
    const char *(*get_version)(void);
} api_base;

/* Its sentence becomes ours. */
static dlx_result check(const dlx__ort *r, status *s, const char *what, dlx_error *err)
{
    if (!s)
        return DLX_OK;
    dlx__fail(err, DLX_E_UNSUPPORTED, "%s: ONNX Runtime %s: %.300s", what, r->version,
              CALL(r, error_message, s));
    CALL(r, release_status, s);
    return DLX_E_UNSUPPORTED;
}

static dlx_result find_table(dlx__ort *r, dlx_error *err)
{
    typedef const api_base *(*base_fn)(void);
    const base_fn base_of = (base_fn)dlx__os_library_find(r->library, "OrtGetApiBase");
    const api_base *base = base_of ? base_of() : NULL;
    if (!base)
        return dlx__fail(err, DLX_E_UNSUPPORTED, "%s is no ONNX Runtime: it has no OrtGetApiBase",
                         LIBRARY);
    r->version = base->get_version();
    r->table = base->get_api(API_VERSION);
    if (r->table)
        return DLX_OK;
    return dlx__fail(err, DLX_E_UNSUPPORTED,
                     "ONNX Runtime %s: expected 1.%d or newer: pip install --upgrade onnxruntime",
                     r->version, API_VERSION);
}

dlx_result dlx__ort_open(dlx__ort *r, dlx_error *err)
{
    dlx_error why = {.code = DLX_OK};
    enum { WARNINGS = 3 };
    *r = (dlx__ort){.table = NULL};
    if (dlx__os_library_open(&r->library, LIBRARY, &why) != DLX_OK)
        return dlx__fail(
            err, DLX_E_UNSUPPORTED,
            "directories of ONNX graphs run by ONNX Runtime, which is not here: pip install "
            "onnxruntime, then make onnxruntime (%s)",
            why.text);
    dlx_result result = find_table(r, err);
    if (result == DLX_OK)
        result = check(r, CALL(r, create_env, WARNINGS, "dlx", &r->env), "starting", err);
    if (result == DLX_OK)
        result = check(r, CALL(r, create_memory, 0, 0, &r->memory), "starting", err);
    if (result != DLX_OK)
        dlx__ort_close(r);
    return result;
}

void dlx__ort_close(dlx__ort *r)
{
    if (r->memory)
        CALL(r, release_memory, r->memory);
    if (r->env)
        CALL(r, release_env, r->env);
    dlx__os_library_close(r->library);
    *r = (dlx__ort){.table = NULL};
}

dlx_result dlx__ort_session_open(void **session, const dlx__ort *r, const char *path, int n_threads,
                                 dlx_error *err)
{
    void *options = NULL;
    *session = NULL;
    DLX__TRY(check(r, CALL(r, create_options, &options), path, err));
    /* its optimizer would make other arithmetic of four-bit products */
    dlx_result result = check(r, CALL(r, set_optimization, options, 0), path, err);
    if (result == DLX_OK && n_threads > 0)
        result = check(r, CALL(r, set_threads, options, n_threads), path, err);
    if (result == DLX_OK)
        result = check(r, CALL(r, create_session, r->env, path, options, session), path, err);
    CALL(r, release_options, options);
    return result;
}

void dlx__ort_session_close(const dlx__ort *r, void *session)
{
    if (session)
        CALL(r, release_session, session);
}

static dlx_result wrap(const dlx__ort *r, const char *what, const dlx__ort_tensor *list, size_t n,
                       const char **names, void **values, dlx_error *err)
{
    for (size_t i = 0; i < n; i++) {
        size_t n_bytes = 4; /* of either type */
        for (int k = 0; k < list[i].n_dims; k++)
            n_bytes = dlx__mul(n_bytes, (size_t)list[i].dims[k]);
        names[i] = list[i].name;
        DLX__TRY(check(r,
                       CALL(r, create_tensor, r->memory, list[i].data, n_bytes, list[i].dims,
                            (size_t)list[i].n_dims, (int)list[i].type, &values[i]),
                       what, err));
    }
    return DLX_OK;
}

dlx_result dlx__ort_run(const dlx__ort *r, void *session, const char *what,
                        const dlx__ort_tensor *in, size_t n_in, const dlx__ort_tensor *out,
                        size_t n_out, dlx_error *err)
{
    const char *names[DLX__ORT_MAX_TENSORS];
    void *values[DLX__ORT_MAX_TENSORS] = {NULL};
    if (n_in + n_out > DLX__ORT_MAX_TENSORS)
        return dlx__fail(err, DLX_E_UNSUPPORTED, "%s: expected at most %d tensors, found %zu", what,
                         DLX__ORT_MAX_TENSORS, n_in + n_out);
    dlx_result result = wrap(r, what, in, n_in, names, values, err);
    if (result == DLX_OK)
        result = wrap(r, what, out, n_out, names + n_in, values + n_in, err);
    if (result == DLX_OK)
        result = check(r,
                       CALL(r, run, session, NULL, names, (const void *const *)values, n_in,
                            names + n_in, n_out, values + n_in),
                       what, err);
    for (size_t i = 0; i < n_in + n_out; i++)
        if (values[i])
            CALL(r, release_value, values[i]);
    return result;
}
