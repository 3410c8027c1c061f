/*
 * safetensors.h - one .safetensors file, or a directory of shards with its index.
 * Layout: u64 little-endian header length, JSON header {name: {dtype, shape, data_offsets}}, data.
 * Types F32, F16 and BF16 are read; another type is refused by name. Offsets must lie inside the
 * file, match shape times type exactly, not overlap and leave no hole, as the format demands.
 */
#ifndef DLX__SAFETENSORS_H
#define DLX__SAFETENSORS_H

#include "format/weights.h"

/* One file, from bytes that outlive w (also the fuzz target's door). `path` is for sentences. */
dlx_result dlx__safetensors_parse(dlx__weights *w, const uint8_t *bytes, size_t n, const char *path,
                                  const dlx_allocator *mem, dlx_error *err);

/*
 * A directory: model.safetensors, or model.safetensors.index.json with its shards (every shard that
 * the index names must exist, every tensor must be where the index says). With `index_only`, an
 * index whose shards are absent gives names without shapes. A directory without either is refused.
 */
dlx_result dlx__safetensors_open_dir(dlx__weights *w, const char *dir, bool index_only,
                                     const dlx_allocator *mem, dlx_error *err);

/* Writing, for quantizers, tests and tools: tensors in the order given, all with data. */
dlx_result dlx__safetensors_write(const char *path, const dlx__tensor *tensors, size_t n,
                                  const dlx_allocator *mem, dlx_error *err);

#endif
