/* jinja_value.c - questions about values that need no running template. */
#include "text/jinja_value.h"

#include <string.h>

const char *dlx__jv_kind_name(const dlx__jv *v)
{
    switch (v->kind) {
    case DLX__JV_UNDEFINED:
        return "undefined";
    case DLX__JV_NONE:
        return "none";
    case DLX__JV_BOOL:
        return "bool";
    case DLX__JV_INT:
        return "int";
    case DLX__JV_FLOAT:
        return "float";
    case DLX__JV_STRING:
        return "str";
    case DLX__JV_LIST:
        return v->u.list->tuple ? "tuple" : "list";
    case DLX__JV_DICT:
        return "dict";
    case DLX__JV_NAMESPACE:
        return "namespace";
    case DLX__JV_MACRO:
        return "macro";
    }
    return "value";
}

bool dlx__jv_true(const dlx__jv *v)
{
    switch (v->kind) {
    case DLX__JV_UNDEFINED:
    case DLX__JV_NONE:
        return false;
    case DLX__JV_BOOL:
        return v->u.b;
    case DLX__JV_INT:
        return v->u.i != 0;
    case DLX__JV_FLOAT:
        return v->u.f != 0.0;
    case DLX__JV_STRING:
        return v->u.s.len > 0;
    case DLX__JV_LIST:
        return v->u.list->n > 0;
    case DLX__JV_DICT:
        return v->u.dict->n > 0;
    case DLX__JV_NAMESPACE:
    case DLX__JV_MACRO:
        return true;
    }
    return false;
}

bool dlx__jv_is_whole(const dlx__jv *v)
{
    return v->kind == DLX__JV_INT || v->kind == DLX__JV_BOOL;
}

bool dlx__jv_is_number(const dlx__jv *v)
{
    return dlx__jv_is_whole(v) || v->kind == DLX__JV_FLOAT;
}

int64_t dlx__jv_whole(const dlx__jv *v)
{
    return v->kind == DLX__JV_BOOL ? v->u.b : v->u.i;
}

double dlx__jv_number(const dlx__jv *v)
{
    return v->kind == DLX__JV_FLOAT ? v->u.f : (double)dlx__jv_whole(v);
}

bool dlx__jv_same_text(dlx__jv_text a, dlx__jv_text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

int dlx__jv_order_text(dlx__jv_text a, dlx__jv_text b)
{
    size_t n = dlx__min(a.len, b.len);
    int order = n ? memcmp(a.data, b.data, n) : 0; /* UTF-8 sorts as its code points do */
    if (order == 0)
        return (a.len > b.len) - (a.len < b.len);
    return order < 0 ? -1 : 1;
}

dlx__jv *dlx__jv_get(const dlx__jv_dict *dict, dlx__jv_text key)
{
    for (size_t i = 0; i < dict->n; i++)
        if (dict->keys[i].kind == DLX__JV_STRING && dlx__jv_same_text(dict->keys[i].u.s, key))
            return &dict->values[i];
    return NULL;
}
