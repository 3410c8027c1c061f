/*
 * limits.h - the largest numbers a configuration may hold: far above any published model, low
 * enough that no product of two of them overflows 64 bits and no table of them is absurd.
 */
#ifndef DLX__LIMITS_H
#define DLX__LIMITS_H

enum {
    DLX__MAX_LAYERS = 1024,
    DLX__MAX_EMBD = 1 << 17,
    DLX__MAX_HEADS = 1024,
    DLX__MAX_HEAD_DIM = 1024,
    DLX__MAX_FF = 1 << 20,
    DLX__MAX_VOCAB = 1 << 22,
    DLX__MAX_CTX = 1 << 26,
    DLX__MAX_BLOCK = 4096
};

#endif
