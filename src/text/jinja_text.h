/* jinja_text.h - what Python's str does, on spans of UTF-8. Nothing here allocates. */
#ifndef DLX__JINJA_TEXT_H
#define DLX__JINJA_TEXT_H

#include "text/jinja_value.h"

/* White space as str.isspace() sees it. */
bool dlx__text_is_space(uint32_t cp);

/* Without the white space at both ends, the left or the right one. */
dlx__jv_text dlx__text_strip(dlx__jv_text s);
dlx__jv_text dlx__text_lstrip(dlx__jv_text s);
dlx__jv_text dlx__text_rstrip(dlx__jv_text s);

/* The same for any of the code points in `chars`. */
dlx__jv_text dlx__text_lstrip_chars(dlx__jv_text s, dlx__jv_text chars);
dlx__jv_text dlx__text_rstrip_chars(dlx__jv_text s, dlx__jv_text chars);

/* Length of the code point at text[0), n > 0: at least 1, so that loops end whatever the bytes. */
size_t dlx__text_step(dlx__jv_text s, uint32_t *cp);

/* Number of code points. */
size_t dlx__text_count(dlx__jv_text s);

bool dlx__text_starts(dlx__jv_text s, dlx__jv_text start);
bool dlx__text_ends(dlx__jv_text s, dlx__jv_text end);

/*
 * Position of `what` in s from `from` on, SIZE_MAX when it is not there. *work is lowered by the
 * effort; when it runs out the answer is SIZE_MAX and *work 0.
 */
size_t dlx__text_find(dlx__jv_text s, dlx__jv_text what, size_t from, uint64_t *work);

#endif
