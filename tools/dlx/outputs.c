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

/* A name of a folder may have a slash behind it: without. To be released. */
static bytes bare_name(const verb_output *o)
{
    bytes name = {0};
    size_t n = strlen(o->path);
    while (o->folder && n > 1 && o->path[n - 1] == '/')
        n--;
    bytes_add(&name, o->path, n);
    return name;
}

/* Its folder is there, and the name is no folder itself, unless it is to become one. */
static bool has_place(const verb_output *o)
{
    bytes folder = bare_name(o);
    const size_t n = sys_folder_bytes(bytes_string(&folder));
    if (n)
        folder.data[n] = 0;
    const bool ok = n == 0 || sys_kind_of(folder.data) == SYS_FOLDER;
    bytes_release(&folder);
    return ok && (o->folder || sys_kind_of(o->path) != SYS_FOLDER);
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), k = strlen(end);
    return n >= k && strcmp(text + n - k, end) == 0;
}

/* Names that are read in the folder of a model. */
static bool is_of_models(const char *name)
{
    static const char *const names[] = {"config.json",
                                        "generation_config.json",
                                        "tokenizer.json",
                                        "tokenizer_config.json",
                                        "added_tokens.json",
                                        "special_tokens_map.json",
                                        "vocab.json",
                                        "merges.txt",
                                        "chat_template.jinja",
                                        "chat_template.json",
                                        "model.safetensors.index.json"};
    bool found = ends_with(name, ".safetensors");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        found = found || strcmp(names[i], name) == 0;
    return found;
}

/* Would it be read as a part of the model in this folder? */
static bool is_part_of(const char *path, const char *folder)
{
    const size_t n = sys_folder_bytes(path);
    bytes own = {0};
    bytes_add(&own, n ? path : ".", n ? n : 1);
    const bool is = is_of_models(path + n) && sys_kind_of(folder) == SYS_FOLDER &&
                    same(bytes_string(&own), folder);
    bytes_release(&own);
    return is;
}

static bool has_ending(const verb_output *o)
{
    bytes name = bare_name(o);
    const bool has = ends_with(bytes_string(&name), o->ending);
    bytes_release(&name);
    return has;
}

/* A pipe is not waited for, and a socket or a disk is no place for a file. */
static int check_kind(const char *verb, const verb_output *o)
{
    const bool is_null = sys_is_null(o->path);
    if (sys_kind_of(o->path) == SYS_OTHER && !o->streams && !is_null)
        return say_misuse(verb,
                          "%s: expected a file to write, found a pipe, socket or device: "
                          "name a file",
                          o->name);
    if (o->folder && o->kind && (sys_kind_of(o->path) == SYS_FILE || is_null))
        return say_misuse(verb, "%s: %s is a file and %s is a folder: name another, or remove it",
                          o->name, show_path(o->path).text, o->kind);
    if (o->ending && !has_ending(o) && !is_null)
        return say_misuse(verb,
                          "%s: expected a name that ends with %s, as its files have, found %s",
                          o->name, o->ending, show_path(o->path).text);
    return EXIT_OK;
}

static int check_one(const char *verb, const verb_output *o)
{
    if (!*o->path || strcmp(o->path, "-") == 0)
        return say_misuse(verb, "%s is the name of a file to write", o->name);
    if (!has_place(o))
        return say_failed("%s: cannot write %s there: %s", show_path(o->path).text, o->name,
                          sys_kind_of(o->path) == SYS_FOLDER ? "it is a folder"
                                                             : "its folder is not there");
    const int code = check_kind(verb, o);
    if (code != EXIT_OK)
        return code;
    if (is_other_file(o))
        return say_misuse(verb, "%s: %s is there and is not %s: name another, or remove it",
                          o->name, show_path(o->path).text, o->kind);
    return EXIT_OK;
}

/* What it would cost the user by a slip: an input, or the model that is read from this folder. */
static int check_inputs(const char *verb, const verb_output *o, const verb_input *inputs,
                        size_t n_inputs)
{
    for (size_t i = 0; i < n_inputs; i++)
        if (inputs[i].path && same(o->path, inputs[i].path))
            return say_misuse(verb, "%s is the file of %s: write to another", o->name,
                              inputs[i].name);
    const int code = check_one(verb, o);
    for (size_t i = 0; i < n_inputs && code == EXIT_OK; i++)
        if (inputs[i].path && is_part_of(o->path, inputs[i].path))
            return say_misuse(verb,
                              "%s: %s would be read as a part of %s: name another, or write to "
                              "another folder",
                              o->name, show_path(o->path).text, inputs[i].name);
    return code;
}

int check_outputs(const char *verb, const verb_input *inputs, size_t n_inputs,
                  const verb_output *outputs, size_t n_outputs)
{
    int code = EXIT_OK;
    for (size_t i = 0; i < n_outputs && code == EXIT_OK; i++) {
        const verb_output *o = &outputs[i];
        for (size_t k = 0; k < i && o->path && code == EXIT_OK; k++)
            if (outputs[k].path && same(o->path, outputs[k].path))
                code = say_misuse(verb, "%s and %s are the same file", outputs[k].name, o->name);
        if (o->path && code == EXIT_OK)
            code = check_inputs(verb, o, inputs, n_inputs);
    }
    return code;
}
