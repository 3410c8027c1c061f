/*
 * model_exporter.h - what the program of a family is made of (the original's ModelExporterFactory).
 * A family says what its rows see and whether it writes left to right (model.h, dlx__family): that
 * decides, so that a new family is exported without a word here.
 */
#ifndef DLX__MODEL_EXPORTER_H
#define DLX__MODEL_EXPORTER_H

#include "export/lower.h"
#include "model/model.h"

typedef struct dlx__model_exporter {
    const char *decodes;     /* "block by block behind what was kept" */
    dlx__export_cache usual; /* where K and V are when nobody says */
    bool keeps;              /* what was decoded is kept: a form without K and V is no use */
    bool masks_prompts;      /* a prompt of several blocks needs a mask among its rows */
    bool whole_canvas;       /* a pass is all of the context, not a block */
} dlx__model_exporter;

const dlx__model_exporter *dlx__model_exporter_for(const dlx__family *family);

#endif
