/* verbs.c - the registry of verbs. */
#include "verbs.h"

#include "suggest.h"

#include <string.h>

const verb *const all_verbs[] = {
#define DLX_VERB_ENTRY(name) &verb_##name,
    DLX_VERBS(DLX_VERB_ENTRY)
#undef DLX_VERB_ENTRY
};

enum {
#define DLX_VERB_PLACE(name) PLACE_##name,
    DLX_VERBS(DLX_VERB_PLACE)
#undef DLX_VERB_PLACE
        N_VERBS
};
const size_t n_all_verbs = N_VERBS;

const verb *verb_find(const char *name)
{
    for (size_t i = 0; i < n_all_verbs; i++)
        if (strcmp(all_verbs[i]->name, name) == 0)
            return all_verbs[i];
    return NULL;
}

const char *verb_nearest(const char *name)
{
    static const struct {
        const char *theirs, *ours;
    } foreign[] = {{"generate", "run"},     {"complete", "run"},    {"fill", "infill"},
                   {"show", "inspect"},     {"info", "inspect"},    {"plan", "inspect"},
                   {"convert", "quantize"}, {"perplexity", "eval"}, {"encode", "tokenize"},
                   {"version", "--version"}};
    const char *names[N_VERBS];
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        if (strcmp(foreign[i].theirs, name) == 0)
            return foreign[i].ours;
    for (size_t i = 0; i < n_all_verbs; i++)
        names[i] = all_verbs[i]->name;
    return suggest_nearest(name, names, n_all_verbs);
}
