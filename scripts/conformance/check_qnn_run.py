# environment: qnn
"""`dlx run` and `dlx logits` on folders that `dlx export --backend qnn` wrote, through ONNX Runtime.

By its CPU provider: every family and profile, logits and greedy answers against the reference backend on the weights that the
folder holds (`dlx export --stage rounded`); answers by what `denoise` tells, and by logits. By its QNN provider, whose x86 libraries emulate the NPU: `--compile` for four
chips, which succeeds when every node is on the NPU; what was compiled and is loaded again gives the numbers of the graph that
is compiled while it is opened. Without onnxruntime-qnn that half is left out, and it says so."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime
from executorch_peer import ours

try:
    import onnxruntime_qnn
except ImportError:
    onnxruntime_qnn = None

ROOT = pathlib.Path(__file__).resolve().parents[2]
FAMILIES = ["fast-dllm-v2-tiny", "fast-dllm-v2-tiny-tied", "sdar-tiny-b4", "sdar-tiny-b8", "dream-tiny", "dream-tied",
            "llada-tiny", "llada-gqa-sharded", "ar-llama-tiny", "ar-qwen2-tiny", "ar-qwen3-tiny"]
BOUNDS = {"f32": 1e-4, "f16": 1e-4, "nb4": 1e-3}
CHIPS = ["SM8550", "SM8650", "SM8750", "SM8850"]
IDS = [(i * 37 + 11) % 250 for i in range(45)]
PROFILES = ["f32", "f16", "nb4"]


def runtime():
    folder = pathlib.Path(onnxruntime.__file__).parent / "capi"
    return next(p for p in sorted(folder.glob("libonnxruntime.*")) if "providers" not in p.name)


NEAR_ONE = 4e-6  # a confidence is exp(logit - lse) of two float32 numbers: above 1 less this they cannot be told apart


def answer(model, room, *more):
    """The ids, what each pass wrote, and what was said."""
    trace = room / "trace.jsonl"
    words = [ours.dlx, "run", model, "--ids", ",".join(map(str, IDS[:9])), "--max-tokens", "16", "--json", "--trace", trace, *more]
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    passes = [json.loads(line)["written"] for line in trace.read_text().splitlines()]
    return json.loads(done.stdout)["ids"], passes, done.stderr


def verdict(found, want):
    """Equal; or a tie, where what the two wrote first otherwise was as good as certain to both."""
    if found[0] == want[0]:
        return "equal"
    for x, y in zip(found[1], want[1]):
        if [(w["pos"], w["id"]) for w in x] != [(w["pos"], w["id"]) for w in y]:
            return "tie" if all(w["conf"] >= 1 - NEAR_ONE for w in x + y) else "OTHER"
    return "OTHER"


def check_cpu(family, profile, room):
    """WRONG or not, with its line."""
    source, out = ROOT / "tests/golden" / family, room / f"{family}-{profile}"
    whole = family.startswith(("dream", "llada"))
    ours.export(source, out, "--backend", "qnn", "--profile", profile, "--ctx", 64, *(["--canvas", "25,64"] if whole else []))
    rounded = ours.export(source, room / "rounded.gguf", "--backend", "qnn", "--profile", profile, "--stage", "rounded")
    os.environ["DLX_QNN_EP"] = "none"
    far = ours.distance(ours.logits(out, IDS, room), ours.logits(rounded, IDS, room, "--backend", "reference"))
    found = answer(out, room)
    told = verdict(found, answer(rounded, room, "--backend", "reference"))
    # Another id is left out than the graphs leave out: by logits then, where nothing ties.
    by_logits = verdict(answer(out, room, "--suppress", "240"),
                        answer(rounded, room, "--suppress", "240", "--backend", "reference"))
    good = far <= BOUNDS[profile] and told != "OTHER" and by_logits == "equal" and "CPU provider" in found[2]
    print(f"  {family:26} {profile:4} logits {far:.1e}  answers: told {told}, by logits {by_logits}{'' if good else ' WRONG'}",
          flush=True)
    return not good


def npu_logits(folder, room):
    os.environ["DLX_QNN_EP"] = onnxruntime_qnn.get_library_path()
    return ours.logits(folder, IDS, room)


def check_chip(source, chip, profile, room):
    plain, ready = room / f"{chip}-{profile}", room / f"{chip}-{profile}-ready"
    ours.export(source, plain, "--backend", "qnn", "--profile", profile, "--ctx", 64, "--soc", chip)
    os.environ["DLX_QNN_EP"] = onnxruntime_qnn.get_library_path()
    ours.export(source, ready, "--backend", "qnn", "--profile", profile, "--ctx", 64, "--soc", chip, "--compile")
    manifest = json.loads((ready / "qnn_manifest.json").read_text())
    contexts = [c for f in manifest["functions"] for c in f["contexts"] if c["soc"] == chip]
    size = sum(p.stat().st_size for p in ready.glob("*_qnn.bin"))
    os.environ["DLX_QNN_EP"] = "none"
    cpu = ours.logits(plain, IDS, room)
    direct, again = npu_logits(plain, room), npu_logits(ready, room)
    far = float(np.linalg.norm(direct - cpu) / np.linalg.norm(cpu))
    good = len(contexts) == len(manifest["functions"]) and np.array_equal(direct, again) and far < 2e-2
    print(f"  {chip} {profile:5} {len(contexts)} functions compiled, {size / 2**20:.1f} MiB; loaded again "
          f"{'equal' if np.array_equal(direct, again) else 'OTHER'}; relative L2 to the CPU {far:.1e}{'' if good else ' WRONG'}",
          flush=True)
    return not good


def main():
    ours.dlx = pathlib.Path(sys.argv[1]).resolve()
    os.environ["DLX_ORT"] = str(runtime())
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        room = pathlib.Path(name)
        for family in FAMILIES:
            for profile in PROFILES:
                wrong += check_cpu(family, profile, room)
        if onnxruntime_qnn:
            for chip in CHIPS:
                wrong += check_chip(ROOT / "models/records", chip, "nb4", room)
            wrong += check_chip(ROOT / "models/records", "SM8650", "f16", room)
    left = "" if onnxruntime_qnn else "; onnxruntime-qnn is not here: nothing was compiled"
    print("qnn_run:", f"{wrong} WRONG" if wrong else f"folders run as the reference does{left}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
