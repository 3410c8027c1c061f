/*
 * jinja_run.h - a running template: its memory, its limits, its variables. Functions that fail have
 * put the sentence into the run's error, with the line of the template.
 */
#ifndef DLX__JINJA_RUN_H
#define DLX__JINJA_RUN_H

#include "base/arena.h"
#include "base/buf.h"
#include "text/jinja_ast.h"

#include <jansson.h>

/* Far above what a conversation needs, far below what would harm the machine. */
enum {
    DLX__JINJA_MAX_STEPS = 8 << 20,    /* nodes evaluated, elements visited */
    DLX__JINJA_MAX_DEPTH = 400,        /* nested nodes, values and macro calls */
    DLX__JINJA_MAX_MEMORY = 256 << 20, /* bytes of values */
    DLX__JINJA_MAX_OUTPUT = 64 << 20,  /* bytes of text, also of one value */
    DLX__JINJA_MAX_SOURCE = 1 << 20    /* bytes of a template */
};

typedef struct dlx__jinja_binding {
    dlx__jv_text name;
    dlx__jv value;
    struct dlx__jinja_binding *next;
} dlx__jinja_binding;

/* A scope: the template, the body of a loop, a macro. */
typedef struct dlx__jinja_frame {
    dlx__jinja_binding *bindings;
    struct dlx__jinja_frame *parent;
} dlx__jinja_frame;

typedef struct dlx__jinja_run {
    dlx__arena arena; /* of all values */
    dlx__buf *out;    /* where output goes: the caller's, or that of a macro or set block */
    dlx__jinja_frame *frame;
    dlx__jinja_frame *root;
    uint64_t steps; /* left */
    int depth;
    int line; /* of the node that is evaluated */
    dlx_error *err;
} dlx__jinja_run;

/* "line N: ..." */
dlx_result dlx__jr_fail(dlx__jinja_run *run, dlx_result code, const char *format, ...)
    DLX__PRINTF(3, 4);

/* After an allocation that gave NULL: no memory, or the limit on it. */
dlx_result dlx__jr_no_memory(dlx__jinja_run *run);

/* Zeroed memory of the run; NULL at the limit too. */
void *dlx__jr_alloc(dlx__jinja_run *run, size_t n, size_t size);

/* Takes n steps from what is left. */
dlx_result dlx__jr_spend(dlx__jinja_run *run, uint64_t n);

/* Around everything that recurses. leave() only after an enter() that succeeded. */
dlx_result dlx__jr_enter(dlx__jinja_run *run);
void dlx__jr_leave(dlx__jinja_run *run);

/* Appends to a buffer within the limit on output. */
dlx_result dlx__jr_append(dlx__jinja_run *run, dlx__buf *buf, const char *data, size_t len);

/* A copy in the run's memory. */
dlx_result dlx__jr_copy(dlx__jinja_run *run, const char *data, size_t len, dlx__jv *out);

/* New empty containers, and adding to them. */
dlx_result dlx__jr_list(dlx__jinja_run *run, size_t capacity, dlx__jv *out);
dlx_result dlx__jr_push(dlx__jinja_run *run, dlx__jv_list *list, dlx__jv item);
dlx_result dlx__jr_dict(dlx__jinja_run *run, dlx__jv *out);
dlx_result dlx__jr_put(dlx__jinja_run *run, dlx__jv_dict *dict, dlx__jv key, dlx__jv value);

/* Equality as Python's ==, through lists and dicts. */
dlx_result dlx__jr_equal(dlx__jinja_run *run, const dlx__jv *a, const dlx__jv *b, bool *equal);

/* The value under a key of a dict; *found NULL when it is not there. */
dlx_result dlx__jr_find(dlx__jinja_run *run, const dlx__jv_dict *dict, const dlx__jv *key,
                        dlx__jv **found);

/* The variable, undefined when no scope has it. */
dlx_result dlx__jr_lookup(dlx__jinja_run *run, dlx__jv_text name, dlx__jv *out);

/* Sets it in the innermost scope. */
dlx_result dlx__jr_set(dlx__jinja_run *run, dlx__jv_text name, dlx__jv value);

/* The JSON as a value that borrows its texts. */
dlx_result dlx__jr_from_json(dlx__jinja_run *run, json_t *json, dlx__jv *out);

#endif
