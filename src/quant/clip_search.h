/*
 * clip_search.h - which range loses least: a narrow one clips the values outside it, a wide one has
 * coarse steps for those inside. Judged by the mean squared error over a histogram.
 */
#ifndef DLX__CLIP_SEARCH_H
#define DLX__CLIP_SEARCH_H

#include "dtype/affine.h"
#include "quant/histogram.h"

/*
 * The mean squared difference between the values of the histogram, spread evenly in their bins, and
 * what quantization makes of them. There is at least one value.
 */
double dlx__clip_error(const dlx__histogram *h, const dlx__affine *a);

/*
 * The range with the least error that was found; never worse than that of the least and greatest
 * value. It holds 0, and is symmetric if the grid is. The same for the same counts.
 */
dlx__range dlx__clip_search(const dlx__histogram *h, dlx__affine_grid grid);

#endif
