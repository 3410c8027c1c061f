/* forms.c - what there is to say about a form without its numbers. */
#include "kernel/panels.h"

static const char *const names[] = {
#define NAME(form) #form,
    DLX__FORMS(NAME)
#undef NAME
};

const char *dlx__form_name(dlx__form form)
{
    return names[form];
}

dlx__form dlx__form_of(dlx__dtype dtype)
{
    static const dlx__form forms[] = {
        [DLX__F32] = DLX__FORM_F32,   [DLX__F16] = DLX__FORM_F16,   [DLX__BF16] = DLX__FORM_BF16,
        [DLX__Q4_0] = DLX__FORM_Q4_0, [DLX__Q4_1] = DLX__FORM_Q4_1, [DLX__Q5_0] = DLX__FORM_Q8_0,
        [DLX__Q5_1] = DLX__FORM_Q8_1, [DLX__Q8_0] = DLX__FORM_Q8_0, [DLX__Q4_K] = DLX__FORM_Q4_K,
        [DLX__Q5_K] = DLX__FORM_Q5_K, [DLX__Q6_K] = DLX__FORM_Q6_K,
    };
    return forms[dtype];
}

bool dlx__form_is_int(dlx__form form)
{
    return dlx__layouts[form].level_bytes > 0;
}

/* The inputs that the form takes a whole number of. */
static size_t grain(dlx__form form)
{
    if (!dlx__form_is_int(form) || form == DLX__FORM_I8)
        return 1;
    return dlx__layouts[form].front_bytes > 0 ? DLX__BLOCK : DLX__GROUP;
}

size_t dlx__panel_bytes(dlx__form form, size_t n_in)
{
    if (n_in % grain(form) != 0)
        return SIZE_MAX;
    if (!dlx__form_is_int(form)) {
        const size_t elem = form == DLX__FORM_F32 ? 4 : 2, even = dlx__align(n_in, 2);
        return even == SIZE_MAX ? SIZE_MAX : dlx__align(dlx__mul(even, DLX__PANEL * elem), 64);
    }
    const dlx__layout *l = &dlx__layouts[form];
    const size_t n_groups = dlx__n_groups(n_in);
    const size_t n_blocks = n_groups / l->block_groups + (n_groups % l->block_groups != 0);
    const size_t tail = form == DLX__FORM_I8 ? DLX__PANEL * sizeof(float) : 0;
    return dlx__add(dlx__mul(n_blocks, dlx__block_bytes(l)), tail);
}
