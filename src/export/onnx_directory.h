/*
 * onnx_directory.h - a directory of static ONNX graphs as its manifest tells of it (onnx_manifest.h
 * says what is in one). Whoever wrote it is not trusted: sizes are limited, names of files are
 * names in the directory, and what graphs take and give is theirs to confirm.
 */
#ifndef DLX__ONNX_DIRECTORY_H
#define DLX__ONNX_DIRECTORY_H

#include "base/arena.h"
#include "base/sha256.h"
#include "export/onnx_graph.h"

enum { DLX__ONNX_NAME = 64 }; /* bytes of a name in a manifest at most, its end included */

/* An input or an output. */
typedef struct dlx__onnx_port {
    char name[DLX__ONNX_NAME];
    dlx__onnx_type type;
    size_t dims[DLX__ONNX_MAX_DIMS];
    int n_dims;
} dlx__onnx_port;

/* A graph that is compiled for a chip. */
typedef struct dlx__onnx_context {
    char soc[DLX__ONNX_NAME], file[DLX__ONNX_NAME];
} dlx__onnx_context;

typedef struct dlx__onnx_entry {
    char name[DLX__ONNX_NAME], file[DLX__ONNX_NAME];
    size_t n_rows, n_past, n_head_rows; /* T, P, R of onnx_lower.h; T 0: the head alone */
    dlx__onnx_port *inputs, *outputs;   /* [n_inputs], [n_outputs] */
    size_t n_inputs, n_outputs;
    dlx__onnx_context *contexts; /* [n_contexts] */
    size_t n_contexts;
} dlx__onnx_entry;

typedef struct dlx__onnx_directory {
    dlx__arena arena; /* of the lists below */
    char family[DLX__ONNX_NAME], profile[DLX__ONNX_NAME];
    char soc[DLX__ONNX_NAME]; /* "": none is named */
    bool keeps;               /* K and V come in and go out; else there is no cache */
    size_t n_ctx;
    size_t n_ids; /* denoise chooses ids below, but for never_id */
    int64_t never_id;
    float unseen;             /* what the mask holds where nothing is seen */
    dlx__onnx_entry *entries; /* [n_entries] */
    size_t n_entries;
    char weights[DLX__ONNX_NAME], model[DLX__ONNX_NAME]; /* files */
    uint64_t n_weight_bytes;
    char sha256[DLX__SHA256_HEX]; /* of the weights */
} dlx__onnx_directory;

/* Is there a directory with a manifest? Fails without memory. */
dlx_result dlx__onnx_directory_looks_like(bool *is, const char *path, const dlx_allocator *mem,
                                          dlx_error *err);

/* The text of a manifest; `path` is for the sentences. On failure nothing is to be released. */
dlx_result dlx__onnx_directory_parse(dlx__onnx_directory *d, const char *text, size_t n,
                                     const char *path, const dlx_allocator *mem, dlx_error *err);

/* Of the directory at `path`; files that it names are not looked at. */
dlx_result dlx__onnx_directory_open(dlx__onnx_directory *d, const char *path,
                                    const dlx_allocator *mem, dlx_error *err);
void dlx__onnx_directory_release(dlx__onnx_directory *d); /* zeroed is fine */

/* NULL: there is none of this name. */
const dlx__onnx_entry *dlx__onnx_directory_find(const dlx__onnx_directory *d, const char *name);

#endif
