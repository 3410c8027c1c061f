/*
 * test_mlpackage_read.c - every check of a Core ML package, by one that is wrong in one place; its
 * manifest; packages in folders; no memory.
 */
#include "mlpackage_sample.h"

#include "base/base.h"
#include "failing_mem.h"

#include <stdio.h>
#include <sys/stat.h>

static const char *const fault_names[] = {"WELL",
#define NAME(fault, says) #fault,
                                          PACKAGE_FAULTS(NAME)
#undef NAME
};

static const char *const sentences[] = {"",
#define SAYS(fault, says) says,
                                        PACKAGE_FAULTS(SAYS)
#undef SAYS
};

static void a_good_package_is_told(void **state)
{
    (void)state;
    package p;
    dlx__mlpackage_file f;
    dlx_error err;
    package_build(&p, WELL);
    const dlx__mlpackage_parts parts = package_parts(&p);
    assert_ok(dlx__mlpackage_parse(&f, &parts, "p.mlpackage", NULL, &err), &err);
    assert_string_equal(f.kind, "mlProgram");
    assert_int_equal(f.specification, 9);
    assert_string_equal(f.default_function, "f");
    assert_int_equal(f.n_functions, 2);
    assert_string_equal(f.functions[1].name, "g");
    assert_int_equal(f.functions[1].states.n, 1);
    assert_int_equal(f.functions[0].n_operations, 6);
    assert_string_equal(f.functions[0].operations.items[0].name, "const");
    assert_int_equal(f.functions[0].operations.items[0].n, 3);
    assert_int_equal(f.n_records, 4);
    assert_int_equal(f.n_shared, 3);
    assert_int_equal(f.n_unused, 0);
    assert_string_equal(f.weights.items[0].name, "i4");
    assert_int_equal(f.weights.items[0].n_bytes, 2050);
    assert_int_equal(f.n_metadata, 2);
    assert_string_equal(f.metadata[0].key, "author");
    assert_string_equal(f.metadata[1].value, "5");
    dlx__mlpackage_close(&f);
    package_release(&p);
}

static void every_fault_is_named(void **state)
{
    (void)state;
    for (int fault = WELL + 1; fault < N_PACKAGE_FAULTS; fault++) {
        package p;
        dlx__mlpackage_file f;
        dlx_error err = {.text = ""};
        package_build(&p, (package_fault)fault);
        const dlx__mlpackage_parts parts = package_parts(&p);
        const dlx_result r = dlx__mlpackage_parse(&f, &parts, "p.mlpackage", NULL, &err);
        if (r != DLX_E_FORMAT || !strstr(err.text, sentences[fault]))
            fail_msg("%s: expected \"%s\", found %d: \"%s\"", fault_names[fault], sentences[fault],
                     (int)r, err.text);
        package_release(&p);
    }
}

/* Every beginning of a good package is refused, and no bit of it changed brings more than a
 * sentence. */
static void any_damage_is_a_sentence(void **state)
{
    (void)state;
    package p;
    package_build(&p, WELL);
    dlx__mlpackage_parts parts = package_parts(&p);
    uint8_t *bytes = (uint8_t *)(uintptr_t)parts.model;
    for (size_t n = 0; n < parts.n_model; n++) {
        dlx__mlpackage_file f;
        dlx_error err = {.text = ""};
        dlx__mlpackage_parts cut = parts;
        cut.n_model = n;
        assert_int_equal(dlx__mlpackage_parse(&f, &cut, "p.mlpackage", NULL, &err), DLX_E_FORMAT);
        assert_true(strlen(err.text) > 20);
        bytes[n] ^= (uint8_t)(1u << n % 8);
        if (dlx__mlpackage_parse(&f, &parts, "p.mlpackage", NULL, &err) == DLX_OK)
            dlx__mlpackage_close(&f);
        bytes[n] ^= (uint8_t)(1u << n % 8);
    }
    package_release(&p);
}

static void records_that_nobody_uses_are_counted(void **state)
{
    (void)state;
    package p;
    dlx__mlpackage_file f;
    dlx_error err;
    package_build(&p, WELL);
    p.weights[0] = 5; /* the last 64 bytes, of a record whose data would begin behind them */
    put_record(&p, 2816, 1, 64, 0);
    const dlx__mlpackage_parts parts = package_parts(&p);
    assert_ok(dlx__mlpackage_parse(&f, &parts, "p.mlpackage", NULL, &err), &err);
    assert_int_equal(f.n_records, 4);
    assert_int_equal(f.n_unused, 1);
    assert_int_equal(f.unused_bytes, 64);
    dlx__mlpackage_close(&f);
    package_release(&p);
}

/* ---- the manifest ---------------------------------------------------------------------------- */

#define ITEM(path)                                                                                 \
    "{\"path\": \"" path "\", \"name\": \"n\", \"author\": \"a\", \"description\": \"d\"}"
#define MANIFEST(version, root, items)                                                             \
    "{\"fileFormatVersion\": \"" version "\", \"rootModelIdentifier\": \"" root                    \
    "\", \"itemInfoEntries\": {" items "}}"

static void manifests_keep_their_rules(void **state)
{
    (void)state;
    const struct {
        const char *text, *says;
    } all[] = {
        {MANIFEST("1.0.0", "A", "\"A\": " ITEM("c/model.mlmodel") ", \"B\": " ITEM("c/weights")),
         NULL},
        {MANIFEST("0.9.12", "A", "\"A\": " ITEM("m")), "found \"0.9.12\""},
        {MANIFEST("0.0.0", "A", "\"A\": " ITEM("m")), NULL},
        {MANIFEST("2.0.0", "A", "\"A\": " ITEM("m")), "expected fileFormatVersion 1.0.0"},
        {MANIFEST("1.0.1", "A", "\"A\": " ITEM("m")), "expected fileFormatVersion 1.0.0"},
        {MANIFEST("1.0", "A", "\"A\": " ITEM("m")), "found \"1.0\""},
        {MANIFEST("1.0.x", "A", "\"A\": " ITEM("m")), "found \"1.0.x\""},
        {MANIFEST("1.0.0", "B", "\"A\": " ITEM("m")), "expected one of the 1 items as rootModelId"},
        {MANIFEST("1.0.0", "A", "\"A\": " ITEM("/etc/passwd")), "expected a path inside the packa"},
        {MANIFEST("1.0.0", "A", "\"A\": " ITEM("../../secret")), "expected a path inside the pack"},
        {MANIFEST("1.0.0", "A", "\"A\": " ITEM("a/../../b")), "expected a path inside the package"},
        {MANIFEST("1.0.0", "A", "\"A\": " ITEM("a//b")), "expected a path inside the package"},
        {MANIFEST("1.0.0", "A", "\"A\": " ITEM("C:/b")), "expected a path inside the package"},
        {MANIFEST("1.0.0", "A", "\"A\": " ITEM("")), "expected a path inside the package"},
        {MANIFEST("1.0.0", "A", "\"A\": {\"path\": \"m\"}"), "name"},
        {MANIFEST("1.0.0", "A", "\"A\": 7"), "the item A is no object"},
        {MANIFEST("1.0.0", "A", "\"A\": " ITEM("m") ", \"A\": " ITEM("n")), "A"},
        {"{\"fileFormatVersion\": \"1.0.0\", \"itemInfoEntries\": {}}", "rootModelIdentifier"},
        {"{\"fileFormatVersion\": \"1.0.0\", \"rootModelIdentifier\": \"A\"}", "itemInfoEntries"},
        {"[]", "expected an object"},
        {"{", "Manifest.json"},
    };
    for (size_t i = 0; i < DLX__LEN(all); i++) {
        dlx__mlpackage_file f = {.n_items = 0};
        dlx_error err = {.text = ""};
        dlx__arena_init(&f.arena, NULL);
        const dlx_result r =
            dlx__mlpackage_manifest(&f, all[i].text, strlen(all[i].text), "Manifest.json", &err);
        if (all[i].says ? r == DLX_OK || !strstr(err.text, all[i].says) : r != DLX_OK)
            fail_msg("%s: found %d: %s", all[i].text, (int)r, err.text);
        dlx__arena_release(&f.arena);
    }
}

/* ---- folders --------------------------------------------------------------------------------- */

static void put_file(const char *root, const char *path, const void *bytes, size_t n)
{
    char full[4096];
    snprintf(full, sizeof full, "%s/%s", root, path);
    FILE *file = fopen(full, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    assert_int_equal(fclose(file), 0);
}

static void put_folder(const char *root, const char *path)
{
    char full[4096];
    snprintf(full, sizeof full, "%s/%s", root, path);
    (void)mkdir(full, 0777);
}

static void packages_are_folders(void **state)
{
    (void)state;
    static const char manifest[] =
        MANIFEST("1.0.0", "A", "\"A\": " ITEM("c/model.mlmodel") ", \"B\": " ITEM("c/weights"));
    char root[2048];
    package p;
    dlx__mlpackage_file f;
    dlx_error err;
    snprintf(root, sizeof root, "%s/read.mlpackage", DLX_TMP_DIR);
    package_build(&p, WELL);
    const dlx__mlpackage_parts parts = package_parts(&p);
    put_folder(root, "");
    put_folder(root, "Data");
    put_folder(root, "Data/c");
    put_folder(root, "Data/c/weights");
    put_file(root, "Manifest.json", manifest, sizeof manifest - 1);
    put_file(root, "Data/c/model.mlmodel", parts.model, parts.n_model);
    put_file(root, "Data/c/weights/weight.bin", parts.weights, parts.n_weights);
    assert_true(dlx__mlpackage_looks_like(root));
    assert_ok(dlx__mlpackage_open(&f, root, NULL, &err), &err);
    assert_int_equal(f.n_items, 2);
    assert_int_equal(f.items[0].n_bytes, parts.n_model);
    assert_int_equal(f.weights_bytes, S_BYTES);
    dlx__mlpackage_close(&f);

    char part[4096];
    snprintf(part, sizeof part, "%s/Data/c/weights/weight.bin", root);
    assert_int_equal(remove(part), 0);
    assert_int_equal(dlx__mlpackage_open(&f, root, NULL, &err), DLX_E_FORMAT);
    assert_says(&err, "expected weights/weight.bin beside the model, found none");
    assert_says(&err, "Data/c/model.mlmodel");
    snprintf(part, sizeof part, "%s/Data/c/model.mlmodel", root);
    assert_int_equal(remove(part), 0);
    assert_int_equal(dlx__mlpackage_open(&f, root, NULL, &err), DLX_E_FORMAT);
    assert_says(&err, "the manifest names c/model.mlmodel, which is not there");
    snprintf(part, sizeof part, "%s/Manifest.json", root);
    assert_int_equal(remove(part), 0);
    assert_false(dlx__mlpackage_looks_like(root));
    assert_int_equal(dlx__mlpackage_open(&f, root, NULL, &err), DLX_E_FORMAT);
    assert_says(&err, "a folder with Manifest.json in it");
    package_release(&p);
}

static void memory_may_end_anywhere(void **state)
{
    (void)state;
    package p;
    package_build(&p, WELL);
    const dlx__mlpackage_parts parts = package_parts(&p);
    failing_mem m;
    for (size_t fail_at = 1;; fail_at++) {
        dlx__mlpackage_file f;
        dlx_error err = {.text = ""};
        failing_mem_init(&m, fail_at);
        const dlx_result r = dlx__mlpackage_parse(&f, &parts, "p.mlpackage", &m.mem, &err);
        if (r == DLX_OK)
            dlx__mlpackage_close(&f);
        assert_int_equal(m.n_alive, 0);
        if (r == DLX_OK)
            break;
        assert_int_equal(r, DLX_E_NOMEM);
        assert_says(&err, "out of memory");
    }
    package_release(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_package_is_told),
        cmocka_unit_test(every_fault_is_named),
        cmocka_unit_test(any_damage_is_a_sentence),
        cmocka_unit_test(records_that_nobody_uses_are_counted),
        cmocka_unit_test(manifests_keep_their_rules),
        cmocka_unit_test(packages_are_folders),
        cmocka_unit_test(memory_may_end_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
