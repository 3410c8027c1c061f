/*
 * model.h - what a checkpoint is: its family, its numbers with their origin, its tensors bound to
 * roles, its graph. Adding a family is one file plus one word in DLX__FAMILIES.
 */
#ifndef DLX__MODEL_H
#define DLX__MODEL_H

#include "format/checkpoint.h"
#include "graph/scheme.h"

#include <stdatomic.h>

#define DLX__FAMILIES(X) X(fast_dllm_v2) X(dream) X(llada) X(sdar) X(llama) X(qwen2) X(qwen3)

enum { DLX__MAX_STOP_IDS = 16 };

/* A whole number of the model and where it came from ("config.json bd_size", "family default"). */
typedef struct dlx__fact {
    int64_t value; /* -1: none */
    const char *from;
} dlx__fact;

typedef enum {
    DLX__VISIBLE_FULL,        /* every row sees every row: LLaDA, Dream */
    DLX__VISIBLE_BLOCK_CAUSAL /* row at p sees j iff j/B <= p/B, tiled from position 0: SDAR,
                                 Fast-dLLM v2; autoregressive families with B = 1 */
} dlx__visibility;

typedef struct dlx__hparams {
    size_t n_layers, n_embd, n_heads, n_heads_kv, head_dim, n_ff;
    size_t n_rows_vocab; /* rows of embedding and head: width of the logits */
    size_t n_vocab;      /* ids that exist (vocab_size); rows beyond are padding */
    size_t n_ctx_train;  /* max_position_embeddings */
    double rope_theta;
    double rms_eps;
    bool tied;        /* the head is the embedding */
    bool tied_stated; /* `tied` was read; false: the presence of a head decides */
    bool qkv_bias;
    bool qk_norm;           /* RMSNorm of each q and k head before RoPE */
    dlx__fact block_length; /* -1 for families without a trained block */
    dlx__fact small_block;  /* Fast-dLLM v2 */
    dlx__fact mask_id;
    dlx__fact bos_id;
    dlx__fact eot_id; /* LLaDA's <|eot_id|>; -1 elsewhere */
    int32_t stop_ids[DLX__MAX_STOP_IDS];
    size_t n_stop_ids;
    const char *stop_from;
} dlx__hparams;

/* The tensors of a decoder by role; a name pattern has %d where the layer goes. */
#define DLX__ROLES(X)                                                                              \
    X(EMBED, 0)                                                                                    \
    X(FINAL_NORM, 0)                                                                               \
    X(HEAD, 0)                                                                                     \
    X(ATTN_NORM, 1)                                                                                \
    X(Q, 1)                                                                                        \
    X(K, 1)                                                                                        \
    X(V, 1)                                                                                        \
    X(Q_BIAS, 1)                                                                                   \
    X(K_BIAS, 1)                                                                                   \
    X(V_BIAS, 1)                                                                                   \
    X(Q_NORM, 1)                                                                                   \
    X(K_NORM, 1)                                                                                   \
    X(O, 1)                                                                                        \
    X(MLP_NORM, 1)                                                                                 \
    X(GATE, 1)                                                                                     \
    X(UP, 1)                                                                                       \
    X(DOWN, 1)

typedef enum dlx__role {
#define DLX__ROLE_ENUM(name, per_layer) DLX__ROLE_##name,
    DLX__ROLES(DLX__ROLE_ENUM)
#undef DLX__ROLE_ENUM
        DLX__N_ROLES
} dlx__role;

typedef struct dlx__model dlx__model;

/* The ids that a family's tokenizer gives a meaning, for files that do not name them. */
typedef struct dlx__special_ids {
    const char *const *mask_names; /* spellings among the added tokens, NULL-terminated */
    int64_t mask_id;
    const char *eot_name; /* LLaDA; NULL elsewhere */
    int64_t eot_id;       /* -1: none */
    int64_t stop_ids[3];  /* -1 after the last */
} dlx__special_ids;

typedef struct dlx__hf_source dlx__hf_source;     /* hf_config.h */
typedef struct dlx__gguf_source dlx__gguf_source; /* gguf_config.h */

/* What the decoder of section 7 needs to know of a family, and the defaults of section 4. */
typedef struct dlx__family {
    const char *name;                 /* "sdar": as printed, and our GGUF architecture name */
    const char *gguf_arch;            /* general.architecture */
    const char *const *architectures; /* Hugging Face names, NULL-terminated */
    dlx__visibility visibility;
    bool shift;                  /* position i is predicted by the logits of row i - 1 */
    bool seeds_blocks;           /* row 0 of a block is the arg-max of the commit before it */
    bool autoregressive;         /* one token a pass, left to right: no mask, no blocks */
    const char *const *samplers; /* NULL-terminated; the first is the default */
    const char *const *caches;   /* NULL-terminated; the first is the default */
    float threshold;             /* default confidence threshold */
    int default_block; /* --block-length when neither file nor caller names one; 0: no blocks */
    const char *const *hf_names; /* [DLX__N_ROLES] patterns, NULL: the family has no such tensor */
    bool gguf_permuted_qk;       /* llama.cpp stores the q and k rows of this family permuted */
    dlx__special_ids ids;
    /* Numbers and flags; ids are read by the callers, from `ids` and the files. */
    dlx_result (*read_hf)(dlx__hparams *hp, const dlx__hf_source *src, dlx_error *err);
    dlx_result (*read_gguf)(dlx__hparams *hp, const dlx__gguf_source *src, dlx_error *err);
    void (*build)(dlx__graph *g, const dlx__model *m); /* failures stay in the graph */
} dlx__family;

/*
 * What a backend made of a model's weights once, for all sessions: a session that finds it in
 * `slot` uses it, the first one puts it there. It lives as long as the model.
 */
typedef struct dlx__prepared {
    void (*release)(struct dlx__prepared *self);
} dlx__prepared;

typedef struct dlx__prepared_slot {
    _Atomic(dlx__prepared *) held; /* NULL: nothing yet */
} dlx__prepared_slot;

struct dlx__model {
    const dlx_allocator *mem;
    dlx__checkpoint checkpoint;
    const dlx__family *family;
    dlx__hparams hp;
    dlx__arena arena;
    const dlx__tensor *
        *roles; /* [DLX__N_ROLES][n_layers]; roles without layers use index 0; NULL: none */
    dlx__graph graph;
    dlx__scheme scheme; /* what the file was quantized for (recorded.h); NONE: it does not say */
    const char *quant_method; /* how its weights were rounded ("rtn", "gptq" ...), or NULL */
    bool has_weights;         /* false: opened for its shapes only */
    void **copies; /* [n_copies], aligned: tensors that had to be rewritten (permuted q and k) */
    size_t n_copies;
    size_t n_copied_bytes;
    dlx__prepared_slot *slot; /* NULL: each session prepares its own */
};

/* The tensor of a role; NULL when the family or this checkpoint has none. */
const dlx__tensor *dlx__model_tensor(const dlx__model *m, dlx__role role, size_t layer);

/*
 * Opens a checkpoint and binds it: the family by `architectures` (never by model_type alone), the
 * numbers, every tensor exactly once. Missing, surplus, misshapen and mistyped tensors are refused.
 * With DLX__NEED_NAMES the weights may be absent: the graph is then built on shapes alone and
 * the names of an index, where there is one, must equal the expected list.
 */
dlx_result dlx__model_open(dlx__model *m, const char *path, dlx__checkpoint_need need,
                           const dlx_allocator *mem, dlx_error *err);
void dlx__model_release(dlx__model *m);

/*
 * The second half of opening, for a checkpoint that is already in m->checkpoint (and whose memory
 * is m->checkpoint.mem). On failure m is released.
 */
dlx_result dlx__model_setup(dlx__model *m, dlx__checkpoint_need need, dlx_error *err);

/* The name a role's tensor has in this checkpoint's format; false: the family has no such tensor.
 */
bool dlx__role_name(char out[160], const dlx__family *f, dlx__checkpoint_kind kind, dlx__role role,
                    size_t layer);

/* Tells the system that the file's bytes of a tensor will not be read again soon. */
void dlx__model_drop_pages(const dlx__model *m, const void *data, size_t n_bytes);

/* By our name, a GGUF or a Hugging Face architecture; NULL when unknown. */
const dlx__family *dlx__family_find(const char *name);
const dlx__family *const *dlx__families(void); /* NULL-terminated */

/* Bytes of one position's K and V over all layers in float32. */
size_t dlx__model_kv_bytes_per_token(const dlx__model *m);

#endif
