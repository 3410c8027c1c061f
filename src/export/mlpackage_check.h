/*
 * mlpackage_check.h - a package that dlx export wrote against the model that is described in it:
 * its parts are those that were written together, its functions and metadata those of the model.
 */
#ifndef DLX__MLPACKAGE_CHECK_H
#define DLX__MLPACKAGE_CHECK_H

#include "export/mlpackage_read.h"
#include "model/model.h"

/* The manifest's identifiers are made of what its parts hold: all of it is read. `path` is that of
 * the package. */
dlx_result dlx__mlpackage_check_parts(const dlx__mlpackage_file *f, const char *path,
                                      const dlx_allocator *mem, dlx_error *err);

/* Functions, their inputs, outputs and states, and metadata; n_ids: those that may be chosen, by
 * the model and its vocabulary. */
dlx_result dlx__mlpackage_check_model(const dlx__mlpackage_file *f, const char *path,
                                      const dlx__model *m, size_t n_ids, const dlx_allocator *mem,
                                      dlx_error *err);

/* mlpackage_check_metadata.c: its metadata alone. */
dlx_result dlx__mlpackage_check_metadata(const dlx__mlpackage_file *f, const char *path,
                                         const dlx__model *m, size_t n_ids, dlx_error *err);

/* NULL: there is no such key. */
const char *dlx__mlpackage_metadata(const dlx__mlpackage_file *f, const char *key);

/* What the metadata says of K and V: their positions, 0 where none are kept; whether they are
 * inside. */
typedef struct dlx__mlpackage_kept {
    size_t n_ctx;
    bool states;
} dlx__mlpackage_kept;

dlx__mlpackage_kept dlx__mlpackage_kept_of(const dlx__mlpackage_file *f);

#endif
