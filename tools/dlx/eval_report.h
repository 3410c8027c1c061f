/* eval_report.h - the reports of dlx eval as tables. */
#ifndef DLX_TOOL_EVAL_REPORT_H
#define DLX_TOOL_EVAL_REPORT_H

#include <jansson.h>

/* Of dlx_eval. */
void eval_report_print(const json_t *report);

/* Of dlx_eval_compare; the paths of both models. */
void eval_report_compared(const json_t *compared, const char *a, const char *b);

#endif
