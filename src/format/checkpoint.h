/*
 * checkpoint.h - a model as it lies on disk: a Hugging Face directory or a GGUF file. Opening
 * reads the small files and maps the weights; what they mean is the business of model and text.
 */
#ifndef DLX__CHECKPOINT_H
#define DLX__CHECKPOINT_H

#include "format/gguf.h"
#include "format/json_file.h"
#include "format/safetensors.h"

typedef enum { DLX__CHECKPOINT_HF, DLX__CHECKPOINT_GGUF } dlx__checkpoint_kind;

/* How much of the weights the caller needs. */
typedef enum {
    DLX__NEED_NOTHING, /* the small files only (tokenize) */
    DLX__NEED_NAMES,   /* tensor names if they are there (inspect from config and index) */
    DLX__NEED_WEIGHTS  /* all of it, or a failure */
} dlx__checkpoint_need;

typedef struct dlx__checkpoint {
    dlx__checkpoint_kind kind;
    const dlx_allocator *mem;
    char *path;               /* as the caller gave it, without a trailing slash */
    json_t *config;           /* config.json; HF: always there unless NEED_NOTHING and absent */
    json_t *generation;       /* generation_config.json, or NULL */
    json_t *tokenizer_config; /* tokenizer_config.json, or NULL */
    json_t *added_tokens;     /* added_tokens.json, or NULL */
    dlx__gguf gguf;           /* kind GGUF */
    dlx__weights hf_weights;  /* kind HF; n = 0 when there are none */
} dlx__checkpoint;

/*
 * Opens a directory with a config.json, or a file that begins with "GGUF". Anything else is refused
 * with what was found there. A sharded GGUF (split.count > 1) is refused with the next step.
 */
dlx_result dlx__checkpoint_open(dlx__checkpoint *c, const char *path, dlx__checkpoint_need need,
                                const dlx_allocator *mem, dlx_error *err);
void dlx__checkpoint_release(dlx__checkpoint *c);

/* The named tensors, whichever kind. */
const dlx__weights *dlx__checkpoint_weights(const dlx__checkpoint *c);

/* "<path>/<name>", to be freed with dlx__free; NULL when there is no memory. */
char *dlx__checkpoint_file(const dlx__checkpoint *c, const char *name);

#endif
