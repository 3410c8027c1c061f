/* outputs.c - which file may be written where. */
#include "outputs.h"

#include "bytes.h"
#include "say.h"
#include "sys.h"

#include <string.h>

static bool same(const char *a, const char *b)
{
    return strcmp(a, b) == 0 || sys_same_file(a, b);
}

/* Is there a file of another kind? */
static bool is_other_file(const verb_output *o)
{
    char start[32] = "";
    const size_t end = o->mark ? o->at + strlen(o->mark) : 0;
    FILE *file = end && sys_kind_of(o->path) == SYS_FILE ? fopen(o->path, "rb") : NULL;
    const size_t n = file ? fread(start, 1, sizeof start, file) : 0;
    if (file)
        fclose(file);
    return n > 0 && (n < end || memcmp(start + o->at, o->mark, end - o->at) != 0);
}

/* Its folder is there, and the name is no folder itself. */
static bool has_place(const char *path)
{
    const size_t n = sys_folder_bytes(path);
    bytes folder = {0};
    bytes_add(&folder, path, n);
    const bool ok = n == 0 || sys_kind_of(bytes_string(&folder)) == SYS_FOLDER;
    bytes_release(&folder);
    return ok && sys_kind_of(path) != SYS_FOLDER;
}

static int check_one(const char *verb, const verb_output *o)
{
    if (!*o->path || strcmp(o->path, "-") == 0)
        return say_misuse(verb, "%s is the name of a file to write", o->name);
    if (!has_place(o->path))
        return say_failed("%s: cannot write %s there: %s", show_path(o->path).text, o->name,
                          sys_kind_of(o->path) == SYS_FOLDER ? "it is a folder"
                                                             : "its folder is not there");
    if (is_other_file(o))
        return say_misuse(verb, "%s: %s is there and is not %s: name another, or remove it",
                          o->name, show_path(o->path).text, o->kind);
    return EXIT_OK;
}

int check_outputs(const char *verb, const verb_input *inputs, size_t n_inputs,
                  const verb_output *outputs, size_t n_outputs)
{
    for (size_t i = 0; i < n_outputs; i++) {
        const verb_output *o = &outputs[i];
        if (!o->path)
            continue;
        for (size_t k = 0; k < n_inputs; k++)
            if (inputs[k].path && same(o->path, inputs[k].path))
                return say_misuse(verb, "%s is the file of %s: write to another", o->name,
                                  inputs[k].name);
        for (size_t k = 0; k < i; k++)
            if (outputs[k].path && same(o->path, outputs[k].path))
                return say_misuse(verb, "%s and %s are the same file", outputs[k].name, o->name);
        const int code = check_one(verb, o);
        if (code != EXIT_OK)
            return code;
    }
    return EXIT_OK;
}
