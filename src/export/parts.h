/* parts.h - what the bytes of a program are: for people who want it smaller. */
#ifndef DLX__EXPORT_PARTS_H
#define DLX__EXPORT_PARTS_H

#include "export/packed.h"

/* name, text */
#define DLX__EXPORT_PARTS(X)                                                                       \
    X(EMBEDDING, "embedding")                                                                      \
    X(ATTENTION, "attention")                                                                      \
    X(FEED_FORWARD, "feed_forward")                                                                \
    X(HEAD, "head")                                                                                \
    X(NORMS, "norms")                                                                              \
    X(BIASES, "biases")                                                                            \
    X(ROTATION, "rotation") /* cosines and sines of all positions */                               \
    X(VOCABULARY, "keys_and_vocabulary")                                                           \
    X(PROGRAM, "program") /* steps, graphs of the delegates, alignment */

typedef enum dlx__export_part {
#define DLX__EXPORT_PART_ENUM(name, text) DLX__PART_##name,
    DLX__EXPORT_PARTS(DLX__EXPORT_PART_ENUM)
#undef DLX__EXPORT_PART_ENUM
        DLX__N_EXPORT_PARTS
} dlx__export_part;

typedef struct dlx__export_parts {
    uint64_t bytes[DLX__N_EXPORT_PARTS];
} dlx__export_parts;

const char *dlx__export_part_name(dlx__export_part part);

/* What a tensor is to the model; is_table: it is looked up, not multiplied by. */
dlx__export_part dlx__export_part_of(const dlx__model *m, const dlx__tensor *t, bool is_table);

/* Adds all tensors that `packed` made bytes of. */
void dlx__export_parts_weigh(dlx__export_parts *parts, const dlx__packed *packed);

#endif
