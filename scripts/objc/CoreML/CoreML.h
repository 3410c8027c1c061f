/* CoreML.h - the part of Core ML that coreml_apple.m uses. */
#ifndef OBJC_COREML_H
#define OBJC_COREML_H

#import <Foundation/Foundation.h>

#include <Availability.h>

#pragma clang assume_nonnull begin

typedef NS_ENUM(NSInteger, MLComputeUnits){
    MLComputeUnitsCPUOnly = 0,
    MLComputeUnitsCPUAndGPU = 1,
    MLComputeUnitsAll = 2,
    MLComputeUnitsCPUAndNeuralEngine API_AVAILABLE(macos(13.0), ios(16.0)) = 3,
};

typedef NS_ENUM(NSInteger, MLMultiArrayDataType){
    MLMultiArrayDataTypeDouble = 0x10000 | 64,
    MLMultiArrayDataTypeFloat32 = 0x10000 | 32,
    MLMultiArrayDataTypeFloat16 API_AVAILABLE(macos(12.0), ios(16.0)) = 0x10000 | 16,
    MLMultiArrayDataTypeInt32 = 0x20000 | 32,
};

@interface MLMultiArray : NSObject
@property(readonly, nonatomic) MLMultiArrayDataType dataType;
@property(readonly, nonatomic) NSArray<NSNumber *> *shape;
@property(readonly, nonatomic) NSArray<NSNumber *> *strides;
- (nullable instancetype)initWithDataPointer:(void *)data
                                       shape:(NSArray<NSNumber *> *)shape
                                    dataType:(MLMultiArrayDataType)type
                                     strides:(NSArray<NSNumber *> *)strides
                                 deallocator:(void (^_Nullable)(void *bytes))deallocator
                                       error:(NSError *_Nullable *_Nullable)error;
- (void)getBytesWithHandler:(void(NS_NOESCAPE ^)(const void *bytes, NSInteger size))handler
    API_AVAILABLE(macos(12.3), ios(15.4));
@end

@interface MLFeatureValue : NSObject
@property(readonly, nonatomic, nullable) MLMultiArray *multiArrayValue;
@end

@protocol MLFeatureProvider
- (nullable MLFeatureValue *)featureValueForName:(NSString *)name;
@end

@interface MLDictionaryFeatureProvider : NSObject <MLFeatureProvider>
- (nullable instancetype)initWithDictionary:(NSDictionary<NSString *, id> *)dictionary
                                      error:(NSError *_Nullable *_Nullable)error;
@end

@interface MLMultiArrayConstraint : NSObject
@property(readonly, nonatomic) NSArray<NSNumber *> *shape;
@property(readonly, nonatomic) MLMultiArrayDataType dataType;
@end

#ifdef __MAC_15_0
API_AVAILABLE(macos(15.0), ios(18.0))
@interface MLStateConstraint : NSObject
@property(readonly, nonatomic) NSArray<NSNumber *> *bufferShape;
@property(readonly, nonatomic) MLMultiArrayDataType dataType;
@end

API_AVAILABLE(macos(15.0), ios(18.0))
@interface MLState : NSObject
@end
#endif

@interface MLFeatureDescription : NSObject
@property(readonly, nullable, nonatomic) MLMultiArrayConstraint *multiArrayConstraint;
#ifdef __MAC_15_0
@property(readonly, nullable, nonatomic)
    MLStateConstraint *stateConstraint API_AVAILABLE(macos(15.0), ios(18.0));
#endif
@end

typedef NSString *MLModelMetadataKey;
extern MLModelMetadataKey const MLModelCreatorDefinedKey;

@interface MLModelDescription : NSObject
@property(readonly, nonatomic)
    NSDictionary<NSString *, MLFeatureDescription *> *inputDescriptionsByName;
@property(readonly, nonatomic)
    NSDictionary<NSString *, MLFeatureDescription *> *outputDescriptionsByName;
#ifdef __MAC_15_0
@property(readonly, nonatomic) NSDictionary<NSString *, MLFeatureDescription *>
    *stateDescriptionsByName API_AVAILABLE(macos(15.0), ios(18.0));
#endif
@property(readonly, nonatomic) NSDictionary<MLModelMetadataKey, id> *metadata;
@end

@interface MLModelConfiguration : NSObject
@property(readwrite) MLComputeUnits computeUnits;
#ifdef __MAC_15_0
@property(readwrite, nullable, copy) NSString *functionName API_AVAILABLE(macos(15.0), ios(18.0));
#endif
@end

@interface MLModel : NSObject
@property(readonly, nonatomic) MLModelDescription *modelDescription;
+ (nullable instancetype)modelWithContentsOfURL:(NSURL *)url
                                  configuration:(MLModelConfiguration *)configuration
                                          error:(NSError *_Nullable *_Nullable)error;
+ (nullable NSURL *)compileModelAtURL:(NSURL *)url error:(NSError *_Nullable *_Nullable)error;
- (nullable id<MLFeatureProvider>)predictionFromFeatures:(id<MLFeatureProvider>)features
                                                   error:(NSError *_Nullable *_Nullable)error;
#ifdef __MAC_15_0
- (MLState *)newState API_AVAILABLE(macos(15.0), ios(18.0));
- (nullable id<MLFeatureProvider>)predictionFromFeatures:(id<MLFeatureProvider>)features
                                              usingState:(MLState *)state
                                                   error:(NSError *_Nullable *_Nullable)error
    API_AVAILABLE(macos(15.0), ios(18.0));
#endif
@end

#pragma clang assume_nonnull end

#endif
