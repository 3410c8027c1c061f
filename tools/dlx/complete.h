/* complete.h - shell completion scripts made from the tables of the verbs. */
#ifndef DLX_TOOL_COMPLETE_H
#define DLX_TOOL_COMPLETE_H

#include "bytes.h"

void complete_bash(bytes *out);
void complete_zsh(bytes *out);
void complete_fish(bytes *out);

#endif
