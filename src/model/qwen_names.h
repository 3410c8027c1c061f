/*
 * qwen_names.h - tensor names of Llama and Qwen, and of the decoders that descend from Qwen:
 * Fast-dLLM v2, Dream, SDAR.
 */
#ifndef DLX__QWEN_NAMES_H
#define DLX__QWEN_NAMES_H

#define DLX__QWEN_LAYER(rest) "model.layers.%d." rest

#define DLX__QWEN_NAMES                                                                            \
    [DLX__ROLE_EMBED] = "model.embed_tokens.weight", [DLX__ROLE_FINAL_NORM] = "model.norm.weight", \
    [DLX__ROLE_HEAD] = "lm_head.weight",                                                           \
    [DLX__ROLE_ATTN_NORM] = DLX__QWEN_LAYER("input_layernorm.weight"),                             \
    [DLX__ROLE_Q] = DLX__QWEN_LAYER("self_attn.q_proj.weight"),                                    \
    [DLX__ROLE_K] = DLX__QWEN_LAYER("self_attn.k_proj.weight"),                                    \
    [DLX__ROLE_V] = DLX__QWEN_LAYER("self_attn.v_proj.weight"),                                    \
    [DLX__ROLE_O] = DLX__QWEN_LAYER("self_attn.o_proj.weight"),                                    \
    [DLX__ROLE_MLP_NORM] = DLX__QWEN_LAYER("post_attention_layernorm.weight"),                     \
    [DLX__ROLE_GATE] = DLX__QWEN_LAYER("mlp.gate_proj.weight"),                                    \
    [DLX__ROLE_UP] = DLX__QWEN_LAYER("mlp.up_proj.weight"),                                        \
    [DLX__ROLE_DOWN] = DLX__QWEN_LAYER("mlp.down_proj.weight")

#define DLX__QWEN_QKV_BIAS                                                                         \
    [DLX__ROLE_Q_BIAS] = DLX__QWEN_LAYER("self_attn.q_proj.bias"),                                 \
    [DLX__ROLE_K_BIAS] = DLX__QWEN_LAYER("self_attn.k_proj.bias"),                                 \
    [DLX__ROLE_V_BIAS] = DLX__QWEN_LAYER("self_attn.v_proj.bias")

#define DLX__QWEN_QK_NORM                                                                          \
    [DLX__ROLE_Q_NORM] = DLX__QWEN_LAYER("self_attn.q_norm.weight"),                               \
    [DLX__ROLE_K_NORM] = DLX__QWEN_LAYER("self_attn.k_norm.weight")

#endif
