"""What build/dlx does: exports, logits, reports."""

import json
import shutil
import subprocess

import numpy as np

dlx = None  # the path of the command


def run(*words):
    return subprocess.run([str(w) for w in words], capture_output=True, text=True)


def must(*words):
    done = run(*words)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return done.stdout


def export(model, out, *more):
    must(dlx, "export", model, out, "-q", "--backend", "coreml", *more)
    return out


def inspect(path):
    return json.loads(must(dlx, "inspect", path, "--json"))


def logits(model, ids, room):
    """[rows, vocabulary] by the reference backend."""
    out = room / "logits.npy"
    must(dlx, "logits", model, "--backend", "reference", "--ids", ",".join(map(str, ids)), "-o", out)
    return np.load(out)


def remove(path):
    shutil.rmtree(path, ignore_errors=True)
