/*
 * probe.h - what this processor can do at most: how fast its threads together read memory, how many
 * operations its multiply-accumulate instructions sustain. Measured times mean something beside
 * these figures only, so a benchmark probes in every round, between its passes.
 *
 * A probe is a set of loops in one instruction set, that of the machine rather than that of the
 * kernels: a machine whose units no kernel uses yet has a higher roof, and the report shows it.
 */
#ifndef DLX__PROBE_H
#define DLX__PROBE_H

#include "base/cpu.h"
#include "base/pool.h"

/* What products of a weight type can reach. A multiply-accumulate counts as two operations. */
#define DLX__PEAKS(X)                                                                              \
    X(F32, "f32")   /* fused multiply-adds of floats */                                            \
    X(BF16, "bf16") /* dot products of bf16 pairs; where there are none, F32 */                    \
    X(INT8, "int8") /* int8 products summed to int32; where there are none, F32 */                 \
    X(INT4, "int4") /* products of 4-bit and int8 numbers; where they are nothing special, INT8 */

typedef enum dlx__peak {
#define DLX__PEAK_ENUM(name, text) DLX__PEAK_##name,
    DLX__PEAKS(DLX__PEAK_ENUM)
#undef DLX__PEAK_ENUM
        DLX__N_PEAKS
} dlx__peak;

const char *dlx__peak_name(dlx__peak peak);

/* One sequence of instructions. Several may stand for the same peak: the best counts. */
typedef struct dlx__probe_loop {
    dlx__peak peak;
    bool (*runs_on)(const dlx__cpu *cpu);
    void (*run)(size_t n_rounds);
    size_t n_ops; /* of a round */
} dlx__probe_loop;

enum { DLX__PROBE_GRAIN = 512 }; /* what is read is a multiple of this */

typedef struct dlx__probe_set {
    const char *name;
    bool (*runs_on)(const dlx__cpu *cpu);
    /* Reads n_bytes, a multiple of the grain, at a 64-byte aligned address: the XOR of all 8-byte
     * words. */
    uint64_t (*read)(const uint8_t *p, size_t n_bytes);
    const dlx__probe_loop *loops; /* [n_loops] */
    size_t n_loops;
} dlx__probe_set;

/* Every set of this build, the scalar one first; NULL-terminated. */
const dlx__probe_set *const *dlx__probe_sets(void);
const dlx__probe_set *dlx__probe_best(const dlx__cpu *cpu);

/* What is read: a buffer larger than the caches, and as many bytes as ... */
typedef enum {
    DLX__READ_MEMORY,
    DLX__READ_WEIGHTS, /* ... a pass reads: as MEMORY where that is more than the buffer */
    DLX__READ_LAYER,   /* ... one layer's weights */
    DLX__N_READS
} dlx__read;

typedef struct dlx__rates {
    double read[DLX__N_READS]; /* bytes a second, all threads together */
    double peak[DLX__N_PEAKS]; /* operations a second, all threads together */
} dlx__rates;

typedef struct dlx__probe_opts {
    int n_threads;        /* 0: the fast cores */
    size_t weights_bytes; /* of a pass */
    size_t layer_bytes;
} dlx__probe_opts;

typedef struct dlx__probe dlx__probe;

/* Bytes of the buffer that a probe of so many threads reads: 256 MiB, more for many threads, less
 * on a small machine. */
size_t dlx__probe_bytes(int n_threads);

dlx_result dlx__probe_open(dlx__probe **out, const dlx__probe_opts *o, const dlx_allocator *mem,
                           dlx_error *err);
void dlx__probe_free(dlx__probe *probe); /* probe may be NULL */

const char *dlx__probe_name(const dlx__probe *probe); /* of the set */

/* One round: each rate as the best of a few repetitions of a millisecond or so. */
void dlx__probe_run(dlx__probe *probe, dlx__rates *rates);

extern const dlx__probe_set dlx__probe_scalar;
extern const dlx__probe_set dlx__probe_avx2;
extern const dlx__probe_set dlx__probe_avx512;
extern const dlx__probe_set dlx__probe_neon;

#endif
