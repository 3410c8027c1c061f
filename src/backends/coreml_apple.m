/*
 * coreml_apple.m - opens a Core ML package, for systems of Apple. The functions, their inputs and
 * outputs are those of export/ml_lower.h. Nobody has run this on a device yet: docs/phones.md tells
 * what was tried.
 */
#import "backends/coreml_apple.h"

#include "backends/program_calls.h"
#include "base/fail.h"
#include "base/mem.h"

#include <string.h>

@implementation DLXFunction
@end

@implementation DLXPackage
@end

dlx_result dlx__coreml_fail(dlx_error *err, const char *path, const char *what, NSError *error)
{
    return dlx__fail(err, DLX_E_UNSUPPORTED, "%s: Core ML cannot %s: %s", path, what,
                     error ? error.localizedDescription.UTF8String : "no reason was given");
}

/* ---- arrays -------------------------------------------------------------------------------- */

MLMultiArray *dlx__coreml_array(NSArray<NSNumber *> *shape, MLMultiArrayDataType type)
{
    MLMultiArray *a = [[MLMultiArray alloc] initWithShape:shape dataType:type error:NULL];
    if (a)
        memset(a.dataPointer, 0, (size_t)a.count * (type == MLMultiArrayDataTypeFloat16 ? 2 : 4));
    return a;
}

NSArray<NSNumber *> *dlx__coreml_shape(MLModel *model, NSString *input)
{
    return model.modelDescription.inputDescriptionsByName[input].multiArrayConstraint.shape;
}

/* ---- loading ------------------------------------------------------------------------------- */

static MLComputeUnits units_of(NSString *name)
{
    if ([name isEqualToString:@"cpu-only"])
        return MLComputeUnitsCPUOnly;
    if ([name isEqualToString:@"cpu-and-gpu"])
        return MLComputeUnitsCPUAndGPU;
    if ([name isEqualToString:@"cpu-and-ne"])
        return MLComputeUnitsCPUAndNeuralEngine;
    return MLComputeUnitsAll;
}

static MLModel *load_function(NSURL *url, NSString *name, MLComputeUnits units, NSError **error)
{
    MLModelConfiguration *c = [[MLModelConfiguration alloc] init];
    c.computeUnits = units;
    c.functionName = name;
    return [MLModel modelWithContentsOfURL:url configuration:c error:error];
}

static DLXFunction *function_of(MLModel *model)
{
    DLXFunction *f = [[DLXFunction alloc] init];
    f.model = model;
    f.rows = dlx__coreml_shape(model, @"input_ids")[1].unsignedLongValue;
    f.width = dlx__coreml_shape(model, @"mask")[3].unsignedLongValue;
    f.headRows = dlx__coreml_shape(model, @"head_rows")
                     ? dlx__coreml_shape(model, @"head_rows")[0].unsignedLongValue
                     : 0;
    return f;
}

/* The head is small: it is loaded first, for what the package says of itself. */
static dlx_result load_functions(DLXPackage *p, NSURL *url, const char *path, dlx_error *err)
{
    NSError *error = nil;
    p.logits = load_function(url, @"logits", MLComputeUnitsCPUOnly, &error);
    if (!p.logits)
        return dlx__coreml_fail(err, path, "load the function logits", error);
    p.facts = p.logits.modelDescription.metadata[MLModelCreatorDefinedKey];
    NSString *names = p.facts[@"dlx.functions"];
    if (!names)
        return dlx__fail(err, DLX_E_FORMAT,
                         "%s: expected a package that dlx export wrote, found another one", path);
    const MLComputeUnits units = units_of(p.facts[@"dlx.compute_unit"]);
    for (NSString *name in [names componentsSeparatedByString:@","]) {
        MLModel *model = load_function(url, name, units, &error);
        if (!model)
            return dlx__coreml_fail(err, path, "load a function", error);
        if ([name isEqualToString:@"logits"])
            p.logits = model;
        else
            [p.functions addObject:function_of(model)];
    }
    [p.functions sortUsingComparator:^NSComparisonResult(DLXFunction *x, DLXFunction *y) {
      return x.rows < y.rows ? NSOrderedAscending : x.rows > y.rows;
    }];
    return p.functions.count ? DLX_OK
                             : dlx__fail(err, DLX_E_FORMAT, "%s: no function denoise", path);
}

static dlx_result allocate(dlx__backend *b, dlx_error *err)
{
    DLXPackage *p = dlx__coreml_package(b);
    MLModel *first = p.functions[0].model;
    for (int s = 0; s < b->opts.n_streams; s++) {
        NSMutableDictionary *kept = [NSMutableDictionary dictionary];
        for (NSString *name in first.modelDescription.inputDescriptionsByName)
            if ([name hasPrefix:@"past_"]) {
                kept[name] =
                    dlx__coreml_array(dlx__coreml_shape(first, name), MLMultiArrayDataTypeFloat16);
                if (!kept[name])
                    return dlx__fail_memory(err, "keeping K and V", b->n_ctx);
            }
        [p.kept addObject:kept];
        if (b->has_states)
            [p.states addObject:[first newState]];
    }
    b->logits = dlx__alloc(b->opts.mem, dlx__mul(2 * sizeof(float), b->model->graph.n_vocab));
    return b->logits ? DLX_OK : dlx__fail_memory(err, "keeping logits", b->model->graph.n_vocab);
}

static dlx_result open_package(dlx__backend *b, dlx_error *err)
{
    const char *path = b->opts.path;
    NSError *error = nil;
    DLXPackage *p = [[DLXPackage alloc] init];
    p.functions = [NSMutableArray array];
    p.kept = [NSMutableArray array];
    p.states = [NSMutableArray array];
    b->package = CFBridgingRetain(p);
    NSURL *url = [MLModel compileModelAtURL:[NSURL fileURLWithPath:@(path)] error:&error];
    if (!url)
        return dlx__coreml_fail(err, path, "compile the package", error);
    DLX__TRY(load_functions(p, url, path, err));
    b->n_ctx = (size_t)p.facts[@"dlx.n_ctx"].longLongValue;
    b->n_ids = (size_t)p.facts[@"dlx.n_ids"].longLongValue;
    b->never_id = p.facts[@"dlx.never_id"] ? p.facts[@"dlx.never_id"].longLongValue : -1;
    b->has_states = [p.facts[@"dlx.cache"] isEqualToString:@"state"];
    if (b->opts.n_ctx > b->n_ctx)
        return dlx__fail(err, DLX_E_ARG,
                         "%s: expected a context of at most %zu positions, for which the package "
                         "was exported, found %zu: give a smaller one, or export it again",
                         path, b->n_ctx, b->opts.n_ctx);
    return allocate(b, err);
}

dlx_result dlx__coreml_probe(dlx_error *err)
{
    if (@available(macOS 15, iOS 18, *))
        return DLX_OK;
    return dlx__fail(err, DLX_E_UNSUPPORTED,
                     "Core ML packages of dlx need macOS 15 or iOS 18, found an older system");
}

dlx_result dlx__coreml_load(dlx__backend **out, const dlx__model *m, const dlx__backend_opts *o,
                            dlx_error *err)
{
    *out = NULL;
    DLX__TRY(dlx__coreml_probe(err));
    DLX__TRY(dlx__program_check_opts(m, o, "coreml",
                                     "the backend coreml runs packages: write one with dlx export "
                                     "--backend coreml, and name it",
                                     err));
    dlx__backend *b = dlx__alloc_zero(o->mem, 1, sizeof *b);
    if (!b)
        return dlx__fail_memory(err, "opening a package", sizeof *b);
    b->model = m;
    b->opts = *o;
    b->kernels = dlx__row_stat_kernels();
    dlx_result r;
    @autoreleasepool {
        r = open_package(b, err);
    }
    if (r == DLX_OK)
        *out = b;
    else
        dlx__coreml_close(b);
    return r;
}

void dlx__coreml_close(dlx__backend *b)
{
    for (int s = 0; s < DLX__COREML_STREAMS; s++) {
        dlx__free(b->opts.mem, b->passes[s].hidden);
        dlx__free(b->opts.mem, b->passes[s].stats);
    }
    dlx__free(b->opts.mem, b->logits);
    if (b->package)
        CFRelease(b->package);
    dlx__free(b->opts.mem, b);
}
