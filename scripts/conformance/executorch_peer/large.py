"""Published sizes: 0.5B with all its layers, and one layer 3,584 wide, with random weights.

fp32 as in the goldens. Of integers some lists have one id, because with every row and every layer it gets likelier that some number lies
on a border (borders.py); more ids, and attention among them, in the layer alone."""

import time

from executorch_peer import borders, ours, shapes

BOUND = 5e-5
# name, sizes, types, form of the cache, ids of each list
MODELS = [("0.5B, 24 layers", shapes.HALF_B, ["fp32", "int4"], "state", [1] * 10),
          ("7B, one layer", shapes.SEVEN_B_LAYER, ["fp32", "int8", "int4"], "none", [1, 2, 2, 2, 3, 3])]


def _ids(seed, n):
    return [(i * 7919 + 11 + seed * 1013) % 150000 for i in range(n)]


def _row(source, dtype, cache, lengths, room):
    model = source
    if dtype != "fp32":
        model = ours.export(source, room / "rounded.gguf", "--dtype", dtype, "--stage", "rounded")
    program = ours.export(source, room / "large.pte", "--dtype", dtype, "--cache", cache, "--ctx", 64)
    lists = [_ids(0, 8)] if dtype == "fp32" else [_ids(seed, n) for seed, n in enumerate(lengths)]
    found = []
    for ids in lists:
        want = ours.logits(model, ids, room, "--backend", "reference")
        found.append(ours.distance(ours.logits(program, ids, room), want))
    program.unlink()
    if dtype == "fp32":
        return found[0] <= BOUND, f"{found[0]:.1e}"
    return borders.judge(found)


def rows(room):
    """The number of rows that are wrong."""
    wrong = 0
    for name, config, dtypes, cache, lengths in MODELS:
        source = shapes.make(room / "large", config, 7)
        for dtype in dtypes:
            start = time.monotonic()
            good, text = _row(source, dtype, cache, lengths, room)
            wrong += not good
            seconds = time.monotonic() - start
            print(f"  {name:20} {dtype} {cache:6} {text}{'' if good else ' WRONG'} ({seconds:.0f} s)", flush=True)
        for file in source.iterdir():
            file.unlink()
        source.rmdir()
        (room / "rounded.gguf").unlink(missing_ok=True)
    return wrong
