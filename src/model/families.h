/* families.h - which family a checkpoint belongs to. */
#ifndef DLX__FAMILIES_H
#define DLX__FAMILIES_H

#include "model/model.h"

/*
 * By `architectures` of config.json or general.architecture of a GGUF; model_type is not asked,
 * since relatives with another body share it. An architecture that is not ours is refused by
 * name, with the list of those that are.
 */
dlx_result dlx__family_of(const dlx__family **out, const dlx__checkpoint *c, dlx_error *err);

#endif
