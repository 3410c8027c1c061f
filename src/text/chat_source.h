/*
 * chat_source.h - where a checkpoint keeps its chat template, and the two special tokens that the
 * template is given. Nothing is parsed here.
 */
#ifndef DLX__CHAT_SOURCE_H
#define DLX__CHAT_SOURCE_H

#include "format/checkpoint.h"

/* Keys of ours: the token as text, or false for none, where the ids of a GGUF do not say it. */
#define DLX__CHAT_BOS_KEY "dlx.chat.bos_token"
#define DLX__CHAT_EOS_KEY "dlx.chat.eos_token"

typedef struct dlx__chat_source {
    const dlx_allocator *mem;
    const char *name; /* of the file or key, for failures; NULL: there is no template */
    const char *text; /* [n], not terminated; borrowed from the checkpoint or from file_text */
    size_t n;
    dlx__gguf_string bos; /* data NULL: none */
    dlx__gguf_string eos;
    char *path; /* owned: chat_template.jinja and what is in it, or NULL */
    char *file_text;
} dlx__chat_source;

/*
 * Looks for chat_template.jinja, else tokenizer_config.json's chat_template (of several named ones
 * "default"); in a GGUF for tokenizer.chat_template. Finding none is no failure. Release in
 * either case.
 */
dlx_result dlx__chat_source_find(dlx__chat_source *s, const dlx__checkpoint *c, dlx_error *err);
void dlx__chat_source_release(dlx__chat_source *s);

#endif
