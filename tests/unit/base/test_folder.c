/* test_folder.c - directories that appear whole: under their name, in place of an earlier one, or
 * not at all. */
#include "unit.h"

#include "base/folder.h"
#include "base/mem.h"
#include "failing_mem.h"

#include <stdio.h>
#include <stdlib.h>

static const char *path_of(const char *name)
{
    static char paths[4][512];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, sizeof paths[0], "%s/folder/%s", DLX_TMP_DIR, name);
    return path;
}

static bool is_marked_one(const char *name)
{
    return strcmp(name, "mark") == 0 || strcmp(name, "inside") == 0 ||
           strcmp(name, "inside/file") == 0;
}

static const dlx__folder_kind marked = {"a marked one", "mark", "ours", is_marked_one};

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static bool count(void *user, const char *name)
{
    (void)name;
    ++*(int *)user;
    return true;
}

/* Entries of the room in which the tests work. */
static int n_entries(void)
{
    int n = 0;
    dlx_error err;
    assert_ok(dlx__os_list_dir(path_of(""), count, &n, NULL, &err), &err);
    return n;
}

static void clear(const char *name)
{
    char command[600];
    snprintf(command, sizeof command, "rm -rf '%s' && mkdir -p '%s'", path_of(name), path_of(""));
    assert_int_equal(system(command), 0);
}

static dlx__folder *opened(const char *name)
{
    dlx__folder *f;
    dlx_error err;
    assert_ok(dlx__folder_open(&f, path_of(name), &marked, NULL, &err), &err);
    return f;
}

static void it_appears_whole(void **state)
{
    (void)state;
    dlx_error err;
    clear("");
    dlx__folder *f = opened("new/"); /* a separator at the end is none of its name */
    assert_int_equal(dlx__os_path_kind(path_of("new")), DLX__PATH_ABSENT);
    put(dlx__folder_at(f, "mark"), "ours 1");
    assert_ok(dlx__folder_make(f, "inside", &err), &err);
    put(dlx__folder_at(f, "inside/file"), "2");
    assert_ok(dlx__folder_commit(f, &err), &err);
    assert_int_equal(dlx__os_path_kind(path_of("new/mark")), DLX__PATH_FILE);
    assert_int_equal(dlx__os_path_kind(path_of("new/inside/file")), DLX__PATH_FILE);
    assert_int_equal(n_entries(), 1);
}

static void an_earlier_one_is_replaced(void **state)
{
    (void)state;
    dlx_error err;
    dlx__folder *f = opened("new");
    put(dlx__folder_at(f, "mark"), "ours 3");
    assert_int_equal(dlx__os_path_kind(path_of("new/inside/file")), DLX__PATH_FILE);
    assert_ok(dlx__folder_commit(f, &err), &err);
    assert_int_equal(dlx__os_path_kind(path_of("new/inside")), DLX__PATH_ABSENT);
    assert_int_equal(n_entries(), 1);
    f = opened("new"); /* given up: the earlier one stays */
    put(dlx__folder_at(f, "mark"), "ours 4");
    dlx__folder_abandon(f);
    assert_int_equal(dlx__os_path_kind(path_of("new/mark")), DLX__PATH_FILE);
    assert_int_equal(n_entries(), 1);
    dlx__folder_abandon(NULL);
}

/* What a link points to is not ours to remove. */
static void links_are_removed_and_not_followed(void **state)
{
    (void)state;
    dlx_error err;
    assert_ok(dlx__os_make_dir(path_of("other"), &err), &err);
    put(path_of("other/kept"), "5");
    dlx__folder *f = opened("new");
    put(dlx__folder_at(f, "mark"), "ours 6");
    char command[1200];
    snprintf(command, sizeof command, "ln -s '%s' '%s'", path_of("other"),
             dlx__folder_at(f, "link"));
    assert_int_equal(system(command), 0);
    dlx__folder_abandon(f);
    assert_int_equal(dlx__os_path_kind(path_of("other/kept")), DLX__PATH_FILE);
    clear("other");
}

static void what_is_something_else_is_refused(void **state)
{
    (void)state;
    dlx__folder *f;
    dlx_error err;
    clear("");
    assert_ok(dlx__os_make_dir(path_of("mine"), &err), &err);
    dlx__folder_abandon(opened("mine")); /* empty */
    put(path_of("mine/letter"), "7");
    assert_int_equal(dlx__folder_open(&f, path_of("mine"), &marked, NULL, &err), DLX_E_IO);
    assert_says(&err, "an empty one or a marked one, found another one");
    assert_int_equal(dlx__folder_open(&f, path_of("mine/letter"), &marked, NULL, &err), DLX_E_IO);
    assert_says(&err, "found a file");
    assert_int_equal(dlx__folder_open(&f, path_of("no/where"), &marked, NULL, &err), DLX_E_IO);
    assert_says(&err, "no such file or directory");
    assert_int_equal(dlx__os_make_dir(path_of("mine"), &err), DLX_E_IO);
    assert_int_equal(n_entries(), 1);
}

/* What somebody put into an earlier one, a mark of another kind, links. */
static void what_would_be_lost_is_refused(void **state)
{
    (void)state;
    dlx__folder *f;
    dlx_error err;
    char command[1200];
    clear("");
    f = opened("new");
    put(dlx__folder_at(f, "mark"), "ours");
    assert_ok(dlx__folder_make(f, "inside", &err), &err);
    assert_ok(dlx__folder_commit(f, &err), &err);
    put(path_of("new/inside/notes"), "mine");
    assert_int_equal(dlx__folder_open(&f, path_of("new"), &marked, NULL, &err), DLX_E_IO);
    assert_says(&err, "found inside/notes, which would be lost");
    assert_int_equal(dlx__os_path_kind(path_of("new/inside/notes")), DLX__PATH_FILE);
    dlx__os_remove(path_of("new/inside/notes"));
    put(path_of("new/.DS_Store"), "a view of it");
    snprintf(command, sizeof command, "ln -s '%s' '%s'", path_of("new"), path_of("link"));
    assert_int_equal(system(command), 0);
    assert_int_equal(dlx__folder_open(&f, path_of("link"), &marked, NULL, &err), DLX_E_IO);
    assert_says(&err, "found a link");
    assert_int_equal(dlx__folder_open(&f, path_of("new/."), &marked, NULL, &err), DLX_E_IO);
    assert_says(&err, "call it by its name");
    dlx__folder_abandon(opened("new"));
    put(path_of("new/mark"), "another program's");
    assert_int_equal(dlx__folder_open(&f, path_of("new"), &marked, NULL, &err), DLX_E_IO);
    assert_says(&err, "a marked one, found another one");
    assert_int_equal(dlx__os_path_kind(path_of("new/inside")), DLX__PATH_DIR);
}

static void no_memory_leaves_nothing(void **state)
{
    (void)state;
    clear("");
    dlx_result r = DLX_E_NOMEM;
    for (size_t i = 1; r != DLX_OK; i++) {
        failing_mem mem;
        dlx_error err;
        dlx__folder *f = NULL;
        failing_mem_init(&mem, i);
        mem.once = true;
        r = dlx__folder_open(&f, path_of("short"), &marked, &mem.mem, &err);
        if (r == DLX_OK) {
            const char *at = dlx__folder_at(f, "mark");
            if (at)
                put(at, "8");
            r = at ? dlx__folder_commit(f, &err) : DLX_E_NOMEM;
            if (!at)
                dlx__folder_abandon(f);
        }
        assert_int_equal(mem.n_alive, 0);
    }
    assert_int_equal(n_entries(), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_appears_whole),
        cmocka_unit_test(an_earlier_one_is_replaced),
        cmocka_unit_test(links_are_removed_and_not_followed),
        cmocka_unit_test(what_is_something_else_is_refused),
        cmocka_unit_test(what_would_be_lost_is_refused),
        cmocka_unit_test(no_memory_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
