/* help.h - help texts and man pages made from the tables of the verbs. */
#ifndef DLX_TOOL_HELP_H
#define DLX_TOOL_HELP_H

#include "opt.h"
#include "term.h"

void help_short(bytes *out, const term *t);               /* dlx alone */
void help_all(bytes *out, const term *t);                 /* dlx --help */
void help_verb(bytes *out, const verb *v, const term *t); /* dlx VERB --help */
void help_usage(bytes *out, const verb *v);               /* "dlx run MODEL [PROMPT] [options]" */
void help_option(bytes *out, const opt *o);               /* "-o, --output FILE" */

void man_verb(bytes *out, const verb *v); /* dlx-run.1 */
void man_main(bytes *out);                /* dlx.1 */

#endif
