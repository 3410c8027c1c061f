/* quant_report.h - the reports of dlx quantize for people: a table, and a page with plots. */
#ifndef DLX_TOOL_QUANT_REPORT_H
#define DLX_TOOL_QUANT_REPORT_H

#include <jansson.h>
#include <stdio.h>

/* A number of a report, and one of a list there; 0 where there is none. */
static inline double quant_number(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static inline double quant_nth(const json_t *object, const char *key, size_t i)
{
    return json_number_value(json_array_get(json_object_get(object, key), i));
}

/* report: of dlx_quantize, with "compared" of dlx_compare_models where that was asked for. */
void quant_report_print(const json_t *report);

/* One self-contained page, no script, nothing from elsewhere. */
void quant_report_html(FILE *to, const json_t *report);

#endif
