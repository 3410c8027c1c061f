/* pte_build.h - what the files that build a program share. */
#ifndef DLX__PTE_BUILD_H
#define DLX__PTE_BUILD_H

#include "export/pte_program.h"

static inline bool dlx__pte_failed(const dlx__pte *p)
{
    return p->failure.code != DLX_OK;
}

/* Whether the method can take more; NULL is what a failed program gives. */
static inline bool dlx__pte_open_for(const dlx__pte_method *m)
{
    return m && !dlx__pte_failed(m->program);
}

/* Each keeps the failure if there is no memory. `list` is the address of a pointer to elements. */
void dlx__pte_no_memory(dlx__pte *p);
bool dlx__pte_room(dlx__pte *p, void *list, size_t n, size_t *capacity, size_t size);
const char *dlx__pte_copy_text(dlx__pte *p, const char *text);

/* Copies values, each of which must be one of the method's; DLX__PTE_NONE only if `optional`. NULL
 * with a failure. */
const int32_t *dlx__pte_copy_values(dlx__pte_method *m, const char *what,
                                    const dlx__pte_value *values, size_t n, bool optional);

#endif
