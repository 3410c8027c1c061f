/*
 * fuzz_qnn_manifest.c - any bytes as the manifest of a folder of qnn. What is accepted names files
 * of the folder alone, and shapes that memory can hold.
 */
// rooms: export
// parser: (export/onnx_directory|format/json_list)
#include "export/onnx_directory.h"
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static void check(bool sound)
{
    if (!sound)
        abort();
}

static void check_file(const char name[DLX__ONNX_NAME])
{
    check(memchr(name, 0, DLX__ONNX_NAME) && *name && *name != '.' && !strpbrk(name, "/\\:"));
}

static void check_ports(const dlx__onnx_port *ports, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t elems = 1;
        check(ports[i].n_dims >= 1 && ports[i].n_dims <= DLX__ONNX_MAX_DIMS);
        for (int k = 0; k < ports[i].n_dims; k++)
            elems = dlx__mul(elems, ports[i].dims[k]);
        check(elems > 0 && elems <= SIZE_MAX / 8);
        check(memchr(ports[i].name, 0, DLX__ONNX_NAME) && dlx__onnx_type_name(ports[i].type));
    }
}

static void check_entry(const dlx__onnx_directory *d, const dlx__onnx_entry *e)
{
    check(dlx__onnx_directory_find(d, e->name) == e);
    check_file(e->file);
    check(e->n_past == 0 || e->n_past == d->n_ctx);
    check_ports(e->inputs, e->n_inputs);
    check_ports(e->outputs, e->n_outputs);
    for (size_t i = 0; i < e->n_contexts; i++)
        check_file(e->contexts[i].file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    dlx__onnx_directory d;
    dlx_error err = {.text = ""};
    if (dlx__onnx_directory_parse(&d, (const char *)data, n, "input", NULL, &err) != DLX_OK) {
        check(err.text[0] != '\0');
        return 0;
    }
    check_file(d.weights);
    check_file(d.model);
    for (size_t i = 0; i < d.n_entries; i++)
        check_entry(&d, &d.entries[i]);
    dlx__onnx_directory_release(&d);
    return 0;
}
