/* outputs.h - files that a verb is to write, checked before its work: none may cost the user
 * another file by a slip, and none may turn out impossible when hours are spent. */
#ifndef DLX_TOOL_OUTPUTS_H
#define DLX_TOOL_OUTPUTS_H

#include <stddef.h>

typedef struct verb_input {
    const char *name; /* "MODEL", "--calibrate" */
    const char *path; /* NULL: not given */
} verb_input;

typedef struct verb_output {
    const char *name; /* "OUT", "--html" */
    const char *path; /* NULL: not given */
    /* What files of its kind have at `at`: another file that is there already is not written over.
     * NULL: any is. */
    const char *mark;
    size_t at;
    const char *kind; /* "a GGUF file" */
} verb_output;

/* EXIT_OK, or another exit code after its sentence. */
int check_outputs(const char *verb, const verb_input *inputs, size_t n_inputs,
                  const verb_output *outputs, size_t n_outputs);

#endif
