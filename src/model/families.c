/* families.c - the list of families, and the choice of one for a checkpoint. */
#include "model/families.h"

#include "base/fail.h"

#include <stdio.h>
#include <string.h>

#define DECLARE(name) extern const dlx__family dlx__family_##name;
DLX__FAMILIES(DECLARE)
#undef DECLARE

static const dlx__family *const families[] = {
#define FAMILY_ROW(name) &dlx__family_##name,
    DLX__FAMILIES(FAMILY_ROW)
#undef FAMILY_ROW
        NULL,
};

const dlx__family *const *dlx__families(void)
{
    return families;
}

static bool is_called(const dlx__family *f, const char *name)
{
    for (size_t i = 0; f->architectures[i]; i++)
        if (strcmp(f->architectures[i], name) == 0)
            return true;
    return strcmp(f->name, name) == 0 || strcmp(f->gguf_arch, name) == 0;
}

const dlx__family *dlx__family_find(const char *name)
{
    for (size_t i = 0; families[i]; i++)
        if (is_called(families[i], name))
            return families[i];
    return NULL;
}

/* "a, b, c" of the names that files of this kind may use. */
static void list_supported(char out[256], dlx__checkpoint_kind kind)
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; families[i]; i++) {
        const char *name =
            kind == DLX__CHECKPOINT_GGUF ? families[i]->gguf_arch : families[i]->architectures[0];
        int n = snprintf(out + at, 256 - at, "%s%s", i ? ", " : "", name);
        at = dlx__min(255, at + (size_t)n);
    }
}

static dlx_result refuse(const dlx__checkpoint *c, const char *found, size_t len, dlx_error *err)
{
    char supported[256];
    list_supported(supported, c->kind);
    bool is_gguf = c->kind == DLX__CHECKPOINT_GGUF;
    return dlx__fail(err, DLX_E_UNSUPPORTED,
                     "%s: expected one of the architectures %s in %s, found %.*s; open a "
                     "checkpoint of one of these families",
                     c->path, supported, is_gguf ? "general.architecture" : "config.json",
                     (int)dlx__min(len, 100), found);
}

static dlx_result family_of_gguf(const dlx__family **out, const dlx__checkpoint *c, dlx_error *err)
{
    dlx__gguf_string arch;
    DLX__TRY(dlx__gguf_text(&c->gguf, "general.architecture", &arch, err));
    for (size_t i = 0; families[i]; i++) {
        const char *name = families[i]->gguf_arch;
        if (arch.len == strlen(name) && memcmp(arch.data, name, arch.len) == 0) {
            *out = families[i];
            return DLX_OK;
        }
    }
    return refuse(c, arch.data, arch.len, err);
}

static dlx_result family_of_hf(const dlx__family **out, const dlx__checkpoint *c, dlx_error *err)
{
    const json_t *list = json_object_get(c->config, "architectures");
    const char *first = NULL;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (!name)
            continue;
        first = first ? first : name;
        for (size_t j = 0; families[j]; j++) {
            for (size_t k = 0; families[j]->architectures[k]; k++) {
                if (strcmp(families[j]->architectures[k], name) != 0)
                    continue;
                *out = families[j];
                return DLX_OK;
            }
        }
    }
    const char *found = first ? first : "no \"architectures\"";
    return refuse(c, found, strlen(found), err);
}

dlx_result dlx__family_of(const dlx__family **out, const dlx__checkpoint *c, dlx_error *err)
{
    return c->kind == DLX__CHECKPOINT_GGUF ? family_of_gguf(out, c, err)
                                           : family_of_hf(out, c, err);
}
