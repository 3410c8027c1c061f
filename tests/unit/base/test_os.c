// labels: quick
/* test_os.c - files: mapped, read whole, written without being seen half-written; the machine. */
#if !defined(_WIN32)
#define _POSIX_C_SOURCE 200809L /* symlink, pipe, mkfifo, setrlimit */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#endif
#include "base/cpu.h"
#include "base/mem.h"
#include "base/names.h"
#include "base/os.h"
#include "failing_mem.h"
#include "unit.h"

#include <stdio.h>

#define FOLDER DLX_TMP_DIR
#define FILE_PATH DLX_TMP_DIR "/test_os.bin"

static void write_bytes(const char *path, const void *bytes, size_t n)
{
    dlx__writer *w;
    dlx_error err;
    assert_ok(dlx__writer_open(&w, path, NULL, &err), &err);
    assert_ok(dlx__writer_write(w, bytes, n, &err), &err);
    assert_int_equal(dlx__writer_tell(w), n);
    assert_ok(dlx__writer_commit(w, &err), &err);
}

/* Small and large pieces arrive in order, whatever the gathering does. */
static void writer_keeps_the_order(void **state)
{
    (void)state;
    static unsigned char expected[400000];
    for (size_t i = 0; i < sizeof expected; i++)
        expected[i] = (unsigned char)(i * 2654435761u >> 13);
    dlx__writer *w;
    dlx_error err;
    assert_ok(dlx__writer_open(&w, FILE_PATH, NULL, &err), &err);
    size_t at = 0;
    for (size_t piece = 1; at < sizeof expected; piece = piece * 5 % 99991 + 1) {
        size_t n = dlx__min(piece, sizeof expected - at);
        assert_ok(dlx__writer_write(w, expected + at, n, &err), &err);
        at += n;
    }
    assert_ok(dlx__writer_commit(w, &err), &err);
    dlx__map map;
    assert_ok(dlx__os_map(&map, FILE_PATH, &err), &err);
    assert_int_equal(map.len, sizeof expected);
    assert_memory_equal(map.data, expected, sizeof expected);
    dlx__os_map_drop(&map, 100, 300000);
    assert_memory_equal(map.data, expected, sizeof expected);
    dlx__os_unmap(&map);
    char *text;
    size_t len;
    assert_ok(dlx__os_read_file(&text, &len, FILE_PATH, sizeof expected, NULL, &err), &err);
    assert_int_equal(len, sizeof expected);
    assert_memory_equal(text, expected, len);
    assert_int_equal(text[len], '\0');
    dlx__free(NULL, text);
}

typedef struct census {
    int n;
    int n_parts;
    char last[256];
    bool sorted;
} census;

static bool count(void *user, const char *name)
{
    census *c = user;
    c->n++;
    c->n_parts += strstr(name, "test_os") != NULL && strstr(name, ".part") != NULL;
    c->sorted = c->sorted && strcmp(c->last, name) <= 0;
    snprintf(c->last, sizeof c->last, "%s", name);
    return true;
}

static void abandoned_files_leave_nothing(void **state)
{
    (void)state;
    write_bytes(FILE_PATH, "old", 3);
    dlx__writer *w;
    dlx_error err;
    assert_ok(dlx__writer_open(&w, FILE_PATH, NULL, &err), &err);
    assert_ok(dlx__writer_write(w, "new content", 11, &err), &err);
    char *text;
    size_t len;
    assert_ok(dlx__os_read_file(&text, &len, FILE_PATH, 100, NULL, &err), &err);
    assert_string_equal(text, "old");
    dlx__free(NULL, text);
    dlx__writer_abandon(w);
    dlx__writer_abandon(NULL);
    census c = {.sorted = true};
    assert_ok(dlx__os_list_dir(FOLDER, count, &c, NULL, &err), &err);
    assert_true(c.n > 0);
    assert_int_equal(c.n_parts, 0);
    assert_true(c.sorted);
}

static void failures_name_the_file(void **state)
{
    (void)state;
    dlx_error err;
    dlx__map map;
    assert_int_equal(dlx__os_map(&map, FOLDER "/absent", &err), DLX_E_IO);
    assert_says(&err, "/absent: cannot open it: there is no such file");
    assert_int_equal(dlx__os_map(&map, FOLDER, &err), DLX_E_IO);
    assert_says(&err, "directory");
    char *text;
    size_t len;
    assert_int_equal(dlx__os_read_file(&text, &len, FOLDER, 10, NULL, &err), DLX_E_IO);
    assert_says(&err, "directory");
    write_bytes(FILE_PATH, "0123456789", 10);
    assert_int_equal(dlx__os_read_file(&text, &len, FILE_PATH, 9, NULL, &err), DLX_E_UNSUPPORTED);
    assert_says(&err, "9 bytes");
    dlx__writer *w;
    assert_int_equal(dlx__writer_open(&w, FOLDER "/absent/file", NULL, &err), DLX_E_IO);
    assert_says(&err, "absent/file");
    assert_int_equal(dlx__writer_open(&w, FOLDER, NULL, &err), DLX_E_IO);
    assert_int_equal(dlx__os_list_dir(FOLDER "/absent", count, NULL, NULL, &err), DLX_E_IO);
    assert_says(&err, "absent");
}

static void empty_files_map(void **state)
{
    (void)state;
    write_bytes(FILE_PATH, "", 0);
    dlx__map map;
    dlx_error err;
    assert_ok(dlx__os_map(&map, FILE_PATH, &err), &err);
    assert_int_equal(map.len, 0);
    assert_null(map.data);
    dlx__os_map_drop(&map, 0, 10);
    dlx__os_unmap(&map);
    assert_int_equal(dlx__os_path_kind(FILE_PATH), DLX__PATH_FILE);
    assert_int_equal(dlx__os_path_kind(FOLDER), DLX__PATH_DIR);
    assert_int_equal(dlx__os_path_kind(FOLDER "/absent"), DLX__PATH_ABSENT);
    dlx__os_remove(FILE_PATH);
    assert_int_equal(dlx__os_path_kind(FILE_PATH), DLX__PATH_ABSENT);
}

#if !defined(_WIN32)
static void devices_are_written_in_place(void **state)
{
    (void)state;
    write_bytes("/dev/null", "gone", 4);
    assert_int_equal(dlx__os_path_kind("/dev/null"), DLX__PATH_OTHER);
}

/* It is told at once; before, the program hung until somebody read. */
static void a_pipe_that_nobody_reads_is_refused(void **state)
{
    (void)state;
    dlx_error err = {.code = DLX_OK};
    dlx__writer *w;
    dlx__os_remove(FOLDER "/pipe");
    assert_int_equal(mkfifo(FOLDER "/pipe", 0600), 0);
    alarm(20); /* ends a test that hangs */
    assert_int_equal(dlx__writer_open(&w, FOLDER "/pipe", NULL, &err), DLX_E_IO);
    assert_says(&err, "/pipe: cannot open it: it is a socket, or a pipe that nobody reads from");
    const int reader = open(FOLDER "/pipe", O_RDONLY | O_NONBLOCK);
    char got[8] = "";
    assert_true(reader >= 0);
    assert_ok(dlx__writer_open(&w, FOLDER "/pipe", NULL, &err), &err);
    assert_ok(dlx__writer_write(w, "read", 4, &err), &err);
    assert_ok(dlx__writer_commit(w, &err), &err);
    assert_int_equal(read(reader, got, sizeof got), 4);
    assert_string_equal(got, "read");
    alarm(0);
    close(reader);
    dlx__os_remove(FOLDER "/pipe");
}

/* What is told is the name that was given, not the temporary one beside it. */
static void temporary_names_are_not_told(void **state)
{
    (void)state;
    static const char *const paths[] = {FOLDER "/absent/file", FILE_PATH "/below"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        dlx_error err = {.code = DLX_OK};
        dlx__writer *w;
        char told[256];
        write_bytes(FILE_PATH, "x", 1);
        snprintf(told, sizeof told, "%s: cannot create it", paths[i]);
        assert_int_equal(dlx__writer_open(&w, paths[i], NULL, &err), DLX_E_IO);
        assert_says(&err, told);
    }
    dlx__os_remove(FILE_PATH);
}

static void reading_fails(const char *path, const char *words)
{
    dlx_error err = {.code = DLX_OK};
    char *text;
    size_t len;
    dlx__map map;
    assert_int_equal(dlx__os_read_file(&text, &len, path, 100, NULL, &err), DLX_E_IO);
    assert_says(&err, words);
    err = (dlx_error){.code = DLX_OK};
    assert_int_equal(dlx__os_map(&map, path, &err), DLX_E_IO);
    assert_says(&err, words);
}

/* What the system says reaches the user in words. */
static void system_failures_have_words(void **state)
{
    (void)state;
    static char long_path[300]; /* of one name; a system takes 255 */
    memset(long_path, 'a', sizeof long_path - 1);
    reading_fails(long_path, "the name is too long");
    write_bytes(FILE_PATH, "x", 1);
    reading_fails(FILE_PATH "/below", "a part of the path is not a directory");
    dlx__os_remove(FOLDER "/ring");
    assert_int_equal(symlink("ring", FOLDER "/ring"), 0);
    reading_fails(FOLDER "/ring", "too many symbolic links");
    dlx__os_remove(FOLDER "/ring");
    dlx_error err = {.code = DLX_OK};
    dlx__os_file f;
    assert_int_equal(dlx__os_file_open(&f, FILE_PATH, DLX__OPEN_CREATE, FILE_PATH, &err), DLX_E_IO);
    assert_says(&err, "cannot create it: it exists already");
    assert_int_equal(dlx__os_file_open(&f, FOLDER, DLX__OPEN_WRITE, FOLDER, &err), DLX_E_IO);
    assert_says(&err, "cannot open it: it is a directory");
    assert_int_equal(dlx__os_rename(FILE_PATH, FOLDER, &err), DLX_E_IO);
    assert_true(strlen(err.text) > 15);
    assert_int_equal(dlx__os_list_dir(FILE_PATH, NULL, NULL, NULL, &err), DLX_E_IO);
    assert_says(&err, "not a directory");
    dlx__os_remove(FILE_PATH);
}

static struct rlimit lower_limit(int what, rlim_t limit)
{
    struct rlimit old, lower;
    assert_int_equal(getrlimit(what, &old), 0);
    lower = old;
    lower.rlim_cur = limit;
    assert_int_equal(setrlimit(what, &lower), 0);
    return old;
}

/* Limits of the process end in words too, and so does a reader that went away. */
static void limits_have_words(void **state)
{
    (void)state;
    dlx_error err = {.code = DLX_OK};
    dlx__writer *w;
    struct rlimit old = lower_limit(RLIMIT_NOFILE, 0);
    dlx_result r = dlx__writer_open(&w, FILE_PATH, NULL, &err);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
    assert_int_equal(r, DLX_E_IO);
    assert_says(&err, "too many files are open");

    static const char large[100000];
    void (*on_size)(int) = signal(SIGXFSZ, SIG_IGN);
    void (*on_pipe)(int) = signal(SIGPIPE, SIG_IGN);
    assert_ok(dlx__writer_open(&w, FILE_PATH, NULL, &err), &err);
    old = lower_limit(RLIMIT_FSIZE, 4096);
    r = dlx__writer_write(w, large, sizeof large, &err);
    dlx__writer_abandon(w);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(r, DLX_E_IO);
    assert_says(&err, "the file would be too large for this file system");

    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    r = dlx__os_file_write((dlx__os_file){.id = ends[1]}, "x", 1, "a pipe", &err);
    close(ends[1]);
    signal(SIGPIPE, on_pipe);
    signal(SIGXFSZ, on_size);
    assert_int_equal(r, DLX_E_IO);
    assert_says(&err, "a pipe: cannot write it: the reader has gone");
}

#if defined(__linux__)
/* /dev/full takes nothing: a full disk is told by the write or, at the latest, by the commit. */
static void a_full_disk_is_told(void **state)
{
    (void)state;
    static const char large[200000];
    for (size_t n = 1; n <= sizeof large; n += sizeof large - 1) {
        dlx__writer *w;
        dlx_error err = {.code = DLX_OK};
        assert_ok(dlx__writer_open(&w, "/dev/full", NULL, &err), &err);
        dlx_result r = dlx__writer_write(w, large, n, &err);
        if (r == DLX_OK)
            r = dlx__writer_commit(w, &err);
        else
            dlx__writer_abandon(w);
        assert_int_equal(r, DLX_E_IO);
        assert_says(&err, "/dev/full: cannot write it: no space is left on the disk");
    }
    assert_int_equal(dlx__os_path_kind("/dev/full"), DLX__PATH_OTHER);
}
#endif
#endif

/* Every allocation of a write, a read and a listing may fail; nothing is left behind. */
static void memory_may_run_out(void **state)
{
    (void)state;
    bool finished = false;
    for (size_t at = 1; !finished && at < 100; at++) {
        failing_mem f;
        failing_mem_init(&f, at);
        dlx__writer *w = NULL;
        char *text = NULL;
        size_t len;
        census c = {.sorted = true};
        dlx_result r = dlx__writer_open(&w, FILE_PATH, &f.mem, NULL);
        if (r == DLX_OK)
            r = dlx__writer_commit(w, NULL);
        if (r == DLX_OK)
            r = dlx__os_read_file(&text, &len, FILE_PATH, 10, &f.mem, NULL);
        dlx__free(&f.mem, text);
        if (r == DLX_OK)
            r = dlx__os_list_dir(FOLDER, count, &c, &f.mem, NULL);
        assert_true(r == DLX_OK || r == DLX_E_NOMEM);
        assert_int_equal(f.n_alive, 0);
        finished = r == DLX_OK;
    }
    assert_true(finished);
}

static void the_machine_answers(void **state)
{
    (void)state;
    assert_true(dlx__os_n_cores() >= 1);
    assert_true(dlx__os_n_fast_cores() >= 1 && dlx__os_n_fast_cores() <= dlx__os_n_cores());
    assert_true(dlx__os_seconds() <= dlx__os_seconds());
    assert_true(dlx__os_random() != dlx__os_random());
    assert_true(strlen(dlx__os_name()) > 0);
    assert_true(dlx__os_total_memory() == 0 || dlx__os_total_memory() > 1u << 20);
    dlx__cpu cpu;
    dlx__cpu_detect(&cpu);
    assert_true(strlen(cpu.name) > 0);
    assert_true(!cpu.avx512 || cpu.avx2_fma);
    assert_true(!cpu.avx512_vnni || cpu.avx512);
    assert_true(!cpu.neon_dotprod || cpu.neon);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writer_keeps_the_order),
        cmocka_unit_test(abandoned_files_leave_nothing),
        cmocka_unit_test(failures_name_the_file),
        cmocka_unit_test(empty_files_map),
#if !defined(_WIN32)
        cmocka_unit_test(devices_are_written_in_place),
        cmocka_unit_test(a_pipe_that_nobody_reads_is_refused),
        cmocka_unit_test(temporary_names_are_not_told),
        cmocka_unit_test(system_failures_have_words),
        cmocka_unit_test(limits_have_words),
#if defined(__linux__)
        cmocka_unit_test(a_full_disk_is_told),
#endif
#endif
        cmocka_unit_test(memory_may_run_out),
        cmocka_unit_test(the_machine_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
