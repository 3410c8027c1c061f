/*
 * weight_bytes.h - what the weights of a program weigh, whether it is written or only its weights
 * are (rounded.h): numbers and scales of matrices, the embedding, the head (of a tied model too,
 * which is stored a second time), biases and norms, each as the program stores it. What is no
 * weight is not in it: tables of rotation, keys and vocabulary, names.
 */
#ifndef DLX__WEIGHT_BYTES_H
#define DLX__WEIGHT_BYTES_H

#include "export/packed.h"

uint64_t dlx__weight_bytes(const dlx__model *m, const dlx__export_forms *forms, dlx__scheme scheme);

/* Matrices that are not in the form that was asked for, because their rows are no whole groups. */
size_t dlx__export_fallbacks(const dlx__model *m, const dlx__export_forms *forms);

#endif
