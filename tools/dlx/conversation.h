/*
 * conversation.h - a conversation: the messages so far, what the template makes of them, and the
 * next answer. When the context is full the oldest turns are forgotten, with a note.
 */
#ifndef DLX_TOOL_CONVERSATION_H
#define DLX_TOOL_CONVERSATION_H

#include "answer.h"
#include "gen_flags.h"

typedef struct conversation {
    const dlx_model *model;
    dlx_session *session;
    gen_plan plan;
    size_t n_ctx;
    json_t *messages; /* array; without the system message */
    bytes system;     /* empty: none */
    bool watch, quiet;
    answer last; /* of the last answer: text and figures */
    bool has_last;
    bool over; /* /quit was said */
} conversation;

/* Says `text` as the user and prints the answer. An exit code; failures were said. */
int conversation_say(conversation *c, const char *text, size_t n);

/* Answers the last message of the user anew. */
int conversation_again(conversation *c);

void conversation_clear(conversation *c); /* the messages; the system message stays */

/* `what` ("/system") names the caller in the sentence of a template that has no place for it. */
int conversation_system(conversation *c, const char *what, const char *text);

/* {"messages": [...]}; both say what went wrong, or what was done. */
bool conversation_save(const conversation *c, const char *path);
bool conversation_load(conversation *c, const char *path);

void conversation_release(conversation *c);

/* chat_commands.c: "/temp 0.7" and the like. */
int chat_command(conversation *c, const char *line);

#endif
