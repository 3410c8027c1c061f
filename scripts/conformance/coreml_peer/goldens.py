"""Every family, type and form of the cache on the goldens: what a package computes against the reference backend's logits on the
weights that it holds."""

import struct

import numpy as np

from coreml_peer import mutations, ours, typed
from coreml_peer.package import Package
from coreml_peer.passes import NOTHING, Model

FAMILIES = ["fast-dllm-v2-tiny", "dream-tiny", "llada-tiny", "sdar-tiny-b4", "dream-tied", "llada-gqa-sharded",
            "sdar-tiny-b8", "sdar-tiny-b4-tied", "ar-llama-tiny", "ar-qwen3-tiny"]
BOUND = 5e-5
CTX = 64
N = 29
IDS = [(i * 37 + 11) % 250 for i in range(N)]


class Row:
    """One package against the logits that belong to it; the worst difference of all that was compared."""

    def __init__(self, model, want, report):
        self.model, self.want = model, want
        self.n_ids, self.never = report["shape"]["n_vocab"], (report["ids"]["mask"] or {"value": None})["value"]
        self.scale, self.worst = np.abs(want).max(), 0.0

    def differ(self, found, want):
        self.worst = max(self.worst, float(np.abs(np.asarray(found, np.float64) - want).max() / self.scale))

    def hidden(self, out, start, n):
        """The rows of a pass through the function that gives logits."""
        if "logits" in self.model.functions:
            self.differ(self.model.logits(out["output_hidden"][0, :n]), self.want[start:start + n])

    def best(self, out, start, rows):
        """What a pass says of its rows' best ids."""
        x = self.want[start + np.array(rows)].astype(np.float64)
        x[:, self.n_ids:] = -np.inf  # rows of the table that are no ids
        if self.never is not None:
            x[:, self.never] = -np.inf
        top = x.max(1)
        n = len(rows)
        self.differ(x[np.arange(n), out["output_best"][:n]], top)
        self.differ(out["output_logit"][:n], top)
        self.differ(out["output_lse"][:n], top + np.log(np.exp(x - top[:, None]).sum(1)))


def _blocks(row, block):
    """Keys and values outside: all rows by `prefill`; then each block by `denoise` over what `prefill` kept, and once over what
    `denoise` kept itself."""
    m = row.model
    size = m.functions["prefill"].shape("input_ids")[1]
    kept = NOTHING
    for start in range(0, N, size):
        ids = IDS[start:start + size]
        out = m.run("prefill", ids, start, kept)
        row.hidden(out, start, len(ids))
        kept = m.keep(kept, out, start, range(len(ids)))
    mine = NOTHING
    size = m.functions["denoise"].shape("input_ids")[1]
    for start in range(0, N, size):
        ids = IDS[start:start + size]
        first = {"positions": kept["positions"][:start], "k": [k[:, :, :start] for k in kept["k"]],
                 "v": [v[:, :, :start] for v in kept["v"]]}
        for past in (first, mine):
            out = _denoise(row, "denoise", ids, start, past)
        mine = m.keep(mine, out, start, range(len(ids)))


def _denoise(row, name, ids, start, past):
    """A pass whose head is asked for all rows, a few at a time and in no order."""
    most = row.model.functions[name].shape("head_rows")[0]
    order = np.random.default_rng(start).permutation(len(ids)).tolist()
    for at in range(0, len(order), most):
        out = row.model.run(name, ids, start, past, order[at:at + most])
        row.best(out, start, order[at:at + most])
    row.hidden(out, start, len(ids))
    return out


def _state(row):
    """Keys and values inside, over all blocks: three calls and more with one state. Each block is computed twice, with other ids
    first, as denoising does."""
    size = row.model.functions["denoise"].shape("input_ids")[1]
    for start in range(0, N, size):
        ids = IDS[start:start + size]
        row.model.run("denoise", [(i + 1) % 250 for i in ids], start, NOTHING)
        f = row.model.functions["denoise"]
        most = f.shape("head_rows")[0]
        for at in range(0, len(ids), most):
            some = list(range(at, min(at + most, len(ids))))
            out = row.model.run("denoise", ids, start, NOTHING, some)
            row.best(out, start, some)
        row.hidden(out, start, len(ids))


def _canvas(row, cache):
    """All rows at once; with a past, a window of the canvas again over the K and V of the others; with states, a window over what
    the first call wrote."""
    name = row.model.canvas(N)
    out = _denoise(row, name, IDS, 0, NOTHING)
    if cache == "io":
        kept = row.model.keep(NOTHING, out, 0, list(range(9)) + list(range(20, N)))
        _denoise(row, name, IDS[9:20], 9, kept)


def _block_of(report):
    """How far rows see: 0 is everywhere."""
    if report["family"] in ("dream", "llada"):
        return 0
    blocks = [d["value"] for d in report["defaults"] if d["option"] == "--block-length"]
    return blocks[0] if blocks and blocks[0] else 1


def _shares(package):
    """What several functions need is there once: `prefill` needs nothing that `denoise` does not, `logits` the head alone."""
    used = {name: package.offsets(name) for name in package.functions}
    blocks = [used[name] for name in used if name != "logits"]
    return all(other <= blocks[0] or blocks[0] <= other for other in blocks) and used["logits"] <= set().union(*blocks)


def _damaged_differs(row, package):
    """Whether other weights are noticed: the check of this check."""
    before = row.worst
    at = min(package.records)
    begin = struct.unpack_from("<Q", package.blob, at + 16)[0]
    package.blob = package.blob[:begin] + bytes(b ^ 1 for b in package.blob[begin:begin + 256]) + package.blob[begin + 256:]
    row.model = Model(package, *row.model.made_of)
    row.worst = 0.0
    _blocks(row, row.model.block)
    found, row.worst = row.worst, before
    return found > 10 * BOUND


def _check(source, report, dtype, cache, want, room):
    package = Package(ours.export(source, room / f"{dtype}-{cache}.mlpackage", "--dtype", dtype, "--cache", cache, "--ctx", CTX))
    told = ours.inspect(package.path)
    n = typed.operations(package)
    block = _block_of(report)
    row = Row(Model(package, report["shape"], block), want, report)
    if block == 0:
        _canvas(row, cache)
    elif cache == "state":
        _state(row)
    else:
        _blocks(row, block)
    good = (row.worst <= BOUND and typed.decode_raw(package) is not False and
            package.announced() == len(package.records) == told["weights"]["records"] and
            len(package.functions) > 1 and _shares(package))
    print(f"  {source.name:20} {dtype} {cache:6} {row.worst:.1e}  {n} operations, {package.announced()} records, "
          f"{told['weights']['shared']} shared{'' if good else ' WRONG'}", flush=True)
    if (source.name, dtype, cache) == ("sdar-tiny-b4", "int4", "io") and not _damaged_differs(row, package):
        good = False
        print("  other weights were not noticed WRONG")
    return package.path, not good


def rows(root, room):
    """The number of rows that are wrong."""
    wrong = 0
    for family in FAMILIES:
        source = root / "tests/golden" / family
        report = ours.inspect(source)
        for dtype in ("fp16", "int8", "int4"):
            rounded = room / "rounded.gguf"
            rounded.unlink(missing_ok=True)
            ours.export(source, rounded, "--dtype", dtype, "--stage", "rounded")
            want = ours.logits(rounded, IDS, room)
            for cache in ["none", "io", "state"] if family.startswith(("dream", "llada")) else ["io", "state"]:
                path, bad = _check(source, report, dtype, cache, want, room)
                wrong += bad
                if (family, dtype, cache) in (("sdar-tiny-b4", "int4", "io"), ("sdar-tiny-b4", "fp16", "state")):
                    wrong += mutations.rows(path, room)
                ours.remove(path)
    return wrong
