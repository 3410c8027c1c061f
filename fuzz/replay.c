/*
 * replay.c - runs a fuzz target over the files of folders, without libFuzzer. Each file is tried
 * as it is, cut at every length, and with one bit flipped in every byte: damage of the kind that
 * interrupted downloads and tired disks make. Bytes are handed over in a block of exactly their
 * size, so that a sanitizer build sees a read past the end.
 */
#include "base/fail.h"
#include "base/mem.h"
#include "base/os.h"
#include "fuzz.h"

#include <stdio.h>
#include <string.h>

enum { MAX_SEED_BYTES = 1 << 20, MOST_DAMAGES = 4096 };

typedef struct replay {
    const char *dir;
    size_t n_files;
    size_t n_inputs;
    bool failed;
} replay;

static bool try_bytes(replay *r, const char *bytes, size_t n, size_t flipped)
{
    uint8_t *exact = dlx__alloc(NULL, n);
    if (!exact)
        return false;
    if (n)
        memcpy(exact, bytes, n);
    if (flipped < n)
        exact[flipped] ^= (uint8_t)(1u << flipped % 8);
    (void)LLVMFuzzerTestOneInput(exact, n);
    dlx__free(NULL, exact);
    r->n_inputs++;
    return true;
}

/* The file, its beginnings, its flips; of a large file only every so many of them. */
static bool try_file(replay *r, const char *bytes, size_t n)
{
    bool ok = try_bytes(r, bytes, n, n);
    size_t step = n / MOST_DAMAGES + 1;
    for (size_t at = 0; ok && at < n; at += step)
        ok = try_bytes(r, bytes, at, n) && try_bytes(r, bytes, n, at);
    return ok;
}

static bool visit(void *user, const char *name)
{
    replay *r = user;
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", r->dir, name);
    char *bytes;
    size_t n;
    dlx_error err = {.text = ""};
    if (dlx__os_path_kind(path) != DLX__PATH_FILE)
        return true;
    if (dlx__os_read_file(&bytes, &n, path, MAX_SEED_BYTES, NULL, &err) != DLX_OK) {
        fprintf(stderr, "%s\n", err.text);
        r->failed = true;
        return false;
    }
    r->failed = !try_file(r, bytes, n);
    dlx__free(NULL, bytes);
    r->n_files++;
    return !r->failed;
}

int main(int argc, char **argv)
{
    replay r = {.dir = NULL};
    for (int i = 1; i < argc && !r.failed; i++) {
        dlx_error err = {.text = ""};
        r.dir = argv[i];
        if (dlx__os_list_dir(r.dir, visit, &r, NULL, &err) != DLX_OK) {
            fprintf(stderr, "%s\n", err.text);
            return 1;
        }
    }
    printf("%zu files, %zu inputs\n", r.n_files, r.n_inputs);
    return r.failed || r.n_files == 0;
}
