/* sys_posix.c - the command on Linux and macOS. */
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE
#else
#define _GNU_SOURCE
#endif

#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/*
 * A closed stdin or stderr reads and writes nothing. A closed stdout is opened for reading, so that
 * the first write to it fails and is reported like a full disk.
 */
static void hold_streams(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
            continue;
        int got = open("/dev/null", fd == 2 ? O_WRONLY : O_RDONLY);
        if (got >= 0 && got != fd) {
            dup2(got, fd);
            close(got);
        }
    }
}

void sys_start(void)
{
    hold_streams();
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    /* Only character types: numbers keep their point in every country. */
    setlocale(LC_CTYPE, "");
    if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0 && !setlocale(LC_CTYPE, "C.UTF-8"))
        setlocale(LC_CTYPE, "en_US.UTF-8");
}

bool sys_is_terminal(FILE *stream)
{
    return isatty(fileno(stream)) == 1;
}

bool sys_can_write(FILE *stream)
{
    int flags = fcntl(fileno(stream), F_GETFL);
    return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

bool sys_reader_gone(FILE *stream)
{
    struct pollfd place = {.fd = fileno(stream)};
    return poll(&place, 1, 0) > 0 && (place.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
}

void sys_terminal_size(FILE *stream, size_t *columns, size_t *rows)
{
    struct winsize size;
    *columns = 80;
    *rows = 24;
    if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col && size.ws_row) {
        *columns = size.ws_col;
        *rows = size.ws_row;
    }
}

static bool is_ignored(int number)
{
    struct sigaction now;
    return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

/* What a script ignores for its background jobs stays ignored. */
static void set_action(int number, void (*handler)(int), int flags)
{
    struct sigaction action;
    if (is_ignored(number))
        return;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = flags;
    sigemptyset(&action.sa_mask);
    sigaction(number, &action, NULL);
}

void sys_on_interrupt(void (*handler)(int signal_number))
{
    /* Not SA_RESTART: a read that waits for a message must come back. */
    set_action(SIGINT, handler, (int)SA_RESETHAND);
    set_action(SIGTERM, handler, (int)SA_RESETHAND);
    set_action(SIGHUP, handler, (int)SA_RESETHAND);
}

void sys_off_interrupt(void)
{
    set_action(SIGINT, SIG_DFL, 0);
    set_action(SIGTERM, SIG_DFL, 0);
    set_action(SIGHUP, SIG_DFL, 0);
}

sys_kind sys_kind_of(const char *path)
{
    struct stat st;
    if (stat(path, &st))
        return SYS_ABSENT;
    return S_ISREG(st.st_mode) ? SYS_FILE : S_ISDIR(st.st_mode) ? SYS_FOLDER : SYS_OTHER;
}

size_t sys_folder_bytes(const char *path)
{
    const char *last = strrchr(path, '/');
    return last ? (size_t)(last - path) + 1 : 0;
}

bool sys_is_null(const char *path)
{
    return sys_same_file(path, "/dev/null");
}

/* What is opened without waiting is written with it. */
FILE *sys_open_device(const char *path)
{
    const int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
    const int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);
    FILE *file = NULL;
    if (flags >= 0 && fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) == 0)
        file = fdopen(fd, "wb");
    if (!file && fd >= 0)
        close(fd);
    return file;
}

FILE *sys_create_new(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return NULL;
    FILE *file = fdopen(fd, "wb");
    if (!file)
        close(fd);
    return file;
}

bool sys_replace(const char *from, const char *to)
{
    return rename(from, to) == 0;
}

bool sys_flush_to_disk(FILE *file)
{
    return fflush(file) == 0 && fsync(fileno(file)) == 0;
}

bool sys_make_folder(const char *path)
{
    return mkdir(path, 0777) == 0 || (errno == EEXIST && sys_kind_of(path) == SYS_FOLDER);
}

bool sys_same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

char *sys_find(const char *pattern)
{
    glob_t found;
    char *path = NULL;
    if (glob(pattern, 0, NULL, &found) == 0) {
        path = strdup(found.gl_pathv[0]);
        globfree(&found);
    }
    return path;
}

unsigned long sys_process_id(void)
{
    return (unsigned long)getpid();
}

double sys_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}
