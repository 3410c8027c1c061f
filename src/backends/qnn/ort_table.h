/*
 * ort_table.h - the functions of ONNX Runtime's C API that are called here: place in the table,
 * name, parameters behind the table's own. All but the releases return a status, NULL if it went
 * well. Source: onnxruntime_c_api.h, whose table only grows, and whose releases are checked for it.
 */
#ifndef DLX__ORT_TABLE_H
#define DLX__ORT_TABLE_H

#include "backends/qnn/ort_runtime.h"

enum {
    DLX__ORT_LEAST_API = 22, /* providers as libraries */
    DLX__ORT_FULL_API = 24,  /* which node is on which provider */
};

/* Paths are text, but on Windows, where there is no session here. */
#define DLX__ORT_FUNCTIONS(X)                                                                      \
    X(3, CreateEnv, (int, const char *, void **))                                                  \
    X(7, CreateSession, (void *, const char *, const void *, void **))                             \
    X(9, Run,                                                                                      \
      (void *, const void *, const char *const *, void *const *, size_t, const char *const *,      \
       size_t, void **))                                                                           \
    X(10, CreateSessionOptions, (void **))                                                         \
    X(23, SetSessionGraphOptimizationLevel, (void *, int))                                         \
    X(24, SetIntraOpNumThreads, (void *, int))                                                     \
    X(30, SessionGetInputCount, (const void *, size_t *))                                          \
    X(31, SessionGetOutputCount, (const void *, size_t *))                                         \
    X(33, SessionGetInputTypeInfo, (const void *, size_t, void **))                                \
    X(34, SessionGetOutputTypeInfo, (const void *, size_t, void **))                               \
    X(36, SessionGetInputName, (const void *, size_t, void *, char **))                            \
    X(37, SessionGetOutputName, (const void *, size_t, void *, char **))                           \
    X(49, CreateTensorWithDataAsOrtValue,                                                          \
      (const void *, void *, size_t, const int64_t *, size_t, int, void **))                       \
    X(55, CastTypeInfoToTensorInfo, (const void *, const void **))                                 \
    X(60, GetTensorElementType, (const void *, int *))                                             \
    X(61, GetDimensionsCount, (const void *, size_t *))                                            \
    X(62, GetDimensions, (const void *, int64_t *, size_t))                                        \
    X(69, CreateCpuMemoryInfo, (int, int, void **))                                                \
    X(76, AllocatorFree, (void *, void *))                                                         \
    X(78, GetAllocatorWithDefaultOptions, (void **))                                               \
    X(130, AddSessionConfigEntry, (void *, const char *, const char *))                            \
    X(301, RegisterExecutionProviderLibrary, (void *, const char *, const char *))                 \
    X(303, GetEpDevices, (const void *, void *const **, size_t *))                                 \
    X(304, SessionOptionsAppendExecutionProvider_V2,                                               \
      (void *, void *, void *const *, size_t, const char *const *, const char *const *, size_t))   \
    X(407, Session_GetEpGraphAssignmentInfo, (const void *, void *const **, size_t *))             \
    X(408, EpAssignedSubgraph_GetEpName, (const void *, const char **))                            \
    X(409, EpAssignedSubgraph_GetNodes, (const void *, void *const **, size_t *))                  \
    X(410, EpAssignedNode_GetName, (const void *, const char **))                                  \
    X(412, EpAssignedNode_GetOperatorType, (const void *, const char **))

/* dlx__ort_<name>, a type; DLX__ORT_AT_<name>, a place */
#define DLX__ORT_TYPE(at, name, parameters)                                                        \
    typedef void *(*dlx__ort_##name)parameters;                                                    \
    enum { DLX__ORT_AT_##name = (at) };
DLX__ORT_FUNCTIONS(DLX__ORT_TYPE)
#undef DLX__ORT_TYPE

#define DLX__ORT_CALL(ort, name) ((dlx__ort_##name)(ort)->table[DLX__ORT_AT_##name])

/* What only takes one object and gives nothing. */
enum {
    DLX__ORT_RELEASE_ENV = 92,
    DLX__ORT_RELEASE_STATUS = 93,
    DLX__ORT_RELEASE_MEMORY_INFO = 94,
    DLX__ORT_RELEASE_SESSION = 95,
    DLX__ORT_RELEASE_VALUE = 96,
    DLX__ORT_RELEASE_TYPE_INFO = 98,
    DLX__ORT_RELEASE_SESSION_OPTIONS = 100,
};

static inline void dlx__ort_release(const dlx__ort *ort, int which, void *object)
{
    typedef void (*release)(void *);
    if (object)
        ((release)ort->table[which])(object);
}

/* Texts that are the object's own: of a status, of a device. */
enum { DLX__ORT_GET_ERROR_MESSAGE = 2, DLX__ORT_EP_DEVICE_NAME = 312 };

static inline const char *dlx__ort_text(const dlx__ort *ort, int which, const void *object)
{
    typedef const char *(*text)(const void *);
    return ((text)ort->table[which])(object);
}

#endif
