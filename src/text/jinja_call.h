/* jinja_call.h - calling things by name: functions, macros, methods, filters, tests. */
#ifndef DLX__JINJA_CALL_H
#define DLX__JINJA_CALL_H

#include "text/jinja_run.h"

enum { DLX__JINJA_MAX_PARAMS = 3 };

/* Arguments, by parameter; NULL where none was given. */
typedef dlx_result (*dlx__jinja_fn)(dlx__jinja_run *run, const dlx__jv *self,
                                    const dlx__jv *const args[DLX__JINJA_MAX_PARAMS], dlx__jv *out);

typedef struct dlx__jinja_builtin {
    const char *name;
    dlx__jinja_fn fn;
    size_t n_required;
    const char *params[DLX__JINJA_MAX_PARAMS]; /* NULL behind the last */
} dlx__jinja_builtin;

/* CALL, FILTER and IS nodes. */
dlx_result dlx__jc_call(dlx__jinja_run *run, const dlx__jinja_node *n, dlx__jv *out);
dlx_result dlx__jc_filter(dlx__jinja_run *run, const dlx__jinja_node *n, dlx__jv *out);
dlx_result dlx__jc_is(dlx__jinja_run *run, const dlx__jinja_node *n, dlx__jv *out);

/* The tables (jinja_method.c, jinja_filter.c, jinja_is.c); NULL for an unknown name. */
const dlx__jinja_builtin *dlx__jinja_find(const dlx__jinja_builtin *table, size_t n,
                                          dlx__jv_text name);
const dlx__jinja_builtin *dlx__jinja_method(const dlx__jv *self, dlx__jv_text name);
const dlx__jinja_builtin *dlx__jinja_filter(dlx__jv_text name);
const dlx__jinja_builtin *dlx__jinja_test(dlx__jv_text name);

bool dlx__jc_has_method(const dlx__jv *self, dlx__jv_text name);

/* What filters and methods share. */
dlx_result dlx__jc_join(dlx__jinja_run *run, const dlx__jv_list *list, dlx__jv_text between,
                        dlx__jv *out);
dlx_result dlx__jc_upper(dlx__jinja_run *run, dlx__jv_text s, bool upper, dlx__jv *out);
dlx_result dlx__jc_capitalize(dlx__jinja_run *run, dlx__jv_text s, dlx__jv *out);
dlx_result dlx__jc_replace(dlx__jinja_run *run, dlx__jv_text s, dlx__jv_text old, dlx__jv_text by,
                           int64_t count, dlx__jv *out);
dlx_result dlx__jc_pairs(dlx__jinja_run *run, const dlx__jv_dict *dict, dlx__jv *out);

#endif
