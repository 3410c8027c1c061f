"""Measures a model directory: exact match, field accuracy, passes and tokens a pass at several thresholds.

    python evaluate.py ../../models/records dev
    python evaluate.py ../../models/records heldout

It decodes as the engine does (SDAR `low_confidence_dynamic`, temperature 0): a pass writes every masked token of the
block whose confidence exceeds the threshold, or else the single best. Committing a full block shares a pass with the
next block's first one in the engine, so commits are not counted.
"""
import argparse
import dataclasses
import json
import os

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from data import evaluation_set
from model import BLOCK, Model, Shape
from tokenizer import EOS, MASK, RECORD

FIELDS = ["customer", "item", "quantity", "total", "date", "city"]


def load(path):
    with open(os.path.join(path, "config.json"), encoding="utf-8") as f:
        config = json.load(f)
    net = Model(Shape(**{f.name: config[f.name] for f in dataclasses.fields(Shape)}))
    weights = {k: v.float() for k, v in load_file(os.path.join(path, "model.safetensors")).items()}
    weights.setdefault("lm_head.weight", weights["model.embed_tokens.weight"])
    net.load_state_dict(weights)
    return net.eval(), Tokenizer.from_file(os.path.join(path, "tokenizer.json"))


class Cache:
    """Keys and values of one layer for a batch of documents, written in place at each document's own block."""

    def __init__(self, n, length, s):
        self.k = torch.zeros(n, s.num_key_value_heads, length, s.head_dim)
        self.v = torch.zeros_like(self.k)

    def put(self, docs, at):
        def store(k, v):
            self.k[docs[:, None], :, at] = k.transpose(1, 2)
            self.v[docs[:, None], :, at] = v.transpose(1, 2)
            return self.k[docs], self.v[docs]
        return store


@torch.inference_mode()
def decode(net, prompts, threshold, room=104):
    """Record ids and passes of each prompt (a list of ids)."""
    n, longest = len(prompts), max(map(len, prompts))
    length = (longest + room) // BLOCK * BLOCK
    x = torch.full((n, length), MASK)
    for k, p in enumerate(prompts):
        x[k, :len(p)] = torch.tensor(p)
    caches = [Cache(n, length, net.s) for _ in net.model.layers]
    docs, at = torch.arange(n), torch.arange(length).expand(n, length)
    block = torch.arange(length) // BLOCK
    net(x, at, (block[:, None] >= block).expand(n, length, length), None, [c.put(docs, at) for c in caches])
    start = torch.tensor([len(p) // BLOCK * BLOCK for p in prompts])
    passes, live = torch.zeros(n, dtype=torch.long), docs
    while len(live):
        at = start[live, None] + torch.arange(BLOCK)
        ids = x[live[:, None], at]
        masked = ids == MASK
        seen = (torch.arange(length) < start[live, None] + BLOCK)[:, None].expand(-1, BLOCK, -1)
        logits = net.lm_head(net(ids, at, seen, None, [c.put(live, at) for c in caches]))
        logits[..., MASK] = -torch.inf
        confidence, best = logits.softmax(-1).max(-1)
        confidence = confidence.masked_fill(~masked, -1)
        write = confidence > threshold
        write |= (confidence == confidence.max(-1, keepdim=True)[0]) & ~write.any(-1, keepdim=True)
        full = ~masked.any(-1)                        # such a block was run to commit its keys and values
        x[live[:, None], at] = torch.where(write & masked, best, ids)
        passes[live] += ~full
        over = (x[live[:, None], at] == EOS).any(-1) & ~(x[live[:, None], at] == MASK).any(-1)
        start[live] += BLOCK * full
        live = live[~over & (start[live] + BLOCK <= length)]
    out = []
    for row, p in zip(x.tolist(), prompts):
        ids = row[len(p):]
        out.append(ids[:ids.index(EOS)] if EOS in ids else ids)
    return out, passes.tolist()


def measure(net, tok, rows, threshold, chunk=150):
    """Figures per split, and the written records."""
    prompts = [tok.encode(r["prompt"]).ids + [RECORD] for r in rows]
    texts, tokens, passes = [], [], []
    for k in range(0, len(rows), chunk):
        ids, p = decode(net, prompts[k:k + chunk], threshold)
        texts += [tok.decode(i) for i in ids]
        tokens += [len(i) + 1 for i in ids]
        passes += p
    figures = {}
    for split in ("seen-phrasing", "new-phrasing", "all"):
        mine = [k for k, r in enumerate(rows) if split in (r["split"], "all")]
        right = {f: 0 for f in FIELDS}
        for k in mine:
            want = json.loads(rows[k]["answer"])
            try:
                got = json.loads(texts[k])
            except ValueError:
                got = {}
            for f in FIELDS:
                right[f] += isinstance(got, dict) and got.get(f) == want[f]
        figures[split] = {"exact": sum(texts[k] == rows[k]["answer"] for k in mine) / len(mine),
                          "fields": {f: right[f] / len(mine) for f in FIELDS},
                          "passes": sum(passes[k] for k in mine) / len(mine),
                          "tokens a pass": sum(tokens[k] for k in mine) / sum(passes[k] for k in mine)}
    return figures, texts


if __name__ == "__main__":
    a = argparse.ArgumentParser()
    a.add_argument("model")
    a.add_argument("set", choices=["dev", "heldout"])
    a.add_argument("--thresholds", default="1,.95,.9,.7")
    a.add_argument("--limit", type=int, default=0, help="only every k-th message, to save time")
    a.add_argument("--errors", type=int, default=0, help="print so many wrong records")
    a = a.parse_args()
    torch.set_num_threads(2)
    model, tokenizer = load(a.model)
    messages = evaluation_set(a.set)[::a.limit or 1]
    for t in map(float, a.thresholds.split(",")):
        result, written = measure(model, tokenizer, messages, t)
        for name, f in result.items():
            print(f"threshold {t:<4} {name:14} exact {f['exact']:.3f} passes {f['passes']:.1f} tokens/pass "
                  f"{f['tokens a pass']:.2f} | " + " ".join(f"{k} {v:.3f}" for k, v in f["fields"].items()), flush=True)
    wrong = [(m, w) for m, w in zip(messages, written) if m["answer"] != w]
    for m, w in wrong[:a.errors]:
        print(m["prompt"], m["answer"], w, sep="\n  ")
