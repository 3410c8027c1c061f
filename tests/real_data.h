/*
 * real_data.h - the folder DLX_TEST_DATA with what others published: configs, vocabularies,
 * vectors. A test that misses it skips, and its program ends with 77: ctest lists it as skipped.
 */
#ifndef REAL_DATA_H
#define REAL_DATA_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/os.h"

static bool real_data_was_missed;

/* "<the folder>/<name>" in a buffer that the next call overwrites; skips the test without it. */
static inline const char *data_file(const char *name)
{
    static char path[1024];
    const char *root = getenv("DLX_TEST_DATA");
    snprintf(path, sizeof path, "%s/%s", root ? root : "", name);
    if (!root || dlx__os_path_kind(path) == DLX__PATH_ABSENT) {
        print_message("skipped: %s is not there (set DLX_TEST_DATA to the folder of real data)\n",
                      path);
        real_data_was_missed = true;
        skip();
    }
    return path;
}

/* The exit status of a program, from cmocka's count of failed tests. */
static inline int data_status(int n_failed)
{
    return n_failed ? 1 : real_data_was_missed ? 77 : 0;
}

#endif
