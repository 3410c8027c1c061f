/*
 * json_build.h - JSON that is built step by step, where each step may find no memory. All functions
 * take over `value`, `more` and `json`, also when they fail; a value of NULL (no memory for it) is
 * a failure too.
 */
#ifndef DLX__JSON_BUILD_H
#define DLX__JSON_BUILD_H

#include <dlx/common.h>
#include <jansson.h>
#include <stdbool.h>

/* After the first failure *list is NULL and stays so: check it once, at the end. */
void dlx__api_append(json_t **list, json_t *value);

/* false: no memory, or no object. */
bool dlx__api_set(json_t *object, const char *key, json_t *value);

/* Adds all members of `more`. */
bool dlx__api_merge(json_t *object, json_t *more);

/* The object under this key, made where it is missing; NULL when there is no memory. */
json_t *dlx__api_child(json_t *object, const char *key);

/* Adds n to the count under this key, which begins at 0. */
bool dlx__api_count(json_t *object, const char *key, json_int_t n);

/* A number, or null where JSON has none (infinity). */
json_t *dlx__api_real(double x);

/* A string of any bytes, such as a path: those that are no UTF-8 become U+FFFD. */
json_t *dlx__api_text(const char *text);

/* What a file or a runtime says, such as a name: what would steer a terminal that shows it, or is
 * no UTF-8, becomes U+FFFD; control characters stay as JSON escapes them. */
json_t *dlx__api_shown(const char *text);

/* Copies JSON into text of the allocator's; json NULL means no memory. */
dlx_result dlx__api_json_text(json_t *json, const dlx_allocator *mem, char **out, dlx_error *err);

#endif
