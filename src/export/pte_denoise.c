/*
 * pte_denoise.c - the tail of `denoise`: rows of the final norm are picked for the head, and its
 * logits come down to the largest, where it is, and the logarithm of the sum of all exponentials.
 *
 * The largest probability of a softmax is exp(largest - lse), so lse = largest - log(it): exact
 * where one id takes it all, and without overflow, because the softmax leaves out the largest.
 */
#include "export/pte_pass.h"

void dlx__pass_pick(dlx__pass *p)
{
    p->picked = dlx__pass_planned(p, DLX__PTE_FLOAT, (size_t[]){p->R, p->d}, 2);
    DLX__PASS_CALL(p, "aten::index_select", "out", p->final, p->zero, p->rows, p->picked,
                   p->picked);
}

/* [R] for each row of x [R, vocabulary] its largest. */
static dlx__pte_value largest(dlx__pass *p, dlx__pte_value x)
{
    const dlx__pte_value axes = dlx__pte_int_list(p->m, &p->one, 1);
    const dlx__pte_value y = dlx__pass_planned(p, DLX__PTE_FLOAT, &p->R, 1);
    DLX__PASS_CALL(p, "aten::amax", "out", x, axes, p->no, y, y);
    return y;
}

void dlx__pass_choose(dlx__pass *p)
{
    const dlx__pte_value best = dlx__pass_planned(p, DLX__PTE_LONG, &p->R, 1);
    DLX__PASS_CALL(p, "aten::argmax", "out", p->logits, p->one, p->no, best, best);
    const dlx__pte_value logit = largest(p, p->logits), prob = largest(p, p->probs);
    const dlx__pte_value log = dlx__pass_planned(p, DLX__PTE_FLOAT, &p->R, 1);
    DLX__PASS_CALL(p, "aten::log", "out", prob, log, log);
    const dlx__pte_value lse = dlx__pass_planned(p, DLX__PTE_FLOAT, &p->R, 1);
    DLX__PASS_CALL(p, "aten::sub", "out", logit, log, p->one, lse, lse);
    dlx__pte_output(p->m, best);
    dlx__pte_output(p->m, logit);
    dlx__pte_output(p->m, lse);
}
