/* outputs.h - files that a verb is to write, checked before its work: none may cost the user
 * another file by a slip, and none may turn out impossible when hours are spent. */
#ifndef DLX_TOOL_OUTPUTS_H
#define DLX_TOOL_OUTPUTS_H

#include <stdbool.h>
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
    const char *kind;   /* "a GGUF file" */
    const char *ending; /* that its name must have: ".pte"; NULL: any */
    bool folder; /* it becomes one, and the library knows which it may replace; kind NULL: or a file
                  */
    bool streams; /* text, which pipes and devices may take; else a file, or the null device */
} verb_output;

/*
 * EXIT_OK, or another exit code after its sentence. In a folder that is an input no output may have
 * the name of a file that a model's folder has.
 */
int check_outputs(const char *verb, const verb_input *inputs, size_t n_inputs,
                  const verb_output *outputs, size_t n_outputs);

#endif
