/* jinja_eval.h - walking the tree. */
#ifndef DLX__JINJA_EVAL_H
#define DLX__JINJA_EVAL_H

#include "text/jinja_run.h"

/* The value of an expression. */
dlx_result dlx__je_eval(dlx__jinja_run *run, const dlx__jinja_node *n, dlx__jv *out);

typedef enum dlx__jinja_flow { DLX__FLOW_ON, DLX__FLOW_BREAK, DLX__FLOW_CONTINUE } dlx__jinja_flow;

/* Runs a chain of statements; *flow tells whether a break or continue ended it. */
dlx_result dlx__je_exec(dlx__jinja_run *run, const dlx__jinja_node *list, dlx__jinja_flow *flow);

/* Runs a chain and gives what it prints as a string. */
dlx_result dlx__je_capture(dlx__jinja_run *run, const dlx__jinja_node *list, dlx__jv *out);

/* The operators (jinja_ops.c). */
dlx_result dlx__jo_binary(dlx__jinja_run *run, dlx__jinja_op op, const dlx__jv *a, const dlx__jv *b,
                          dlx__jv *out);
dlx_result dlx__jo_compare(dlx__jinja_run *run, dlx__jinja_op op, const dlx__jv *a,
                           const dlx__jv *b, bool *out);
dlx_result dlx__jo_negate(dlx__jinja_run *run, const dlx__jv *a, dlx__jv *out);

/* a.name, a[key] and a[start:stop:step] with none for bounds left out (jinja_item.c). */
dlx_result dlx__jo_attribute(dlx__jinja_run *run, const dlx__jv *a, dlx__jv_text name,
                             dlx__jv *out);
dlx_result dlx__jo_item(dlx__jinja_run *run, const dlx__jv *a, const dlx__jv *key, dlx__jv *out);
dlx_result dlx__jo_slice(dlx__jinja_run *run, const dlx__jv *a, const dlx__jv bounds[3],
                         dlx__jv *out);

/* What a loop visits: items, keys, code points. Undefined is empty. */
dlx_result dlx__jo_elements(dlx__jinja_run *run, const dlx__jv *v, dlx__jv_list **out);

#endif
