/*
 * pte_types.h - what both sides of a .pte file know by number: element types, kinds of values and
 * instructions, tables with their slots, and sizes of the headers.
 */
#ifndef DLX__PTE_TYPES_H
#define DLX__PTE_TYPES_H

#include "base/base.h"

/* name, number in the file, as printed, bytes of an element (0: not an element of tensors here) */
#define DLX__PTE_TYPES(X)                                                                          \
    X(BYTE, 0, "uint8", 1)                                                                         \
    X(CHAR, 1, "int8", 1)                                                                          \
    X(SHORT, 2, "int16", 2)                                                                        \
    X(INT, 3, "int32", 4)                                                                          \
    X(LONG, 4, "int64", 8)                                                                         \
    X(HALF, 5, "f16", 2)                                                                           \
    X(FLOAT, 6, "f32", 4)                                                                          \
    X(DOUBLE, 7, "f64", 8)                                                                         \
    X(BOOL, 11, "bool", 1)                                                                         \
    X(QINT8, 12, "qint8", 1)                                                                       \
    X(QUINT8, 13, "quint8", 1)                                                                     \
    X(QINT32, 14, "qint32", 4)                                                                     \
    X(BFLOAT16, 15, "bf16", 2)                                                                     \
    X(BITS16, 22, "bits16", 2)                                                                     \
    X(FLOAT8_E5M2, 23, "f8_e5m2", 1)                                                               \
    X(FLOAT8_E4M3, 24, "f8_e4m3", 1)                                                               \
    X(FLOAT8_E5M2_FNUZ, 25, "f8_e5m2fnuz", 1)                                                      \
    X(FLOAT8_E4M3_FNUZ, 26, "f8_e4m3fnuz", 1)                                                      \
    X(UINT16, 27, "uint16", 2)                                                                     \
    X(UINT32, 28, "uint32", 4)                                                                     \
    X(UINT64, 29, "uint64", 8)

typedef enum dlx__pte_type {
#define DLX__PTE_TYPE_ENUM(name, number, text, bytes) DLX__PTE_##name = (number),
    DLX__PTE_TYPES(DLX__PTE_TYPE_ENUM)
#undef DLX__PTE_TYPE_ENUM
} dlx__pte_type;

const char *dlx__pte_type_name(int type); /* NULL for an unknown number */
size_t dlx__pte_type_bytes(int type);     /* 0 likewise */

/* Kinds of values, by the number of the union. */
#define DLX__PTE_KINDS(X)                                                                          \
    X(NULL, 1, "null")                                                                             \
    X(INT, 2, "int")                                                                               \
    X(BOOL, 3, "bool")                                                                             \
    X(DOUBLE, 4, "double")                                                                         \
    X(TENSOR, 5, "tensor")                                                                         \
    X(STRING, 6, "string")                                                                         \
    X(INT_LIST, 7, "int list")                                                                     \
    X(DOUBLE_LIST, 8, "double list")                                                               \
    X(BOOL_LIST, 9, "bool list")                                                                   \
    X(TENSOR_LIST, 10, "tensor list")                                                              \
    X(OPTIONAL_TENSOR_LIST, 11, "optional tensor list")

typedef enum dlx__pte_kind {
#define DLX__PTE_KIND_ENUM(name, number, text) DLX__PTE_KIND_##name = (number),
    DLX__PTE_KINDS(DLX__PTE_KIND_ENUM)
#undef DLX__PTE_KIND_ENUM
} dlx__pte_kind;

const char *dlx__pte_kind_name(int kind); /* NULL for an unknown number */

typedef enum dlx__pte_step_kind {
    DLX__PTE_KERNEL_CALL = 1,
    DLX__PTE_DELEGATE_CALL,
    DLX__PTE_MOVE,
    DLX__PTE_JUMP_FALSE,
    DLX__PTE_FREE
} dlx__pte_step_kind;

/* Slots of the tables of program.fbs. */
enum {
    DLX__PROGRAM_PLANS = 1,
    DLX__PROGRAM_BUFFERS = 2,
    DLX__PROGRAM_INLINE = 3,
    DLX__PROGRAM_SEGMENTS = 4,
    DLX__PROGRAM_CONSTANTS = 5,
    DLX__PROGRAM_MUTABLE = 6,
    DLX__PROGRAM_NAMED = 7,

    DLX__PLAN_NAME = 0,
    DLX__PLAN_CONTAINER = 1,
    DLX__PLAN_VALUES = 2,
    DLX__PLAN_INPUTS = 3,
    DLX__PLAN_OUTPUTS = 4,
    DLX__PLAN_CHAINS = 5,
    DLX__PLAN_OPERATORS = 6,
    DLX__PLAN_DELEGATES = 7,
    DLX__PLAN_ARENAS = 8,

    DLX__CHAIN_INPUTS = 0,
    DLX__CHAIN_OUTPUTS = 1,
    DLX__CHAIN_STEPS = 2,

    DLX__TENSOR_TYPE = 0,
    DLX__TENSOR_STORAGE_OFFSET = 1,
    DLX__TENSOR_SIZES = 2,
    DLX__TENSOR_DIM_ORDER = 3,
    DLX__TENSOR_DATA = 5,
    DLX__TENSOR_PLACE = 6,
    DLX__TENSOR_DYNAMISM = 8,
    DLX__TENSOR_EXTRA = 9,

    DLX__EXTRA_MUTABLE = 0,
    DLX__EXTRA_NAME = 1,
    DLX__EXTRA_LOCATION = 2
};

enum {
    DLX__PTE_HEADER_BYTES = 32, /* between byte 8 and the rest of the flatbuffer */
    DLX__PTE_MIN_BYTES = 64,    /* the loader reads so many in any case */
    DLX__PTD_HEADER_BYTES = 40,
    DLX__PTE_MAX_DIMS = 16,
    DLX__XNN_HEADER_BYTES = 30
};

typedef struct dlx__pte_span {
    uint64_t offset, n_bytes;
} dlx__pte_span;

#define DLX__PTE_DATA_ALIGN 16u /* of constants, initial values, segments */

#endif
