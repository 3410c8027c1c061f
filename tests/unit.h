/* unit.h - cmocka with the headers it wants in front of it, and sentences as assertions. */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <dlx/common.h>

/* The sentence must be there and hold the words. */
static inline void assert_says(const dlx_error *err, const char *words)
{
    if (!strstr(err->text, words))
        fail_msg("expected \"%s\" in \"%s\"", words, err->text);
}

/* Succeeds, or shows the sentence. */
static inline void assert_ok(dlx_result r, const dlx_error *err)
{
    if (r != DLX_OK)
        fail_msg("%s", err->text);
}

#endif
