/* api.h - what stands behind the two public handles. */
#ifndef DLX__API_H
#define DLX__API_H

#include <dlx/dlx.h>

#include "api/arithmetic.h"
#include "export/onnx_directory.h"
#include "export/pte_read.h"
#include "model/model.h"
#include "runtime/engine.h"
#include "text/chat.h"
#include "text/tokenizer.h"

struct dlx_model {
    const dlx_allocator *mem;
    dlx_load load;
    dlx__checkpoint text_only;   /* DLX_LOAD_TEXT: the checkpoint itself */
    dlx__model core;             /* else: family, tensors, graph, and its own checkpoint */
    dlx__pte_file *program;      /* that the model is inside of; NULL: it is not in one */
    dlx__onnx_directory *graphs; /* that it is inside of; NULL likewise */
    char *package;               /* path of the Core ML package that it is inside of; or NULL */
    dlx__runtime_paths runtimes; /* its texts: the three below */
    char *runtime_texts[3];
    dlx__tokenizer *tokenizer; /* NULL: the checkpoint has none */
    dlx__chat *chat;           /* NULL: see chat_failure */
    dlx_error chat_failure;    /* why there is no chat template */
    double open_seconds;       /* what opening took */
};

struct dlx_session {
    const dlx_model *model;
    dlx__engine *engine;
    dlx__arithmetic arithmetic;
    size_t n_ctx;
};

const dlx__checkpoint *dlx__api_checkpoint(const dlx_model *model);

/* Refuses a model opened with less than `what` needs. */
dlx_result dlx__api_need_core(const dlx_model *model, const char *what, dlx_error *err);

/* The backend of that name (NULL: "cpu"), if it can run here. */
dlx_result dlx__api_backend(const dlx__backend_class **out, const char *name, dlx_error *err);

/* The same for a session on this model: programs run on the backend that they were written for, all
 * else on the others. */
dlx_result dlx__api_model_backend(const dlx__backend_class **out, const dlx_model *model,
                                  const char *name, dlx_error *err);

/* Opens the model that a .pte file is of, as far as the file describes it; on failure nothing is to
 * be closed. */
dlx_result dlx__api_open_program(dlx_model *model, const char *path, dlx_error *err);
dlx_result dlx__api_open_package(dlx_model *model, const char *path, dlx_error *err);
void dlx__api_close_program(dlx_model *model); /* after its model; NULL program is fine */

/* The same of a directory of ONNX graphs. */
dlx_result dlx__api_open_graphs(dlx_model *model, const char *path, dlx_error *err);
void dlx__api_close_graphs(dlx_model *model);

/* The backend that alone runs what the model is inside of; NULL: it is a checkpoint. */
const char *dlx__api_program_backend(const dlx_model *model);

/* Its path for that backend; NULL likewise. */
const char *dlx__api_program_path(const dlx_model *model);

/* The places of runtimes, by the public names. */
dlx__runtime_paths dlx__api_runtimes(const dlx_runtimes *runtimes);

/* How many ids may be chosen: those of the model that its vocabulary has too. */
size_t dlx__api_n_ids(const dlx_model *model);

/* A session's number of positions: what was asked, or 4096 where the model was trained for as many.
 */
size_t dlx__api_n_ctx(const dlx_model *model, size_t asked);

#endif
