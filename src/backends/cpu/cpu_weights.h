/*
 * cpu_weights.h - a model's weights as the cpu backend wants them: the program, and every matrix in
 * panels. Made once a model and shared by its sessions.
 */
#ifndef DLX__CPU_WEIGHTS_H
#define DLX__CPU_WEIGHTS_H

#include "backends/backend.h"
#include "backends/cpu/program.h"
#include "base/pool.h"

typedef struct dlx__cpu_weights {
    dlx__prepared base;
    const dlx_allocator *mem;
    const dlx__kernels *kernels; /* whose panels these are */
    bool int8;                   /* float matrices were quantized */
    bool shared;                 /* belongs to the model, not to a session */
    dlx__cpu_shape shape;
    dlx__cpu_program program;
    uint8_t *block;  /* layers and vectors */
    uint8_t *panels; /* of all matrices */
} dlx__cpu_weights;

/*
 * The weights of m for these kernels: those that the model already holds, or new ones, packed by
 * `pool`. The pages that panels were made of are given back to the system as packing goes on, so
 * that a checkpoint and its panels never lie in memory together.
 */
dlx_result dlx__cpu_weights_open(dlx__cpu_weights **out, const dlx__model *m,
                                 const dlx__kernels *kernels, bool int8, dlx__pool *pool,
                                 const dlx_allocator *mem, dlx_error *err);
void dlx__cpu_weights_close(dlx__cpu_weights *w); /* by a session; w may be NULL */

/* Bytes of the layers' records and of the vectors. */
size_t dlx__cpu_program_bytes(const dlx__cpu_shape *shape);

/* The panels that a matrix [out, in] will take, their memory aside; false: there are none for it.
 */
bool dlx__cpu_describe_panels(dlx__packed *w, const dlx__kernels *kernels, bool int8,
                              const dlx__tensor *t);

/* Bytes of all panels; SIZE_MAX when there are none for some matrix. */
size_t dlx__cpu_panel_bytes(const dlx__model *m, const dlx__kernels *kernels, bool int8);

#endif
