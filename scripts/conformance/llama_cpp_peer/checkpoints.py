"""Checkpoints to quantize: the goldens, and random ones whose rows of 256 and 512 fill super-blocks, in the names of each
family."""

import json
import pathlib

import numpy
from safetensors.numpy import save_file

GOLDEN = pathlib.Path(__file__).resolve().parents[3] / "tests" / "golden"
GOLDENS = ["dream-tiny", "dream-tied", "dream-specials", "dream-bf16-sharded", "llada-tiny", "llada-bf16", "llada-specials",
           "llada-gqa-sharded", "ar-llama-tiny", "ar-qwen2-tiny", "ar-qwen3-tiny"]
HIDDEN, FF, HEADS, HEADS_KV, HEAD, VOCAB, LAYERS = 256, 512, 4, 2, 64, 320, 2

_COMMON = dict(hidden_size=HIDDEN, intermediate_size=FF, num_attention_heads=HEADS, num_key_value_heads=HEADS_KV,
               num_hidden_layers=LAYERS, vocab_size=VOCAB, max_position_embeddings=512, rms_norm_eps=1e-6,
               rope_theta=1e6, hidden_act="silu", bos_token_id=290, eos_token_id=290)
_LLADA = dict(architectures=["LLaDAModelLM"], model_type="llada", d_model=HIDDEN, mlp_hidden_size=FF, n_heads=HEADS,
              n_kv_heads=HEADS_KV, n_layers=LAYERS, vocab_size=VOCAB, embedding_size=VOCAB, max_sequence_length=512,
              rms_norm_eps=1e-5, rope_theta=5e5, rope=True, activation_type="silu", block_type="llama",
              layer_norm_type="rms", include_bias=False, include_qkv_bias=False, weight_tying=False,
              mask_token_id=300, eos_token_id=288, pad_token_id=288)
_HF_NAMES = {"embed": "model.embed_tokens", "head": "lm_head", "norm": "model.norm", "layer": "model.layers.",
             "attn_norm": "input_layernorm", "q": "self_attn.q_proj", "k": "self_attn.k_proj",
             "v": "self_attn.v_proj", "o": "self_attn.o_proj", "ff_norm": "post_attention_layernorm",
             "gate": "mlp.gate_proj", "up": "mlp.up_proj", "down": "mlp.down_proj"}
_LLADA_NAMES = {"embed": "model.transformer.wte", "head": "model.transformer.ff_out", "norm": "model.transformer.ln_f",
                "layer": "model.transformer.blocks.", "attn_norm": "attn_norm", "q": "q_proj", "k": "k_proj",
                "v": "v_proj", "o": "attn_out", "ff_norm": "ff_norm", "gate": "ff_proj", "up": "up_proj",
                "down": "ff_out"}
# family: its configuration, its names, whether q, k and v have biases, whether q and k are normalised, a head of its own
FAMILIES = {
    "dream": (_COMMON | dict(architectures=["DreamModel"], model_type="Dream", mask_token_id=306), _HF_NAMES, True, False, True),
    "llada": (_LLADA, _LLADA_NAMES, False, False, True),
    "llama": (_COMMON | dict(architectures=["LlamaForCausalLM"], model_type="llama"), _HF_NAMES, False, False, True),
    "qwen2": (_COMMON | dict(architectures=["Qwen2ForCausalLM"], model_type="qwen2", tie_word_embeddings=True),
              _HF_NAMES, True, False, False),
    "qwen3": (_COMMON | dict(architectures=["Qwen3ForCausalLM"], model_type="qwen3", head_dim=HEAD), _HF_NAMES,
              False, True, True),
}


def _weights(names, bias, qk_norm, head, rng):
    """{name: float32}: matrices that keep the size of what they multiply, norms about 1, biases that matter."""
    w = {}

    def matrix(name, rows, columns):
        w[name + ".weight"] = rng.standard_normal((rows, columns)).astype(numpy.float32) / columns**0.5

    def vector(name, n, around, spread):
        w[name] = (around + spread * rng.standard_normal(n)).astype(numpy.float32)

    matrix(names["embed"], VOCAB, HIDDEN)
    for i in range(LAYERS):
        at = f"{names['layer']}{i}."
        for norm in ("attn_norm", "ff_norm"):
            vector(at + names[norm] + ".weight", HIDDEN, 1, 0.2)
        for part, rows, columns in (("q", HEADS * HEAD, HIDDEN), ("k", HEADS_KV * HEAD, HIDDEN),
                                    ("v", HEADS_KV * HEAD, HIDDEN), ("o", HIDDEN, HEADS * HEAD),
                                    ("gate", FF, HIDDEN), ("up", FF, HIDDEN), ("down", HIDDEN, FF)):
            matrix(at + names[part], rows, columns)
            if bias and part in "qkv":
                vector(at + names[part] + ".bias", rows, 0, 0.3)
        if qk_norm:
            vector(at + "self_attn.q_norm.weight", HEAD, 1, 0.2)
            vector(at + "self_attn.k_norm.weight", HEAD, 1, 0.2)
    vector(names["norm"] + ".weight", HIDDEN, 1, 0.2)
    if head:
        matrix(names["head"], VOCAB, HIDDEN)
    return w


def make(folder, family, seed, change=None):
    """Writes a random checkpoint; `change` may put other numbers into its {name: array}."""
    config, names, *shape = FAMILIES[family]
    weights = _weights(names, *shape, numpy.random.default_rng(seed))
    if change:
        change(weights)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    save_file(weights, str(folder / "model.safetensors"), metadata={"format": "pt"})
    return folder


def golden_ids(name):
    """The longest sequence that the golden has logits of."""
    sequences = json.loads((GOLDEN / name / "logits.json").read_text())["sequences"]
    return max((s["ids"] for s in sequences), key=len)
