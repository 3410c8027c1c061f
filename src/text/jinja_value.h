/*
 * jinja_value.h - values of a running template. Small, copied freely; text, lists and dicts they
 * point to live in the arena of the run (or in the caller's JSON) and never change, namespaces
 * excepted.
 */
#ifndef DLX__JINJA_VALUE_H
#define DLX__JINJA_VALUE_H

#include "base/base.h"

typedef enum dlx__jv_kind {
    DLX__JV_UNDEFINED, /* the zero value */
    DLX__JV_NONE,
    DLX__JV_BOOL,
    DLX__JV_INT,
    DLX__JV_FLOAT,
    DLX__JV_STRING,
    DLX__JV_LIST, /* and tuples */
    DLX__JV_DICT,
    DLX__JV_NAMESPACE, /* namespace() and loop: a dict reached by attributes only */
    DLX__JV_MACRO
} dlx__jv_kind;

typedef struct dlx__jv dlx__jv;

typedef struct dlx__jv_text {
    const char *data; /* UTF-8, not terminated */
    size_t len;
} dlx__jv_text;

typedef struct dlx__jv_list {
    dlx__jv *items; /* [n] */
    size_t n, capacity;
    bool tuple; /* only printed otherwise */
} dlx__jv_list;

typedef struct dlx__jv_dict {
    dlx__jv *keys;   /* [n] in order of insertion */
    dlx__jv *values; /* [n] */
    size_t n, capacity;
} dlx__jv_dict;

struct dlx__jv {
    dlx__jv_kind kind;
    union {
        bool b;
        int64_t i;
        double f;
        dlx__jv_text s; /* STRING; the name that was looked up for UNDEFINED */
        dlx__jv_list *list;
        dlx__jv_dict *dict; /* DICT, NAMESPACE */
        const struct dlx__jinja_node *macro;
    } u;
};

static inline dlx__jv dlx__jv_none(void)
{
    return (dlx__jv){.kind = DLX__JV_NONE};
}

static inline dlx__jv dlx__jv_bool(bool b)
{
    return (dlx__jv){.kind = DLX__JV_BOOL, .u.b = b};
}

static inline dlx__jv dlx__jv_int(int64_t i)
{
    return (dlx__jv){.kind = DLX__JV_INT, .u.i = i};
}

static inline dlx__jv dlx__jv_float(double f)
{
    return (dlx__jv){.kind = DLX__JV_FLOAT, .u.f = f};
}

/* Borrows the text. */
static inline dlx__jv dlx__jv_string(const char *data, size_t len)
{
    return (dlx__jv){.kind = DLX__JV_STRING, .u.s = {data, len}};
}

static inline dlx__jv dlx__jv_undefined(const char *name, size_t len)
{
    return (dlx__jv){.kind = DLX__JV_UNDEFINED, .u.s = {name, len}};
}

/* As Python says it: "str", "int" ... */
const char *dlx__jv_kind_name(const dlx__jv *v);

bool dlx__jv_true(const dlx__jv *v);

/* A bool, int or float? */
bool dlx__jv_is_number(const dlx__jv *v);

/* Bools count as 0 and 1. */
bool dlx__jv_is_whole(const dlx__jv *v);
int64_t dlx__jv_whole(const dlx__jv *v);
double dlx__jv_number(const dlx__jv *v);

bool dlx__jv_same_text(dlx__jv_text a, dlx__jv_text b);

/* -1, 0, 1 by code points. */
int dlx__jv_order_text(dlx__jv_text a, dlx__jv_text b);

/* The value under a text key of a DICT or NAMESPACE; NULL when it is not there. */
dlx__jv *dlx__jv_get(const dlx__jv_dict *dict, dlx__jv_text key);

#endif
