/* json_build.c - JSON that is built step by step, none of whose steps may be lost without a word. */
#include "api/json_build.h"

#include "base/fail.h"
#include "base/mem.h"

#include <math.h>

void dlx__api_append(json_t **list, json_t *value)
{
    if (json_array_append_new(*list, value) != 0) {
        json_decref(*list);
        *list = NULL;
    }
}

bool dlx__api_set(json_t *object, const char *key, json_t *value)
{
    return json_object_set_new(object, key, value) == 0;
}

bool dlx__api_merge(json_t *object, json_t *more)
{
    bool ok = more && json_object_update(object, more) == 0;
    json_decref(more);
    return ok;
}

json_t *dlx__api_real(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

dlx_result dlx__api_json_text(json_t *json, const dlx_allocator *mem, char **out, dlx_error *err)
{
    char *dumped = json ? json_dumps(json, JSON_COMPACT) : NULL;
    *out = dumped ? dlx__strdup(mem, dumped) : NULL;
    json_decref(json);
    if (dumped) {
        /* jansson's memory goes back through jansson's own hooks */
        json_free_t give_back;
        json_get_alloc_funcs(NULL, &give_back);
        give_back(dumped);
    }
    return *out ? DLX_OK : dlx__fail(err, DLX_E_NOMEM, "out of memory while writing JSON");
}
