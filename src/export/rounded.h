/*
 * rounded.h - the weights that a program would hold, as numbers: the tensors of a GGUF file in
 * float32, each row packed and unpacked again. So a program's weights can be judged where there is
 * no runtime for it.
 */
#ifndef DLX__ROUNDED_H
#define DLX__ROUNDED_H

#include "export/exporter.h"

/*
 * Writes all tensors of the model behind the keys that were put into w, as a program of o's packing
 * and scheme would have them; a head that differs from the table it was tied to has a tensor of its
 * own. `scheme` is what the file says of its rows; with STATIC_AFFINE it has the model's ranges. Of
 * o: packing, scheme, on_progress, mem and written, whose program_bytes are those of the tensors.
 * The file is to be committed, or given up.
 */
dlx_result dlx__rounded_write(dlx__gguf_writer *w, const dlx__model *m, dlx__scheme scheme,
                              const dlx__export_opts *o, dlx_error *err);

#endif
