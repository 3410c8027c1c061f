"""build/dlx, as a user calls it."""

import json
import pathlib
import subprocess
import tempfile

import numpy

dlx = "build/dlx"  # check_llama_cpp.py sets it


def call(*args):
    run = subprocess.run([dlx, *map(str, args)], capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError(f"dlx {args[0]}: {run.stderr.strip()}")
    return run.stdout


def quantize(source, target, type_name, *options):
    call("quantize", source, target, "--type", type_name, "--quiet", *options)


def logits(path, ids, *options):
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out.npy"
        call("logits", path, "--ids", ",".join(map(str, ids)), "-o", out, "--threads", "1", *options)
        return numpy.load(out)


def inspect(path):
    return json.loads(call("inspect", path, "--json"))


def tokenize(path, texts, *options):
    with tempfile.NamedTemporaryFile("w", suffix=".hex") as lines:
        lines.write("".join(t.encode().hex() + "\n" for t in texts))
        lines.flush()
        rows = call("tokenize", path, "--lines", lines.name, "--hex", "--ids", *options).split("\n")
    return [[int(i) for i in row.split(",") if i] for row in rows[: len(texts)]]
