/*
 * xnn_ops.h - what both sides of an XNNPACK payload know by number: data types, node kinds, and in
 * which slots of a node's table the numbers of its values stand.
 */
#ifndef DLX__XNN_OPS_H
#define DLX__XNN_OPS_H

#include "base/base.h"

/* name, number in the file, as printed, bits of an element (0: not stored by this library) */
#define DLX__XNN_TYPES(X)                                                                          \
    X(FP32, 1, "fp32", 32)                                                                         \
    X(FP16, 2, "fp16", 16)                                                                         \
    X(QINT8, 3, "qint8", 8)   /* one scale a tensor */                                             \
    X(QUINT8, 4, "quint8", 8) /* likewise */                                                       \
    X(QINT32, 5, "qint32", 32)                                                                     \
    X(QCINT8, 6, "qcint8", 8)    /* one scale a channel */                                         \
    X(QCINT32, 7, "qcint32", 32) /* biases beside qcint8 weights and qint8 inputs */               \
    X(QCINT4, 8, "qcint4", 4)    /* stored value + 8, even column in the low nibble */             \
    X(QDINT8, 9, "qdint8", 8)    /* quantized at run time, a scale and zero point a row */         \
    X(QBINT4, 10, "qbint4", 4)   /* as qcint4, one bf16 scale a group */                           \
    X(QPINT8, 11, "qpint8", 0)                                                                     \
    X(INT32, 12, "int32", 32)                                                                      \
    X(PFP32, 13, "pfp32", 0)                                                                       \
    X(BF16, 14, "bf16", 16)

typedef enum dlx__xnn_type {
#define DLX__XNN_TYPE_ENUM(name, number, text, bits) DLX__XNN_##name = (number),
    DLX__XNN_TYPES(DLX__XNN_TYPE_ENUM)
#undef DLX__XNN_TYPE_ENUM
} dlx__xnn_type;

/* Of an unknown number: NULL, 0. */
const char *dlx__xnn_type_name(int type);
int dlx__xnn_type_bits(int type);

/*
 * name, number in the file, as printed, layout. Layouts tell where the value numbers stand:
 * UNARY, BINARY and so on below. Kinds of convolution and pooling are known to the reader only.
 */
#define DLX__XNN_OPS(X)                                                                            \
    X(ADD, 1, "Add", BINARY)                                                                       \
    X(FULLY_CONNECTED, 2, "FullyConnected", LINEAR)                                                \
    X(SOFTMAX, 3, "Softmax", UNARY)                                                                \
    X(SIGMOID, 4, "Sigmoid", UNARY)                                                                \
    X(TRANSPOSE, 5, "StaticTranspose", SHAPED)                                                     \
    X(CLAMP, 6, "Clamp", UNARY)                                                                    \
    X(CONV2D, 7, "Conv2d", CONV)                                                                   \
    X(DIV, 8, "Div", BINARY)                                                                       \
    X(RESIZE, 9, "StaticResizeBilinear2D", SHAPED)                                                 \
    X(PAD, 10, "StaticConstantPad", SLICED)                                                        \
    X(AVG_POOL, 11, "AvgPooling2d", POOL)                                                          \
    X(MINIMUM, 12, "Minimum", BINARY)                                                              \
    X(DEPTHWISE, 13, "DepthwiseConv2d", CONV)                                                      \
    X(MAX_POOL, 14, "MaxPooling2d", POOL)                                                          \
    X(MULTIPLY, 15, "Multiply", BINARY)                                                            \
    X(SUBTRACT, 16, "Subtract", BINARY)                                                            \
    X(FLOOR, 17, "Floor", UNARY)                                                                   \
    X(CONVERT, 18, "Convert", UNARY)                                                               \
    X(GLOBAL_AVG_POOL, 19, "GlobalAvgPooling2d", UNARY)                                            \
    X(RESHAPE, 20, "StaticReshape", SHAPED)                                                        \
    X(ARG_MAX_POOL, 21, "ArgMaxPooling2d", ARG_POOL)                                               \
    X(SQUARE_ROOT, 22, "SquareRoot", UNARY)                                                        \
    X(CEILING, 23, "Ceiling", UNARY)                                                               \
    X(HARDSWISH, 24, "Hardswish", UNARY)                                                           \
    X(LEAKY_RELU, 25, "LeakyReLU", SCALED)                                                         \
    X(MAXIMUM, 26, "Maximum", BINARY)                                                              \
    X(NEGATE, 27, "Negate", UNARY)                                                                 \
    X(SQUARE, 28, "Square", UNARY)                                                                 \
    X(ELU, 29, "ELU", SCALED)                                                                      \
    X(ABS, 30, "Abs", UNARY)                                                                       \
    X(PRELU, 31, "PReLU", BINARY)                                                                  \
    X(CONCAT2, 32, "Concatenate2", CONCAT)                                                         \
    X(CONCAT3, 33, "Concatenate3", CONCAT)                                                         \
    X(CONCAT4, 34, "Concatenate4", CONCAT)                                                         \
    X(SLICE, 35, "StaticSlice", SLICED)                                                            \
    X(SDPA, 36, "ScaledDotProductAttention", SDPA)                                                 \
    X(MATMUL, 37, "BatchMatrixMultiply", BINARY)                                                   \
    X(CONCAT5, 38, "Concatenate5", CONCAT)                                                         \
    X(CONV_TRANSPOSE, 39, "ConvTranspose2d", CONV)                                                 \
    X(RECIPROCAL_SQUARE_ROOT, 40, "ReciprocalSquareRoot", UNARY)                                   \
    X(LOG, 41, "Log", UNARY)                                                                       \
    X(GELU, 42, "Gelu", UNARY)                                                                     \
    X(TANH, 43, "Tanh", UNARY)                                                                     \
    X(EXP, 44, "Exp", UNARY)                                                                       \
    X(SIN, 45, "Sin", UNARY) /* 45 to 47: not in ExecuTorch 1.0 */                                 \
    X(COPY, 46, "Copy", UNARY)                                                                     \
    X(COS, 47, "Cos", UNARY)

typedef enum dlx__xnn_op {
#define DLX__XNN_OP_ENUM(name, number, text, layout) DLX__XNN_OP_##name = (number),
    DLX__XNN_OPS(DLX__XNN_OP_ENUM)
#undef DLX__XNN_OP_ENUM
} dlx__xnn_op;

enum { DLX__XNN_N_OPS = 48, DLX__XNN_MAX_INPUTS = 5 };

/* name, inputs at most, their slots, slot of the output, bits of the inputs that are weights */
#define DLX__XNN_LAYOUTS(X)                                                                        \
    X(UNARY, 1, 0, 0, 0, 0, 0, 1, 0)                                                               \
    X(BINARY, 2, 0, 1, 0, 0, 0, 2, 0)                                                              \
    X(LINEAR, 3, 0, 1, 2, 0, 0, 3, 6)                                                              \
    X(SHAPED, 1, 2, 0, 0, 0, 0, 3, 0)                                                              \
    X(SLICED, 1, 3, 0, 0, 0, 0, 4, 0)                                                              \
    X(SCALED, 1, 1, 0, 0, 0, 0, 2, 0)                                                              \
    X(CONCAT, 5, 1, 2, 3, 4, 7, 5, 0)                                                              \
    X(SDPA, 5, 0, 1, 2, 3, 4, 5, 0)                                                                \
    X(POOL, 1, 10, 0, 0, 0, 0, 11, 0)                                                              \
    X(ARG_POOL, 1, 7, 0, 0, 0, 0, 8, 0)                                                            \
    X(CONV, 3, 15, 16, 17, 0, 0, 18, 6)

typedef struct dlx__xnn_layout {
    int n_inputs;
    int in[DLX__XNN_MAX_INPUTS]; /* slots */
    int out;                     /* slot */
    unsigned weights;            /* bit i: input i is packed when the program is loaded */
} dlx__xnn_layout;

const char *dlx__xnn_op_name(int op);              /* NULL for an unknown number */
const dlx__xnn_layout *dlx__xnn_op_layout(int op); /* likewise */

#endif
