/* pte_method.h - one method of a model's program: kernels that make what the delegate reads, the
 * delegate, and kernels that keep K and V. */
#ifndef DLX__PTE_METHOD_H
#define DLX__PTE_METHOD_H

#include "export/pte_model.h"
#include "export/rotation.h"

typedef struct dlx__pte_gain {
    const dlx__tensor *tensor;
    uint32_t data; /* constant of the program */
} dlx__pte_gain;

/* What the methods of a program have in common. */
typedef struct dlx__pte_shared {
    const dlx__model *model;
    const dlx__pte_model_opts *opts;
    dlx__pte *program;
    dlx__packed *packed;
    dlx__rotation rotations[2]; /* cosine, sine */
    float scale;
    uint32_t embedding, tables[2], scale_data; /* constants of the program; 0: not yet */
    uint32_t never;       /* likewise, [vocabulary]: what is added to logits by denoise */
    dlx__pte_gain *gains; /* [n_gains] */
    size_t n_gains, gain_capacity;
    dlx__buf *lines; /* gets what would be written; NULL: it is written */
} dlx__pte_shared;

typedef struct dlx__pte_pass_opts {
    const char *name;
    const dlx__lowered *body; /* all of the graph, or what is before the head */
    const dlx__lowered *head; /* the head alone: the method tells what chosen rows choose; NULL */
    bool masked;
} dlx__pte_pass_opts;

dlx_result dlx__pte_add_pass(dlx__pte_shared *s, const dlx__pte_pass_opts *o, dlx_error *err);

#endif
