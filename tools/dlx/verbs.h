/*
 * verbs.h - the registry of verbs. A new verb is a file cmd_<name>.c that defines verb_<name>, and
 * one word here; the order is the order of the help.
 */
#ifndef DLX_TOOL_VERBS_H
#define DLX_TOOL_VERBS_H

#include "opt.h"

#define DLX_VERBS(X)                                                                               \
    X(run)                                                                                         \
    X(chat)                                                                                        \
    X(infill)                                                                                      \
    X(logits)                                                                                      \
    X(tokenize)                                                                                    \
    X(inspect)                                                                                     \
    X(eval)                                                                                        \
    X(quantize)                                                                                    \
    X(export)                                                                                      \
    X(bench)                                                                                       \
    X(doctor)                                                                                      \
    X(completion)                                                                                  \
    X(man)                                                                                         \
    X(help)

#define DLX_VERB_DECLARE(name) extern const verb verb_##name;
DLX_VERBS(DLX_VERB_DECLARE)
#undef DLX_VERB_DECLARE

extern const verb *const all_verbs[];
extern const size_t n_all_verbs;

const verb *verb_find(const char *name); /* NULL: there is none */
const char *verb_nearest(const char *name);

/* What MODEL may be, for the tables of the verbs. */
#define MODEL_FOLDER "a Hugging Face directory (config.json, *.safetensors, tokenizer files)"
#define MODEL_ARG                                                                                  \
    {                                                                                              \
        "MODEL", ARG_MODEL, false, MODEL_FOLDER ", .gguf or .pte file"                             \
    }
/* Of verbs that read its weights, which a program has packed. */
#define WEIGHTS_ARG                                                                                \
    {                                                                                              \
        "MODEL", ARG_MODEL, false, MODEL_FOLDER " or a .gguf file"                                 \
    }

#endif
