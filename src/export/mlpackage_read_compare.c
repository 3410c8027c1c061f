/*
 * mlpackage_read_compare.c - the interface that the description promises against the function that
 * is there. Core ML's tools do not compare them.
 */
#include "export/mlpackage_reader.h"

enum { MAX_FEATURES = 10000 }; /* each is looked for among the others */

/* A feature that holds something else than an array: an image, a number, a dictionary. */
static bool is_array(const dlx__mil_type *t)
{
    return t->kind == DLX__MIL_TENSOR || t->kind == DLX__MIL_STATE;
}

/* The lengths that both say are the same. */
static bool same_shape(const dlx__mil_type *feature, const dlx__mil_type *value)
{
    if (feature->rank == 0 && !(feature->kind == DLX__MIL_STATE))
        return true; /* outputs may leave their shape open */
    if (feature->rank != value->rank)
        return value->rank == 0 && feature->rank == 1; /* a scalar is an array of one */
    for (size_t i = 0; i < value->rank; i++)
        if (value->dims[i] >= 0 && value->dims[i] != feature->dims[i] && !feature->flexible)
            return false;
    return true;
}

/* A feature of the description against the value of the function. */
static void compare(dlx__mlpackage_reader *r, const char *function, const char *what,
                    const dlx__mil_value *feature, const dlx__mil_value *value)
{
    const dlx__mil_type *a = &feature->type, *b = &value->type;
    if (!is_array(a))
        return;
    if (a->kind != b->kind || a->element != b->element || !same_shape(a, b)) {
        const dlx__mil_text described = dlx__mil_type_text(a), found = dlx__mil_type_text(b);
        dlx__proto_fault(&r->view,
                         "function %.100s, %s %.100s: the description says %s, the program %s",
                         function, what, feature->name, described.text, found.text);
    }
    for (size_t i = 0; b->kind == DLX__MIL_STATE && i < b->rank; i++)
        if (b->dims[i] < 0)
            dlx__proto_fault(&r->view,
                             "function %.100s, state %.100s: expected a fixed shape, found %s",
                             function, feature->name, dlx__mil_type_text(b).text);
    if (b->kind == DLX__MIL_STATE && b->element != DLX__MIL_F16)
        dlx__proto_fault(&r->view, "function %.100s, state %.100s: expected f16, found %s",
                         function, feature->name, dlx__mil_type_text(b).text);
}

/* Every feature is a value of the function. */
static void compare_list(dlx__mlpackage_reader *r, const char *function, const char *what,
                         const dlx__mil_values *features, const dlx__mil_values *values)
{
    for (size_t i = 0; i < features->n && r->view.failure.code == DLX_OK; i++) {
        const dlx__mil_value *v = dlx__mil_values_find(values, features->items[i].name);
        if (dlx__mil_values_find(features, features->items[i].name) != &features->items[i])
            dlx__proto_fault(&r->view, "function %.100s: the description has the %s %.100s twice",
                             function, what, features->items[i].name);
        else if (v)
            compare(r, function, what, &features->items[i], v);
        else
            dlx__proto_fault(
                &r->view,
                "function %.100s: the description has the %s %.100s, which the program "
                "does not have",
                function, what, features->items[i].name);
    }
}

/* Every value of the function is a feature. */
static void find_all(dlx__mlpackage_reader *r, const char *function, const char *what,
                     const dlx__mil_values *values, const dlx__mil_values *features,
                     const dlx__mil_values *states)
{
    for (size_t i = 0; i < values->n && r->view.failure.code == DLX_OK; i++) {
        const char *name = values->items[i].name;
        const bool is_state = values->items[i].type.kind == DLX__MIL_STATE;
        if (!dlx__mil_values_find(is_state ? states : features, name))
            dlx__proto_fault(
                &r->view,
                "function %.100s: the program has the %s %.100s, which the description "
                "does not name%s",
                function, is_state ? "state" : what, name, is_state ? " as one" : "");
    }
}

void dlx__mlpackage_compare(dlx__mlpackage_reader *r, const dlx__mlpackage_function *described,
                            const dlx__mil_values *inputs, const dlx__mil_values *outputs)
{
    const char *name = described->name;
    const dlx__mil_values *all[] = {inputs, outputs, &described->inputs, &described->outputs,
                                    &described->states};
    for (size_t i = 0; i < DLX__LEN(all); i++)
        if (all[i]->n > MAX_FEATURES)
            dlx__proto_fault(&r->view,
                             "function %.100s: expected at most %d inputs and outputs, found %zu",
                             name, MAX_FEATURES, all[i]->n);
    compare_list(r, name, "input", &described->inputs, inputs);
    compare_list(r, name, "state", &described->states, inputs);
    compare_list(r, name, "output", &described->outputs, outputs);
    find_all(r, name, "input", inputs, &described->inputs, &described->states);
    find_all(r, name, "output", outputs, &described->outputs, &described->states);
}
