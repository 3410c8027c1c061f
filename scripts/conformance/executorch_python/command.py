"""build/dlx, called."""

import json
import pathlib
import subprocess

import numpy

dlx = ""  # its path
ROOT = pathlib.Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "tests" / "golden"


def call(*words):
    """What it prints; a RuntimeError with its own words where it fails."""
    done = subprocess.run([dlx, *map(str, words)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"dlx {' '.join(map(str, words))}: {done.stderr.strip()}")
    return done.stdout


def inspect(path, *more):
    return json.loads(call("inspect", path, "--json", *more))


def logits(model, ids, out, *more):
    """float32 [len(ids), vocabulary] of one pass over all ids."""
    call("logits", model, "--ids", ",".join(map(str, ids)), "-o", out, *more)
    return numpy.load(out)


def can_run_programs():
    backends = json.loads(call("doctor", "--json"))["backends"]
    return any(b["name"] == "xnnpack" and b["available"] for b in backends)
