/*
 * coreml_apple.m - Core ML as the runtime of coreml_runtime.h, for systems of Apple. All that can
 * be decided without it is decided in C, by the other files of this folder. Nobody has run this on
 * a device yet: docs/phones.md tells what was tried, scripts/check-objc holds it to our
 * declarations of what it uses.
 */
#import <CoreML/CoreML.h>
#import <Foundation/Foundation.h>

#include <Availability.h>

#include "backends/coreml/coreml_runtime.h"
#include "base/fail.h"

#include <string.h>

#ifdef __MAC_15_0 /* the SDK of Xcode 16, which names functions and states */

#define SYSTEM API_AVAILABLE(macos(15.0), ios(18.0))

/* Compiled packages are files in a temporary folder: they go with the object. */
SYSTEM
@interface DLXPackage : NSObject
@property(nonatomic, copy, nonnull) NSURL *compiled;
@property(nonatomic, copy, nullable) NSDictionary<NSString *, NSString *> *facts;
@end

@implementation DLXPackage
- (void)dealloc
{
    [NSFileManager.defaultManager removeItemAtURL:_compiled error:NULL];
}
@end

static dlx_result fail(dlx_error *err, const char *what, NSError *error)
{
    const char *why = error.localizedDescription.UTF8String;
    return dlx__fail(err, DLX_E_UNSUPPORTED, "Core ML cannot %s: %s", what,
                     why ? why : "no reason was given");
}

/* Of names in ASCII. */
static NSString *text_of(const char *name)
{
    NSString *text = [NSString stringWithUTF8String:name];
    return text ? text : @"";
}

/* ---- packages ------------------------------------------------------------------------------ */

static MLComputeUnits units_of(const char *name)
{
    if (strcmp(name, "cpu-only") == 0)
        return MLComputeUnitsCPUOnly;
    if (strcmp(name, "cpu-and-gpu") == 0)
        return MLComputeUnitsCPUAndGPU;
    if (strcmp(name, "cpu-and-ne") == 0)
        return MLComputeUnitsCPUAndNeuralEngine;
    return MLComputeUnitsAll;
}

static SYSTEM MLModel *model_of(DLXPackage *p, const char *name, const char *unit, NSError **error)
{
    MLModelConfiguration *c = [[MLModelConfiguration alloc] init];
    c.computeUnits = units_of(unit);
    c.functionName = text_of(name);
    return [MLModel modelWithContentsOfURL:p.compiled configuration:c error:error];
}

/* The head is small: it is loaded for what the package says of itself. */
static SYSTEM dlx_result read_facts(DLXPackage *p, dlx_error *err)
{
    NSError *error = nil;
    MLModel *head = model_of(p, "logits", "cpu-only", &error);
    if (!head)
        return fail(err, "load the function logits", error);
    id facts = head.modelDescription.metadata[MLModelCreatorDefinedKey];
    if ([facts isKindOfClass:[NSDictionary class]])
        p.facts = facts;
    return DLX_OK;
}

static SYSTEM dlx_result open_package(void **package, const char *path, dlx_error *err)
{
    @autoreleasepool {
        NSError *error = nil;
        NSString *text = [NSString stringWithUTF8String:path];
        if (!text)
            return dlx__fail(err, DLX_E_ARG, "expected a path in UTF-8, found another one");
        NSURL *url = [MLModel compileModelAtURL:[NSURL fileURLWithPath:text] error:&error];
        if (!url)
            return fail(err, "compile the package", error);
        DLXPackage *p = [[DLXPackage alloc] init];
        p.compiled = url;
        DLX__TRY(read_facts(p, err));
        *package = (__bridge_retained void *)p;
        return DLX_OK;
    }
}

/* Gives up a handle, and with it the object. */
static void release(void *handle)
{
    @autoreleasepool {
        (void)(__bridge_transfer id)handle;
    }
}

static SYSTEM bool fact(void *package, const char *key, char *to, size_t n)
{
    @autoreleasepool {
        DLXPackage *p = (__bridge DLXPackage *)package;
        id value = p.facts[text_of(key)];
        const char *text = [value isKindOfClass:[NSString class]] ? [value UTF8String] : NULL;
        if (!text || strlen(text) >= n)
            return false;
        memcpy(to, text, strlen(text) + 1);
        return true;
    }
}

/* ---- functions ----------------------------------------------------------------------------- */

static SYSTEM dlx_result load(void **function, void *package, const char *name, const char *unit,
                              dlx_error *err)
{
    @autoreleasepool {
        NSError *error = nil;
        MLModel *model = model_of((__bridge DLXPackage *)package, name, unit, &error);
        if (!model)
            return fail(err, "load a function", error);
        *function = (__bridge_retained void *)model;
        return DLX_OK;
    }
}

static dlx__coreml_type type_of(MLMultiArrayDataType type)
{
    if (type == MLMultiArrayDataTypeFloat16)
        return DLX__COREML_HALF;
    if (type == MLMultiArrayDataTypeFloat32)
        return DLX__COREML_FLOAT;
    return type == MLMultiArrayDataTypeInt32 ? DLX__COREML_INT32 : DLX__COREML_OTHER;
}

/* The first DLX__COREML_DIMS of them; returns how many there are. */
static int sizes_of(size_t *to, NSArray<NSNumber *> *sizes)
{
    for (NSUInteger i = 0; i < sizes.count && i < DLX__COREML_DIMS; i++)
        to[i] = sizes[i].unsignedLongValue;
    return (int)sizes.count;
}

/* A name that is too long is nobody's; what is no array has the type OTHER. */
static SYSTEM void describe(dlx__coreml_port *to, NSString *name, MLFeatureDescription *of,
                            dlx__coreml_side side)
{
    const char *text = name.UTF8String;
    MLMultiArrayConstraint *array = of.multiArrayConstraint;
    MLStateConstraint *state = of.stateConstraint;
    *to = (dlx__coreml_port){.side = side, .type = DLX__COREML_OTHER};
    if (text && strlen(text) < sizeof to->name)
        memcpy(to->name, text, strlen(text) + 1);
    if (side == DLX__COREML_STATE && state) {
        to->type = type_of(state.dataType);
        to->n_dims = sizes_of(to->dims, state.bufferShape);
    } else if (array) {
        to->type = type_of(array.dataType);
        to->n_dims = sizes_of(to->dims, array.shape);
    }
}

static SYSTEM size_t ports(void *function, dlx__coreml_port *to, size_t n)
{
    @autoreleasepool {
        MLModelDescription *d = ((__bridge MLModel *)function).modelDescription;
        NSArray<NSDictionary<NSString *, MLFeatureDescription *> *> *sides =
            @[ d.inputDescriptionsByName, d.outputDescriptionsByName, d.stateDescriptionsByName ];
        size_t found = 0;
        for (int side = DLX__COREML_INPUT; side <= DLX__COREML_STATE; side++) {
            NSDictionary<NSString *, MLFeatureDescription *> *features = sides[(NSUInteger)side];
            for (NSString *name in features) {
                MLFeatureDescription *of = features[name];
                if (found < n && of)
                    describe(&to[found], name, of, (dlx__coreml_side)side);
                found++;
            }
        }
        return found;
    }
}

static SYSTEM void *new_state(void *function)
{
    @autoreleasepool {
        return (__bridge_retained void *)[(__bridge MLModel *)function newState];
    }
}

/* ---- a call -------------------------------------------------------------------------------- */

static MLMultiArrayDataType apples_type(dlx__coreml_type type)
{
    if (type == DLX__COREML_HALF)
        return MLMultiArrayDataTypeFloat16;
    return type == DLX__COREML_FLOAT ? MLMultiArrayDataTypeFloat32 : MLMultiArrayDataTypeInt32;
}

/* The caller's memory, lent for the call. */
static MLMultiArray *lend(const dlx__coreml_array *a, NSError **error)
{
    NSMutableArray<NSNumber *> *shape = [NSMutableArray array];
    NSMutableArray<NSNumber *> *strides = [NSMutableArray array];
    size_t step = 1;
    for (int i = a->port->n_dims - 1; i >= 0; i--) {
        [shape insertObject:@(a->port->dims[i]) atIndex:0];
        [strides insertObject:@(step) atIndex:0];
        step *= a->port->dims[i];
    }
    return [[MLMultiArray alloc] initWithDataPointer:a->data
                                               shape:shape
                                            dataType:apples_type(a->port->type)
                                             strides:strides
                                         deallocator:nil
                                               error:error];
}

static dlx_result take(const dlx__coreml_array *to, MLMultiArray *a, dlx_error *err)
{
    __block dlx_result r = DLX_E_UNSUPPORTED;
    dlx__coreml_result from = {.port.type = type_of(a.dataType)};
    from.port.n_dims = sizes_of(from.port.dims, a.shape);
    if (sizes_of(from.strides, a.strides) != from.port.n_dims)
        return dlx__fail(err, DLX_E_MISMATCH, "Core ML gives %s without its strides",
                         to->port->name);
    const dlx__coreml_result *layout = &from;
    [a getBytesWithHandler:^(const void *bytes, NSInteger size) {
      dlx__coreml_result whole = *layout;
      whole.data = bytes;
      whole.n_bytes = size > 0 ? (size_t)size : 0;
      r = dlx__coreml_take(to, &whole, err);
    }];
    return r;
}

static SYSTEM dlx_result predict(MLModel *model, MLState *state, const dlx__coreml_array *in,
                                 size_t n_in, const dlx__coreml_array *out, size_t n_out,
                                 dlx_error *err)
{
    NSError *error = nil;
    NSMutableDictionary<NSString *, id> *inputs = [NSMutableDictionary dictionary];
    for (size_t i = 0; i < n_in; i++) {
        MLMultiArray *a = lend(&in[i], &error);
        if (!a)
            return fail(err, "take an input", error);
        inputs[text_of(in[i].port->name)] = a;
    }
    MLDictionaryFeatureProvider *features =
        [[MLDictionaryFeatureProvider alloc] initWithDictionary:inputs error:&error];
    if (!features)
        return fail(err, "take the inputs", error);
    id<MLFeatureProvider> given = state ? [model predictionFromFeatures:features
                                                             usingState:state
                                                                  error:&error]
                                        : [model predictionFromFeatures:features error:&error];
    if (!given)
        return fail(err, "run a function", error);
    for (size_t i = 0; i < n_out; i++) {
        MLMultiArray *a = [given featureValueForName:text_of(out[i].port->name)].multiArrayValue;
        if (!a)
            return dlx__fail(err, DLX_E_MISMATCH, "Core ML gives no %s", out[i].port->name);
        if (out[i].data)
            DLX__TRY(take(&out[i], a, err));
    }
    return DLX_OK;
}

static SYSTEM dlx_result run(void *function, void *state, const dlx__coreml_array *in, size_t n_in,
                             const dlx__coreml_array *out, size_t n_out, dlx_error *err)
{
    @autoreleasepool {
        return predict((__bridge MLModel *)function, (__bridge MLState *)state, in, n_in, out,
                       n_out, err);
    }
}

dlx_result dlx__coreml_runtime_find(const dlx__coreml_runtime **out, dlx_error *err)
{
    *out = NULL;
    if (@available(macOS 15, iOS 18, *)) {
        static const dlx__coreml_runtime apple = {.open = open_package,
                                                  .close = release,
                                                  .fact = fact,
                                                  .load = load,
                                                  .unload = release,
                                                  .ports = ports,
                                                  .new_state = new_state,
                                                  .drop_state = release,
                                                  .run = run};
        *out = &apple;
        return DLX_OK;
    }
    return dlx__fail(err, DLX_E_UNSUPPORTED,
                     "Core ML packages of dlx need macOS 15 or iOS 18, found an older system");
}

#else

dlx_result dlx__coreml_runtime_find(const dlx__coreml_runtime **out, dlx_error *err)
{
    *out = NULL;
    return dlx__fail(err, DLX_E_UNSUPPORTED,
                     "writes Core ML packages, and runs none here: this dlx was built with an SDK "
                     "older than macOS 15's; build it with Xcode 16 or newer");
}

#endif
