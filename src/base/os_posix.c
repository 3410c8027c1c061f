/* os_posix.c - the portability contract on Linux and macOS. */
#if defined(__APPLE__)
#define _DARWIN_C_SOURCE
#else
#define _GNU_SOURCE /* sched_getaffinity, getentropy */
#endif

#include "base/fail.h"
#include "base/mem.h"
#include "base/names.h"
#include "base/os.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#if defined(__APPLE__)
#include <sys/random.h>
#include <sys/sysctl.h>
#else
#include <sched.h>
#endif

/* Own words for the usual numbers: strerror is not safe among threads, strerror_r has two shapes.
 */
static const char *errno_text(int number)
{
    switch (number) {
    case ENOENT:
        return "there is no such file or directory";
    case EACCES:
    case EPERM:
        return "permission denied";
    case EISDIR:
        return "it is a directory";
    case ENOTDIR:
        return "a part of the path is not a directory";
    case EEXIST:
        return "it exists already";
    case ENOSPC:
    case EDQUOT:
        return "no space is left on the disk";
    case EROFS:
        return "the file system is read-only";
    case EMFILE:
    case ENFILE:
        return "too many files are open";
    case ENOMEM:
        return "out of memory or address space";
    case ENAMETOOLONG:
        return "the name is too long";
    case ELOOP:
        return "too many symbolic links";
    case EPIPE:
        return "the reader has gone";
    case EIO:
        return "the device reports an error";
    case EINTR:
        return "a signal ended the wait for it";
    case ENXIO:
        return "it is a socket, or a pipe that nobody reads from";
    case EFBIG:
        return "the file would be too large for this file system";
    default:
        return NULL;
    }
}

static dlx_result fail_errno(dlx_error *err, const char *path, const char *verb)
{
    int number = errno;
    const char *text = errno_text(number);
    if (text)
        return dlx__fail(err, DLX_E_IO, "%s: cannot %s it: %s", path, verb, text);
    return dlx__fail(err, DLX_E_IO, "%s: cannot %s it: system error %d", path, verb, number);
}

/* Opening one to read waits for who writes; a signal ends the wait, as the caller may wish. */
static bool is_pipe(const char *path)
{
    struct stat st;
    const int kept = errno;
    const bool is = stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
    errno = kept;
    return is;
}

/* A pipe that nobody reads from is told, not waited for; the writes wait as usual. */
static bool writes_wait(int fd)
{
    const int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) == 0;
}

dlx_result dlx__os_file_open(dlx__os_file *f, const char *path, dlx__open_mode mode,
                             const char *name, dlx_error *err)
{
    static const int flags[] = {
        [DLX__OPEN_READ] = O_RDONLY,
        [DLX__OPEN_CREATE] = O_WRONLY | O_CREAT | O_EXCL,
        [DLX__OPEN_WRITE] = O_WRONLY | O_NONBLOCK,
    };
    int fd;
    do {
        fd = open(path, flags[mode] | O_CLOEXEC, 0666);
    } while (fd < 0 && errno == EINTR && !is_pipe(path));
    if (fd < 0)
        return fail_errno(err, name, mode == DLX__OPEN_CREATE ? "create" : "open");
    f->id = fd;
    if (mode != DLX__OPEN_WRITE || writes_wait(fd))
        return DLX_OK;
    const dlx_result r = fail_errno(err, name, "open");
    (void)close(fd);
    return r;
}

dlx_result dlx__os_file_read(dlx__os_file f, void *bytes, size_t n, size_t *n_read,
                             const char *path, dlx_error *err)
{
    ssize_t got;
    do {
        got = read((int)f.id, bytes, dlx__min(n, INT_MAX));
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return fail_errno(err, path, "read");
    *n_read = (size_t)got;
    return DLX_OK;
}

dlx_result dlx__os_file_write(dlx__os_file f, const void *bytes, size_t n, const char *path,
                              dlx_error *err)
{
    const unsigned char *at = bytes;
    while (n > 0) {
        ssize_t put = write((int)f.id, at, dlx__min(n, INT_MAX));
        if (put < 0) {
            if (errno == EINTR)
                continue;
            return fail_errno(err, path, "write");
        }
        at += put;
        n -= (size_t)put;
    }
    return DLX_OK;
}

dlx_result dlx__os_file_seek(dlx__os_file f, uint64_t offset, const char *path, dlx_error *err)
{
    if (lseek((int)f.id, (off_t)offset, SEEK_SET) < 0)
        return fail_errno(err, path, "write");
    return DLX_OK;
}

dlx_result dlx__os_file_close(dlx__os_file f, bool flush, const char *path, dlx_error *err)
{
    dlx_result r = DLX_OK;
    /* EINVAL, ENOTSUP: file systems that cannot flush; their write is as good as it gets. */
    if (flush && fsync((int)f.id) != 0 && errno != EINVAL && errno != ENOTSUP)
        r = fail_errno(err, path, "flush");
    if (close((int)f.id) != 0 && errno != EINTR && flush && r == DLX_OK)
        r = fail_errno(err, path, "close");
    return r;
}

dlx_result dlx__os_rename(const char *from, const char *to, dlx_error *err)
{
    return rename(from, to) == 0 ? DLX_OK : fail_errno(err, to, "replace");
}

void dlx__os_remove(const char *path)
{
    (void)unlink(path);
}

dlx_result dlx__os_make_dir(const char *path, dlx_error *err)
{
    return mkdir(path, 0777) == 0 ? DLX_OK : fail_errno(err, path, "create");
}

void dlx__os_remove_dir(const char *path)
{
    (void)rmdir(path);
}

dlx_result dlx__os_map(dlx__map *map, const char *path, dlx_error *err)
{
    *map = (dlx__map){.data = NULL};
    dlx__os_file f = {0};
    DLX__TRY(dlx__os_file_open(&f, path, DLX__OPEN_READ, path, err));
    struct stat st;
    dlx_result r = DLX_OK;
    if (fstat((int)f.id, &st) != 0) {
        r = fail_errno(err, path, "look at");
    } else if (!S_ISREG(st.st_mode)) {
        r = dlx__fail(err, DLX_E_IO, "%s: expected a file, found %s", path,
                      S_ISDIR(st.st_mode) ? "a directory" : "a device or pipe");
    } else if ((uintmax_t)st.st_size > SIZE_MAX / 2) {
        r = dlx__fail(err, DLX_E_UNSUPPORTED,
                      "%s: its %ju bytes are more than this system can address; use a 64-bit one",
                      path, (uintmax_t)st.st_size);
    } else if (st.st_size > 0) {
        void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, (int)f.id, 0);
        if (data == MAP_FAILED)
            r = fail_errno(err, path, "map");
        else
            *map = (dlx__map){.data = data, .len = (size_t)st.st_size, .handle = data};
    }
    (void)dlx__os_file_close(f, false, path, NULL); /* the mapping holds the file */
    return r;
}

void dlx__os_unmap(dlx__map *map)
{
    if (map->handle)
        munmap(map->handle, map->len);
    *map = (dlx__map){.data = NULL};
}

void dlx__os_map_drop(const dlx__map *map, size_t offset, size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t end = dlx__min(dlx__add(offset, len), map->len);
    size_t first = dlx__align(offset, page);
    end = end == map->len ? end : end & ~(page - 1);
    if (map->handle && first < end)
        (void)madvise((unsigned char *)map->handle + first, end - first, MADV_DONTNEED);
}

void dlx__os_advise_huge(void *p, size_t len)
{
#if defined(MADV_HUGEPAGE)
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t skip = dlx__align((uintptr_t)p, page) - (uintptr_t)p;
    if (skip < len)
        (void)madvise((unsigned char *)p + skip, (len - skip) & ~(page - 1), MADV_HUGEPAGE);
#else
    (void)p;
    (void)len;
#endif
}

bool dlx__os_is_link(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

dlx__path_kind dlx__os_path_kind(const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return DLX__PATH_ABSENT;
    if (S_ISREG(st.st_mode))
        return DLX__PATH_FILE;
    return S_ISDIR(st.st_mode) ? DLX__PATH_DIR : DLX__PATH_OTHER;
}

dlx_result dlx__os_list_dir(const char *path, bool (*visit)(void *user, const char *name),
                            void *user, const dlx_allocator *mem, dlx_error *err)
{
    DIR *dir = opendir(path);
    if (!dir)
        return fail_errno(err, path, "list");
    dlx__names names;
    dlx__names_init(&names, mem);
    dlx_result r = DLX_OK;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry) {
            if (errno != 0)
                r = fail_errno(err, path, "list");
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (!dlx__names_add(&names, entry->d_name)) {
            r = dlx__fail_memory(err, "listing a directory", names.arena.n_bytes);
            break;
        }
    }
    closedir(dir);
    if (r == DLX_OK)
        dlx__names_visit(&names, visit, user);
    dlx__names_release(&names);
    return r;
}

dlx_result dlx__os_library_open(dlx__os_library *library, const char *name, dlx_error *err)
{
    library->handle = dlopen(name, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library->handle)
        return DLX_OK;
    const char *why = dlerror();
    return dlx__fail(err, DLX_E_IO, "%s: cannot be loaded (%.200s)", name, why ? why : "");
}

void (*dlx__os_library_find(dlx__os_library library, const char *symbol))(void)
{
    void *found = dlsym(library.handle, symbol);
    void (*function)(void);
    memcpy(&function, &found, sizeof function); /* C has no cast from an object to a function */
    return function;
}

bool dlx__os_library_path(char *out, size_t room, void (*function)(void))
{
    Dl_info info;
    void *at;
    memcpy(&at, &function, sizeof at); /* as above */
    if (!dladdr(at, &info) || !info.dli_fname || strlen(info.dli_fname) >= room)
        return false;
    memcpy(out, info.dli_fname, strlen(info.dli_fname) + 1);
    return true;
}

void dlx__os_library_close(dlx__os_library library)
{
    if (library.handle)
        dlclose(library.handle);
}

double dlx__os_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

uint64_t dlx__os_random(void)
{
    uint64_t bits;
    if (getentropy(&bits, sizeof bits) != 0) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        bits = ((uint64_t)now.tv_sec << 30 ^ (uint64_t)now.tv_nsec) ^ (uint64_t)getpid() << 48;
    }
    return bits;
}

size_t dlx__os_peak_rss(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0 || usage.ru_maxrss < 0)
        return 0;
#if defined(__APPLE__)
    return (size_t)usage.ru_maxrss;
#else
    return dlx__mul((size_t)usage.ru_maxrss, 1024);
#endif
}

#if defined(__APPLE__)

static uint64_t sysctl_number(const char *name)
{
    uint64_t value = 0; /* little-endian: an int fills the lower half */
    size_t len = sizeof value;
    return sysctlbyname(name, &value, &len, NULL, 0) == 0 ? value : 0;
}

int dlx__os_n_cores(void)
{
    int n = (int)sysctl_number("hw.logicalcpu");
    return n > 0 ? n : 1;
}

int dlx__os_n_fast_cores(void)
{
    int n = (int)sysctl_number("hw.perflevel0.logicalcpu");
    return n > 0 ? n : dlx__os_n_cores();
}

size_t dlx__os_total_memory(void)
{
    return (size_t)sysctl_number("hw.memsize");
}

const char *dlx__os_name(void)
{
    return "darwin";
}

#else

/* The first line of a small system file; false when there is none. */
static bool first_line(char *out, int room, const char *path)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    bool ok = fgets(out, room, f) != NULL;
    fclose(f);
    return ok;
}

/* A container may grant less processor time than it shows processors: "quota period" or "max". */
static int quota_cores(int n_cores)
{
    char line[64];
    long long quota, period;
    if (!first_line(line, sizeof line, "/sys/fs/cgroup/cpu.max") ||
        sscanf(line, "%lld %lld", &quota, &period) != 2 || quota <= 0 || period <= 0)
        return n_cores;
    long long granted = (quota + period - 1) / period;
    return granted < n_cores ? (int)granted : n_cores;
}

int dlx__os_n_cores(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set)
                                                        : (int)sysconf(_SC_NPROCESSORS_ONLN);
    n = quota_cores(n);
    return n > 0 ? n : 1;
}

/*
 * Phones and hybrid laptops tell each core's capacity (1024 is the fastest). Cores of at least half
 * the best count as fast: the "prime" core and its "big" siblings do, the small ones do not, which
 * would only make the others wait.
 */
int dlx__os_n_fast_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return dlx__os_n_cores();
    long capacity[CPU_SETSIZE];
    long best = 0;
    for (int i = 0; i < CPU_SETSIZE; i++) {
        char path[80];
        char line[32];
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cpu_capacity", i);
        bool known = CPU_ISSET(i, &set) && first_line(line, sizeof line, path);
        capacity[i] = known ? strtol(line, NULL, 10) : 0;
        best = capacity[i] > best ? capacity[i] : best;
    }
    int n_fast = 0;
    for (int i = 0; i < CPU_SETSIZE; i++)
        n_fast += best > 0 && capacity[i] >= best / 2;
    int n_cores = dlx__os_n_cores();
    return n_fast > 0 && n_fast < n_cores ? n_fast : n_cores;
}

size_t dlx__os_total_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES);
    long page = sysconf(_SC_PAGESIZE);
    size_t total = pages > 0 && page > 0 ? dlx__mul((size_t)pages, (size_t)page) : 0;
    char line[64];
    if (first_line(line, sizeof line, "/sys/fs/cgroup/memory.max")) {
        unsigned long long limit = strtoull(line, NULL, 10); /* 0 for "max" */
        if (limit > 0 && (total == 0 || limit < total))
            total = (size_t)limit;
    }
    return total;
}

const char *dlx__os_name(void)
{
    return "linux";
}

#endif
