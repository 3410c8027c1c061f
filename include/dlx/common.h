/*
 * dlx/common.h - the few types that every public header and every room of the library share.
 *
 * Conventions of the whole interface:
 *   - a function that can fail returns dlx_result; 0 is success, failures are negative;
 *   - the last parameter `dlx_error *err` may be NULL; on failure it receives one sentence that
 *     names the file, what was expected, what was found and what to do;
 *   - only dlx_*_open functions give an object away; every other getter lends;
 *   - option structures start with `size`; a zero field means "the default".
 */
#ifndef DLX_COMMON_H
#define DLX_COMMON_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define DLX_API
#elif defined(__GNUC__)
#define DLX_API __attribute__((visibility("default")))
#else
#define DLX_API
#endif

#if defined(__GNUC__)
#define DLX_NODISCARD __attribute__((warn_unused_result))
#else
#define DLX_NODISCARD
#endif

/* name, value, text. The values are part of the ABI: add, never renumber. */
#define DLX_RESULTS(X)                                                                             \
    X(OK, 0, "ok")                                                                                 \
    X(CANCELLED, 1, "stopped by the caller")                                                       \
    X(E_ARG, -1, "invalid argument")                                                               \
    X(E_NOMEM, -2, "out of memory")                                                                \
    X(E_IO, -3, "file error")                                                                      \
    X(E_FORMAT, -4, "damaged file")                                                                \
    X(E_UNSUPPORTED, -5, "not supported here")                                                     \
    X(E_MISMATCH, -6, "parts do not belong together")                                              \
    X(E_FULL, -7, "context window is full")                                                        \
    X(E_BACKEND, -8, "backend failure")

typedef enum dlx_result {
#define DLX_RESULT_ENUM(name, value, text) DLX_##name = value,
    DLX_RESULTS(DLX_RESULT_ENUM)
#undef DLX_RESULT_ENUM
} dlx_result;

/* A failure in words. `text` is always terminated; it is empty after success. */
typedef struct dlx_error {
    dlx_result code;
    char text[508];
} dlx_error;

/*
 * Where memory comes from. `resize` follows realloc: (NULL, n) allocates, (p, n) grows or shrinks,
 * (p, 0) frees and returns NULL; it returns NULL when there is no memory and then leaves p alone.
 * Results must be aligned for any type. It may be called from several threads.
 */
typedef struct dlx_allocator {
    void *(*resize)(void *user, void *p, size_t n_bytes);
    void *user;
} dlx_allocator;

typedef int32_t dlx_token; /* index of a row of the embedding table */

/* The constant text of a result code, "unknown result" for a value outside the list. */
DLX_API const char *dlx_result_text(dlx_result r);

/* "major.minor.patch" of the library that is running. */
DLX_API const char *dlx_version(void);

#ifdef __cplusplus
}
#endif
#endif
