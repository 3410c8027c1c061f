"""Turns documents into training batches: two masked views of every answer block beside one clean copy.

Row layout: [view 1 of the answer blocks | view 2 | whole document]. A view's block sees itself and the clean blocks
before it, which is what the engine shows the model while it fills that block. Message tokens are never masked.
"""
import random

import torch

from data import sample
from model import BLOCK
from tokenizer import EOS, MASK, RECORD

LONGEST = 152


def encode(tok, message, record):
    """Token ids of message + record, ended and filled with end tokens to the block's edge; and where the record starts."""
    prompt = tok.encode(message).ids + [RECORD]
    ids = prompt + tok.encode(record).ids + [EOS]
    return ids + [EOS] * (-len(ids) % BLOCK), len(prompt)


def masks(maskable, g):
    """Masks of the two views, [n, W] each. Per block: all masked beside a random pattern, or two complements."""
    n, w = maskable.shape
    blocks = w // BLOCK
    draw = lambda: torch.rand(n, blocks, 1, generator=g)
    noise = torch.rand(n, blocks, BLOCK, generator=g)
    scattered = noise < draw()
    prefix = torch.arange(BLOCK) >= (draw() * BLOCK).long()
    pattern = torch.where(draw() < 0.5, prefix, scattered)
    full = draw() < 0.4
    one, two = pattern | full, torch.where(full, pattern, ~pattern)
    return one.view(n, w) & maskable, two.view(n, w) & maskable


def collate(docs, g):
    """ids, positions, attention mask, targets (-1 where no loss) and the number of view rows."""
    n, c = len(docs), max(len(x) for x, _ in docs)
    w = max(len(x) - p // BLOCK * BLOCK for x, p in docs)
    clean = torch.full((n, c), EOS)
    window, answer = torch.full((n, w), EOS), torch.zeros(n, w, dtype=torch.bool)
    start = torch.tensor([p // BLOCK * BLOCK for _, p in docs])
    for k, (x, p) in enumerate(docs):
        s = p // BLOCK * BLOCK
        clean[k, :len(x)] = torch.tensor(x)
        window[k, :len(x) - s] = torch.tensor(x[s:])
        answer[k, p - s:len(x) - s] = True
    one, two = masks(answer, g)
    ids = torch.cat([window.masked_fill(one, MASK), window.masked_fill(two, MASK), clean], 1)
    target = torch.cat([window.masked_fill(~one, -1), window.masked_fill(~two, -1)], 1)
    at = start[:, None] + torch.arange(w)
    positions = torch.cat([at, at, torch.arange(c).expand(n, c)], 1)
    block = positions // BLOCK
    view = torch.cat([torch.full((w,), 1), torch.full((w,), 2), torch.zeros(c, dtype=torch.long)])
    bq, bk, vq, vk = block[:, :, None], block[:, None], view[None, :, None], view[None, None]
    seen = (vk == 0) & ((bk < bq) | (bk == bq) & (vq == 0)) | (vk == vq) & (bk == bq)
    return ids, positions, seen, target, 2 * w


def batches(tok, size, seed, composed, pool=8):
    """Endless batches; documents of like length go together, which saves padding. Pools are seeded one by one."""
    k = 0
    while True:
        r, g = random.Random(f"{seed}-{k}"), torch.Generator().manual_seed(seed * 1_000_003 + k)
        docs = []
        while len(docs) < pool * size:
            d = encode(tok, *sample(r, composed=composed))
            if len(d[0]) <= LONGEST:
                docs.append(d)
        docs.sort(key=lambda d: len(d[0]))
        parts = [docs[i:i + size] for i in range(0, len(docs), size)]
        r.shuffle(parts)
        for part in parts:
            yield collate(part, g)
        k += 1
