/* xnn_ops.c - the lists of xnn_ops.h as tables. */
#include "export/xnn_ops.h"

static const struct {
    const char *name;
    int bits;
} types[] = {
#define TYPE_ROW(name, number, text, bits) [number] = {text, bits},
    DLX__XNN_TYPES(TYPE_ROW)
#undef TYPE_ROW
};

enum {
#define LAYOUT_ENUM(name, n, a, b, c, d, e, out, weights) LAYOUT_##name,
    DLX__XNN_LAYOUTS(LAYOUT_ENUM)
#undef LAYOUT_ENUM
};

static const dlx__xnn_layout layouts[] = {
#define LAYOUT_ROW(name, n, a, b, c, d, e, out, weights) {n, {a, b, c, d, e}, out, weights},
    DLX__XNN_LAYOUTS(LAYOUT_ROW)
#undef LAYOUT_ROW
};

static const struct {
    const char *name;
    int layout;
} ops[DLX__XNN_N_OPS] = {
#define OP_ROW(name, number, text, layout) [number] = {text, LAYOUT_##layout},
    DLX__XNN_OPS(OP_ROW)
#undef OP_ROW
};

const char *dlx__xnn_type_name(int type)
{
    return type >= 0 && (size_t)type < DLX__LEN(types) ? types[type].name : NULL;
}

int dlx__xnn_type_bits(int type)
{
    return type >= 0 && (size_t)type < DLX__LEN(types) ? types[type].bits : 0;
}

const char *dlx__xnn_op_name(int op)
{
    return op >= 0 && op < DLX__XNN_N_OPS ? ops[op].name : NULL;
}

const dlx__xnn_layout *dlx__xnn_op_layout(int op)
{
    return dlx__xnn_op_name(op) ? &layouts[ops[op].layout] : NULL;
}
