/* save.c - files that appear whole or not at all. */
#include "save.h"

#include "bytes.h"
#include "say.h"
#include "sys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void release(save *s)
{
    free(s->path);
    free(s->temporary);
    *s = (save){0};
}

static FILE *create_beside(save *s)
{
    bytes name = {0};
    FILE *file = NULL;
    /* A crashed run with the same process id may have left its file: try a few names. */
    for (unsigned i = 0; i < 100 && !file; i++) {
        bytes_reset(&name);
        bytes_add(&name, s->path, sys_folder_bytes(s->path));
        bytes_printf(&name, "dlx-%lu-%u.part", sys_process_id(), i);
        file = sys_create_new(name.data);
        if (!file && errno != EEXIST)
            break;
    }
    s->temporary = name.data;
    return file;
}

const char *save_advice(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
        return "; make its folder first, or name another place";
    case EISDIR:
        return "; name a file in it";
    case EACCES:
    case EPERM:
    case EROFS:
        return "; name a place where you may write";
    case ENAMETOOLONG:
        return "; choose a shorter name";
    case ENXIO:
        return "; start what reads from it first, or name a file";
    case ENOSPC:
        return "; make room, or name another place";
    default:
        return "; name another place";
    }
}

bool save_open(save *s, const char *path)
{
    *s = (save){0};
    if (!*path || strcmp(path, "-") == 0) {
        say("'%s' is not the name of a file to write; give one, as out.txt", path);
        return false;
    }
    *s = (save){.path = mem_resize(NULL, strlen(path) + 1, 1)};
    memcpy(s->path, path, strlen(path) + 1);
    errno = 0;
    switch (sys_kind_of(path)) {
    case SYS_FOLDER:
        errno = EISDIR;
        break;
    case SYS_OTHER:
        s->file = sys_open_device(path);
        break;
    case SYS_ABSENT:
        if (errno && errno != ENOENT)
            break; /* a name that is too long, say, must not come to light only at the end */
        errno = 0;
        s->file = create_beside(s);
        break;
    case SYS_FILE:
        s->file = create_beside(s);
    }
    if (s->file)
        return true;
    int why = errno;
    say("%s cannot be written: %s%s", show_path(path).text, strerror(why), save_advice(why));
    release(s);
    return false;
}

bool save_commit(save *s)
{
    errno = 0;
    bool ok = !ferror(s->file) && (s->temporary ? sys_flush_to_disk(s->file) : !fflush(s->file));
    int why = errno;
    ok = !fclose(s->file) && ok;
    if (ok && s->temporary && !sys_replace(s->temporary, s->path)) {
        ok = false;
        why = errno;
    }
    if (!ok) {
        say("%s could not be written whole: %s%s", show_path(s->path).text,
            why ? strerror(why) : "write error", save_advice(why));
        if (s->temporary)
            remove(s->temporary);
    }
    release(s);
    return ok;
}

void save_discard(save *s)
{
    if (!s->file)
        return;
    fclose(s->file);
    if (s->temporary)
        remove(s->temporary);
    release(s);
}
