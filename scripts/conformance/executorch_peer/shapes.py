"""Checkpoints of published sizes with random weights in bf16, written piece by piece: the same bytes every time, and a few
megabytes of them in memory. Matrices keep the size of what they multiply, so that logits are neither tiny nor huge."""

import json
import struct

import numpy as np

_QWEN = dict(hidden_act="silu", rms_norm_eps=1e-6, rope_theta=1e6, bos_token_id=151643, eos_token_id=151645)
HALF_B = _QWEN | dict(  # Fast-dLLM v2 on Qwen2.5-0.5B
    architectures=["Fast_dLLM_QwenForCausalLM"], model_type="Fast_dLLM_Qwen", bd_size=32, hidden_size=896, num_hidden_layers=24,
    num_attention_heads=14, num_key_value_heads=2, intermediate_size=4864, vocab_size=151936, max_position_embeddings=32768,
    mask_token_id=151665, tie_word_embeddings=True)
SEVEN_B_LAYER = _QWEN | dict(  # one layer of Dream 7B
    architectures=["DreamModel"], model_type="Dream", hidden_size=3584, num_hidden_layers=1, num_attention_heads=28,
    num_key_value_heads=4, intermediate_size=18944, vocab_size=152064, max_position_embeddings=131072, mask_token_id=151666,
    tie_word_embeddings=False)
PIECE = 1 << 22


def with_layers(config, n):
    """The same with other than its own number of layers."""
    return config | dict(num_hidden_layers=n)


def _tensors(c):
    """[(name, shape)] of the families on Qwen2: biases of q, k and v."""
    d, ff, head = c["hidden_size"], c["intermediate_size"], c["hidden_size"] // c["num_attention_heads"]
    kv = c["num_key_value_heads"] * head
    yield "model.embed_tokens.weight", [c["vocab_size"], d]
    for layer in range(c["num_hidden_layers"]):
        at = f"model.layers.{layer}."
        for name, rows, columns in (("self_attn.q_proj", d, d), ("self_attn.k_proj", kv, d), ("self_attn.v_proj", kv, d)):
            yield f"{at}{name}.weight", [rows, columns]
            yield f"{at}{name}.bias", [rows]
        for name, rows, columns in (("self_attn.o_proj", d, d), ("mlp.gate_proj", ff, d), ("mlp.up_proj", ff, d),
                                    ("mlp.down_proj", d, ff)):
            yield f"{at}{name}.weight", [rows, columns]
        yield f"{at}input_layernorm.weight", [d]
        yield f"{at}post_attention_layernorm.weight", [d]
    yield "model.norm.weight", [d]
    if not c["tie_word_embeddings"]:
        yield "lm_head.weight", [c["vocab_size"], d]


def _write_numbers(file, name, shape, rng):
    left = int(np.prod(shape))
    while left:
        n = min(left, PIECE)
        x = rng.standard_normal(n, dtype=np.float32)
        if len(shape) == 2:
            x *= shape[1] ** -0.5
        else:
            x = x * 0.1 + (0 if name.endswith("bias") else 1)
        file.write((x.view(np.uint32) >> 16).astype("<u2").tobytes())
        left -= n


def make(folder, config, seed):
    """Writes the checkpoint; its folder."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    header, end, tensors = {}, 0, list(_tensors(config))
    for name, shape in tensors:
        begin, end = end, end + 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    rng = np.random.Generator(np.random.SFC64(seed))
    with open(folder / "model.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in tensors:
            _write_numbers(file, name, shape, rng)
    return folder
