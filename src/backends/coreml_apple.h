/*
 * coreml_apple.h - what the files that run Core ML packages share: coreml_apple.m opens them,
 * coreml_apple_pass.m computes. For systems of Apple alone.
 */
#ifndef DLX__COREML_APPLE_H
#define DLX__COREML_APPLE_H

#import <CoreML/CoreML.h>
#import <Foundation/Foundation.h>

#include "backends/coreml.h"
#include "backends/row_stat.h"

enum { DLX__COREML_STREAMS = 2 };

/* A function that takes rows. */
@interface DLXFunction : NSObject
@property(nonatomic, strong) MLModel *model;
@property(nonatomic) size_t rows, width, headRows; /* T; columns of the mask; R, 0: no head */
@end

@interface DLXPackage : NSObject
@property(nonatomic, strong) NSMutableArray<DLXFunction *> *functions; /* the fewest rows first */
@property(nonatomic, strong) MLModel *logits;
@property(nonatomic, strong) NSDictionary<NSString *, NSString *> *facts;
@property(nonatomic, strong) NSMutableArray<NSMutableDictionary *> *kept; /* of each stream */
@property(nonatomic, strong) NSMutableArray *states;                      /* likewise */
@end

/* What the last pass of a stream left. */
typedef struct pass {
    size_t n, capacity;
    uint16_t *hidden;     /* [capacity, n_embd] of the final norm, fp16 */
    dlx__row_stat *stats; /* [capacity] what rows chose; logit NaN: nobody asked */
} pass;

struct dlx__backend {
    const dlx__model *model;
    dlx__backend_opts opts;
    const struct dlx__kernels *kernels;
    CFTypeRef package; /* a DLXPackage, which lives as long as this */
    size_t n_ctx, n_ids;
    int64_t never_id;
    bool has_states;
    pass passes[DLX__COREML_STREAMS];
    float *logits; /* [2, n_vocab] of a row, of both streams */
};

static inline DLXPackage *dlx__coreml_package(const dlx__backend *b)
{
    return (__bridge DLXPackage *)b->package;
}

/* Zeros of fp16 or int32; nil: no memory. */
MLMultiArray *dlx__coreml_array(NSArray<NSNumber *> *shape, MLMultiArrayDataType type);

/* Of an input; nil: the function has none of the name. */
NSArray<NSNumber *> *dlx__coreml_shape(MLModel *model, NSString *input);

/* "Core ML cannot run a pass", with its reason. */
dlx_result dlx__coreml_fail(dlx_error *err, const char *path, const char *what, NSError *error);

#endif
