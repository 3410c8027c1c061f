/*
 * json_list.h - lists of a JSON file, entry by entry: type, length and range are checked, failures
 * name the file, the list and the entry. For rooms that read JSON without knowing who parses it.
 */
#ifndef DLX__JSON_LIST_H
#define DLX__JSON_LIST_H

#include "format/json_file.h"

typedef struct dlx__json_list {
    const json_t *json;
    const char *path; /* for the sentences, as in dlx__json_obj */
    const char *key;  /* the field that holds it */
    size_t n;
} dlx__json_list;

/* The file's outermost value, which must be an object. */
dlx_result dlx__json_root(dlx__json_obj *out, const json_t *json, const char *path, dlx_error *err);

/* The object of a field; fails when it is missing (or null) or another value. */
dlx_result dlx__json_object(dlx__json_obj *out, dlx__json_obj o, const char *key, dlx_error *err);

void dlx__json_free(json_t *json); /* json may be NULL */

/* Fails when the field is missing (or null), or no list. Everything handed out here is lent. */
dlx_result dlx__json_list_get(dlx__json_list *out, dlx__json_obj o, const char *key,
                              dlx_error *err);

/* Refuses a list of another length. */
dlx_result dlx__json_list_expect(const dlx__json_list *list, size_t n, dlx_error *err);

/* Entry i, i < n; each fails when it is of another type or, a number, outside [min, max]. */
dlx_result dlx__json_list_obj(dlx__json_obj *out, const dlx__json_list *list, size_t i,
                              dlx_error *err);
dlx_result dlx__json_list_list(dlx__json_list *out, const dlx__json_list *list, size_t i,
                               dlx_error *err);
dlx_result dlx__json_list_number(double *out, const dlx__json_list *list, size_t i, double min,
                                 double max, dlx_error *err);

#endif
