/*
 * fuzz.h - the door of a fuzz target, libFuzzer's own. A target fuzz_<name>.c defines this
 * function, names the rooms it links in a line `// rooms: format` near its top and its parser's
 * files for scripts/fuzz-cover in a line `// parser: format/npy`, and keeps its seeds in
 * corpus/<name>/. It must hold for any bytes: no crash, no leak, no undefined behaviour.
 */
#ifndef DLX__FUZZ_H
#define DLX__FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#endif
