/*
 * static_ports.h - what functions of fixed shapes take and give, and which of them a family has:
 * the rules that a reader holds a folder or a package to. The tensors are those of ml_lower.h and
 * onnx_lower.h, the functions those of static_functions.h.
 */
#ifndef DLX__STATIC_PORTS_H
#define DLX__STATIC_PORTS_H

#include "model/model.h"

/* A function as it was found. */
typedef struct dlx__static_shape {
    const char *name;
    size_t n_rows, n_past, n_head_rows; /* T, P, R; T 0: the head alone */
} dlx__static_shape;

typedef struct dlx__static_shapes {
    const dlx__static_shape *items; /* [n] */
    size_t n;
    size_t n_ctx; /* positions that are kept; 0: none are */
    bool states;  /* they are inside */
} dlx__static_shapes;

typedef enum dlx__static_side {
    DLX__SIDE_INPUT,
    DLX__SIDE_OUTPUT,
    DLX__SIDE_STATE
} dlx__static_side;

typedef enum dlx__static_numbers {
    DLX__NUMBERS_INDEX, /* i32 */
    DLX__NUMBERS_ROW,   /* in the type that the functions compute in */
    DLX__NUMBERS_SUM    /* f32 */
} dlx__static_numbers;

/* A tensor of a function. */
typedef struct dlx__static_port {
    const char *name;
    dlx__static_side side;
    dlx__static_numbers numbers;
    size_t dims[4]; /* [n_dims] */
    int n_dims;
    size_t kept; /* of K and V [2 L]: which; else SIZE_MAX */
} dlx__static_port;

/* The tensor of this name; false: the function has none. */
bool dlx__static_port_find(dlx__static_port *out, const dlx__graph *g, const dlx__static_shape *f,
                           bool states, const char *name);

/* How many the function has of a side. */
size_t dlx__static_port_count(const dlx__graph *g, const dlx__static_shape *f, bool states,
                              dlx__static_side side);

/* Refuses functions that dlx export would not have written for the model; `path` is for the
 * sentence. */
dlx_result dlx__static_shapes_check(const dlx__static_shapes *all, const dlx__model *m,
                                    const char *path, dlx_error *err);

#endif
