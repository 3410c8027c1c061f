"""The SDAR layout in small: a Qwen3-style body with block-causal attention; module names are the checkpoint's names.

A token of block j sees every token of blocks 0..j. Position i predicts token i itself (no shift), so a masked position
is where its answer is read.
"""
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

BLOCK = 8


@dataclass
class Shape:
    """Sizes of the model, as config.json names them."""
    vocab_size: int = 1024
    hidden_size: int = 256
    intermediate_size: int = 320
    num_hidden_layers: int = 6
    num_attention_heads: int = 8
    num_key_value_heads: int = 4
    head_dim: int = 32
    rope_theta: float = 10000.0
    rms_norm_eps: float = 1e-6
    tie_word_embeddings: bool = False


def rope(positions, s):
    """cos and sin tables [n, 1, T, head_dim] in the half-split layout."""
    freq = s.rope_theta ** (-torch.arange(0, s.head_dim, 2) / s.head_dim)
    angle = (positions[..., None] * freq).repeat(1, 1, 2)[:, None]
    return angle.cos(), angle.sin()


def turn(x, cs):
    half = x.shape[-1] // 2
    return x * cs[0] + torch.cat([-x[..., half:], x[..., :half]], -1) * cs[1]


class Attention(nn.Module):
    def __init__(self, s):
        super().__init__()
        d, hd, heads, kv = s.hidden_size, s.head_dim, s.num_attention_heads, s.num_key_value_heads
        self.hd = hd
        self.q_proj, self.o_proj = nn.Linear(d, heads * hd, bias=False), nn.Linear(heads * hd, d, bias=False)
        self.k_proj, self.v_proj = nn.Linear(d, kv * hd, bias=False), nn.Linear(d, kv * hd, bias=False)
        self.q_norm, self.k_norm = nn.RMSNorm(hd, s.rms_norm_eps), nn.RMSNorm(hd, s.rms_norm_eps)

    def forward(self, x, cs, mask, rows=None, store=None):
        """`rows` limits the queries to the first rows; `store(k, v)` may swap in cached keys and values."""
        n, t, _ = x.shape
        k = turn(self.k_norm(self.k_proj(x).view(n, t, -1, self.hd)).transpose(1, 2), cs)
        v = self.v_proj(x).view(n, t, -1, self.hd).transpose(1, 2)
        if store:
            k, v = store(k, v)
        x, cs = x[:, :rows], (cs[0][:, :, :rows], cs[1][:, :, :rows])
        q = turn(self.q_norm(self.q_proj(x).view(n, x.shape[1], -1, self.hd)).transpose(1, 2), cs)
        group = q.shape[1] // k.shape[1]
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        a = F.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, :rows])
        return self.o_proj(a.transpose(1, 2).flatten(2))


class MLP(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.gate_proj = nn.Linear(s.hidden_size, s.intermediate_size, bias=False)
        self.up_proj = nn.Linear(s.hidden_size, s.intermediate_size, bias=False)
        self.down_proj = nn.Linear(s.intermediate_size, s.hidden_size, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.self_attn, self.mlp = Attention(s), MLP(s)
        self.input_layernorm = nn.RMSNorm(s.hidden_size, s.rms_norm_eps)
        self.post_attention_layernorm = nn.RMSNorm(s.hidden_size, s.rms_norm_eps)

    def forward(self, x, cs, mask, rows=None, store=None):
        x = x[:, :rows] + self.self_attn(self.input_layernorm(x), cs, mask, rows, store)
        return x + self.mlp(self.post_attention_layernorm(x))


class Body(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.embed_tokens = nn.Embedding(s.vocab_size, s.hidden_size)
        self.layers = nn.ModuleList(Layer(s) for _ in range(s.num_hidden_layers))
        self.norm = nn.RMSNorm(s.hidden_size, s.rms_norm_eps)


class Model(nn.Module):
    def __init__(self, s):
        super().__init__()
        self.s, self.model = s, Body(s)
        self.lm_head = nn.Linear(s.hidden_size, s.vocab_size, bias=False)
        for name, p in self.named_parameters():
            if p.dim() > 1:
                nn.init.normal_(p, 0, 0.02 if "embed" in name or "head" in name else s.hidden_size ** -0.5)
            if name.endswith(("o_proj.weight", "down_proj.weight")):
                nn.init.zeros_(p)                     # every layer starts as the identity
            if name.endswith("q_norm.weight"):
                nn.init.constant_(p, 1.5)             # sharp attention from the start: copying needs it
        if s.tie_word_embeddings:
            self.lm_head.weight = self.model.embed_tokens.weight

    def forward(self, ids, positions, mask, rows=None, stores=None):
        """Final hidden states of the first `rows` tokens (all by default); `mask[n, query, key]` is True where seen."""
        x, cs = self.model.embed_tokens(ids), rope(positions, self.s)
        last = len(self.model.layers) - 1
        for j, layer in enumerate(self.model.layers):
            x = layer(x, cs, mask, rows if j == last else None, stores[j] if stores else None)
        return self.model.norm(x)
