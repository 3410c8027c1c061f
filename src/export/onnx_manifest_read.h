/*
 * onnx_manifest_read.h - what a directory of ONNX graphs says of itself (onnx_manifest.h), read
 * from a file that nobody vouches for: numbers are held to each other, names of files stay inside.
 */
#ifndef DLX__ONNX_MANIFEST_READ_H
#define DLX__ONNX_MANIFEST_READ_H

#include "base/base.h"

enum { DLX__ONNX_MAX_FUNCTIONS = 64, DLX__ONNX_MAX_NAME = 80 };

typedef struct dlx__onnx_seen_function {
    char name[DLX__ONNX_MAX_NAME], file[DLX__ONNX_MAX_NAME];
    size_t n_rows, n_past, n_head_rows; /* T, P, R as in onnx_lower.h */
} dlx__onnx_seen_function;

typedef struct dlx__onnx_seen {
    char profile[16];
    bool has_past; /* K and V come in and go out; else every pass is a whole canvas */
    size_t n_ctx;
    size_t n_ids;     /* denoise chooses ids below, but for never_id */
    int64_t never_id; /* -1: none */
    dlx__onnx_seen_function functions[DLX__ONNX_MAX_FUNCTIONS]; /* [n]; by falling rows */
    size_t n;
    size_t logits; /* index of the head alone */
} dlx__onnx_seen;

/* Is there a manifest in it? */
bool dlx__onnx_looks_like(const char *folder);

/* "FOLDER/NAME", to be freed; NULL: no memory. */
char *dlx__onnx_path(const char *folder, const char *name, const dlx_allocator *mem);

/* A manifest's bytes; `name` is the file's, for sentences. */
dlx_result dlx__onnx_manifest_parse(dlx__onnx_seen *out, const char *text, size_t n,
                                    const char *name, dlx_error *err);
dlx_result dlx__onnx_manifest_read(dlx__onnx_seen *out, const char *folder,
                                   const dlx_allocator *mem, dlx_error *err);

#endif
