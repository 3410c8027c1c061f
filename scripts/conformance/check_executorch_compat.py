"""Programs of `dlx export --cache compat`, called as runners of the Python original call them: six inputs, fixed sizes.

Block by block in the stock ExecuTorch runtime: a pass that keeps nothing leaves the cache as it was, one that keeps its rows
changes them alone, and the logits of both are those of the reference backend.
"""

import json
import pathlib
import sys
import tempfile

import numpy as np
from et_program import Program, run, runtime
from executorch_peer import installed

FAMILIES = ["fast-dllm-v2-tiny", "dream-tiny", "llada-tiny", "sdar-tiny-b4", "llada-gqa-sharded", "ar-qwen3-tiny"]
BOUND = 5e-5
CTX = 48
IDS = [(i * 37 + 11) % 250 for i in range(29)]


class Runner:
    """What the original keeps between passes: the cache, and how much of it is filled."""

    def __init__(self, program, shape, rows):
        self.program, self.rows, self.n = program, rows, 0
        self.cache = np.zeros(shape, np.float32)  # [L, 2, 1, kv, M, D]

    def run(self, ids, keep_rows):
        layers, context, rows, n = self.cache.shape[0], self.cache.shape[4], self.rows, len(ids)
        mask = np.full((rows, context + rows), -10000, np.float32)
        mask[:, :self.n] = 0
        mask[:, context:context + n] = 0
        insert, keep = np.zeros((context, rows), np.float32), np.ones((context, 1), np.float32)
        if keep_rows:
            insert[self.n + np.arange(n), np.arange(n)] = 1
            keep[self.n:self.n + n] = 0
        logits, cache = self.program.run("forward", [
            np.array([list(ids) + [0] * (rows - n)], np.int64), np.array([self.n + np.arange(rows)], np.int64) % context,
            self.cache, *(np.ascontiguousarray(np.broadcast_to(x, (layers, 1, 1, *x.shape))) for x in (mask, insert, keep))])
        changed = (cache != self.cache).any(axis=(0, 1, 2, 3, 5))
        right = changed.nonzero()[0].tolist() == (list(range(self.n, self.n + n)) if keep_rows else [])
        if keep_rows:
            self.cache, self.n = cache, self.n + n
        return logits[0, :n], right


def check(library, dlx, room, family, dtype):
    source, path = installed.ROOT / "tests/golden" / family, room / "model.pte"
    run(dlx, "export", source, path, "--dtype", dtype, "--cache", "compat", "--ctx", CTX, "-q")
    facts = json.loads(run(dlx, "inspect", path, "--json"))["metadata"]
    shape = json.loads(run(dlx, "inspect", source, "--json"))["shape"]
    by = [source, "--backend", "reference"] if dtype == "fp32" else [path]
    run(dlx, "logits", *by, "--ids", ",".join(map(str, IDS)), "-o", room / "want.npy")
    want, rows = np.load(room / "want.npy"), facts["get_max_seq_len"]
    step = len(IDS) if family.startswith(("dream", "llada")) else facts.get("get_block_size", 1)
    program = Program(library, path)
    runner = Runner(program, (shape["n_layers"], 2, 1, shape["n_heads_kv"], CTX, shape["head_dim"]), rows)
    worst, good = 0.0, True
    for start in range(0, len(IDS), step):
        for keep_rows in (False, True):
            found, right = runner.run(IDS[start:start + step], keep_rows)
            worst = max(worst, float(np.abs(found - want[start:start + step]).max() / np.abs(want).max()))
            good = good and right
    program.close()
    good = good and worst <= BOUND
    print(f"  {family:24} {dtype} {worst:.1e}{'' if good else ' WRONG'}")
    return not good


def main():
    dlx = pathlib.Path(sys.argv[1]).resolve()
    if not installed.ready(dlx, "executorch_compat"):
        return installed.SKIPPED
    library, wrong = runtime(dlx), 0
    with tempfile.TemporaryDirectory() as name:
        for family in FAMILIES:
            for dtype in ("fp32", "int4"):
                wrong += check(library, dlx, pathlib.Path(name), family, dtype)
    print("executorch_compat:", f"{wrong} WRONG" if wrong else "six inputs in, our logits and the cache out")
    return 1 if wrong else 0


sys.exit(main())
