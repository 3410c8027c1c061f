/* pte_types.c - names of the numbers of a .pte file. */
#include "export/pte_types.h"

static const struct {
    const char *name;
    size_t bytes;
} types[] = {
#define TYPE_ROW(name, number, text, bytes) [number] = {text, bytes},
    DLX__PTE_TYPES(TYPE_ROW)
#undef TYPE_ROW
};

static const char *const kinds[] = {
#define KIND_ROW(name, number, text) [number] = (text),
    DLX__PTE_KINDS(KIND_ROW)
#undef KIND_ROW
};

const char *dlx__pte_type_name(int type)
{
    return type >= 0 && (size_t)type < DLX__LEN(types) ? types[type].name : NULL;
}

size_t dlx__pte_type_bytes(int type)
{
    return type >= 0 && (size_t)type < DLX__LEN(types) ? types[type].bytes : 0;
}

const char *dlx__pte_kind_name(int kind)
{
    return kind >= 0 && (size_t)kind < DLX__LEN(kinds) ? kinds[kind] : NULL;
}
