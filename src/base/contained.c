/* contained.c - part by part, from the folder down. */
#include "base/contained.h"

#include "base/buf.h"
#include "base/fail.h"
#include "base/os.h"

#include <string.h>

static dlx_result check_part(const char *path, bool is_last, bool may_be_folder, dlx_error *err)
{
    const dlx__path_kind kind = dlx__os_path_kind(path);
    if (dlx__os_is_link(path))
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected what belongs to the folder itself, found a link, which may "
                         "lead out of it; put the file in its place",
                         path);
    if (kind == DLX__PATH_ABSENT)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected a file of the folder, found none; the folder is not "
                         "complete: fetch it again, or export it again",
                         path);
    if (!is_last || (may_be_folder && kind == DLX__PATH_DIR) || kind == DLX__PATH_FILE)
        return DLX_OK;
    return dlx__fail(err, DLX_E_FORMAT, "%s: expected a file, found %s; export it again", path,
                     kind == DLX__PATH_DIR ? "a folder" : "a pipe or a device");
}

static dlx_result check(const char *folder, const char *name, bool may_be_folder,
                        const dlx_allocator *mem, dlx_error *err)
{
    dlx__buf at;
    dlx_result r = DLX_OK;
    dlx__buf_init(&at, mem);
    for (size_t n = 0; r == DLX_OK; n++) {
        n += strcspn(name + n, "/");
        dlx__buf_reset(&at);
        r = dlx__buf_format(&at, "%s/%.*s", folder, (int)n, name)
                ? check_part(at.data, name[n] == '\0', may_be_folder, err)
                : dlx__fail_memory(err, "looking at a folder", n);
        if (name[n] == '\0')
            break;
    }
    dlx__buf_release(&at);
    return r;
}

dlx_result dlx__contained_file(const char *folder, const char *name, const dlx_allocator *mem,
                               dlx_error *err)
{
    return check(folder, name, false, mem, err);
}

dlx_result dlx__contained_path(const char *folder, const char *name, const dlx_allocator *mem,
                               dlx_error *err)
{
    return check(folder, name, true, mem, err);
}
