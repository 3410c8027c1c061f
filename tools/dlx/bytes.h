/*
 * bytes.h - growing byte buffers and UTF-8 checks of the command.
 * The command has nothing better to do without memory than to say so and stop, so these never fail.
 */
#ifndef DLX_TOOL_BYTES_H
#define DLX_TOOL_BYTES_H

#include "say.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* realloc of n * each bytes that ends the process with a sentence when there is no memory. */
void *mem_resize(void *p, size_t n, size_t each);

/* Bytes with a terminator behind them that is not counted. All zero is empty and valid. */
typedef struct bytes {
    char *data; /* [n + 1]; NULL while nothing was ever added */
    size_t n;
    size_t capacity;
} bytes;

void bytes_add(bytes *b, const char *data, size_t n);
void bytes_text(bytes *b, const char *text);
void bytes_printf(bytes *b, const char *format, ...) TOOL_PRINTF(2, 3);
void bytes_pad(bytes *b, size_t n); /* n spaces */
void bytes_reset(bytes *b);         /* empty, memory kept */
void bytes_release(bytes *b);
const char *bytes_string(const bytes *b); /* never NULL */

/* "" for one, the ending for any other number. */
const char *plural(size_t n, const char *ending);

/* Offset of the first byte that is not valid UTF-8; n when all are. */
size_t utf8_first_bad(const char *text, size_t n);

/* The code point at text[*i], U+FFFD if there is none; moves *i behind it. */
uint32_t utf8_next(const char *text, size_t n, size_t *i);

/*
 * What a sentence shows of words that someone typed, as in say("... %s", show(word).text): valid
 * UTF-8 on one line, cut to 80 characters. Paths may be longer before they are cut.
 */
enum { SHOWN_WORD = 80, SHOWN_PATH = 250 };
typedef struct shown {
    char text[SHOWN_PATH * 4 + sizeof "..."];
} shown;
shown show(const char *word);
shown show_path(const char *path);

#endif
