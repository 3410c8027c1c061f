"""The stock ExecuTorch runtime against our own arithmetic: `dlx export` of every family, and flatc on the files.

fp32 and fp16 programs, with keys and values inside, outside and nowhere: the runtime's logits against the reference
backend's on the same weights (relative to the largest logit). flatc of the wheel parses program, payload and .ptd with the wheel's schemas.
"""

import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
FAMILIES = ["fast-dllm-v2-tiny", "dream-tiny", "llada-tiny", "sdar-tiny-b4", "dream-tied", "llada-gqa-sharded",
            "sdar-tiny-b8", "ar-llama-tiny", "ar-qwen3-tiny"]
BOUND = 5e-5
IDS = ",".join(str((i * 37 + 11) % 250) for i in range(29))


def run(*words):
    return subprocess.run([str(w) for w in words], capture_output=True, text=True)


def must(*words):
    done = run(*words)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())


def package():
    """The directory of the ExecuTorch that `make executorch` built against."""
    cache = (ROOT / "build" / "CMakeCache.txt").read_text()
    line = next((x for x in cache.splitlines() if x.startswith("DLX_EXECUTORCH:")), "=")
    return pathlib.Path(line.split("=", 1)[1])


def can_run(dlx):
    report = json.loads(run(dlx, "doctor", "--json").stdout)
    return any(b["name"] == "xnnpack" and b["available"] for b in report["backends"])


def logits(dlx, model, out, *more):
    must(dlx, "logits", model, "--ids", IDS, "-o", out, *more)
    return np.load(out)


def check_numbers(dlx, room):
    wrong = 0
    for family in FAMILIES:
        source = ROOT / "tests/golden" / family
        whole = family.startswith(("dream", "llada"))
        for dtype in ("fp32", "fp16"):
            model = source if dtype == "fp32" else room / "half.gguf"
            if dtype == "fp16":
                must(dlx, "quantize", source, model, "--type", "f16", "-q")
            want = logits(dlx, model, room / "want.npy", "--backend", "reference")
            for cache in ["state", "io"] + ["none"] * whole:
                program = room / "model.pte"
                must(dlx, "export", source, program, "--dtype", dtype, "--cache", cache, "--ctx", 64, "-q")
                found = logits(dlx, program, room / "found.npy")
                worst = float(np.abs(found - want).max() / np.abs(want).max())
                good = worst <= BOUND
                wrong += not good
                print(f"  {family:24} {dtype} {cache:6} {worst:.1e}{'' if good else ' WRONG'}")
    return wrong


def payloads(program):
    """The XNNPACK flatbuffers of a program, found by their headers."""
    data = program.read_bytes()
    at = data.find(b"XH00")
    while at >= 0:
        start = at - 4
        offset, size = struct.unpack_from("<II", data, start + 10)
        yield data[start + offset:start + offset + size]
        at = data.find(b"XH00", at + 4)


def parses(flatc, schema, file, room):
    done = run(flatc, "--json", "--raw-binary", "--strict-json", "-o", room, schema, "--", file)
    if done.returncode:
        print(f"  flatc: {file.name}: {done.stdout.strip()} {done.stderr.strip()}")
    return done.returncode == 0


def check_flatc(dlx, room, wheel):
    schemas = room / "schemas"
    schemas.mkdir()
    for name in ("schema/program.fbs", "schema/scalar_type.fbs", "backends/xnnpack/serialization/schema.fbs",
                 "extension/flat_tensor/serialize/flat_tensor.fbs", "extension/flat_tensor/serialize/scalar_type.fbs"):
        if (wheel / name).exists():
            shutil.copy(wheel / name, schemas)
    n = good = 0
    for dtype in ("fp32", "fp16", "int8", "int4"):
        program = room / f"{dtype}.pte"
        must(dlx, "export", ROOT / "tests/golden/sdar-tiny-b4", program, "--dtype", dtype, "--ctx", 64, "-q", "--data",
             program.with_suffix(".ptd"))
        files = [("program.fbs", program), ("flat_tensor.fbs", program.with_suffix(".ptd"))]
        for i, bytes_ in enumerate(payloads(program)):
            payload = room / f"{dtype}-{i}.xnn"
            payload.write_bytes(bytes_)
            files.append(("schema.fbs", payload))
        for schema, file in files:
            n += 1
            good += parses(wheel / "data/bin/flatc", schemas / schema, file, room)
    print(f"  flatc parses {good} of {n} files")
    return n - good


def main():
    dlx = pathlib.Path(sys.argv[1]).resolve()
    if not can_run(dlx):
        made = run("make", "-C", ROOT, "executorch")
        if made.returncode or not can_run(dlx):
            print((made.stderr or made.stdout).strip()[-300:])
            print("executorch: skipped, the runtime could not be installed (make executorch)")
            return 77
    with tempfile.TemporaryDirectory() as name:
        room = pathlib.Path(name)
        wrong = check_numbers(dlx, room)
        wrong += check_flatc(dlx, room, package())
    print("executorch:", f"{wrong} WRONG" if wrong else "every program gives our numbers; flatc parses every file")
    return 1 if wrong else 0


sys.exit(main())
