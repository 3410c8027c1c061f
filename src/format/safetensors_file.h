/* safetensors_file.h - the reader of one file, as the reader of directories uses it. */
#ifndef DLX__SAFETENSORS_FILE_H
#define DLX__SAFETENSORS_FILE_H

#include "format/weights.h"

/* Appends the tensors of one file to `list`; names go to w->arena, `path` must live as long. */
dlx_result dlx__safetensors_read(dlx__weights *w, dlx__found_list *list, const uint8_t *bytes,
                                 size_t n, const char *path, dlx_error *err);

#endif
