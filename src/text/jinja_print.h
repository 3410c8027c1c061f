/* jinja_print.h - values as text: as str() and repr() of Python write them, and as JSON. */
#ifndef DLX__JINJA_PRINT_H
#define DLX__JINJA_PRINT_H

#include "text/jinja_run.h"

/* str(v): what {{ v }} prints. Nothing for undefined. */
dlx_result dlx__jp_str(dlx__jinja_run *run, dlx__buf *out, const dlx__jv *v);

/*
 * json.dumps(v, ensure_ascii=False, indent=indent) as the tojson filter of transformers calls it;
 * indent < 0: on one line. Undefined values and namespaces are refused.
 */
dlx_result dlx__jp_json(dlx__jinja_run *run, dlx__buf *out, const dlx__jv *v, int indent);

/* str(v) as a value; a string is passed through. */
dlx_result dlx__jp_as_string(dlx__jinja_run *run, const dlx__jv *v, dlx__jv *out);

#endif
