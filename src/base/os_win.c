/* os_win.c - the portability contract on Windows: UTF-8 paths become UTF-16 at this door. */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
/* psapi.h and bcrypt.h want the types of windows.h before them. */
#include <bcrypt.h>
#include <psapi.h>

#include "base/fail.h"
#include "base/mem.h"
#include "base/names.h"
#include "base/os.h"

#include <limits.h>
#include <string.h>

enum { PATH_ROOM = 4096, NAME_ROOM = 4 * MAX_PATH };

static const char *error_text(DWORD number)
{
    switch (number) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_INVALID_NAME:
        return "there is no such file or directory";
    case ERROR_ACCESS_DENIED:
        return "permission denied";
    case ERROR_SHARING_VIOLATION:
    case ERROR_LOCK_VIOLATION:
    case ERROR_USER_MAPPED_FILE:
        return "another program uses it";
    case ERROR_FILE_EXISTS:
    case ERROR_ALREADY_EXISTS:
        return "it exists already";
    case ERROR_DISK_FULL:
    case ERROR_HANDLE_DISK_FULL:
        return "no space is left on the disk";
    case ERROR_TOO_MANY_OPEN_FILES:
        return "too many files are open";
    case ERROR_NOT_ENOUGH_MEMORY:
    case ERROR_COMMITMENT_LIMIT:
        return "out of memory or address space";
    case ERROR_BROKEN_PIPE:
    case ERROR_NO_DATA:
        return "the reader has gone";
    case ERROR_FILENAME_EXCED_RANGE:
        return "the name is too long";
    default:
        return NULL;
    }
}

static dlx_result fail_win(dlx_error *err, const char *path, const char *verb)
{
    DWORD number = GetLastError();
    const char *text = error_text(number);
    if (text)
        return dlx__fail(err, DLX_E_IO, "%s: cannot %s it: %s", path, verb, text);
    return dlx__fail(err, DLX_E_IO, "%s: cannot %s it: system error %lu", path, verb,
                     (unsigned long)number);
}

/* false, with the system's error set, when the path is not UTF-8 or too long. */
static bool wide(WCHAR out[PATH_ROOM], const char *path)
{
    if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, out, PATH_ROOM) != 0)
        return true;
    SetLastError(GetLastError() == ERROR_INSUFFICIENT_BUFFER ? ERROR_FILENAME_EXCED_RANGE
                                                             : ERROR_INVALID_NAME);
    return false;
}

static HANDLE handle_of(dlx__os_file f)
{
    return (HANDLE)f.id;
}

dlx_result dlx__os_file_open(dlx__os_file *f, const char *path, dlx__open_mode mode,
                             const char *name, dlx_error *err)
{
    WCHAR wide_path[PATH_ROOM];
    HANDLE h = INVALID_HANDLE_VALUE;
    if (wide(wide_path, path))
        h = CreateFileW(wide_path, mode == DLX__OPEN_READ ? GENERIC_READ : GENERIC_WRITE,
                        FILE_SHARE_READ | FILE_SHARE_DELETE, NULL,
                        mode == DLX__OPEN_CREATE ? CREATE_NEW : OPEN_EXISTING,
                        FILE_ATTRIBUTE_NORMAL, NULL);
    if (h == INVALID_HANDLE_VALUE)
        return fail_win(err, name, mode == DLX__OPEN_CREATE ? "create" : "open");
    f->id = (intptr_t)h;
    return DLX_OK;
}

dlx_result dlx__os_file_read(dlx__os_file f, void *bytes, size_t n, size_t *n_read,
                             const char *path, dlx_error *err)
{
    DWORD got = 0;
    if (!ReadFile(handle_of(f), bytes, (DWORD)dlx__min(n, INT_MAX), &got, NULL) &&
        GetLastError() != ERROR_BROKEN_PIPE) /* the end of a pipe */
        return fail_win(err, path, "read");
    *n_read = got;
    return DLX_OK;
}

dlx_result dlx__os_file_write(dlx__os_file f, const void *bytes, size_t n, const char *path,
                              dlx_error *err)
{
    const unsigned char *at = bytes;
    while (n > 0) {
        DWORD put = 0;
        if (!WriteFile(handle_of(f), at, (DWORD)dlx__min(n, INT_MAX), &put, NULL))
            return fail_win(err, path, "write");
        at += put;
        n -= put;
    }
    return DLX_OK;
}

dlx_result dlx__os_file_seek(dlx__os_file f, uint64_t offset, const char *path, dlx_error *err)
{
    const LARGE_INTEGER to = {.QuadPart = (LONGLONG)offset};
    if (!SetFilePointerEx(handle_of(f), to, NULL, FILE_BEGIN))
        return fail_win(err, path, "write");
    return DLX_OK;
}

dlx_result dlx__os_file_close(dlx__os_file f, bool flush, const char *path, dlx_error *err)
{
    dlx_result r = DLX_OK;
    if (flush && !FlushFileBuffers(handle_of(f)))
        r = fail_win(err, path, "flush");
    if (!CloseHandle(handle_of(f)) && flush && r == DLX_OK)
        r = fail_win(err, path, "close");
    return r;
}

dlx_result dlx__os_rename(const char *from, const char *to, dlx_error *err)
{
    WCHAR source[PATH_ROOM], target[PATH_ROOM];
    if (wide(source, from) && wide(target, to) &&
        MoveFileExW(source, target, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH))
        return DLX_OK;
    return fail_win(err, to, "replace");
}

void dlx__os_remove(const char *path)
{
    WCHAR name[PATH_ROOM];
    if (wide(name, path))
        (void)DeleteFileW(name);
}

dlx_result dlx__os_make_dir(const char *path, dlx_error *err)
{
    WCHAR name[PATH_ROOM];
    if (wide(name, path) && CreateDirectoryW(name, NULL))
        return DLX_OK;
    return fail_win(err, path, "create");
}

void dlx__os_remove_dir(const char *path)
{
    WCHAR name[PATH_ROOM];
    if (wide(name, path))
        (void)RemoveDirectoryW(name);
}

/* The view of an open file; an empty file has none and needs none. */
static dlx_result map_handle(dlx__map *map, dlx__os_file f, const char *path, dlx_error *err)
{
    LARGE_INTEGER size;
    if (!GetFileSizeEx(handle_of(f), &size))
        return fail_win(err, path, "look at");
    if (size.QuadPart == 0)
        return DLX_OK;
    if ((uint64_t)size.QuadPart > SIZE_MAX / 2)
        return dlx__fail(
            err, DLX_E_UNSUPPORTED,
            "%s: its %llu bytes are more than this system can address; use a 64-bit one", path,
            (unsigned long long)size.QuadPart);
    HANDLE section = CreateFileMappingW(handle_of(f), NULL, PAGE_READONLY, 0, 0, NULL);
    if (!section)
        return fail_win(err, path, "map");
    void *view = MapViewOfFile(section, FILE_MAP_READ, 0, 0, 0);
    dlx_result r = view ? DLX_OK : fail_win(err, path, "map");
    CloseHandle(section); /* the view holds it */
    if (view)
        *map = (dlx__map){.data = view, .len = (size_t)size.QuadPart, .handle = view};
    return r;
}

dlx_result dlx__os_map(dlx__map *map, const char *path, dlx_error *err)
{
    *map = (dlx__map){.data = NULL};
    if (dlx__os_path_kind(path) == DLX__PATH_DIR)
        return dlx__fail(err, DLX_E_IO, "%s: expected a file, found a directory", path);
    dlx__os_file f = {0};
    DLX__TRY(dlx__os_file_open(&f, path, DLX__OPEN_READ, path, err));
    dlx_result r = map_handle(map, f, path, err);
    (void)dlx__os_file_close(f, false, path, NULL);
    return r;
}

void dlx__os_unmap(dlx__map *map)
{
    if (map->handle)
        UnmapViewOfFile(map->handle);
    *map = (dlx__map){.data = NULL};
}

void dlx__os_advise_huge(void *p, size_t len)
{
    (void)p; /* large pages need a privilege here */
    (void)len;
}

void dlx__os_map_drop(const dlx__map *map, size_t offset, size_t len)
{
    /* Unlocking pages that were never locked takes them out of the working set: documented so. */
    if (map->handle && offset < map->len)
        (void)VirtualUnlock((unsigned char *)map->handle + offset,
                            dlx__min(len, map->len - offset));
}

dlx__path_kind dlx__os_path_kind(const char *path)
{
    WCHAR name[PATH_ROOM];
    DWORD attributes = wide(name, path) ? GetFileAttributesW(name) : INVALID_FILE_ATTRIBUTES;
    if (attributes == INVALID_FILE_ATTRIBUTES)
        return DLX__PATH_ABSENT;
    if (attributes & FILE_ATTRIBUTE_DIRECTORY)
        return DLX__PATH_DIR;
    return attributes & FILE_ATTRIBUTE_DEVICE ? DLX__PATH_OTHER : DLX__PATH_FILE;
}

bool dlx__os_is_link(const char *path)
{
    WCHAR name[PATH_ROOM];
    DWORD attributes = wide(name, path) ? GetFileAttributesW(name) : INVALID_FILE_ATTRIBUTES;
    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_REPARSE_POINT);
}

/* Adds the entry's name as UTF-8; a name that is not well-formed UTF-16 cannot be asked for again.
 */
static bool add_entry(dlx__names *names, const WIN32_FIND_DATAW *entry)
{
    char name[NAME_ROOM];
    if (WideCharToMultiByte(CP_UTF8, WC_ERR_INVALID_CHARS, entry->cFileName, -1, name, NAME_ROOM,
                            NULL, NULL) == 0)
        return true;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return true;
    return dlx__names_add(names, name);
}

dlx_result dlx__os_list_dir(const char *path, bool (*visit)(void *user, const char *name),
                            void *user, const dlx_allocator *mem, dlx_error *err)
{
    WCHAR pattern[PATH_ROOM];
    WIN32_FIND_DATAW entry;
    HANDLE search = INVALID_HANDLE_VALUE;
    if (wide(pattern, path) && wcslen(pattern) + 3 <= PATH_ROOM)
        search = FindFirstFileW(wcscat(pattern, L"\\*"), &entry);
    if (search == INVALID_HANDLE_VALUE)
        return fail_win(err, path, "list");
    dlx__names names;
    dlx__names_init(&names, mem);
    dlx_result r = DLX_OK;
    do {
        if (!add_entry(&names, &entry))
            r = dlx__fail_memory(err, "listing a directory", names.arena.n_bytes);
    } while (r == DLX_OK && FindNextFileW(search, &entry));
    if (r == DLX_OK && GetLastError() != ERROR_NO_MORE_FILES)
        r = fail_win(err, path, "list");
    FindClose(search);
    if (r == DLX_OK)
        dlx__names_visit(&names, visit, user);
    dlx__names_release(&names);
    return r;
}

dlx_result dlx__os_library_open(dlx__os_library *library, const char *name, dlx_error *err)
{
    WCHAR path[PATH_ROOM];
    library->handle = wide(path, name) ? (void *)LoadLibraryW(path) : NULL;
    if (!library->handle)
        return dlx__fail(err, DLX_E_IO, "%s: cannot be loaded", name);
    HMODULE kept; /* never unloaded */
    GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN, path, &kept);
    return DLX_OK;
}

void (*dlx__os_library_find(dlx__os_library library, const char *symbol))(void)
{
    return (void (*)(void))GetProcAddress((HMODULE)library.handle, symbol);
}

bool dlx__os_library_path(char *out, size_t room, void (*function)(void))
{
    (void)out;
    (void)room;
    (void)function;
    return false; /* nobody asks here */
}

void dlx__os_library_close(dlx__os_library library)
{
    if (library.handle)
        FreeLibrary((HMODULE)library.handle);
}

double dlx__os_seconds(void)
{
    LARGE_INTEGER now, frequency;
    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&frequency);
    return (double)now.QuadPart / (double)frequency.QuadPart;
}

uint64_t dlx__os_random(void)
{
    uint64_t bits;
    if (BCryptGenRandom(NULL, (PUCHAR)&bits, sizeof bits, BCRYPT_USE_SYSTEM_PREFERRED_RNG) != 0) {
        LARGE_INTEGER now;
        QueryPerformanceCounter(&now);
        bits = (uint64_t)now.QuadPart ^ (uint64_t)GetCurrentProcessId() << 48;
    }
    return bits;
}

int dlx__os_n_cores(void)
{
    DWORD_PTR mine, all;
    if (!GetProcessAffinityMask(GetCurrentProcess(), &mine, &all) || mine == 0) {
        SYSTEM_INFO info;
        GetSystemInfo(&info);
        return (int)info.dwNumberOfProcessors;
    }
    int n = 0;
    for (; mine; mine &= mine - 1)
        n++;
    return n;
}

/* Windows keeps slow cores for background work by itself; threads of a busy program get fast ones.
 */
int dlx__os_n_fast_cores(void)
{
    return dlx__os_n_cores();
}

size_t dlx__os_total_memory(void)
{
    MEMORYSTATUSEX status = {.dwLength = sizeof status};
    return GlobalMemoryStatusEx(&status) ? (size_t)status.ullTotalPhys : 0;
}

size_t dlx__os_peak_rss(void)
{
    PROCESS_MEMORY_COUNTERS counters;
    bool ok = GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters);
    return ok ? counters.PeakWorkingSetSize : 0;
}

const char *dlx__os_name(void)
{
    return "windows";
}
