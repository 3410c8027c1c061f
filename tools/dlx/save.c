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
        bytes_printf(&name, "%s.%lu-%u.part", s->path, sys_process_id(), i);
        file = sys_create_new(name.data);
        if (!file && errno != EEXIST)
            break;
    }
    s->temporary = name.data;
    return file;
}

bool save_open(save *s, const char *path)
{
    *s = (save){0};
    if (!*path || strcmp(path, "-") == 0) {
        say("'%s' is not the name of a file to write", path);
        return false;
    }
    *s = (save){.path = mem_resize(NULL, strlen(path) + 1, 1)};
    strcpy(s->path, path);
    errno = 0;
    switch (sys_kind_of(path)) {
    case SYS_FOLDER:
        errno = EISDIR;
        break;
    case SYS_OTHER:
        s->file = fopen(path, "wb");
        break;
    default:
        s->file = create_beside(s);
    }
    if (s->file)
        return true;
    say("%s cannot be written: %s", path, strerror(errno));
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
        say("%s could not be written whole: %s", s->path, why ? strerror(why) : "write error");
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
