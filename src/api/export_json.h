/* export_json.h - what was exported, as the JSON reports of export.h. */
#ifndef DLX__EXPORT_JSON_H
#define DLX__EXPORT_JSON_H

#include "api/export_settings.h"

/* An export that is done. */
typedef struct dlx__exported {
    const dlx__model *model; /* as it was exported */
    const dlx__export_opts *to;
    const dlx__export_written *written;
    dlx__export_settings *settings;
    const char *backend;
    double seconds;
} dlx__exported;

/* Of a program; of the weights alone. NULL: no memory. */
json_t *dlx__exported_json(const dlx__exported *e);
json_t *dlx__exported_weights_json(const dlx__exported *e);

#endif
