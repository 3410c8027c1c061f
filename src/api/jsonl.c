/* jsonl.c - files of one JSON object a line. */
#include "api/jsonl.h"

#include "base/fail.h"
#include "format/json_file.h"

#include <string.h>

bool dlx__jsonl_is_named(const char *path)
{
    static const char end[] = ".jsonl";
    const size_t n = strlen(path), n_end = sizeof end - 1;
    return n >= n_end && strcmp(path + n - n_end, end) == 0;
}

dlx__jsonl dlx__jsonl_of(const char *text, size_t n)
{
    bool mark = n >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0; /* a byte order mark */
    return (dlx__jsonl){.at = mark ? text + 3 : text, .end = text + n};
}

bool dlx__jsonl_next(dlx__jsonl *in)
{
    while (in->at < in->end) {
        const char *stop = memchr(in->at, '\n', (size_t)(in->end - in->at));
        if (!stop)
            stop = in->end;
        in->line = in->at;
        in->n = (size_t)(stop - in->at);
        in->at = stop < in->end ? stop + 1 : in->end;
        in->number++;
        for (size_t i = 0; i < in->n; i++)
            if (in->line[i] != ' ' && in->line[i] != '\t' && in->line[i] != '\r')
                return true;
    }
    return false;
}

size_t dlx__jsonl_count(dlx__jsonl in, size_t limit)
{
    size_t count = 0;
    while ((limit == 0 || count < limit) && dlx__jsonl_next(&in))
        count++;
    return count;
}

dlx_result dlx__jsonl_parse(json_t **out, const dlx__jsonl *in, const char *name, dlx_error *err)
{
    dlx_result r = dlx__json_parse(out, in->line, in->n, name, err);
    if (r != DLX_E_FORMAT)
        return r;
    json_error_t where;
    json_t *again = json_loadb(in->line, in->n, JSON_ALLOW_NUL, &where);
    json_decref(again);
    if (again) /* jansson takes some failures of memory for errors in the text */
        return dlx__fail(err, DLX_E_NOMEM, "%s: out of memory while reading JSON", name);
    return dlx__fail(err, DLX_E_FORMAT,
                     "%s, column %d: expected one JSON object, found an error (%s): mend the line, "
                     "or take it out",
                     name, where.column, where.text);
}
