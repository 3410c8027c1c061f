/* weight_place.h - where a weight is in the file beside graphs. */
#ifndef DLX__WEIGHT_PLACE_H
#define DLX__WEIGHT_PLACE_H

#include "base/base.h"

typedef struct dlx__weight_place {
    uint64_t offset, n_bytes; /* of its record, if there are records; of its bytes, behind that */
} dlx__weight_place;

#endif
