"""A directory that `dlx export --backend qnn` wrote, called as a host calls it: rows padded and masked, K and V kept outside."""

import json

import numpy as np

TYPES = {"float32": np.float32, "int32": np.int32, "uint16": np.uint16}


class Directory:
    """open(path) gives what runs one graph: a function of named inputs that gives named outputs."""

    def __init__(self, path, model, open_graph):
        self.path, self.model = path, model  # model: of dlx inspect --json
        self.manifest = json.loads((path / "qnn_manifest.json").read_text())
        self.functions = {f["name"]: f for f in self.manifest["functions"]}
        self.runs = {name: open_graph(path / f["file"]) for name, f in self.functions.items()}
        self.forget()

    def forget(self):
        """K and V of nothing."""
        self.past = {}
        for f in self.manifest["functions"]:
            for x in f["inputs"]:
                if x["name"].startswith("past_"):
                    self.past[x["name"]] = np.full(x["shape"], x.get("zero_point", 0), TYPES[x["type"]])
        self.n_past = 0

    def rotation(self, start, n):
        c = self.model["shape"]["head_dim"]
        angle = np.arange(start, start + n)[:, None] * self.model["shape"]["rope_theta"] ** (-np.arange(0, c, 2) / c)
        return [np.concatenate([f(angle)] * 2, -1)[None, None].astype(np.float32) for f in (np.cos, np.sin)]

    def call(self, name, ids, block, rows=()):
        """Rows behind what is kept; block: they see their own and those before, None: all of them."""
        f, n = self.functions[name], len(ids)
        T, P = f["rows"], f["past"]
        position = np.concatenate([np.arange(P), self.n_past + np.arange(T)])
        there = np.concatenate([np.arange(P) < self.n_past, np.arange(T) < n])
        seen = np.broadcast_to(there, (T, P + T))
        if block:
            seen = seen & (position[None] // block <= position[P:, None] // block)
        cos, sin = self.rotation(self.n_past, T)
        given = {"input_ids": np.zeros((1, T), np.int32), "cos": cos, "sin": sin,
                 "mask": np.where(seen, 0, self.manifest["unseen"]).astype(np.float32)[None, None], **self.past}
        given["input_ids"][0, :n] = ids
        if f["head_rows"]:
            given["head_rows"] = np.resize(np.array(rows or [0], np.int32), f["head_rows"])
        names = {x["name"] for x in f["inputs"]}
        return self.runs[name]({k: v for k, v in given.items() if k in names})

    def keep(self, out, n):
        """The first n rows of a pass."""
        for name, x in out.items():
            if name.startswith("output_new_"):
                self.past[name.replace("output_new", "past")][:, :, self.n_past:self.n_past + n] = x[:, :, :n]
        self.n_past += n

    def logits(self, hidden):
        """[n, d] -> [n, V], as many at a time as the graph takes."""
        R, parts = self.functions["logits"]["head_rows"], []
        for i in range(0, len(hidden), R):
            rows = np.resize(hidden[i:i + R], (1, R, hidden.shape[1]))
            parts.append(self.runs["logits"]({"rows": rows})["output_logits"][0, :len(hidden) - i])
        return np.concatenate(parts)
