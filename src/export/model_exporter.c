/* model_exporter.c - one entry for each way of decoding. */
#include "export/model_exporter.h"

static const dlx__model_exporter canvas = {
    .decodes = "a whole canvas at a time", .usual = DLX__EXPORT_NO_CACHE, .whole_canvas = true};
static const dlx__model_exporter blocks = {.decodes = "block by block behind what was kept",
                                           .usual = DLX__EXPORT_STATE,
                                           .keeps = true,
                                           .masks_prompts = true};
static const dlx__model_exporter tokens = {.decodes = "token by token behind what was kept",
                                           .usual = DLX__EXPORT_STATE,
                                           .keeps = true,
                                           .masks_prompts = true};

const dlx__model_exporter *dlx__model_exporter_for(const dlx__family *family)
{
    if (family->autoregressive)
        return &tokens;
    return family->visibility == DLX__VISIBLE_FULL ? &canvas : &blocks;
}
