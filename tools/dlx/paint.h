/*
 * paint.h - the denoising canvas in place on a terminal: masks as dim blocks, tokens coloured by
 * the confidence they were chosen with, new ones highlighted for a frame. Text that is final is
 * printed above for good, so that the transcript stays text. Never more than 30 frames a second.
 */
#ifndef DLX_TOOL_PAINT_H
#define DLX_TOOL_PAINT_H

#include "term.h"

#include <dlx/dlx.h>

typedef struct paint paint;

/* Shows positions from `from` on; stdout must be a terminal that moves. */
paint *paint_open(const dlx_model *model, const term *t, size_t from);
void paint_pass(paint *p, const dlx_event *event);
void paint_text(paint *p, const char *text, size_t n); /* final text, in order */

/* Wipes the canvas away; what was final stays. Frees. NULL is fine. */
void paint_close(paint *p);

/* Cells of a code point on a terminal: 0, 1 or 2. */
int paint_cells(uint32_t code_point);

/* 0 (unsure) to 4 (sure): probabilities as they are, negative entropies and logs through exp. */
int paint_level(float confidence);

#endif
