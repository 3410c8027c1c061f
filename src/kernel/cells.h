/*
 * cells.h - what the vector files keep behind dlx__acts.ints. A body over macros,
 * included once by each kernel_<isa>.c that has defined N_WIDE, whether inputs are kept in 16 bits
 * too, and N_STARTS.
 *
 * A cell is a group of a row, and the cells of a group lie side by side, so that a tile of rows
 * reads one run of memory. So do the scales of a span.
 */
#ifndef DLX__CELLS_H
#define DLX__CELLS_H

#include "kernel/panels.h"

typedef struct cells {
    int8_t *q;      /* [n_groups][n_rows][32] */
    int16_t *wide;  /* the same, in an order of the file's choice; N_WIDE 0: none */
    float *scale;   /* [n_spans][n_rows] */
    float *sum;     /* [n_groups][n_rows]: of q */
    int32_t *start; /* [N_STARTS][n_groups][n_rows]: what a dot product begins with */
    size_t n_rows, n_cells;
} cells;

enum { CELL_BYTES = DLX__GROUP * (1 + 2 * N_WIDE) + 8 + 4 * N_STARTS };

INLINE cells cells_of(const dlx__acts *a)
{
    cells c = {.n_rows = a->n_rows, .n_cells = dlx__n_groups(a->n_in) * a->n_rows};
    c.q = (int8_t *)a->ints;
    c.wide = (int16_t *)(void *)(c.q + c.n_cells * DLX__GROUP);
    c.scale = (float *)(void *)(c.wide + c.n_cells * DLX__GROUP * N_WIDE);
    c.sum = c.scale + dlx__n_spans(a->n_in) * a->n_rows;
    c.start = (int32_t *)(void *)(c.sum + c.n_cells);
    return c;
}

#endif
