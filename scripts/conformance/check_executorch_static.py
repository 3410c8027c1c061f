"""Static int8 and weight-only int8 programs in the stock ExecuTorch runtime, against our own arithmetic of them.

Every family, keys and values inside, outside and nowhere: the runtime's logits against the reference backend's on
`dlx export --stage rounded`, which holds the program's weights and computes the same integers. What is added up in
another order in float32 may fall to the other side of a half when it is rounded to int8, and that one step moves what
follows; so a static program is asked for several sequences, of which most have to agree to BOUND and none may be further
off than a step explains. flatc of the wheel parses every payload.
"""

import json
import pathlib
import random
import shutil
import sys
import tempfile

import numpy as np

import check_executorch as stock

FAMILIES = ["fast-dllm-v2-tiny", "dream-tiny", "llada-tiny", "sdar-tiny-b4", "dream-tied", "llada-gqa-sharded",
            "sdar-tiny-b8", "sdar-tiny-b4-tied", "fast-dllm-v2-tiny-tied", "ar-llama-tiny", "ar-qwen2-tiny", "ar-qwen3-tiny"]
BOUND, STEP = 1e-4, 0.2
SEQUENCES = 5


def ids(k):
    return ",".join(str((i * 37 + 11 + 53 * k) % 250) for i in range(29))


def byte_tokenizer():
    """A token for each byte: enough to calibrate with."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in shown]
    letters = {b: chr(b) for b in shown} | {b: chr(256 + i) for i, b in enumerate(hidden)}
    return {"version": "1.0", "added_tokens": [], "normalizer": None, "post_processor": None,
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
            "decoder": {"type": "ByteLevel"},
            "model": {"type": "BPE", "vocab": {letters[b]: b for b in range(256)}, "merges": []}}


def calibrated(dlx, family, observer, room):
    """The family's checkpoint in float32 with ranges of random texts."""
    source, texts, model = room / family, room / "texts.jsonl", room / f"{family}-{observer}.gguf"
    draw = random.Random(family)
    if not source.exists():
        shutil.copytree(stock.ROOT / "tests/golden" / family, source)
        (source / "tokenizer.json").write_text(json.dumps(byte_tokenizer()))
    texts.write_text("".join(json.dumps({"text": "".join(chr(draw.randrange(32, 127)) for _ in range(120))}) + "\n"
                             for _ in range(24)))
    stock.must(dlx, "quantize", source, model, "--type", "f32", "--scheme", "static", "--observer", observer,
               "--calibrate", texts, "-q")
    return model


def logits(dlx, model, k, out, *more):
    stock.must(dlx, "logits", model, "--ids", ids(k), "-o", out, *more)
    return np.load(out)


def distance(dlx, program, rounded, k, room):
    want = logits(dlx, rounded, k, room / "want.npy", "--backend", "reference")
    found = logits(dlx, program, k, room / "found.npy")
    return float(np.abs(found - want).max() / np.abs(want).max())


def check(dlx, model, name, scheme, cache, room):
    """1: wrong."""
    program, rounded = room / f"{name}-{scheme}-{cache}.pte", room / "rounded.gguf"
    how = ("--dtype", "int8", "--scheme", scheme, "-q")
    stock.must(dlx, "export", model, program, *how, "--cache", cache, "--ctx", 64)
    stock.must(dlx, "export", model, rounded, *how, "--stage", "rounded")
    far = sorted(distance(dlx, program, rounded, k, room) for k in range(SEQUENCES))
    near = sum(x <= BOUND for x in far)
    good = near > SEQUENCES // 2 and far[-1] <= STEP if scheme == "static" else near == SEQUENCES
    print(f"  {name:32} {scheme:11} {cache:6} {near} of {SEQUENCES} agree, the median to {far[SEQUENCES // 2]:.1e}"
          f"{'' if good else ' WRONG'}")
    return not good


def check_numbers(dlx, room):
    wrong = 0
    for i, family in enumerate(FAMILIES):
        observer = ("minmax", "mse")[i % 2]
        model = calibrated(dlx, family, observer, room)
        whole = family.startswith(("dream", "llada"))
        for cache in ["state", "io"] + ["none"] * whole:
            for scheme in ("static", "weight-only"):
                wrong += check(dlx, model, f"{family} {observer}", scheme, cache, room)
    return wrong


def check_flatc(room):
    wheel, n, good = stock.package(), 0, 0
    schemas = room / "schemas"
    schemas.mkdir()
    for name in ("schema/program.fbs", "schema/scalar_type.fbs", "backends/xnnpack/serialization/schema.fbs"):
        shutil.copy(wheel / name, schemas)
    for program in sorted(room.glob("*.pte")):
        files = [("program.fbs", program)]
        for i, bytes_ in enumerate(stock.payloads(program)):
            payload = program.with_suffix(f".{i}.xnn")
            payload.write_bytes(bytes_)
            files.append(("schema.fbs", payload))
        for schema, file in files:
            n += 1
            good += stock.parses(wheel / "data/bin/flatc", schemas / schema, file, room)
    print(f"  flatc parses {good} of {n} files")
    return n - good


def main():
    dlx = pathlib.Path(sys.argv[1]).resolve()
    if not stock.can_run(dlx):
        made = stock.run("make", "-C", stock.ROOT, "executorch")
        if made.returncode or not stock.can_run(dlx):
            print((made.stderr or made.stdout).strip()[-300:])
            print("executorch_static: skipped, the runtime could not be installed (make executorch)")
            return 77
    with tempfile.TemporaryDirectory() as name:
        room = pathlib.Path(name)
        wrong = check_numbers(dlx, room) + check_flatc(room)
    print("executorch_static:", f"{wrong} WRONG" if wrong else "programs compute our integers; flatc parses every file")
    return 1 if wrong else 0


sys.exit(main())
