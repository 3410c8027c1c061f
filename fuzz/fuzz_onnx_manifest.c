/*
 * fuzz_onnx_manifest.c - any bytes as the manifest of a directory of graphs. What is accepted names
 * files that stay in the folder and sizes that fit each other.
 */
// rooms: export
// parser: export/onnx_manifest_read
#include "export/onnx_manifest_read.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static void check(bool sound)
{
    if (!sound)
        abort();
}

static void check_function(const dlx__onnx_seen *seen, const dlx__onnx_seen_function *f)
{
    check(strlen(f->file) > 0 && f->file[0] != '.' && !strpbrk(f->file, "/\\:"));
    check(f->n_rows <= seen->n_ctx && f->n_head_rows <= seen->n_ctx);
    check(f->n_rows ? f->n_head_rows <= f->n_rows : f->n_head_rows > 0);
    check(!f->n_rows || f->n_past == (seen->has_past ? seen->n_ctx : 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    dlx__onnx_seen seen;
    dlx_error err = {.text = ""};
    if (dlx__onnx_manifest_parse(&seen, (const char *)data, n, "input", &err) != DLX_OK) {
        check(err.text[0] != '\0');
        return 0;
    }
    check(seen.n > 1 && seen.n <= DLX__ONNX_MAX_FUNCTIONS &&
          seen.functions[seen.logits].n_rows == 0);
    for (size_t i = 0; i < seen.n; i++)
        check_function(&seen, &seen.functions[i]);
    return 0;
}
