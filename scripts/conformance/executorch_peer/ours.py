"""What build/dlx does: exports, logits, how far two of them are apart."""

import subprocess

import numpy as np

dlx = None  # the path of the command


def run(*words):
    return subprocess.run([str(w) for w in words], capture_output=True, text=True)


def must(*words):
    done = run(*words)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())


def export(model, out, *more):
    must(dlx, "export", model, out, "-q", *more)
    return out


def logits(model, ids, room, *more):
    out = room / "logits.npy"
    must(dlx, "logits", model, "--ids", ",".join(map(str, ids)), "-o", out, *more)
    return np.load(out)


def distance(found, want):
    """The largest difference, relative to the largest logit."""
    return float(np.abs(found - want).max() / np.abs(want).max())
