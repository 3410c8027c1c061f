/*
 * checkpoint.c - tells a Hugging Face directory from a GGUF file and opens what the caller needs.
 * Knows the names of files, not the meaning of what is in them.
 */
#include "format/checkpoint.h"

#include "base/buf.h"
#include "base/fail.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

char *dlx__checkpoint_file(const dlx__checkpoint *c, const char *name)
{
    size_t room = dlx__add(dlx__add(strlen(c->path), strlen(name)), 2);
    char *path = dlx__alloc(c->mem, room);
    if (path)
        snprintf(path, room, "%s/%s", c->path, name);
    return path;
}

static bool is_slash(char c)
{
#if defined(_WIN32)
    return c == '/' || c == '\\';
#else
    return c == '/';
#endif
}

static char *without_slash(const char *path, const dlx_allocator *mem)
{
    size_t n = strlen(path);
    while (n > 1 && is_slash(path[n - 1]))
        n--;
    return dlx__strndup(mem, path, n);
}

/* Loads a small JSON file of the directory; a file that is not there leaves *out NULL. */
static dlx_result load_if_there(const dlx__checkpoint *c, json_t **out, const char *name,
                                dlx_error *err)
{
    char *path = dlx__checkpoint_file(c, name);
    if (!path)
        return dlx__fail_memory(err, "naming a file of the checkpoint", strlen(name));
    dlx_result r = DLX_OK;
    if (dlx__os_path_kind(path) != DLX__PATH_ABSENT)
        r = dlx__json_load(out, path, c->mem, err);
    dlx__free(c->mem, path);
    return r;
}

/* What a look into a directory without config.json found. */
typedef struct look {
    dlx__buf names; /* the first few, for the sentence */
    size_t n;
    bool tokenizer;
    bool gguf;
} look;

static bool ends_with(const char *text, const char *tail)
{
    size_t n = strlen(text), m = strlen(tail);
    return n >= m && strcmp(text + n - m, tail) == 0;
}

static bool look_at(void *user, const char *name)
{
    enum { SHOWN = 5 };
    look *l = user;
    l->tokenizer |= strcmp(name, "tokenizer.json") == 0 || strcmp(name, "vocab.json") == 0;
    l->gguf |= ends_with(name, ".gguf");
    if (l->n++ < SHOWN)
        (void)dlx__buf_format(&l->names, "%s%s", l->n > 1 ? ", " : "",
                              name); /* only for a message */
    return true;
}

/* Without config.json a directory can still hold a tokenizer, if that is all the caller needs. */
static dlx_result accept_without_config(const dlx__checkpoint *c, dlx__checkpoint_need need,
                                        dlx_error *err)
{
    look l = {.n = 0};
    dlx__buf_init(&l.names, c->mem);
    dlx_result r = dlx__os_list_dir(c->path, look_at, &l, c->mem, err);
    if (r == DLX_OK && !(need == DLX__NEED_NOTHING && l.tokenizer)) {
        const char *found = l.n ? l.names.data : "an empty directory";
        const char *next = l.gguf ? "name the .gguf file itself"
                                  : "name the directory that the model was downloaded to";
        r = dlx__fail(err, DLX_E_IO, "%s: expected config.json%s, found %.200s%s; %s", c->path,
                      need == DLX__NEED_NOTHING ? " or tokenizer.json" : "",
                      found ? found : "other files", l.n > 5 ? " ..." : "", next);
    }
    dlx__buf_release(&l.names);
    return r;
}

static dlx_result open_dir(dlx__checkpoint *c, dlx__checkpoint_need need, dlx_error *err)
{
    c->kind = DLX__CHECKPOINT_HF;
    DLX__TRY(load_if_there(c, &c->config, "config.json", err));
    if (!c->config)
        DLX__TRY(accept_without_config(c, need, err));
    if (c->config && !json_is_object(c->config))
        return dlx__fail(
            err, DLX_E_FORMAT,
            "%s/config.json: expected an object of fields, found another kind of JSON; "
            "fetch the file again",
            c->path);
    DLX__TRY(load_if_there(c, &c->generation, "generation_config.json", err));
    DLX__TRY(load_if_there(c, &c->tokenizer_config, "tokenizer_config.json", err));
    DLX__TRY(load_if_there(c, &c->added_tokens, "added_tokens.json", err));
    if (need == DLX__NEED_NOTHING)
        return DLX_OK;
    dlx_error why;
    dlx_result r =
        dlx__safetensors_open_dir(&c->hf_weights, c->path, need == DLX__NEED_NAMES, c->mem, &why);
    /* Names are wanted only where there are files to have them; damage is a failure all the same.
     */
    if (r == DLX_OK || (need == DLX__NEED_NAMES && r == DLX_E_IO))
        return DLX_OK;
    return dlx__fail(err, r, "%s", why.text);
}

static dlx_result open_gguf(dlx__checkpoint *c, dlx__checkpoint_need need, dlx_error *err)
{
    c->kind = DLX__CHECKPOINT_GGUF;
    DLX__TRY(dlx__gguf_open(&c->gguf, c->path, c->mem, err));
    const char *key = "split.count";
    size_t n_parts = 1;
    if (dlx__gguf_find(&c->gguf, key))
        DLX__TRY(dlx__gguf_size(&c->gguf, key, 0, UINT16_MAX, &n_parts, err));
    if (n_parts > 1)
        return dlx__fail(err, DLX_E_UNSUPPORTED,
                         "%s: expected a whole model, found one of %zu parts; join them with "
                         "llama-gguf-split --merge",
                         c->path, n_parts);
    if (need == DLX__NEED_WEIGHTS && c->gguf.weights.n == 0)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected weights, found a GGUF file of a vocabulary only; use the "
                         "file of the whole model",
                         c->path);
    return DLX_OK;
}

/* A guess from the first bytes, to name the next step. */
static const char *guess(const uint8_t *head, size_t n)
{
    if (n >= 8 && memcmp(head + 4, "ET", 2) == 0)
        return "an ExecuTorch program, which is for the runtimes of devices (dlx inspect shows "
               "what "
               "is in it); name the model that it was made from";
    if (n >= 2 && memcmp(head, "PK", 2) == 0)
        return "a zip archive (PyTorch weights?); use a safetensors directory or a GGUF file";
    if (n >= 9 && head[8] == '{')
        return "a safetensors file; name the directory that holds it and config.json";
    if (n >= 1 && head[0] == '{')
        return "a JSON file; name the directory that holds it";
    if (n == 0)
        return "an empty file; fetch it again";
    return "something else; name a Hugging Face directory or a GGUF file";
}

static dlx_result open_file(dlx__checkpoint *c, dlx__checkpoint_need need, dlx_error *err)
{
    dlx__map map;
    DLX__TRY(dlx__os_map(&map, c->path, err));
    bool gguf = map.len >= 4 && memcmp(map.data, "GGUF", 4) == 0;
    dlx_result r = DLX_OK;
    if (!gguf)
        r = dlx__fail(err, DLX_E_FORMAT, "%s: expected a GGUF file, found %s", c->path,
                      guess(map.data, map.len));
    dlx__os_unmap(&map);
    return r == DLX_OK ? open_gguf(c, need, err) : r;
}

dlx_result dlx__checkpoint_open(dlx__checkpoint *c, const char *path, dlx__checkpoint_need need,
                                const dlx_allocator *mem, dlx_error *err)
{
    *c = (dlx__checkpoint){.mem = mem};
    c->path = without_slash(path, mem);
    if (!c->path)
        return dlx__fail_memory(err, "opening a model", strlen(path));
    dlx_result r;
    if (dlx__os_path_kind(c->path) == DLX__PATH_DIR)
        r = open_dir(c, need, err);
    else
        r = open_file(c, need, err); /* says by itself when there is nothing */
    if (r != DLX_OK)
        dlx__checkpoint_release(c);
    return r;
}

void dlx__checkpoint_release(dlx__checkpoint *c)
{
    if (c->kind == DLX__CHECKPOINT_GGUF)
        dlx__gguf_release(&c->gguf);
    else
        dlx__weights_release(&c->hf_weights);
    json_decref(c->added_tokens);
    json_decref(c->tokenizer_config);
    json_decref(c->generation);
    json_decref(c->config);
    const dlx_allocator *mem = c->mem;
    dlx__free(mem, c->path);
    *c = (dlx__checkpoint){.mem = mem};
}

const dlx__weights *dlx__checkpoint_weights(const dlx__checkpoint *c)
{
    return c->kind == DLX__CHECKPOINT_GGUF ? &c->gguf.weights : &c->hf_weights;
}
