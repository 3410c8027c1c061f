/* base.h - what every file of the library starts with: results, checked sizes, small helpers. */
#ifndef DLX__BASE_H
#define DLX__BASE_H

#include <dlx/common.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DLX__LEN(array) (sizeof(array) / sizeof((array)[0]))

/* Leaves the calling function with the failure, if there is one. */
#define DLX__TRY(call)                                                                             \
    do {                                                                                           \
        dlx_result dlx__try_result = (call);                                                       \
        if (dlx__try_result != DLX_OK)                                                             \
            return dlx__try_result;                                                                \
    } while (0)

/* Goes to the `done:` label of the calling function with the failure in `r`. */
#define DLX__GO(call)                                                                              \
    do {                                                                                           \
        r = (call);                                                                                \
        if (r != DLX_OK)                                                                           \
            goto done;                                                                             \
    } while (0)

#if defined(__MINGW32__) && !defined(__clang__)
/* C11 formats such as %zu; plain "printf" there means the old C library of Windows. */
#define DLX__PRINTF(fmt, args) __attribute__((format(gnu_printf, fmt, args)))
#elif defined(__GNUC__)
#define DLX__PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define DLX__PRINTF(fmt, args)
#endif

/* Size arithmetic that saturates: any overflow gives SIZE_MAX, which no allocation satisfies. */
static inline size_t dlx__mul(size_t a, size_t b)
{
    return b != 0 && a > SIZE_MAX / b ? SIZE_MAX : a * b;
}

static inline size_t dlx__add(size_t a, size_t b)
{
    return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

static inline size_t dlx__min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t dlx__max(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Rounds up to a multiple of a power of two; saturates like dlx__add. */
static inline size_t dlx__align(size_t n, size_t power_of_two)
{
    size_t grown = dlx__add(n, power_of_two - 1);
    return grown == SIZE_MAX ? SIZE_MAX : grown & ~(power_of_two - 1);
}

#endif
