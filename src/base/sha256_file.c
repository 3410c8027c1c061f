/* sha256_file.c - piece by piece: no more of a file is in memory than one of them. */
#include "base/sha256_file.h"

#include "base/os.h"

enum { PIECE = 1 << 16 };

static dlx_result add_all(dlx__sha256 *sha, dlx__os_file f, const char *path, dlx_error *err)
{
    uint8_t piece[PIECE];
    for (size_t n = 1; n > 0;) {
        DLX__TRY(dlx__os_file_read(f, piece, sizeof piece, &n, path, err));
        dlx__sha256_add(sha, piece, n);
    }
    return DLX_OK;
}

dlx_result dlx__sha256_file(char out[DLX__SHA256_HEX], const char *path, dlx_error *err)
{
    dlx__sha256 sha;
    dlx__os_file f = {0};
    dlx__sha256_init(&sha);
    DLX__TRY(dlx__os_file_open(&f, path, DLX__OPEN_READ, path, err));
    const dlx_result r = add_all(&sha, f, path, err);
    (void)dlx__os_file_close(f, false, path, NULL);
    dlx__sha256_hex(&sha, out);
    return r;
}
