/* ml_manifest.c - Manifest.json, with identifiers that the same bytes give again. */
#include "export/ml_model.h"

#include "base/sha256.h"
#include "format/json_fields.h"

#include <stdio.h>
#include <string.h>

void dlx__ml_identify(char out[DLX__ML_ID], const char *path, const char *sha256)
{
    char hex[DLX__SHA256_HEX];
    dlx__sha256 sha;
    dlx__sha256_init(&sha);
    dlx__sha256_add(&sha, path, strlen(path));
    dlx__sha256_add(&sha, sha256, strlen(sha256));
    dlx__sha256_hex(&sha, hex);
    for (char *c = hex; *c; c++)
        *c = (char)(*c >= 'a' && *c <= 'f' ? *c - 'a' + 'A' : *c);
    snprintf(out, DLX__ML_ID, "%.8s-%.4s-8%.3s-8%.3s-%.12s", hex, hex + 8, hex + 12, hex + 15,
             hex + 18);
}

static bool put_text(dlx__buf *out, const char *key, const char *text, bool last)
{
    return dlx__buf_format(out, "            \"%s\": ", key) && dlx__json_put_text(out, text) &&
           dlx__buf_text(out, last ? "\n" : ",\n");
}

bool dlx__ml_manifest_put(const dlx__ml_part *parts, size_t n, dlx__buf *out)
{
    char id[DLX__ML_ID];
    bool ok = dlx__buf_text(
        out, "{\n    \"fileFormatVersion\": \"1.0.0\",\n    \"itemInfoEntries\": {\n");
    for (size_t i = 0; i < n && ok; i++) {
        dlx__ml_identify(id, parts[i].path, parts[i].sha256);
        ok = dlx__buf_format(out, "        \"%s\": {\n", id) &&
             put_text(out, "author", parts[i].author, false) &&
             put_text(out, "description", parts[i].about, false) &&
             put_text(out, "name", parts[i].name, false) &&
             put_text(out, "path", parts[i].path, true) &&
             dlx__buf_text(out, i + 1 < n ? "        },\n" : "        }\n");
    }
    dlx__ml_identify(id, parts[0].path, parts[0].sha256);
    return ok && dlx__buf_format(out, "    },\n    \"rootModelIdentifier\": \"%s\"\n}\n", id);
}
