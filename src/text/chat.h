/*
 * chat.h - messages to the text that the model was trained on, through the checkpoint's own chat
 * template. A dlx__chat is immutable once open and may be shared between threads.
 */
#ifndef DLX__CHAT_H
#define DLX__CHAT_H

#include "base/buf.h"
#include "format/checkpoint.h"

typedef struct dlx__chat dlx__chat;

/*
 * Finds the template (chat_template.jinja, else tokenizer_config.json's chat_template, of several
 * named ones "default"; in a GGUF tokenizer.chat_template) and parses it. The checkpoint may be
 * released afterwards; its allocator must live as long as the chat. DLX_E_UNSUPPORTED when the
 * checkpoint has no template, with the next step (--raw) in the sentence.
 */
dlx_result dlx__chat_open(dlx__chat **out, const dlx__checkpoint *c, dlx_error *err);

/* The same from a template's text; `name` is the file named in failures. The specials may be NULL.
 */
dlx_result dlx__chat_parse(dlx__chat **out, const char *text, size_t n, const char *name,
                           const char *bos_token, const char *eos_token, const dlx_allocator *mem,
                           dlx_error *err);

void dlx__chat_free(dlx__chat *chat); /* chat may be NULL */

/* As the template sees them: from the checkpoint, NULL when it names none. */
const char *dlx__chat_bos_token(const dlx__chat *chat);
const char *dlx__chat_eos_token(const dlx__chat *chat);

/* Only read; not const because jansson iterates over mutable objects only. */
typedef struct dlx__chat_input {
    json_t *messages;           /* array of objects with at least "role" and "content" */
    json_t *tools;              /* array or NULL */
    json_t *kwargs;             /* object of further variables (enable_thinking ...) or NULL */
    bool add_generation_prompt; /* end with the header of the assistant's turn */
} dlx__chat_input;

/*
 * Appends the rendered text. Fails where the template raises an exception or meets a construct or
 * value that is not supported, naming the line of the template, and at limits on nesting, steps,
 * memory and output that a hostile template would hit. On failure out keeps what it held.
 */
dlx_result dlx__chat_render(const dlx__chat *chat, const dlx__chat_input *in, dlx__buf *out,
                            dlx_error *err);

#endif
