/* ml_target.c - names of systems and of what computes. */
#include "export/ml_target.h"

#include "base/fail.h"

#include <ctype.h>
#include <string.h>

static const dlx__ml_target targets[] = {
    {"ios18", 9, "CoreML8"},    {"macos15", 9, "CoreML8"}, {"ios26", 10, "CoreML9"},
    {"macos26", 10, "CoreML9"}, {"ios15", 6, NULL},        {"macos12", 6, NULL},
    {"ios16", 7, NULL},         {"macos13", 7, NULL},      {"ios17", 8, NULL},
    {"macos14", 8, NULL},
};

static const char *const units[] = {
#define UNIT(name, text, theirs) text,
    DLX__ML_UNITS(UNIT)
#undef UNIT
};

/* Equal but for the case, and for _ in place of -. */
static bool is_same(const char *a, const char *b)
{
    for (; *a && *b; a++, b++) {
        const int x = *a == '_' ? '-' : tolower((unsigned char)*a);
        if (x != *b)
            return false;
    }
    return *a == *b;
}

dlx_result dlx__ml_target_find(const dlx__ml_target **out, const char *name, dlx_error *err)
{
    *out = NULL;
    for (size_t i = 0; i < DLX__LEN(targets); i++)
        if (is_same(name ? name : targets[0].name, targets[i].name))
            *out = &targets[i];
    if (!*out)
        return dlx__fail(err, DLX_E_ARG,
                         "target: expected ios18, macos15, ios26 or macos26, found %s", name);
    if ((*out)->opset)
        return DLX_OK;
    return dlx__fail(err, DLX_E_UNSUPPORTED,
                     "target: expected ios18, macos15 or later, which brought several functions "
                     "over one file of weights, states and weights in blocks, found %s",
                     name);
}

dlx_result dlx__ml_unit_find(const char **out, const char *name, dlx_error *err)
{
    const bool ane = name && is_same(name, "cpu-and-ane");
    *out = NULL;
    for (size_t i = 0; i < DLX__LEN(units); i++)
        if (is_same(ane ? "cpu-and-ne" : name ? name : units[0], units[i]))
            *out = units[i];
    return *out ? DLX_OK
                : dlx__fail(err, DLX_E_ARG,
                            "compute unit: expected all, cpu-only, cpu-and-gpu or cpu-and-ne (Core "
                            "ML knows no other sets), found %s",
                            name);
}
