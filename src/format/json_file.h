/*
 * json_file.h - JSON (by jansson) from untrusted files, with failures as sentences: size and depth
 * are limited, a missing or mistyped field names the file and the field.
 */
#ifndef DLX__JSON_FILE_H
#define DLX__JSON_FILE_H

#include "base/base.h"

#include <jansson.h>

enum { DLX__JSON_MAX_BYTES = 256 << 20 };

/* Parses a whole file / a span of bytes; `name` is the file named in failures. Free with
 * json_decref. */
dlx_result dlx__json_load(json_t **out, const char *path, const dlx_allocator *mem, dlx_error *err);
dlx_result dlx__json_parse(json_t **out, const char *text, size_t n, const char *name,
                           dlx_error *err);

/* The same, but a key that occurs twice in one object is refused (jansson keeps the last). */
dlx_result dlx__json_parse_unique(json_t **out, const char *text, size_t n, const char *name,
                                  dlx_error *err);

/* ... and a file that people write, not fetch: faults are to be mended. */
dlx_result dlx__json_parse_settings(json_t **out, const char *text, size_t n, const char *name,
                                    dlx_error *err);

/* An object of a file, for typed access: `path` is only for the sentences. */
typedef struct dlx__json_obj {
    const json_t *json;
    const char *path;
} dlx__json_obj;

/* Present and not null? */
bool dlx__json_has(dlx__json_obj o, const char *key);

/*
 * Each fails when the key is missing (or null), of another type, or outside [min, max]; the value
 * of a size must be a whole number (12 and 12.0 both are).
 */
dlx_result dlx__json_size(dlx__json_obj o, const char *key, size_t min, size_t max, size_t *out,
                          dlx_error *err);
dlx_result dlx__json_number(dlx__json_obj o, const char *key, double min, double max, double *out,
                            dlx_error *err);
dlx_result dlx__json_bool(dlx__json_obj o, const char *key, bool *out, dlx_error *err);
dlx_result dlx__json_text(dlx__json_obj o, const char *key, const char **out, dlx_error *err);

/* As above, but a missing or null key leaves *out alone and sets *found (may be NULL) to false. */
dlx_result dlx__json_size_opt(dlx__json_obj o, const char *key, size_t min, size_t max, size_t *out,
                              bool *found, dlx_error *err);
dlx_result dlx__json_number_opt(dlx__json_obj o, const char *key, double min, double max,
                                double *out, bool *found, dlx_error *err);
dlx_result dlx__json_bool_opt(dlx__json_obj o, const char *key, bool *out, bool *found,
                              dlx_error *err);

#endif
