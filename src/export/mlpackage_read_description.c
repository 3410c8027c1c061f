/*
 * mlpackage_read_description.c - what the specification says of the model: functions, features,
 * metadata. A model of one function says its features without naming it.
 */
#include "export/mlpackage_reader.h"

#include <string.h>

enum { MAX_FUNCTIONS = 1000, MAX_AXES = 64 };

/* Where the lists of features are: in a FunctionDescription, or in the ModelDescription itself. */
typedef struct places {
    uint32_t input, output, state;
} places;

static const places of_function = {2, 3, 6}, of_model = {1, 10, 13};

/* FeatureTypes.proto's ArrayDataType as MIL's code; 0: unknown. */
static int array_element(int64_t type)
{
    switch (type) {
    case 65600:
        return DLX__MIL_F64;
    case 65568:
        return DLX__MIL_F32;
    case 65552:
        return DLX__MIL_F16;
    case 131104:
        return DLX__MIL_I32;
    case 131080:
        return DLX__MIL_I8;
    default:
        return 0;
    }
}

/* Lengths come packed or one by one. */
static void add_dims(dlx__mlpackage_reader *r, const dlx__proto_field *f, dlx__mil_type *t)
{
    const size_t n = dlx__proto_count(f, DLX__PROTO_VARINT);
    if (n > MAX_AXES - t->rank) {
        dlx__proto_fault(&r->view, "expected a feature of at most %d axes", MAX_AXES);
        return;
    }
    int64_t *dims = dlx__mlpackage_alloc(r, t->rank + n, sizeof *dims);
    if (!dims)
        return;
    if (t->rank)
        memcpy(dims, t->dims, t->rank * sizeof *dims);
    t->rank += dlx__proto_get_ints(f, dims + t->rank, n);
    t->dims = dims;
}

static dlx__mil_type read_array(dlx__mlpackage_reader *r, const dlx__proto_message *m)
{
    dlx__mil_type t = {.kind = DLX__MIL_TENSOR};
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number == 1)
            add_dims(r, &f, &t);
        else if (f.number == 2)
            t.element = array_element(dlx__proto_get_int(&f));
        else if (f.number == 21 || f.number == 31)
            t.flexible = true;
    }
    if (!t.element)
        dlx__proto_fault(&r->view,
                         "expected a feature of f16, f32, f64, i8 or i32, found another type");
    return t;
}

static dlx__mil_type read_feature_type(dlx__mlpackage_reader *r, const dlx__proto_message *m)
{
    static const dlx__mil_kind kinds[] = {DLX__MIL_NONE,       DLX__MIL_INT,   DLX__MIL_DOUBLE,
                                          DLX__MIL_TEXT,       DLX__MIL_IMAGE, DLX__MIL_TENSOR,
                                          DLX__MIL_DICTIONARY, DLX__MIL_LIST,  DLX__MIL_STATE};
    dlx__mil_type t = {.kind = DLX__MIL_NONE};
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number < 1 || f.number >= DLX__LEN(kinds))
            continue;
        dlx__proto_message inner = dlx__proto_child(&f);
        t = (dlx__mil_type){.kind = kinds[f.number]};
        if (t.kind == DLX__MIL_TENSOR)
            t = read_array(r, &inner);
        if (t.kind != DLX__MIL_STATE)
            continue;
        for (dlx__proto_field s = dlx__proto_fields(&inner); dlx__proto_next(&s);) {
            if (s.number == 1) {
                dlx__proto_message array = dlx__proto_child(&s);
                t = read_array(r, &array);
                t.kind = DLX__MIL_STATE;
            }
        }
    }
    return t;
}

static void read_feature(dlx__mlpackage_reader *r, const dlx__proto_message *m,
                         dlx__mil_values *list)
{
    dlx__mil_value v = {.name = ""};
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number == 1)
            v.name = dlx__proto_get_text(&f, &r->file->arena);
        else if (f.number == 3) {
            dlx__proto_message type = dlx__proto_child(&f);
            v.type = read_feature_type(r, &type);
        }
    }
    if (v.name[0] == '\0')
        dlx__proto_fault(&r->view, "description: a feature has no name");
    dlx__mil_value *out = dlx__mil_values_add(r, list);
    if (out)
        *out = v;
}

static void read_features(dlx__mlpackage_reader *r, const dlx__proto_message *m, const places *at,
                          dlx__mlpackage_function *fn)
{
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number != at->input && f.number != at->output && f.number != at->state)
            continue;
        dlx__proto_message feature = dlx__proto_child(&f);
        read_feature(r, &feature,
                     f.number == at->input    ? &fn->inputs
                     : f.number == at->output ? &fn->outputs
                                              : &fn->states);
    }
}

/* ---- functions ------------------------------------------------------------------------------- */

static void read_functions(dlx__mlpackage_reader *r)
{
    dlx__mlpackage_file *file = r->file;
    size_t n = 0;
    for (dlx__proto_field f = dlx__proto_fields(&r->description); dlx__proto_next(&f);)
        n += f.number == 20;
    if (n > MAX_FUNCTIONS)
        dlx__proto_fault(&r->view, "description: expected at most %d functions, found %zu",
                         MAX_FUNCTIONS, n);
    file->functions = dlx__mlpackage_alloc(r, n ? n : 1, sizeof *file->functions);
    if (!file->functions || r->view.failure.code != DLX_OK)
        return;
    for (dlx__proto_field f = dlx__proto_fields(&r->description); dlx__proto_next(&f);) {
        if (f.number == 21)
            file->default_function = dlx__proto_get_text(&f, &file->arena);
        if (f.number != 20)
            continue;
        dlx__mlpackage_function *fn = &file->functions[file->n_functions];
        dlx__proto_message m = dlx__proto_child(&f);
        fn->name = "";
        for (dlx__proto_field x = dlx__proto_fields(&m); dlx__proto_next(&x);)
            if (x.number == 1)
                fn->name = dlx__proto_get_text(&x, &file->arena);
        for (size_t i = 0; i < file->n_functions; i++)
            if (strcmp(file->functions[i].name, fn->name) == 0)
                dlx__proto_fault(&r->view, "description: two functions have the name \"%.100s\"",
                                 fn->name);
        read_features(r, &m, &of_function, fn);
        file->n_functions++;
    }
}

/* With functions the model's own lists are empty, and the default is one of them. */
static void check_functions(dlx__mlpackage_reader *r)
{
    dlx__mlpackage_file *file = r->file;
    dlx__mlpackage_function model = {.name = "main"};
    if (!file->functions || r->view.failure.code != DLX_OK)
        return;
    read_features(r, &r->description, &of_model, &model);
    if (file->n_functions == 0) {
        file->functions[file->n_functions++] = model;
        file->default_function = model.name;
        return;
    }
    if (model.inputs.n || model.outputs.n || model.states.n)
        dlx__proto_fault(&r->view,
                         "description: expected features of functions or of the model, found "
                         "both");
    bool found = false;
    for (size_t i = 0; i < file->n_functions; i++)
        found = found || (file->default_function &&
                          strcmp(file->functions[i].name, file->default_function) == 0);
    if (!found)
        dlx__proto_fault(&r->view,
                         "description: expected one of its functions as the default, found "
                         "\"%.100s\"",
                         file->default_function ? file->default_function : "");
}

/* ---- metadata -------------------------------------------------------------------------------- */

static void add_text(dlx__mlpackage_reader *r, const char *key, const char *value)
{
    dlx__mlpackage_text *t = r->file->metadata;
    if (t && value[0] != '\0')
        t[r->file->n_metadata++] = (dlx__mlpackage_text){key, value};
}

static void read_metadata(dlx__mlpackage_reader *r, const dlx__proto_message *m)
{
    static const char *const names[] = {"", "description", "version", "author", "license"};
    size_t n = 0;
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);)
        n++;
    r->file->n_metadata = 0;
    r->file->metadata = dlx__mlpackage_alloc(r, n, sizeof *r->file->metadata);
    for (dlx__proto_field f = dlx__proto_fields(m); dlx__proto_next(&f);) {
        if (f.number < DLX__LEN(names))
            add_text(r, names[f.number], dlx__proto_get_text(&f, &r->file->arena));
        if (f.number != 100)
            continue;
        const char *key = "", *value = "";
        dlx__proto_message entry = dlx__proto_child(&f);
        for (dlx__proto_field e = dlx__proto_fields(&entry); dlx__proto_next(&e);) {
            if (e.number == 1)
                key = dlx__proto_get_text(&e, &r->file->arena);
            else if (e.number == 2)
                value = dlx__proto_get_text(&e, &r->file->arena);
        }
        add_text(r, key, value);
        r->file->is_ours = r->file->is_ours || strncmp(key, "dlx.", 4) == 0;
    }
}

void dlx__mlpackage_read_description(dlx__mlpackage_reader *r)
{
    read_functions(r);
    check_functions(r);
    for (dlx__proto_field f = dlx__proto_fields(&r->description); dlx__proto_next(&f);) {
        if (f.number == 100) {
            dlx__proto_message metadata = dlx__proto_child(&f);
            read_metadata(r, &metadata);
        }
    }
}
