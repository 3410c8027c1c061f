/* mlpackage_read_types.c - types of values: element types, shapes, lists of them. */
#include "base/fail.h"
#include "export/mlpackage_reader.h"

#include <stdio.h>
#include <string.h>

enum { MAX_RANK = 16 };

/* MIL.proto's DataType. */
static const struct {
    int code;
    unsigned bits;
    const char *name;
} elements[] = {
    {DLX__MIL_BOOL, 8, "bool"},
    {DLX__MIL_STRING, 0, "string"},
    {DLX__MIL_F16, 16, "f16"},
    {DLX__MIL_F32, 32, "f32"},
    {DLX__MIL_F64, 64, "f64"},
    {13, 16, "bf16"},
    {DLX__MIL_I8, 8, "i8"},
    {22, 16, "i16"},
    {DLX__MIL_I32, 32, "i32"},
    {DLX__MIL_I64, 64, "i64"},
    {25, 4, "i4"},
    {31, 8, "u8"},
    {32, 16, "u16"},
    {33, 32, "u32"},
    {34, 64, "u64"},
    {35, 4, "u4"},
    {36, 2, "u2"},
    {37, 1, "u1"},
    {38, 6, "u6"},
    {39, 3, "u3"},
    {40, 8, "f8e4m3"},
    {41, 8, "f8e5m2"},
};

static size_t element_row(int element)
{
    size_t i = 0;
    while (i < DLX__LEN(elements) && elements[i].code != element)
        i++;
    return i;
}

const char *dlx__mil_element_name(int element)
{
    const size_t i = element_row(element);
    return i < DLX__LEN(elements) ? elements[i].name : "unknown";
}

unsigned dlx__mil_element_bits(int element)
{
    const size_t i = element_row(element);
    return i < DLX__LEN(elements) ? elements[i].bits : 0;
}

const char *dlx__mil_kind_name(dlx__mil_kind kind)
{
    static const char *const names[] = {"none",  "tensor", "list", "tuple",  "dictionary",
                                        "state", "image",  "int",  "double", "string"};
    return names[kind];
}

size_t dlx__mil_n_elements(const dlx__mil_type *t)
{
    size_t n = 1;
    for (size_t i = 0; i < t->rank; i++)
        n = t->dims[i] < 0 ? SIZE_MAX : dlx__mul(n, (size_t)t->dims[i]);
    return n;
}

bool dlx__mil_same_type(const dlx__mil_type *a, const dlx__mil_type *b)
{
    return a->kind == b->kind && a->element == b->element && a->rank == b->rank &&
           (a->rank == 0 || memcmp(a->dims, b->dims, a->rank * sizeof *a->dims) == 0);
}

dlx__mil_text dlx__mil_type_text(const dlx__mil_type *t)
{
    dlx__mil_text out;
    const bool tensor = t->kind == DLX__MIL_TENSOR || t->kind == DLX__MIL_STATE;
    size_t n = (size_t)snprintf(
        out.text, sizeof out.text, "%s%s", t->kind == DLX__MIL_STATE ? "state " : "",
        tensor ? dlx__mil_element_name(t->element) : dlx__mil_kind_name(t->kind));
    for (size_t i = 0; tensor && i < t->rank && n + 24 < sizeof out.text; i++)
        n += (size_t)snprintf(out.text + n, sizeof out.text - n, "%s%lld", i ? ", " : " [",
                              (long long)t->dims[i]);
    if (tensor)
        snprintf(out.text + n, sizeof out.text - n, "%s]", t->rank ? "" : " [");
    return out;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* A length, or -1 for one that is known when the model runs. */
static int64_t read_dimension(dlx__mlpackage_reader *r, const dlx__proto_message *m)
{
    int64_t length = -1;
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number != 1)
            continue;
        length = 0; /* a constant, which may be left out when it is 0 */
        dlx__proto_message constant = dlx__proto_child(&f);
        for (dlx__proto_field c = dlx__proto_fields(&constant); dlx__proto_next(&c);)
            if (c.number == 1)
                length = dlx__proto_get_int(&c);
        if (length < 0)
            dlx__proto_fault(&r->view, "expected a length of 63 bits, found a larger one");
    }
    return length;
}

static dlx__mil_type read_tensor(dlx__mlpackage_reader *r, const dlx__proto_message *m)
{
    dlx__mil_type t = {.kind = DLX__MIL_TENSOR};
    int64_t dims[MAX_RANK], rank = 0;
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number == 1)
            t.element = (int)dlx__proto_get_int(&f);
        else if (f.number == 2)
            rank = dlx__proto_get_int(&f);
        else if (f.number == 3 && t.rank < MAX_RANK) {
            dlx__proto_message dimension = dlx__proto_child(&f);
            dims[t.rank++] = read_dimension(r, &dimension);
        } else if (f.number == 3)
            dlx__proto_fault(&r->view, "expected tensors of at most %d axes", MAX_RANK);
    }
    if (rank != (int64_t)t.rank && rank != -1)
        dlx__proto_fault(&r->view, "expected a rank of %zu, as many as the lengths, found %lld",
                         t.rank, (long long)rank);
    if (element_row(t.element) == DLX__LEN(elements))
        dlx__proto_fault(&r->view, "expected an element type of MIL, found number %d", t.element);
    int64_t *copy = dlx__mlpackage_alloc(r, t.rank, sizeof *copy);
    if (!copy)
        return (dlx__mil_type){.kind = DLX__MIL_NONE};
    if (t.rank)
        memcpy(copy, dims, t.rank * sizeof *copy);
    t.dims = copy;
    return t;
}

/* What is wrapped must be a tensor; the state has its element and shape. */
static dlx__mil_type read_state(dlx__mlpackage_reader *r, const dlx__proto_message *m)
{
    dlx__mil_type t = {.kind = DLX__MIL_NONE};
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number == 1) {
            dlx__proto_message wrapped = dlx__proto_child(&f);
            t = dlx__mil_read_type(r, &wrapped);
        }
    }
    if (t.kind != DLX__MIL_TENSOR)
        dlx__proto_fault(&r->view, "expected a state that holds a tensor, found one that holds %s",
                         dlx__mil_kind_name(t.kind));
    t.kind = DLX__MIL_STATE;
    return t;
}

dlx__mil_type dlx__mil_read_type(dlx__mlpackage_reader *r, const dlx__proto_message *m)
{
    dlx__mil_type t = {.kind = DLX__MIL_NONE};
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number < 1 || f.number > 5)
            continue;
        if (t.kind != DLX__MIL_NONE)
            dlx__proto_fault(&r->view, "expected a type of one kind, found a second one in it");
        dlx__proto_message inner = dlx__proto_child(&f);
        if (f.number == 1)
            t = read_tensor(r, &inner);
        else if (f.number == 5)
            t = read_state(r, &inner);
        else
            t.kind = (dlx__mil_kind)((int)DLX__MIL_LIST + (int)f.number - 2);
    }
    return t;
}

void dlx__mil_read_named(dlx__mlpackage_reader *r, const dlx__proto_message *m, dlx__mil_value *v,
                         const char *where)
{
    *v = (dlx__mil_value){.name = ""};
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number == 1)
            v->name = dlx__proto_get_text(&f, &r->file->arena);
        if (f.number == 2) {
            dlx__proto_message type = dlx__proto_child(&f);
            v->type = dlx__mil_read_type(r, &type);
        }
    }
    const bool first = (v->name[0] >= 'a' && v->name[0] <= 'z') ||
                       (v->name[0] >= 'A' && v->name[0] <= 'Z') || v->name[0] == '_';
    const size_t n =
        strspn(v->name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@");
    if (!first || v->name[n] != '\0')
        dlx__proto_fault(&r->view,
                         "%.100s: expected a name of letters, digits, _ and @ that begins with no "
                         "digit, found \"%.100s\"",
                         where, v->name);
    if (v->type.kind == DLX__MIL_NONE)
        dlx__proto_fault(&r->view, "%.100s: the value %.100s has no type", where, v->name);
}
