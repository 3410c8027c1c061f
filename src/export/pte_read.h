/*
 * pte_read.h - reads and checks any .pte file, ours or another exporter's: what the runtime would
 * refuse, or crash on, is a sentence here. What is unknown but harmless (a backend, an operator, a
 * node kind) is named, not refused.
 */
#ifndef DLX__PTE_READ_H
#define DLX__PTE_READ_H

#include "base/arena.h"
#include "base/os.h"
#include "export/ptd_read.h"
#include "export/pte_types.h"
#include "export/xnn_read.h"

/* A value of a method, as far as a summary needs it. */
typedef struct dlx__pte_seen {
    int kind;
    int64_t i; /* INT, BOOL */
    double d;
    const char *text; /* STRING, otherwise NULL */
    int type;         /* TENSOR from here on */
    int n_dims;
    const int32_t *dims; /* [n_dims] */
    bool dynamic;
    bool planned, constant, external; /* arena; constant segment; .ptd. None: the caller's */
    const char *name;                 /* or NULL */
    uint32_t arena;
    uint64_t offset, n_bytes;
    const int32_t *items; /* [n_items] values of a list, -1 for none */
    size_t n_items;
} dlx__pte_seen;

typedef struct dlx__pte_seen_operator {
    const char *name, *overload;
    size_t n_calls;
} dlx__pte_seen_operator;

typedef struct dlx__pte_seen_delegate {
    const char *id;
    const uint8_t *payload; /* [n_bytes] */
    uint64_t n_bytes;
    size_t n_calls;
    bool is_xnn;
    dlx__xnn_seen xnn; /* if it is */
} dlx__pte_seen_delegate;

typedef struct dlx__pte_seen_method {
    const char *name;
    dlx__pte_seen *values;
    const int32_t *inputs, *outputs; /* values */
    dlx__pte_seen_operator *operators;
    dlx__pte_seen_delegate *delegates;
    const int64_t *arenas; /* [n_arenas] bytes; [0] is reserved */
    size_t n_values, n_inputs, n_outputs, n_operators, n_delegates, n_arenas, n_steps;
    size_t
        n_misfits; /* arguments of delegates whose axes are not as long as the delegate has them */
    size_t n_unplaced; /* arguments of steps that are outputs without memory of their own */
} dlx__pte_seen_method;

typedef struct dlx__pte_file {
    dlx__arena arena;
    dlx__map map;
    size_t n_bytes;       /* of the file */
    dlx__pte_item *named; /* sorted by key */
    dlx__pte_seen_method *methods;
    size_t n_named, n_methods, n_segments, n_constants;
    /* By part; what is left of n_bytes is padding. Data with two names, and a payload of several
     * delegates, count once; what is inside the program counts as program. */
    uint64_t program_bytes, payload_bytes, constant_bytes, named_bytes;
    dlx__ptd_file outside; /* that was opened with it */
} dlx__pte_file;

/* `data_path`: the .ptd with the named data that is not in the file, or NULL. */
dlx_result dlx__pte_open(dlx__pte_file *f, const char *path, const char *data_path,
                         const dlx_allocator *mem, dlx_error *err);
/* The same for bytes that the caller keeps; `data` may be NULL. */
dlx_result dlx__pte_parse(dlx__pte_file *f, const uint8_t *bytes, size_t n, const char *path,
                          const dlx__ptd_file *data, const dlx_allocator *mem, dlx_error *err);
void dlx__pte_close(dlx__pte_file *f);

/* The same, with the .ptd file of the same name beside it if it does not do alone: *data_path is
 * its name, to be freed, or NULL. */
dlx_result dlx__pte_open_found(dlx__pte_file *f, char **data_path, const char *path,
                               const dlx_allocator *mem, dlx_error *err);

/* Begins like a .pte: for commands that take several kinds of files. */
bool dlx__pte_looks_like(const char *path);

#endif
