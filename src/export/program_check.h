/*
 * program_check.h - may a program be given to the runtime? Beyond what every reader of a .pte needs
 * (pte_read.h): runtime and delegate trust a program, and end the process where it does not hold
 * together. So what is run here is held to what is written here.
 */
#ifndef DLX__PROGRAM_CHECK_H
#define DLX__PROGRAM_CHECK_H

#include "export/pte_read.h"

/* Refuses delegates other than XNNPACK's, graphs that xnn_replay.h refuses, tensors of other
 * lengths than the graph's, results without memory, and much more memory than the tensors take;
 * `path` begins the sentences. */
dlx_result dlx__program_check(const dlx__pte_file *f, const char *path, const dlx_allocator *mem,
                              dlx_error *err);

#endif
