/* doctor.c - what this machine and this build can do, as JSON; and the names that help texts list.
 */
#include <dlx/tools.h>

#include "api/api.h"
#include "api/doctor.h"
#include "api/json_build.h"

#include "base/cpu.h"
#include "base/os.h"
#include "kernel/kernel.h"

#include <string.h>

static json_t *instruction_sets(const dlx__cpu *cpu)
{
    const struct {
        const char *name;
        bool has;
    } sets[] = {
        {"avx2", cpu->avx2_fma},
        {"avx-vnni", cpu->avx_vnni},
        {"avx512", cpu->avx512},
        {"avx512-vnni", cpu->avx512_vnni},
        {"avx512-bf16", cpu->avx512_bf16},
        {"avx512-at-once", cpu->avx512_wide},
        {"neon", cpu->neon},
        {"neon-dotprod", cpu->neon_dotprod},
        {"neon-i8mm", cpu->neon_i8mm},
        {"neon-bf16", cpu->neon_bf16},
    };
    json_t *list = json_array();
    for (size_t i = 0; i < DLX__LEN(sets); i++)
        if (sets[i].has)
            dlx__api_append(&list, json_string(sets[i].name));
    return list;
}

static json_t *kernel_tables(const dlx__cpu *cpu)
{
    json_t *list = json_array();
    for (const dlx__kernels *const *t = dlx__kernels_list(); *t; t++)
        if ((*t)->runs_on(cpu))
            dlx__api_append(
                &list, json_pack("{s:s, s:b}", "name", (*t)->name, "bf16", (*t)->halve != NULL));
    return list;
}

static json_t *backend_json(const dlx__backend_class *b, const dlx__runtime_paths *paths)
{
    dlx_error why = {.code = DLX_OK};
    dlx__buf found;
    dlx__buf_init(&found, NULL);
    const dlx_result r = b->probe_runtime ? b->probe_runtime(paths, &found, &why)
                         : b->probe       ? b->probe(&why)
                                          : DLX_OK;
    json_t *json = json_pack("{s:s, s:s, s:b, s:s?, s:s?}", "name", b->name, "about", b->about,
                             "available", r == DLX_OK, "why_not", r == DLX_OK ? NULL : why.text,
                             "found", found.len && r == DLX_OK ? found.data : NULL);
    dlx__buf_release(&found);
    return json;
}

static json_t *backends(const dlx__runtime_paths *paths)
{
    json_t *list = json_array();
    for (const dlx__backend_class *const *b = dlx__backend_list(); *b; b++)
        dlx__api_append(&list, backend_json(*b, paths));
    return list;
}

json_t *dlx__machine_report(void)
{
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    return json_pack("{s:s, s:s, s:i, s:i, s:I, s:o, s:s}", "os", dlx__os_name(), "cpu", cpu.name,
                     "cores", dlx__os_n_cores(), "fast_cores", dlx__os_n_fast_cores(),
                     "memory_bytes", (json_int_t)dlx__os_total_memory(), "instruction_sets",
                     instruction_sets(&cpu), "kernels", dlx__kernels_best(&cpu)->name);
}

dlx_result dlx_doctor(char **json, dlx_error *err)
{
    return dlx_doctor_at(NULL, json, err);
}

dlx_result dlx_doctor_at(const dlx_runtimes *runtimes, char **json, dlx_error *err)
{
    const dlx__runtime_paths paths = dlx__api_runtimes(runtimes);
    json_t *report = json_pack("{s:s}", "version", dlx_version());
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    json_t *parts = json_pack("{s:o, s:o, s:[{s:s, s:s}]}", "kernel_tables", kernel_tables(&cpu),
                              "backends", backends(&paths), "libraries", "name", "jansson",
                              "version", jansson_version_str());
    bool machine = dlx__api_merge(report, dlx__machine_report());
    if (!dlx__api_merge(report, parts) || !machine) {
        json_decref(report);
        report = NULL;
    }
    return dlx__api_json_text(report, NULL, json, err);
}

const char *const *dlx_backend_names(void)
{
    static const char *const names[] = {
#define BACKEND_NAME(name) #name,
        DLX__BACKENDS(BACKEND_NAME)
#undef BACKEND_NAME
            NULL};
    return names;
}

const char *dlx_family_name(size_t i)
{
    const dlx__family *const *f = dlx__families();
    while (*f && i > 0) {
        f++;
        i--;
    }
    return *f ? (*f)->name : NULL;
}

const char *const *dlx_sampler_names(const char *family)
{
    const dlx__family *f = dlx__family_find(family);
    return f ? f->samplers : NULL;
}

const char *const *dlx_cache_names(const char *family)
{
    const dlx__family *f = dlx__family_find(family);
    return f ? f->caches : NULL;
}
