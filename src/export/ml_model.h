/* ml_model.h - the two texts of a package: its specification and its manifest. */
#ifndef DLX__ML_MODEL_H
#define DLX__ML_MODEL_H

#include "export/ml_functions.h"

/* Appends the specification of all functions to p. */
void dlx__ml_model_put(const dlx__model *m, const dlx__export_opts *o, const dlx__ml_functions *f,
                       dlx__proto *p);

/* A file of the package: its path below Data, and the SHA-256 of what is in it. */
typedef struct dlx__ml_part {
    const char *path, *author, *name, *about;
    const char *sha256;
} dlx__ml_part;

enum { DLX__ML_ID = 37 };

/* A UUID of version 8, which is its maker's own: the hash of what a part is called and holds. */
void dlx__ml_identify(char out[DLX__ML_ID], const char *path, const char *sha256);

/* Manifest.json of [n] parts, the first of which is the specification. Identifiers come from the
 * bytes of the parts. False: no memory. */
bool dlx__ml_manifest_put(const dlx__ml_part *parts, size_t n, dlx__buf *out);

#endif
