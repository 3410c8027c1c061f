/*
 * json_fields.h - settings that people write as JSON: names out of a list, fields that nobody knows
 * refused, texts written so that they read back.
 */
#ifndef DLX__JSON_FIELDS_H
#define DLX__JSON_FIELDS_H

#include "base/buf.h"
#include "format/json_file.h"

/* Refuses a field that is not among `known` (NULL-terminated), so that no setting is lost; `path`
 * is for the sentence. */
dlx_result dlx__json_only(json_t *object, const char *path, const char *const *known,
                          dlx_error *err);

/* Refuses an object that lacks one of `fields` (NULL-terminated), or has null there; `advice` ends
 * the sentence. For files that a program writes: it writes all of them. */
dlx_result dlx__json_need(dlx__json_obj o, const char *const *fields, const char *advice,
                          dlx_error *err);

/*
 * The index of the field's text in `names` (NULL-terminated), in upper or lower case; a missing or
 * null field leaves *out alone. Fails with the list of names.
 */
dlx_result dlx__json_choice_opt(dlx__json_obj o, const char *key, const char *const *names,
                                size_t *out, dlx_error *err);

/* No such field, null, or an object without fields. */
bool dlx__json_is_empty(dlx__json_obj o, const char *key);

/* In quotes, escaped; bytes that are no UTF-8 become U+FFFD. false: no memory. */
bool dlx__json_put_text(dlx__buf *out, const char *text);

#endif
