/*
 * jinja.h - the part of the Jinja template language that chat templates use, rendered byte for byte
 * as Hugging Face's transformers do (trim_blocks, lstrip_blocks, its tojson, loop controls).
 * Templates are not trusted: what is not supported is refused with its line and name, and limits
 * on nesting, steps, memory and output end in a sentence. Differences that remain: upper() and
 * lower() map single code points (no "ß" to "SS").
 *
 * A template is parsed once into a tree of nodes (jinja_ast.h); rendering walks it with values
 * (jinja_value.h) that live in one arena for the time of the call (jinja_run.h).
 */
#ifndef DLX__JINJA_H
#define DLX__JINJA_H

#include "base/buf.h"

#include <jansson.h>

typedef struct dlx__jinja dlx__jinja; /* immutable, shareable */

/* Parses text[0, n). Failures begin with "line N: ". */
dlx_result dlx__jinja_open(dlx__jinja **out, const char *text, size_t n, const dlx_allocator *mem,
                           dlx_error *err);
void dlx__jinja_free(dlx__jinja *t); /* t may be NULL */

/* A variable of the template; of two with one name the later wins. A NULL value is left out. */
typedef struct dlx__jinja_var {
    const char *name;
    json_t *value; /* only read */
} dlx__jinja_var;

/*
 * Appends the rendered text. kwargs (an object or NULL) holds further variables, which vars
 * overrule. On failure out keeps what it held.
 */
dlx_result dlx__jinja_render(const dlx__jinja *t, const dlx__jinja_var *vars, size_t n_vars,
                             json_t *kwargs, dlx__buf *out, dlx_error *err);

#endif
