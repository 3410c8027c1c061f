"""The shape of 0.5B with all its layers and random weights: how long a directory takes to write and how much memory, and one
block of it against the reference backend."""

import json
import os
import subprocess
import time

from executorch_peer import ours, shapes
from qnn_peer import directory, passes

SECONDS, BYTES = 90, 1 << 30  # of an export at most
BOUNDS = {"f16": 1e-4, "nb4": 1e-3}
IDS = [(i * 7919 + 11) % 150000 for i in range(8)]


def write(source, out, profile):
    """Seconds, bytes of memory."""
    start = time.monotonic()
    words = [ours.dlx, "export", source, out, "--backend", "qnn", "--profile", profile, "--ctx", "64", "-q"]
    child = subprocess.Popen([str(w) for w in words], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{profile} could not be exported")
    return time.monotonic() - start, used.ru_maxrss * 1024


def compare(d, want):
    """One block of denoise: its logits."""
    far = passes.Far()
    out = d.call("denoise", IDS, d.manifest["block_length"])
    far.compare(d.logits(out["output_hidden"][0, :len(IDS)]), want)
    return far.logits


def rows(room, open_graph):
    """The number of rows that are wrong. What is written is measured first: a child's memory counts from that of its parent."""
    wrong, source = 0, shapes.make(room / "large", shapes.HALF_B, 7)
    model = json.loads(subprocess.run([ours.dlx, "inspect", source, "--json"], capture_output=True, check=True).stdout)
    took = {profile: write(source, room / f"large-{profile}", profile) for profile in BOUNDS}
    for profile, (seconds, n_bytes) in took.items():
        rounded = ours.export(source, room / "rounded.gguf", "--backend", "qnn", "--profile", profile, "--stage", "rounded")
        want = ours.logits(rounded, IDS, room, "--backend", "reference")
        rounded.unlink()
        far = compare(directory.Directory(room / f"large-{profile}", model, open_graph), want)
        good = far <= BOUNDS[profile] and seconds < SECONDS and n_bytes < BYTES
        print(f"  {'0.5B, 24 layers':30} {profile:6} io    logits {far:.1e}, written in {seconds:.0f} s and "
              f"{n_bytes >> 20} MiB of memory{'' if good else ' WRONG'}", flush=True)
        wrong += not good
    return wrong
