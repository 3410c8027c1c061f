/* sys_win.c - the command on Windows. */
#define WIN32_LEAN_AND_MEAN
#include "sys.h"

#include <direct.h>
#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <windows.h>

#ifndef ENABLE_VIRTUAL_TERMINAL_PROCESSING
#define ENABLE_VIRTUAL_TERMINAL_PROCESSING 0x0004
#endif

void sys_start(void)
{
    SetConsoleOutputCP(CP_UTF8);
    SetConsoleCP(CP_UTF8);
    _setmode(_fileno(stdin), _O_BINARY);
    _setmode(_fileno(stdout), _O_BINARY);
    DWORD which[] = {STD_OUTPUT_HANDLE, STD_ERROR_HANDLE};
    for (int i = 0; i < 2; i++) {
        HANDLE console = GetStdHandle(which[i]);
        DWORD mode;
        if (GetConsoleMode(console, &mode))
            SetConsoleMode(console, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
    }
}

bool sys_is_terminal(FILE *stream)
{
    return _isatty(_fileno(stream)) != 0;
}

bool sys_can_write(FILE *stream)
{
    return _fileno(stream) >= 0;
}

/* A pipe tells of it with the next write only. */
bool sys_reader_gone(FILE *stream)
{
    (void)stream;
    return false;
}

void sys_terminal_size(FILE *stream, size_t *columns, size_t *rows)
{
    CONSOLE_SCREEN_BUFFER_INFO info;
    HANDLE console = GetStdHandle(stream == stderr ? STD_ERROR_HANDLE : STD_OUTPUT_HANDLE);
    *columns = 80;
    *rows = 24;
    if (GetConsoleScreenBufferInfo(console, &info)) {
        *columns = (size_t)(info.srWindow.Right - info.srWindow.Left + 1);
        *rows = (size_t)(info.srWindow.Bottom - info.srWindow.Top + 1);
    }
}

void sys_on_interrupt(void (*handler)(int signal_number))
{
    /* The C library of Windows sets the default action back by itself when the signal comes. */
    signal(SIGINT, handler);
    signal(SIGTERM, handler);
}

void sys_off_interrupt(void)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
}

sys_kind sys_kind_of(const char *path)
{
    DWORD bits = GetFileAttributesA(path);
    if (bits == INVALID_FILE_ATTRIBUTES)
        return SYS_ABSENT;
    return bits & FILE_ATTRIBUTE_DIRECTORY ? SYS_FOLDER
           : bits & FILE_ATTRIBUTE_DEVICE  ? SYS_OTHER
                                           : SYS_FILE;
}

size_t sys_folder_bytes(const char *path)
{
    size_t n = strlen(path);
    while (n && !strchr("/\\:", path[n - 1]))
        n--;
    return n;
}

bool sys_is_null(const char *path)
{
    return _stricmp(path, "NUL") == 0;
}

FILE *sys_open_device(const char *path)
{
    return fopen(path, "wb");
}

FILE *sys_create_new(const char *path)
{
    int fd = _open(path, _O_WRONLY | _O_CREAT | _O_EXCL | _O_BINARY, _S_IREAD | _S_IWRITE);
    if (fd < 0)
        return NULL;
    FILE *file = _fdopen(fd, "wb");
    if (!file)
        _close(fd);
    return file;
}

bool sys_replace(const char *from, const char *to)
{
    if (MoveFileExA(from, to, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH))
        return true;
    errno = EACCES;
    return false;
}

bool sys_flush_to_disk(FILE *file)
{
    return fflush(file) == 0 && _commit(_fileno(file)) == 0;
}

bool sys_make_folder(const char *path)
{
    return _mkdir(path) == 0 || (errno == EEXIST && sys_kind_of(path) == SYS_FOLDER);
}

bool sys_same_file(const char *a, const char *b)
{
    char x[MAX_PATH], y[MAX_PATH];
    return _access(a, 0) == 0 && _access(b, 0) == 0 && _fullpath(x, a, sizeof x) &&
           _fullpath(y, b, sizeof y) && _stricmp(x, y) == 0;
}

char *sys_find(const char *pattern)
{
    (void)pattern;
    return NULL; /* runtimes of programs are not looked for here */
}

unsigned long sys_process_id(void)
{
    return GetCurrentProcessId();
}

double sys_seconds(void)
{
    LARGE_INTEGER ticks, rate;
    QueryPerformanceCounter(&ticks);
    QueryPerformanceFrequency(&rate);
    return (double)ticks.QuadPart / (double)rate.QuadPart;
}
