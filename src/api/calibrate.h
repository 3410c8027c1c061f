/* calibrate.h - the texts of a file as the passes that calibration and comparison run. */
#ifndef DLX__CALIBRATE_H
#define DLX__CALIBRATE_H

#include "api/api.h"
#include "quant/calibration.h"

typedef struct dlx__api_texts {
    const char *path;  /* .jsonl: lines {"prompt","answer"} or {"text"}; else one text */
    const char *bytes; /* [n_bytes] that stand in it; NULL: it is read */
    size_t n_bytes;
    bool raw;           /* prompts as they are, without the chat template */
    size_t n_texts;     /* at most; 0: 128 */
    size_t n_positions; /* of a text, at most; 0: 256 */
    uint64_t seed;      /* of the masks */
} dlx__api_texts;

/*
 * Fills c, which is the caller's to release, also on failure. An answer is followed by the model's
 * stop id up to the end of its block, as decoding would have it. A file without a text that is long
 * enough is refused.
 */
dlx_result dlx__api_calibration(dlx__calibration *c, const dlx_model *model,
                                const dlx__api_texts *texts, dlx_error *err);

#endif
