"""Passes of a model through the functions of its package, as an engine would call them: positions, mask, kept keys and values
by name and shape. Nothing here knows what is inside of a function."""

import re

import numpy as np

from coreml_peer.replay import Replay

HIDDEN = -10000.0


class Model:
    """The functions of a package with the shape and the attention of its model (`dlx inspect --json` of the checkpoint)."""

    def __init__(self, package, shape, block):
        self.made_of = (shape, block)
        self.functions = {name: Replay(package, name) for name in package.functions}
        self.n_layers, self.head_dim, self.theta = shape["n_layers"], shape["head_dim"], shape["rope_theta"]
        self.block = block  # rows see their block and those before it; 0: all rows

    def turn(self, positions):
        """cos and sin [1, 1, rows, head_dim]"""
        half = self.head_dim // 2
        angle = positions[:, None] * self.theta ** (-np.arange(half) / half)
        both = np.concatenate([angle, angle], 1)[None, None]
        return np.cos(both).astype(np.float32), np.sin(both).astype(np.float32)

    def mask(self, positions, n, columns):
        """[1, 1, rows, columns]: columns is the position each column holds, -1 for none; the first n rows are real."""
        seen = np.broadcast_to(columns >= 0, (len(positions), len(columns))).copy()
        if self.block:
            seen &= columns[None] // self.block <= positions[:, None] // self.block
        seen[n:] = columns >= 0
        return np.where(seen, 0, HIDDEN).astype(np.float32)[None, None]

    def feeds(self, name, ids, start, kept):
        """Inputs of a pass of ids at start .. ; kept: K, V of each layer [1, heads, m, head_dim] and their positions [m]."""
        f = self.functions[name]
        rows, n = f.shape("input_ids")[1], len(ids)
        positions = start + np.arange(rows)
        cos, sin = self.turn(positions)
        out = {"input_ids": np.array([list(ids) + [0] * (rows - n)], np.int32), "cos": cos, "sin": sin}
        own = np.where(np.arange(rows) < n, positions, -1)
        width = f.shape("mask")[3]
        if f.states:
            columns = np.full(width, -1)
            columns[:start + n] = np.arange(start + n)
            out["position"] = np.array([start], np.int32)
        else:
            columns = np.concatenate([np.full(width - rows, -1), own])
            columns[:len(kept["positions"])] = kept["positions"]
        out["mask"] = self.mask(positions, n, columns)
        for layer in range(self.n_layers if width > rows and not f.states else 0):
            for part in "kv":
                past = np.zeros(f.shape(f"past_{part}_{layer}"), np.float32)
                if kept[part]:
                    past[:, :, :len(kept["positions"])] = kept[part][layer]
                out[f"past_{part}_{layer}"] = past
        return out

    def run(self, name, ids, start, kept, head_rows=None):
        feeds = self.feeds(name, ids, start, kept)
        f = self.functions[name]
        if "head_rows" in f.inputs:
            rows = np.zeros(f.shape("head_rows"), np.int32)
            rows[:len(head_rows or [])] = head_rows or []
            feeds["head_rows"] = rows
        return f.run(feeds)

    def keep(self, kept, out, start, rows):
        """What is kept, with the K and V that a pass made of these rows of its own."""
        more = {"positions": np.concatenate([kept["positions"], start + np.array(rows, int)]), "k": [], "v": []}
        for part in "kv":
            for layer in range(self.n_layers):
                new = out[f"output_new_{part}_{layer}"][:, :, rows]
                old = kept[part][layer] if kept[part] else new[:, :, :0]
                more[part].append(np.concatenate([old, new], 2))
        return more

    def logits(self, hidden):
        """[rows, vocabulary] of rows of the final norm [rows, d], by the function for it."""
        f = self.functions["logits"]
        (name, kind), = f.inputs.items()
        size, found = f.shape(name)[1], []
        for at in range(0, len(hidden), size):
            some = hidden[at:at + size]
            padded = np.zeros(f.shape(name), np.float32)
            padded[0, :len(some)] = some
            (y,) = f.run({name: padded}).values()
            found.append(y[0, :len(some)])
        return np.concatenate(found)

    def canvas(self, n):
        """The function for a whole canvas of n ids."""
        if "denoise" in self.functions:
            return "denoise"  # with states there is one
        sizes = sorted(int(x[1]) for x in (re.fullmatch(r"denoise_(\d+)", name) for name in self.functions) if x)
        return f"denoise_{next(s for s in sizes if s >= n)}"


NOTHING = {"positions": np.zeros(0, int), "k": [], "v": []}
