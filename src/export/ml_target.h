/*
 * ml_target.h - the oldest systems that a package may be for, and where Core ML computes. Packages
 * need what came with iOS 18 and macOS 15: several functions over one file of weights, states, and
 * weights in blocks under scales of their own.
 */
#ifndef DLX__ML_TARGET_H
#define DLX__ML_TARGET_H

#include "base/base.h"

typedef struct dlx__ml_target {
    const char *name; /* "ios18" */
    int specification;
    const char *opset; /* NULL: too old */
} dlx__ml_target;

/* By its name in any case; NULL: the usual one. Unknown and older ones are refused. */
dlx_result dlx__ml_target_find(const dlx__ml_target **out, const char *name, dlx_error *err);

/* Where it computes: our name, Core ML's MLComputeUnits without its first words. */
#define DLX__ML_UNITS(X)                                                                           \
    X(ALL, "all", "All")                                                                           \
    X(CPU_ONLY, "cpu-only", "CPUOnly")                                                             \
    X(CPU_AND_GPU, "cpu-and-gpu", "CPUAndGPU")                                                     \
    X(CPU_AND_NE, "cpu-and-ne", "CPUAndNeuralEngine")

/* The same as in the list; NULL: all. Words may be joined by _ as well, and the last be "ane". */
dlx_result dlx__ml_unit_find(const char **out, const char *name, dlx_error *err);

#endif
