/*
 * mlpackage_read.h - reads and checks any .mlpackage, ours or another exporter's: its manifest, the
 * specification, and of ML Programs the functions, types, order of values and weights. What Core ML
 * could refuse or misread is a sentence here. What is unknown but harmless (an operation, a model
 * that is no ML Program) is named, not refused, but for packages of ours, which have no operations
 * that dlx export does not write. It shares nothing with the writer.
 */
#ifndef DLX__MLPACKAGE_READ_H
#define DLX__MLPACKAGE_READ_H

#include "base/arena.h"
#include "base/os.h"

typedef enum dlx__mil_kind {
    DLX__MIL_NONE, /* the type is not said */
    DLX__MIL_TENSOR,
    DLX__MIL_LIST,
    DLX__MIL_TUPLE,
    DLX__MIL_DICTIONARY,
    DLX__MIL_STATE, /* of a tensor */
    DLX__MIL_IMAGE, /* features only, from here on */
    DLX__MIL_INT,
    DLX__MIL_DOUBLE,
    DLX__MIL_TEXT
} dlx__mil_kind;

/* The type of a value of a program, or of a feature of the description. */
typedef struct dlx__mil_type {
    dlx__mil_kind kind;
    int element;         /* TENSOR, STATE: MIL's code of its numbers */
    size_t rank;         /* likewise */
    const int64_t *dims; /* [rank]; -1: known when the model runs */
    bool flexible;       /* a feature that says more than one shape */
} dlx__mil_type;

typedef struct dlx__mil_value {
    const char *name;
    dlx__mil_type type;
    const int64_t *ints; /* [n_ints] of a small constant of i32 or bool; else 0 of them */
    size_t n_ints;
    const char *text; /* of a constant that is one text; else NULL */
} dlx__mil_value;

typedef struct dlx__mil_values {
    dlx__mil_value *items; /* [n] */
    size_t n, capacity;
} dlx__mil_values;

typedef struct dlx__mil_count {
    const char *name; /* of an operation, or of a type of weights */
    size_t n;
    uint64_t n_bytes; /* weights */
} dlx__mil_count;

typedef struct dlx__mil_counts {
    dlx__mil_count *items; /* [n] */
    size_t n, capacity;
} dlx__mil_counts;

/* A function as its users see it; of other models than ML Programs there is one, without a body. */
typedef struct dlx__mlpackage_function {
    const char *name;
    const char *opset; /* NULL: no ML Program */
    dlx__mil_values inputs, outputs, states;
    dlx__mil_counts operations; /* by type, as they are met first */
    size_t n_operations;        /* constants included */
} dlx__mlpackage_function;

typedef struct dlx__mlpackage_text {
    const char *key, *value;
} dlx__mlpackage_text;

typedef struct dlx__mlpackage_item {
    const char *id, *path, *name, *author;
    uint64_t n_bytes; /* of a file; 0 for a folder */
} dlx__mlpackage_item;

typedef struct dlx__mlpackage_file {
    dlx__arena arena;
    dlx__map model_map, weights_map;
    dlx__mlpackage_item *items;
    size_t n_items;
    const char *model_path; /* of the root item, in Data/ */
    const char *kind;       /* "mlProgram", "neuralNetwork" ... */
    int specification;      /* version */
    const char *default_function;
    dlx__mlpackage_function *functions; /* [n_functions] */
    size_t n_functions;
    dlx__mlpackage_text *metadata; /* [n_metadata] author and the like, then the user's */
    size_t n_metadata;
    bool is_ours;                         /* metadata dlx.*: it must be as dlx export writes it */
    size_t n_records, n_shared, n_unused; /* of weights: all used, used by two functions, left */
    dlx__mil_counts weights;              /* by type */
    uint64_t manifest_bytes, model_bytes, weights_bytes, unused_bytes;
} dlx__mlpackage_file;

/* The parts of a package, for one that is not in files. */
typedef struct dlx__mlpackage_parts {
    const uint8_t *model, *weights; /* [n_model], [n_weights]; NULL: there are none */
    size_t n_model, n_weights;
} dlx__mlpackage_parts;

dlx_result dlx__mlpackage_open(dlx__mlpackage_file *f, const char *path, const dlx_allocator *mem,
                               dlx_error *err);
/* Specification and weights alone; the caller keeps the bytes. */
dlx_result dlx__mlpackage_parse(dlx__mlpackage_file *f, const dlx__mlpackage_parts *parts,
                                const char *path, const dlx_allocator *mem, dlx_error *err);
void dlx__mlpackage_close(dlx__mlpackage_file *f);

/* A manifest's rules, without the files that it names. Fills items and model_path; f->arena has
 * been begun. */
dlx_result dlx__mlpackage_manifest(dlx__mlpackage_file *f, const char *text, size_t n,
                                   const char *path, dlx_error *err);

/* A folder with a manifest in it that is no Hugging Face directory: for commands that take several
 * kinds of models. */
bool dlx__mlpackage_looks_like(const char *path);

/* "f16", "i4" ...; "type 99" is not known. */
const char *dlx__mil_element_name(int element);
const char *dlx__mil_kind_name(dlx__mil_kind kind);

#endif
