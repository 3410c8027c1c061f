/* Foundation.h - the part of Foundation that coreml_apple.m uses. */
#ifndef OBJC_FOUNDATION_H
#define OBJC_FOUNDATION_H

#include <stddef.h>

/* API_AVAILABLE(macos(15.0), ios(18.0)) */
#define FIRST_macos(version) __attribute__((availability(macos, introduced = version)))
#define FIRST_ios(version) __attribute__((availability(ios, introduced = version)))
#define API_AVAILABLE(a, b) FIRST_##a FIRST_##b

#define NS_NOESCAPE __attribute__((noescape))
#define NS_ENUM(type, name) enum name : type name; enum name : type

typedef long NSInteger;
typedef unsigned long NSUInteger;
typedef signed char BOOL;
#define nil ((id)0)

typedef struct {
    unsigned long state;
    id __unsafe_unretained *itemsPtr;
    unsigned long *mutationsPtr;
    unsigned long extra[5];
} NSFastEnumerationState;

#pragma clang assume_nonnull begin

@protocol NSObject
- (BOOL)isKindOfClass:(Class)class;
@end

@protocol NSCopying
@end

@protocol NSFastEnumeration
- (NSUInteger)countByEnumeratingWithState:(NSFastEnumerationState *)state
                                  objects:(id __unsafe_unretained _Nullable [_Nonnull])buffer
                                    count:(NSUInteger)n;
@end

__attribute__((objc_root_class))
@interface NSObject <NSObject>
+ (instancetype)alloc;
+ (Class)class;
- (instancetype)init;
- (void)dealloc;
@end

@interface NSString : NSObject <NSCopying>
+ (nullable instancetype)stringWithUTF8String:(const char *)text;
@property(readonly, nullable) const char *UTF8String;
@end

@interface NSNumber : NSObject <NSCopying>
+ (NSNumber *)numberWithUnsignedLong:(unsigned long)x;
@property(readonly) NSUInteger unsignedLongValue;
@end

@interface NSArray <__covariant T> : NSObject <NSFastEnumeration>
+ (instancetype)array;
+ (instancetype)arrayWithObjects:(const T _Nonnull [_Nullable])objects count:(NSUInteger)n;
@property(readonly) NSUInteger count;
- (T)objectAtIndexedSubscript:(NSUInteger)i;
@end

@interface NSMutableArray <T> : NSArray <T>
- (void)insertObject:(T)object atIndex:(NSUInteger)i;
@end

@interface NSDictionary <__covariant K, __covariant T> : NSObject <NSCopying, NSFastEnumeration>
+ (instancetype)dictionary;
- (nullable T)objectForKeyedSubscript:(K)key;
@end

@interface NSMutableDictionary <K, T> : NSDictionary <K, T>
- (void)setObject:(nullable T)object forKeyedSubscript:(K<NSCopying>)key;
@end

@interface NSError : NSObject
@property(readonly, copy) NSString *localizedDescription;
@end

@interface NSURL : NSObject <NSCopying>
+ (NSURL *)fileURLWithPath:(NSString *)path;
@end

@interface NSFileManager : NSObject
@property(class, readonly, strong) NSFileManager *defaultManager;
- (BOOL)removeItemAtURL:(NSURL *)url error:(NSError *_Nullable *_Nullable)error;
@end

#pragma clang assume_nonnull end

#endif
