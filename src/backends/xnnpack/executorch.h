/*
 * executorch.h - the little of the ExecuTorch runtime that the xnnpack backend needs, as a table of
 * C functions. executorch.cpp implements it against an installed ExecuTorch; its library is loaded
 * when a program is opened, so that nothing else depends on it.
 *
 * Functions that return int: 0, or the runtime's error number, for error_text.
 */
#ifndef DLX__EXECUTORCH_H
#define DLX__EXECUTORCH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { DLX__ET_VERSION = 1, DLX__ET_MAX_DIMS = 8 };

/* Types by their numbers in the file (pte_types.h). */
typedef struct dlx__et_tensor {
    void *data;
    int32_t type;
    int32_t n_dims;
    int32_t dims[DLX__ET_MAX_DIMS];
} dlx__et_tensor;

typedef struct dlx__et_module dlx__et_module;

typedef struct dlx__et_functions {
    int32_t version; /* DLX__ET_VERSION */
    /* data_path: a .ptd file, or NULL. Methods share what the program keeps. */
    int (*open)(dlx__et_module **out, const char *path, const char *data_path, int n_threads);
    void (*close)(dlx__et_module *module);
    /* Inputs are read where they are; outputs [*n_out, at most max_out] stay until the next call.
     */
    int (*run)(dlx__et_module *module, const char *method, const dlx__et_tensor *in, int n_in,
               dlx__et_tensor *out, int max_out, int *n_out);
    /* What the runtime says of its last failure, at most n bytes with the terminator. */
    void (*error_text)(int error, char *out, size_t n);
} dlx__et_functions;

/* The only symbol that is looked for. */
#if defined(_WIN32)
__declspec(dllexport)
#else
__attribute__((visibility("default")))
#endif
    const dlx__et_functions *dlx__et_table(void);

#ifdef __cplusplus
}
#endif
#endif
