/*
 * golden_folders.h - the checkpoints of tests/golden, each with logits: the diffusion models, which
 * have decode traces, and the autoregressive ones, which have greedy continuations.
 */
#ifndef GOLDEN_FOLDERS_H
#define GOLDEN_FOLDERS_H

static const char *const golden_folders[] = {
    "llada-tiny",
    "llada-gqa-sharded",
    "llada-bf16",
    "llada-specials",
    "dream-tiny",
    "dream-tied",
    "dream-bf16-sharded",
    "dream-specials",
    "sdar-tiny-b4",
    "sdar-tiny-b8",
    "sdar-tiny-b4-tied",
    "sdar-tiny-b4-bf16",
    "sdar-tiny-b16-sharded",
    "fast-dllm-v2-tiny",
    "fast-dllm-v2-tiny-tied",
    "fast-dllm-v2-tiny-bf16-sharded",
    "fast-dllm-v2-realvocab",
};

enum { N_AUTOREGRESSIVE = 3 };

#define AUTOREGRESSIVE_FOLDERS                                                                     \
    {                                                                                              \
        "ar-llama-tiny", "ar-qwen2-tiny", "ar-qwen3-tiny"                                          \
    }

#endif
