/* tamed.h - what a file says of itself, to be shown: no byte of it steers the terminal. */
#ifndef TAMED_H
#define TAMED_H

#include <jansson.h>

/* A copy whose texts and keys have ? for control characters. NULL: no memory. */
json_t *tamed(const json_t *value);

#endif
