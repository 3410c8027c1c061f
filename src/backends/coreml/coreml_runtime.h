/*
 * coreml_runtime.h - what a session asks of Core ML, as functions of C: coreml_apple.m fills them
 * with Apple's framework, tests with one of their own. What comes from behind them is not trusted.
 */
#ifndef DLX__COREML_RUNTIME_H
#define DLX__COREML_RUNTIME_H

#include "base/base.h"

enum {
    DLX__COREML_DIMS = 4,
    DLX__COREML_NAME = 64 /* bytes of a name or fact at most, its end included */
};

typedef enum dlx__coreml_type {
    DLX__COREML_HALF,
    DLX__COREML_FLOAT,
    DLX__COREML_INT32,
    DLX__COREML_OTHER /* and what is no array */
} dlx__coreml_type;

typedef enum dlx__coreml_side {
    DLX__COREML_INPUT,
    DLX__COREML_OUTPUT,
    DLX__COREML_STATE
} dlx__coreml_side;

/* An input, an output or a state of a function. */
typedef struct dlx__coreml_port {
    char name[DLX__COREML_NAME];
    dlx__coreml_side side;
    dlx__coreml_type type;
    size_t dims[DLX__COREML_DIMS];
    int n_dims; /* more than DLX__COREML_DIMS: the others are not told */
} dlx__coreml_port;

/* What a port is given, or where its result goes: row after row, without gaps. */
typedef struct dlx__coreml_array {
    const dlx__coreml_port *port;
    void *data; /* NULL: an output that nobody wants */
} dlx__coreml_array;

/* Handles belong to the caller. Sentences do not name the package: the session does. */
typedef struct dlx__coreml_runtime {
    dlx_result (*open)(void **package, const char *path, dlx_error *err);
    void (*close)(void *package); /* after its functions */
    /* What the package says under a key, with its end [n]; false: nothing, or more than that. */
    bool (*fact)(void *package, const char *key, char *to, size_t n);
    dlx_result (*load)(void **function, void *package, const char *name, const char *unit,
                       dlx_error *err);
    void (*unload)(void *function);
    /* How many there are; the first n of them in `to`. */
    size_t (*ports)(void *function, dlx__coreml_port *to, size_t n);
    void *(*new_state)(void *function); /* of zeros; NULL: no memory */
    void (*drop_state)(void *state);
    /* state NULL: none. Results are handed to dlx__coreml_take. */
    dlx_result (*run)(void *function, void *state, const dlx__coreml_array *in, size_t n_in,
                      const dlx__coreml_array *out, size_t n_out, dlx_error *err);
} dlx__coreml_runtime;

/* That of this system; else the sentence says why there is none. */
dlx_result dlx__coreml_runtime_find(const dlx__coreml_runtime **out, dlx_error *err);

/* A result as Core ML holds it: anywhere in memory, by its strides. */
typedef struct dlx__coreml_result {
    dlx__coreml_port port;
    size_t strides[DLX__COREML_DIMS]; /* in numbers */
    const void *data;                 /* [n_bytes] */
    size_t n_bytes;
} dlx__coreml_result;

/* Copies it to where it is wanted. Other types and shapes than were wanted are refused, and strides
 * that leave its memory. */
dlx_result dlx__coreml_take(const dlx__coreml_array *to, const dlx__coreml_result *from,
                            dlx_error *err);

size_t dlx__coreml_type_bytes(dlx__coreml_type type); /* 0: OTHER */

#endif
