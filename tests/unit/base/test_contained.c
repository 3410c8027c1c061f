// labels: quick
/* test_contained.c - files of a folder: links, pipes and folders in their place. */
#define _POSIX_C_SOURCE 200809L /* symlink, mkfifo */
#include "base/contained.h"
#include "base/os.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define FOLDER DLX_TMP_DIR "/contained"

static int make_folder(void **state)
{
    (void)state;
    (void)system("rm -rf '" FOLDER "' && mkdir -p '" FOLDER "/a/b' && echo x >'" FOLDER
                 "/a/b/file' && echo x >'" FOLDER "/file'");
    assert_int_equal(mkfifo(FOLDER "/pipe", 0600), 0);
    assert_int_equal(symlink("/dev/null", FOLDER "/link"), 0);
    assert_int_equal(symlink("a", FOLDER "/link_to_a"), 0);
    assert_int_equal(symlink("nowhere", FOLDER "/dangling"), 0);
    return 0;
}

static void files_pass_and_all_else_is_named(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"file", NULL},
        {"a/b/file", NULL},
        {"a/b", "a/b: expected a file, found a folder"},
        {"a/c/file", "a/c: expected a file of the folder, found none"},
        {"a/b/no", "a/b/no: expected a file of the folder, found none"},
        {"pipe", "pipe: expected a file, found a pipe or a device"},
        {"link", "link: expected what belongs to the folder itself, found a link"},
        {"dangling", "dangling: expected what belongs to the folder itself, found a link"},
        {"link_to_a/b/file", "link_to_a: expected what belongs to the folder itself"},
    };
    for (size_t i = 0; i < DLX__LEN(cases); i++) {
        dlx_error err = {.text = ""};
        const dlx_result r = dlx__contained_file(FOLDER, cases[i][0], NULL, &err);
        if (cases[i][1] ? r != DLX_E_FORMAT || !strstr(err.text, cases[i][1]) : r != DLX_OK)
            fail_msg("%s: found %d, %s", cases[i][0], (int)r, err.text);
    }
}

static void a_folder_is_a_path(void **state)
{
    (void)state;
    dlx_error err;
    assert_ok(dlx__contained_path(FOLDER, "a/b", NULL, &err), &err);
    assert_ok(dlx__contained_path(FOLDER, "a/b/file", NULL, &err), &err);
    assert_int_equal(dlx__contained_path(FOLDER, "pipe", NULL, &err), DLX_E_FORMAT);
    assert_int_equal(dlx__contained_path(FOLDER, "link_to_a", NULL, &err), DLX_E_FORMAT);
    assert_false(dlx__os_is_link(FOLDER "/a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_pass_and_all_else_is_named),
        cmocka_unit_test(a_folder_is_a_path),
    };
    return cmocka_run_group_tests(tests, make_folder, NULL);
}
