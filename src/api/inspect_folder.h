/* inspect_folder.h - a folder of qnn told as JSON. */
#ifndef DLX__INSPECT_FOLDER_H
#define DLX__INSPECT_FOLDER_H

#include <dlx/common.h>

/* dlx_inspect_program for a folder. */
dlx_result dlx__api_inspect_folder(const char *path, char **json, dlx_error *err);

#endif
