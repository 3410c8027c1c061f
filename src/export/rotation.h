/* rotation.h - tables of the cosines and sines by which positions turn the halves of a head. */
#ifndef DLX__ROTATION_H
#define DLX__ROTATION_H

#include "export/pte_program.h"

typedef struct dlx__rotation {
    double theta;
    size_t n_positions, head_dim;
    bool is_sine;
    const dlx_allocator *mem; /* for a row while it is made */
} dlx__rotation;

/* float32 [n_positions, head_dim], both halves alike, but for the sign of the first half's sines:
 * it is multiplied by the second half of a head, turned. In the arithmetic of the reference
 * backend. *r outlives the blob. */
dlx__pte_blob dlx__rotation_blob(dlx__rotation *r);

#endif
