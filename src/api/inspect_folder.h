/* inspect_folder.h - the report of dlx_inspect_program on a folder of qnn. */
#ifndef DLX__INSPECT_FOLDER_H
#define DLX__INSPECT_FOLDER_H

#include "export/onnx_directory.h"

#include <jansson.h>

/* NULL: no memory. */
json_t *dlx__folder_json(const dlx__onnx_directory *d, const char *path);

#endif
