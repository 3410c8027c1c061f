/* mlpackage_read_values.c - constants: as many numbers as their type has, in the list that is for
 * it. */
#include "export/mlpackage_reader.h"

/* TensorValue: one list for each kind of number. */
enum { FLOATS = 1, INTS, BOOLS, STRINGS, LONG_INTS, DOUBLES, BYTES };
enum { MOST_KNOWN = 16 }; /* numbers of a constant that the rules of operations look at */

static const struct {
    const char *name;
    dlx__proto_wire wire;
} lists[] = {
    [FLOATS] = {"floats", DLX__PROTO_FIXED32},     [INTS] = {"ints", DLX__PROTO_VARINT},
    [BOOLS] = {"bools", DLX__PROTO_VARINT},        [STRINGS] = {"strings", DLX__PROTO_BYTES},
    [LONG_INTS] = {"longInts", DLX__PROTO_VARINT}, [DOUBLES] = {"doubles", DLX__PROTO_FIXED64},
    [BYTES] = {"bytes", DLX__PROTO_BYTES},
};

static unsigned list_for(int element)
{
    switch (element) {
    case DLX__MIL_F32:
        return FLOATS;
    case DLX__MIL_F64:
        return DOUBLES;
    case DLX__MIL_BOOL:
        return BOOLS;
    case DLX__MIL_STRING:
        return STRINGS;
    case DLX__MIL_I64:
    case 34: /* u64 */
        return LONG_INTS;
    case DLX__MIL_I32:
    case 22: /* i16 */
    case 32: /* u16 */
        return INTS;
    default:
        return BYTES;
    }
}

/* How many numbers the lists hold, of strings how many texts, of bytes how many bytes. */
static size_t count_list(const dlx__proto_message *m, unsigned list)
{
    size_t n = 0;
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number != 1)
            continue;
        if (list == BYTES) {
            dlx__proto_message bytes = dlx__proto_child(&f);
            n = bytes.n;
        } else
            n += list == STRINGS ? 1 : dlx__proto_count(&f, lists[list].wire);
    }
    return n;
}

/* What the rules of operations look at: axes, shapes, flags, names of types. */
static void keep_known(dlx__mlpackage_reader *r, const dlx__proto_message *m, unsigned list,
                       dlx__mil_value *out)
{
    const size_t n = dlx__mil_n_elements(&out->type);
    if ((list != INTS && list != BOOLS && list != STRINGS) || n > MOST_KNOWN || n == 0)
        return;
    int64_t *ints = list == STRINGS ? NULL : dlx__mlpackage_alloc(r, n, sizeof *ints);
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number != 1)
            continue;
        if (list == STRINGS)
            out->text = dlx__proto_get_text(&f, &r->file->arena);
        else if (ints && out->n_ints < n)
            out->n_ints += dlx__proto_get_ints(&f, ints + out->n_ints, n - out->n_ints);
    }
    out->ints = ints;
}

static void check_tensor(dlx__mlpackage_reader *r, const dlx__proto_message *m, dlx__mil_value *out,
                         const char *where)
{
    const dlx__mil_type *t = &out->type;
    unsigned list = 0;
    size_t found = 0;
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number < FLOATS || f.number > BYTES)
            continue;
        if (list)
            dlx__proto_fault(&r->view, "%.100s: expected one list of numbers, found two", where);
        list = f.number;
        dlx__proto_message values = dlx__proto_child(&f);
        found = count_list(&values, list);
        keep_known(r, &values, list, out);
    }
    const unsigned wanted = list_for(t->element);
    const size_t n = dlx__mil_n_elements(t);
    size_t expected = n;
    if (list == BYTES)
        expected = dlx__mul(n, dlx__mil_element_bits(t->element)) == SIZE_MAX
                       ? SIZE_MAX
                       : dlx__add(dlx__mul(n, dlx__mil_element_bits(t->element)), 7) / 8;
    if (n == 0 && list == 0)
        return;
    const bool either = t->element == 22 || t->element == 32 || t->element == 34;
    if (t->kind != DLX__MIL_TENSOR || (list != wanted && !(either && list == BYTES)))
        dlx__proto_fault(&r->view, "%.100s: expected a constant of the type %s in %s, found %s",
                         where, dlx__mil_type_text(t).text, lists[wanted].name,
                         list ? lists[list].name : "nothing");
    else if (n == SIZE_MAX || found != expected)
        dlx__proto_fault(&r->view, "%.100s: expected %s, which are %zu %s, found %zu", where,
                         dlx__mil_type_text(t).text, expected, list == BYTES ? "bytes" : "numbers",
                         found);
}

/* Lists, tuples and dictionaries of constants: each by itself. */
static void check_several(dlx__mlpackage_reader *r, const dlx__proto_message *m, const char *where,
                          bool pairs)
{
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number != 1)
            continue;
        dlx__proto_message value = dlx__proto_child(&f);
        if (!pairs) {
            (void)dlx__mil_read_value(r, &value, where);
            continue;
        }
        for (dlx__proto_field p = dlx__proto_fields(&value); dlx__proto_next(&p);) {
            if (p.number > 2)
                continue;
            dlx__proto_message part = dlx__proto_child(&p);
            (void)dlx__mil_read_value(r, &part, where);
        }
    }
}

static void check_immediate(dlx__mlpackage_reader *r, const dlx__proto_message *m,
                            dlx__mil_value *out, const char *where)
{
    static const dlx__mil_kind kinds[] = {DLX__MIL_NONE, DLX__MIL_TENSOR, DLX__MIL_TUPLE,
                                          DLX__MIL_LIST, DLX__MIL_DICTIONARY};
    dlx__mil_kind kind = DLX__MIL_NONE;
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number < 1 || f.number >= DLX__LEN(kinds))
            continue;
        dlx__proto_message inner = dlx__proto_child(&f);
        kind = kinds[f.number];
        if (kind == DLX__MIL_TENSOR)
            check_tensor(r, &inner, out, where);
        else
            check_several(r, &inner, where, kind == DLX__MIL_DICTIONARY);
    }
    if (kind != out->type.kind)
        dlx__proto_fault(&r->view, "%.100s: expected a constant of the type %s, found %s", where,
                         dlx__mil_type_text(&out->type).text, dlx__mil_kind_name(kind));
}

dlx__mil_value dlx__mil_read_value(dlx__mlpackage_reader *r, const dlx__proto_message *m,
                                   const char *where)
{
    dlx__mil_value out = {.name = ""};
    dlx__proto_message type = {.view = NULL}, immediate = {.view = NULL}, blob = {.view = NULL};
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number == 2)
            dlx__proto_only_child(&f, &type);
        else if (f.number == 3)
            dlx__proto_only_child(&f, &immediate);
        else if (f.number == 5)
            dlx__proto_only_child(&f, &blob);
    }
    out.type = dlx__mil_read_type(r, &type);
    if (out.type.kind == DLX__MIL_NONE)
        dlx__proto_fault(&r->view, "%.100s: a constant has no type", where);
    else if ((immediate.view != NULL) == (blob.view != NULL))
        dlx__proto_fault(&r->view,
                         "%.100s: expected the numbers of a constant in the specification or in "
                         "the weights, found them in %s",
                         where, blob.view ? "both" : "neither");
    else if (blob.view)
        dlx__mil_read_blob(r, &blob, &out.type, where);
    else
        check_immediate(r, &immediate, &out, where);
    return out;
}
