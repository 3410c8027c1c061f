/* ml_manifest.c - Manifest.json, with identifiers that the same bytes give again. */
#include "export/ml_model.h"

#include "base/sha256.h"
#include "format/json_fields.h"

#include <stdio.h>
#include <string.h>

enum { ID_BYTES = 37 };

/* A UUID of version 8, which is its maker's own: the hash of what the part is called and holds. */
static void identify(char out[ID_BYTES], const dlx__ml_part *part)
{
    char hex[DLX__SHA256_HEX];
    dlx__sha256 sha;
    dlx__sha256_init(&sha);
    dlx__sha256_add(&sha, part->path, strlen(part->path));
    dlx__sha256_add(&sha, part->sha256, strlen(part->sha256));
    dlx__sha256_hex(&sha, hex);
    for (char *c = hex; *c; c++)
        *c = (char)(*c >= 'a' && *c <= 'f' ? *c - 'a' + 'A' : *c);
    snprintf(out, ID_BYTES, "%.8s-%.4s-8%.3s-8%.3s-%.12s", hex, hex + 8, hex + 12, hex + 15,
             hex + 18);
}

static bool put_text(dlx__buf *out, const char *key, const char *text, bool last)
{
    return dlx__buf_format(out, "            \"%s\": ", key) && dlx__json_put_text(out, text) &&
           dlx__buf_text(out, last ? "\n" : ",\n");
}

bool dlx__ml_manifest_put(const dlx__ml_part *parts, size_t n, dlx__buf *out)
{
    char id[ID_BYTES];
    bool ok = dlx__buf_text(
        out, "{\n    \"fileFormatVersion\": \"1.0.0\",\n    \"itemInfoEntries\": {\n");
    for (size_t i = 0; i < n && ok; i++) {
        identify(id, &parts[i]);
        ok = dlx__buf_format(out, "        \"%s\": {\n", id) &&
             put_text(out, "author", parts[i].author, false) &&
             put_text(out, "description", parts[i].about, false) &&
             put_text(out, "name", parts[i].name, false) &&
             put_text(out, "path", parts[i].path, true) &&
             dlx__buf_text(out, i + 1 < n ? "        },\n" : "        }\n");
    }
    identify(id, &parts[0]);
    return ok && dlx__buf_format(out, "    },\n    \"rootModelIdentifier\": \"%s\"\n}\n", id);
}
