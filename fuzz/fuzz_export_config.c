/*
 * fuzz_export_config.c - any bytes as the JSON of an export's settings. What is accepted is written
 * as a text that reads back and is written the same.
 */
// rooms: export
// parser: (export/config|format/json_fields)
#include "export/config.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static void check(bool sound)
{
    if (!sound)
        abort();
}

static void check_text(const dlx__export_config *c, dlx__arena *arena)
{
    dlx__export_config back;
    dlx__buf text, again;
    dlx__buf_init(&text, NULL);
    dlx__buf_init(&again, NULL);
    check(dlx__export_config_write(c, &text));
    check(dlx__export_config_read(&back, text.data, text.len, "back", arena, NULL) == DLX_OK);
    check(dlx__export_config_write(&back, &again));
    check(text.len == again.len && memcmp(text.data, again.data, text.len) == 0);
    dlx__buf_release(&text);
    dlx__buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    dlx__export_config c;
    dlx__arena arena;
    dlx_error err = {.text = ""};
    dlx__arena_init(&arena, NULL);
    if (dlx__export_config_read(&c, (const char *)data, n, "input", &arena, &err) == DLX_OK)
        check_text(&c, &arena);
    else
        check(err.text[0] != '\0');
    dlx__arena_release(&arena);
    return 0;
}
