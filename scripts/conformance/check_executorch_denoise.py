"""Methods `denoise` and `denoise_masked` of exported programs in the stock ExecuTorch runtime, called directly.

Every family with keys and values inside, outside and nowhere, fp32 and int4: the best id of each row, its logit and the
log-sum-exp, against numpy on logits of `dlx logits`: those of the reference backend for fp32, of `forward` for int4.
"""

import json
import pathlib
import sys
import tempfile

import numpy as np
from et_program import Program, run, runtime
from executorch_peer import installed

FAMILIES = ["fast-dllm-v2-tiny", "dream-tiny", "llada-tiny", "sdar-tiny-b4", "dream-tied", "llada-gqa-sharded",
            "sdar-tiny-b8", "fast-dllm-v2-realvocab", "ar-llama-tiny", "ar-qwen3-tiny"]
BOUND = 5e-5
CTX = 64
N = 29
IDS = [(i * 37 + 11) % 250 for i in range(N)]

def expected(logits, facts):
    """Of each row [n, vocabulary]: best, logit, lse over the ids that may be chosen."""
    x = logits.astype(np.float64)
    x[:, facts["get_n_ids"]:] = -np.inf
    if "get_never_id" in facts:
        x[:, facts["get_never_id"]] = -np.inf
    best = x.argmax(1)
    top = x.max(1)
    return best, top, top + np.log(np.exp(x - top[:, None]).sum(1))


class Pass:
    """Calls of one program in the order of positions, keeping what it wants kept."""

    def __init__(self, program, facts, shape):
        self.program, self.cache = program, facts["get_cache_layout"]
        self.past = [np.zeros(shape, np.float32) for _ in range(2 * facts["get_n_layers"])]

    def denoise(self, start, ids, rows, block=0):
        inputs = [np.array([ids], np.int64)]
        if self.cache != "none":
            inputs.append(np.array([start], np.int64))
        if block:
            seen = np.arange(start + len(ids)) // block
            inputs.append(np.where(seen <= seen[start:, None], 0, -1e9).astype(np.float32))
        inputs.append(np.array(rows, np.int64))
        if self.cache == "io":
            inputs += self.past
        out = self.program.run("denoise_masked" if block else "denoise", inputs)
        self.past = [np.concatenate([old, new], 1) for old, new in zip(self.past, out[3:])]
        return out[:3]


def rows_of(n, seed):
    """Some rows in no order, then all others: calls of both kinds."""
    order = np.random.default_rng(seed).permutation(n)
    return [order[:max(1, n // 3)], order[max(1, n // 3):]]


def found(program, facts, shape, block):
    """[3][N]: block by block, or all at once; and again with a mask where rows of several blocks have a method."""
    spans = [(0, N, 0)] if not block else [(i, min(i + block, N), 0) for i in range(0, N, block)]
    both = [spans] if not block else [spans, [(0, N, block)]]
    for one in both:
        told = [np.zeros(N, np.int64), np.zeros(N, np.float32), np.zeros(N, np.float32)]
        calls = Pass(program, facts, shape)
        for start, end, mask in one:
            kept = calls.past
            for rows in rows_of(end - start, start):
                if len(rows):
                    calls.past = kept  # the same pass again
                    for to, x in zip(told, calls.denoise(start, IDS[start:end], rows, mask)):
                        to[start + rows] = x
        yield told


def check(library, dlx, room, family, dtype, cache):
    source, path = installed.ROOT / "tests/golden" / family, room / "model.pte"
    run(dlx, "export", source, path, "--dtype", dtype, "--cache", cache, "--ctx", CTX, "-q")
    report = json.loads(run(dlx, "inspect", path, "--json"))
    model = json.loads(run(dlx, "inspect", source, "--json"))
    facts = report["metadata"]
    by = [source, "--backend", "reference"] if dtype == "fp32" else [path]
    run(dlx, "logits", *by, "--ids", ",".join(map(str, IDS)), "-o", room / "logits.npy")
    best, top, lse = expected(np.load(room / "logits.npy"), facts)
    mask = model["ids"]["mask"] or {"value": None}
    block = facts.get("get_block_size", 1) if any(m["name"] == "denoise_masked" for m in report["methods"]) else 0
    shape = (model["shape"]["n_heads_kv"], 0, model["shape"]["head_dim"])
    program = Program(library, path)
    worst, same = 0.0, True
    for got in found(program, facts, shape, block):
        scale = np.abs(top).max()
        worst = max(worst, np.abs(got[1] - top).max() / scale, np.abs(got[2] - lse).max() / scale)
        same = same and (got[0] == best).all()
    program.close()
    good = bool(same and worst <= BOUND and facts.get("get_never_id") == mask["value"])
    print(f"  {family:24} {dtype} {cache:6} {worst:.1e}{'' if good else ' WRONG'}")
    return not good


def main():
    dlx = pathlib.Path(sys.argv[1]).resolve()
    if not installed.ready(dlx, "executorch_denoise"):
        return installed.SKIPPED
    library, wrong = runtime(dlx), 0
    with tempfile.TemporaryDirectory() as name:
        for family in FAMILIES:
            whole = family.startswith(("dream", "llada"))
            for dtype in ("fp32", "int4"):
                for cache in ["state", "io"] + ["none"] * whole:
                    wrong += check(library, dlx, pathlib.Path(name), family, dtype, cache)
    print("executorch_denoise:", f"{wrong} WRONG" if wrong else "every row chooses what its logits choose")
    return 1 if wrong else 0


sys.exit(main())
