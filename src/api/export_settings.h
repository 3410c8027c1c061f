/* export_settings.h - what an export is asked for: the caller's options, then those of a file. */
#ifndef DLX__EXPORT_SETTINGS_H
#define DLX__EXPORT_SETTINGS_H

#include <dlx/export.h>

#include "export/config.h"
#include "export/exporter.h"

#include <jansson.h>

typedef struct dlx__export_settings {
    dlx__arena arena;
    dlx__export_config config; /* as the file says, then as it was carried out */
    const char *backend;
    dlx__export_ask ask;
    bool plain; /* the file says that weights are not rounded, and nobody says otherwise */
} dlx__export_settings;

/* Init once, release once, whatever happens between. */
void dlx__export_settings_init(dlx__export_settings *s, const dlx_allocator *mem);
void dlx__export_settings_release(dlx__export_settings *s);

/* What `o` names itself wins over the file that it names. */
dlx_result dlx__export_settings_read(dlx__export_settings *s, const dlx_export_opts *o,
                                     const dlx__model *m, dlx_error *err);

/* What the file says becomes what the backend has, or is refused. Call it before `ask` is read. */
dlx_result dlx__export_settings_fit(dlx__export_settings *s, const dlx__export_rules *rules,
                                    dlx_error *err);

/* The settings that give the same program again, as a file of them is read. NULL: no memory. */
json_t *dlx__export_settings_json(dlx__export_settings *s, const char *backend,
                                  const dlx__export_opts *done, const dlx__model *m);

#endif
