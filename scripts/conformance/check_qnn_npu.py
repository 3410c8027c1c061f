# environment: qnn
"""Graphs of `dlx export --backend qnn` on an emulated NPU (SM8650), by ONNX Runtime's QNN provider for x86-64.

Falling back to the CPU is forbidden, so a session that opens has every node on the NPU; the provider says it once more. What
each graph gives in the passes of a prompt, against ONNX Runtime's CPU provider on the same file and the same inputs: the NPU
computes in fp16, and products of a16w8 and a16lpbq in whole numbers. Distances are of all numbers that an output gave in all passes.

Weights are drawn as a model is begun with (qnn_peer/begun.py); the model that ships is trained, and has six layers; errors of
fp16 on the goldens, which are drawn wider, are told and judged by a wider measure. Other chips only open the graphs."""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime
from check_qnn import ROOT, by_cpu, with_ranges
from executorch_peer import ours
from qnn_peer import begun, directory, passes

try:
    import onnxruntime_qnn
except ImportError:
    onnxruntime_qnn = None

SOC, NAME = "SM8650", "QNNExecutionProvider"
FAMILIES = ["fast-dllm-v2-tiny", "sdar-tiny-b4", "sdar-tiny-b8", "dream-tiny", "llada-tiny", "llada-gqa-sharded", "ar-llama-tiny",
            "ar-qwen2-tiny", "ar-qwen3-tiny"]
BOUNDS = {"f32": 2e-3, "f16": 2e-3, "nb4": 2e-3, "a16w8": 5e-3, "a16lpbq": 5e-3}
GOLDEN = 2e-2
OTHERS = ["SM8450", "SM8550", "SC8380XP", "SM8750", "SM8850"]  # chips that graphs must open for


def devices():
    onnxruntime.register_execution_provider_library(NAME, onnxruntime_qnn.get_library_path())
    return [x for x in onnxruntime.get_ep_devices() if x.ep_name == NAME]


def open_npu(path, found, soc=SOC):
    library = pathlib.Path(onnxruntime_qnn.get_library_path()).with_name("libQnnHtp.so")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    options.add_provider_for_devices(found, {"backend_path": str(library), "offload_graph_io_quantization": "0",
                                             "soc_model": soc})
    session = onnxruntime.InferenceSession(path, options)
    parts = session.get_provider_graph_assignment_info()
    if session.get_providers()[0] != NAME or any(p.ep_name != NAME for p in parts):
        raise RuntimeError(f"{path}: nodes are not on the NPU")
    return session


class Both:
    """Runs graphs on both providers, goes on with what the CPU gave, and sums up how far the other was."""

    def __init__(self, found):
        self.found, self.sums = found, {}

    def open(self, path):
        cpu, npu = by_cpu(path), open_npu(path, self.found)

        def run(given):
            want = cpu(given)
            for name, x in zip(want, npu.run(list(want), given)):
                if name != "output_best":
                    sums = self.sums.setdefault(f"{path.stem} {name.rstrip('0123456789')}", [0.0, 0.0])
                    sums[0] += float(((x.astype(np.float64) - want[name]) ** 2).sum())
                    sums[1] += float((want[name].astype(np.float64) ** 2).sum())
            return want
        return run

    def worst(self):
        return max(((a / b) ** 0.5, name) for name, (a, b) in self.sums.items())


def opens(out, soc, profile, found):
    """Are all nodes on the NPU of another chip?"""
    try:
        for path in sorted(out.glob("*.onnx")):
            open_npu(path, found, soc)
    except Exception as why:  # of the provider
        print(f"  {soc:30} {profile:6} {why} WRONG", flush=True)
        return False
    print(f"  {soc:30} {profile:6} opens", flush=True)
    return True


def check(label, source, profile, bound, found, room):
    out, both = room / "directory", Both(found)
    if profile.startswith("a16"):
        source = with_ranges(source, profile, room)
    ours.export(source, out, "--backend", "qnn", "--profile", profile, "--soc", SOC, "--ctx", 64)
    model = json.loads(subprocess.run([ours.dlx, "inspect", source, "--json"], capture_output=True, check=True).stdout)
    try:
        d = directory.Directory(out, model, both.open)
    except Exception as why:  # of the provider
        print(f"  {label:30} {profile:6} {why} WRONG", flush=True)
        return True
    want = ours.logits(source, passes.IDS, room, "--backend", "reference", "--scheme", "weight-only")
    passes.compare(d, want)
    far, name = both.worst()
    print(f"  {label:30} {profile:6} {far:.1e} {name}{'' if far <= bound else ' WRONG'}", flush=True)
    return far > bound


def main():
    ours.dlx = pathlib.Path(sys.argv[1]).resolve()
    found = devices() if onnxruntime_qnn else []
    if not found:
        print("qnn_npu: skipped, ONNX Runtime's QNN provider (onnxruntime-qnn) is not there")
        return 77
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        room = pathlib.Path(name)
        for family in FAMILIES:
            golden = ROOT / "tests/golden" / family
            drawn = begun.model(golden, room / f"{family}-begun")
            for profile, bound in BOUNDS.items():
                wrong += check(f"{family} begun", drawn, profile, bound, found, room)
            wrong += check(family, golden, "f16", GOLDEN, found, room)
        for profile in BOUNDS:
            wrong += check("models/records", ROOT / "models/records", profile, BOUNDS[profile], found, room)
            wrong += sum(not opens(room / "directory", soc, profile, found) for soc in OTHERS)
    print("qnn_npu:", f"{wrong} WRONG" if wrong else f"every node of every graph is on the emulated {SOC}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
