"""The passes by which every graph of a directory is asked for what the reference backend says of the same ids."""

import numpy as np

IDS = [32 + (i * 37 + 11) % 94 for i in range(45)]  # bytes that texts have: ranges are of such


def chosen(logits, manifest):
    """Of each row [n, V]: best, logit, lse over the ids that may be chosen."""
    x = logits.astype(np.float64)
    x[:, manifest["n_ids"]:] = -np.inf
    if manifest["never_id"] >= 0:
        x[:, manifest["never_id"]] = -np.inf
    best, top = x.argmax(1), x.max(1)
    return best, top, top + np.log(np.exp(x - top[:, None]).sum(1))


class Far:
    """The largest distances that were seen, relative to the largest number of what was wanted."""

    def __init__(self):
        self.logits = self.told = self.norm = 0.0
        self.other = 0  # rows that choose another id

    def compare(self, found, want):
        self.logits = max(self.logits, float(np.abs(found - want).max() / np.abs(want).max()))
        self.norm = max(self.norm, float(np.linalg.norm(found - want) / np.linalg.norm(want)))

    def ask(self, d, name, ids, block, want):
        """The rows, `head_rows` at a time; what the last pass gave."""
        step = d.functions[name]["head_rows"]
        best, top, lse = chosen(want, d.manifest)
        for i in range(0, len(ids), step):
            rows = list(range(i, min(i + step, len(ids))))
            out = d.call(name, ids, block, rows)
            n, scale = len(rows), np.abs(top).max()
            self.other += int((out["output_best"][:n] != best[rows]).sum())
            for key, x in (("output_logit", top), ("output_lse", lse)):
                self.told = max(self.told, float(np.abs(out[key][:n] - x[rows]).max() / scale))
        return out


def blocks(d, want):
    """A prompt in whole passes of prefill, then block by block in denoise: the same rows by either."""
    far, block = Far(), d.manifest["block_length"] or 1
    T = d.functions["prefill"]["rows"]
    for n_prompt in (0, T, 2 * block):
        d.forget()
        for i in range(0, n_prompt, T):
            ids = IDS[i:min(i + T, n_prompt)]
            out = d.call("prefill", ids, block)
            far.compare(d.logits(out["output_hidden"][0, :len(ids)]), want[i:i + len(ids)])
            d.keep(out, len(ids))
        for i in range(n_prompt, len(IDS), block):
            ids = IDS[i:i + block]
            out = far.ask(d, "denoise", ids, block, want[i:i + len(ids)])
            far.compare(d.logits(out["output_hidden"][0, :len(ids)]), want[i:i + len(ids)])
            d.keep(out, len(ids))
    return far


def canvases(d, want):
    """The whole canvas in every graph that has room for it; with a past, the rows behind its first ones again, which is
    what caches of such families do."""
    far, n = Far(), len(IDS)
    for name, f in d.functions.items():
        if not name.startswith("denoise") or f["rows"] < n:
            continue
        d.forget()
        out = far.ask(d, name, IDS, None, want)
        far.compare(d.logits(out["output_hidden"][0, :n]), want)
        if f["past"]:
            d.keep(out, 7)
            out = far.ask(d, name, IDS[7:], None, want[7:])
    return far


def compare(d, want):
    return blocks(d, want) if "prefill" in d.functions else canvases(d, want)
