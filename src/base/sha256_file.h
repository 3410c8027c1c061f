/* sha256_file.h - SHA-256 of a file, which is read in pieces. */
#ifndef DLX__SHA256_FILE_H
#define DLX__SHA256_FILE_H

#include "base/sha256.h"

dlx_result dlx__sha256_file(char out[DLX__SHA256_HEX], const char *path, dlx_error *err);

#endif
