/* mlpackage_read_program.c - the functions of an ML Program. Their blocks are
 * mlpackage_read_blocks.c. */
#include "export/mlpackage_reader.h"

#include <stdio.h>
#include <string.h>

/* Which operations there are is said by a name; each came with a version of the specification. */
static const struct {
    const char *name;
    int specification;
} opsets[] = {{"CoreML5", 6}, {"CoreML6", 7}, {"CoreML7", 8}, {"CoreML8", 9}, {"CoreML9", 10}};

static void check_opset(dlx__mlpackage_reader *r, const dlx__mlpackage_function *fn)
{
    size_t i = 0;
    while (i < DLX__LEN(opsets) && strcmp(opsets[i].name, fn->opset) != 0)
        i++;
    if (i == DLX__LEN(opsets))
        dlx__proto_fault(&r->view,
                         "function %.100s: expected an opset from CoreML5 to CoreML9, found %.100s",
                         fn->name, fn->opset);
    else if (r->file->specification < opsets[i].specification)
        dlx__proto_fault(
            &r->view,
            "function %.100s: expected version %d of the specification or a later one for "
            "the opset %s, found %d",
            fn->name, opsets[i].specification, fn->opset, r->file->specification);
}

/* Inputs of the function itself, states among them. */
static void read_inputs(dlx__mlpackage_reader *r, const dlx__proto_message *m, const char *name,
                        dlx__mil_values *inputs)
{
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number != 1)
            continue;
        dlx__proto_message input = dlx__proto_child(&f);
        dlx__mil_value *v = dlx__mil_values_add(r, inputs);
        if (v)
            dlx__mil_read_named(r, &input, v, name);
    }
}

/* The block of the function's opset; others are there for other systems. */
static dlx__proto_message find_block(dlx__mlpackage_reader *r, const dlx__proto_message *m,
                                     const dlx__mlpackage_function *fn)
{
    dlx__proto_message found = {.view = NULL};
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number != 3)
            continue;
        const char *key = "";
        dlx__proto_message entry = dlx__proto_child(&f), block = {.view = NULL};
        for (dlx__proto_field e = dlx__proto_fields(&entry); dlx__proto_next(&e);) {
            if (e.number == 1)
                key = dlx__proto_get_text(&e, &r->file->arena);
            else if (e.number == 2)
                block = dlx__proto_child(&e);
        }
        if (strcmp(key, fn->opset) == 0)
            found = block;
    }
    if (!found.view)
        dlx__proto_fault(&r->view, "function %.100s: it has no block for its opset %.100s",
                         fn->name, fn->opset);
    return found;
}

static void read_function(dlx__mlpackage_reader *r, const dlx__proto_message *m,
                          dlx__mlpackage_function *fn)
{
    dlx__mil_values inputs = {.n = 0}, outputs = {.n = 0};
    dlx__mil_names names;
    fn->opset = "";
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);)
        if (f.number == 2)
            fn->opset = dlx__proto_get_text(&f, &r->file->arena);
    check_opset(r, fn);
    read_inputs(r, m, fn->name, &inputs);
    dlx__proto_message block = find_block(r, m, fn);
    if (!dlx__mil_names_init(&names, &r->file->arena)) {
        (void)dlx__mlpackage_alloc(r, SIZE_MAX, 1);
        return;
    }
    for (size_t i = 0; i < inputs.n && r->view.failure.code == DLX_OK; i++) {
        if (dlx__mil_names_find(&names, inputs.items[i].name))
            dlx__proto_fault(&r->view, "function %.100s: two inputs have the name %.100s", fn->name,
                             inputs.items[i].name);
        else if (!dlx__mil_names_add(&names, &inputs.items[i]))
            (void)dlx__mlpackage_alloc(r, SIZE_MAX, 1);
    }
    dlx__mil_read_block(r, &block, &names, &outputs);
    dlx__mlpackage_compare(r, fn, &inputs, &outputs);
}

/* The function of this name in the description. */
static dlx__mlpackage_function *described(dlx__mlpackage_reader *r, const char *name)
{
    for (size_t i = 0; i < r->file->n_functions; i++)
        if (strcmp(r->file->functions[i].name, name) == 0)
            return &r->file->functions[i];
    dlx__proto_fault(&r->view,
                     "the program has the function \"%.100s\", which the description does not name",
                     name);
    return NULL;
}

/* An entry of the map of functions. */
static void read_entry(dlx__mlpackage_reader *r, const dlx__proto_message *m)
{
    const char *name = "";
    dlx__proto_message body = {.view = NULL};
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number == 1)
            name = dlx__proto_get_text(&f, &r->file->arena);
        else if (f.number == 2)
            dlx__proto_only_child(&f, &body);
    }
    dlx__mlpackage_function *fn = r->view.failure.code == DLX_OK ? described(r, name) : NULL;
    if (!fn)
        return;
    if (fn->opset)
        dlx__proto_fault(&r->view, "the program has the function \"%.100s\" twice", name);
    r->function = (size_t)(fn - r->file->functions);
    read_function(r, &body, fn);
}

void dlx__mlpackage_read_program(dlx__mlpackage_reader *r)
{
    int64_t version = 0;
    for (dlx__proto_field f = dlx__proto_fields(&r->program); dlx__proto_next(&f);) {
        if (f.number == 1)
            version = dlx__proto_get_int(&f);
        else if (f.number == 2) {
            dlx__proto_message entry = dlx__proto_child(&f);
            read_entry(r, &entry);
        }
    }
    if (version != 1)
        dlx__proto_fault(&r->view, "expected version 1 of MIL, found %lld", (long long)version);
    for (size_t i = 0; i < r->file->n_functions; i++)
        if (!r->file->functions[i].opset)
            dlx__proto_fault(
                &r->view,
                "the description names the function \"%.100s\", which the program does not "
                "have",
                r->file->functions[i].name);
    dlx__mil_check_records(r);
}
