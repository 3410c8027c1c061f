# environment: onnx
"""`dlx export --backend qnn`: the checker of ONNX on every graph, and ONNX Runtime's CPU provider against our own arithmetic.

Every family and profile, keys and values outside and nowhere: logits of all rows, by every graph that can give them, and the
best id, its logit and log-sum-exp that `denoise` tells, against the reference backend on the weights that the directory holds
(`dlx export --stage rounded`). The runtime does not rearrange the graphs: its own rewriting rounds rows of int4 products.

a16w8 and a16lpbq twice: as they are, where rows outside the ranges that calibration saw are clipped; and with the rounding of rows taken out of
the graphs, which must leave exactly the products of the weights."""

import json
import pathlib
import subprocess
import sys
import tempfile

import onnx
import onnxruntime
from executorch_peer import ours, ranged
from qnn_peer import directory, large, passes

ROOT = pathlib.Path(__file__).resolve().parents[2]
FAMILIES = ["fast-dllm-v2-tiny", "fast-dllm-v2-tiny-tied", "fast-dllm-v2-tiny-bf16-sharded", "fast-dllm-v2-realvocab",
            "sdar-tiny-b4", "sdar-tiny-b8", "sdar-tiny-b4-tied", "sdar-tiny-b16-sharded", "dream-tiny", "dream-tied",
            "llada-tiny", "llada-gqa-sharded", "ar-llama-tiny", "ar-qwen2-tiny", "ar-qwen3-tiny"]
BOUNDS = {"f32": 1e-4, "f16": 1e-4, "nb4": 1e-3, "a16w8": 1e-4, "a16lpbq": 1e-4}
ROUNDED = {"a16w8": 5e-3, "a16lpbq": 1e-2}  # relative L2: with four bits a row of one golden goes 2 % beyond its range


def by_cpu(path):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [x.name for x in session.get_outputs()]
    return lambda given: dict(zip(names, session.run(names, given)))


def lint(path):
    """What a static graph for the NPU may be, beside what the checker asks."""
    graph = onnx.load(path, load_external_data=False).graph
    for x in [*graph.input, *graph.output, *graph.value_info]:
        dims = x.type.tensor_type.shape.dim
        assert len(dims) <= 4 and all(d.dim_value > 0 for d in dims), f"{path}: {x.name}"
    assert all(x.name.startswith("output_") for x in graph.output), path
    for x in graph.initializer:
        outside = {e.key: e.value for e in x.external_data}
        assert not outside or int(outside["length"]) < 4096 or int(outside["offset"]) % 4096 == 0, x.name


def without_rounding(path):
    """A graph beside it whose rows stay floats."""
    model = onnx.load(path, load_external_data=False)
    made = {n.output[0]: n for n in model.graph.node}
    plain = {}
    for n in model.graph.node:
        if n.op_type == "DequantizeLinear" and n.input[0] in made:
            plain[n.output[0]] = made[n.input[0]].input[0]
    for n in model.graph.node:
        for i, name in enumerate(n.input):
            while name in plain:
                name = plain[name]
            n.input[i] = name
    out = path.with_name("plain_" + path.name)
    onnx.save(model, out)
    return by_cpu(out)


def with_ranges(checkpoint, profile, room):
    """Of the float weights, or of the four bits that they become, whose rows go further."""
    source = ranged.model(checkpoint, "minmax", room, [bytes(passes.IDS).decode()] * 48)
    return ranged.again(source, "minmax", room, "--backend", "qnn", "--profile", profile) if profile == "a16lpbq" else source


def check(family, profile, cache, room):
    checkpoint, out = ROOT / "tests/golden" / family, room / f"{family}-{profile}-{cache}"
    source = with_ranges(checkpoint, profile, room) if profile.startswith("a16") else checkpoint
    whole = family.startswith(("dream", "llada"))
    more = ["--canvas", "45,64"] if whole else []
    ours.export(source, out, "--backend", "qnn", "--profile", profile, "--cache", cache, "--ctx", 64, *more)
    for path in out.glob("*.onnx"):
        onnx.checker.check_model(path, full_check=True)
        lint(path)
    rounded = ours.export(source, room / "rounded.gguf", "--backend", "qnn", "--profile", profile, "--stage", "rounded")
    want = ours.logits(rounded, passes.IDS, room, "--backend", "reference")
    model = json.loads(subprocess.run([ours.dlx, "inspect", source, "--json"], capture_output=True, check=True).stdout)
    d = directory.Directory(out, model, by_cpu)
    far, good, rounded = passes.compare(d, want), True, ""
    if profile.startswith("a16"):
        good, rounded = far.norm <= ROUNDED[profile], f" rounded {far.norm:.1e}"
        want = ours.logits(room / "rounded.gguf", passes.IDS, room, "--backend", "reference", "--scheme", "weight-only")
        far = passes.compare(directory.Directory(out, model, without_rounding), want)
    good = good and max(far.logits, far.told) <= BOUNDS[profile] and far.other == 0
    print(f"  {family:30} {profile:6} {cache:5} logits {far.logits:.1e} told {far.told:.1e} other ids {far.other}{rounded}"
          f"{'' if good else ' WRONG'}", flush=True)
    return not good


def main():
    ours.dlx = pathlib.Path(sys.argv[1]).resolve()
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        for family in FAMILIES:
            for profile in BOUNDS:
                for cache in ["io"] + ["none"] * family.startswith(("dream", "llada")):
                    wrong += check(family, profile, cache, pathlib.Path(name))
        wrong += large.rows(pathlib.Path(name), by_cpu)
    print("qnn:", f"{wrong} WRONG" if wrong else "every graph is well-formed and gives our numbers")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
