/* soc.h - chips that carry a Hexagon NPU, as ONNX Runtime's QNN provider knows them. */
#ifndef DLX__SOC_H
#define DLX__SOC_H

#include "base/base.h"

/*
 * name, number, architecture of the NPU, does it multiply floats?
 * Source: the provider's documentation of soc_model, and its emulator asked for each of them.
 */
#define DLX__SOCS(X)                                                                               \
    X("SM8350", 30, "v68", false)                                                                  \
    X("SM8450", 36, "v69", true)                                                                   \
    X("SXR2230P", 53, "v69", true)                                                                 \
    X("SM8550", 43, "v73", true)                                                                   \
    X("SC8380XP", 60, "v73", true)                                                                 \
    X("SM8650", 57, "v75", true)                                                                   \
    X("SM8750", 69, "v79", true)                                                                   \
    X("SM8850", 87, "v81", true)

typedef struct dlx__soc {
    const char *name;
    int id;
    const char *arch;
    bool has_floats;
} dlx__soc;

/* By its name, in upper or lower case; refuses others with the names of those that multiply
 * floats. */
dlx_result dlx__soc_find(const dlx__soc **out, const char *name, dlx_error *err);

#endif
