"""The ExecuTorch that `make executorch` built against, installed where it is missing."""

import json
import pathlib

from executorch_peer import ours

ROOT = pathlib.Path(__file__).resolve().parents[3]
SKIPPED = 77


def package():
    """Its directory; None: there is none."""
    cache = ROOT / "build" / "CMakeCache.txt"
    lines = cache.read_text().splitlines() if cache.exists() else []
    line = next((x for x in lines if x.startswith("DLX_EXECUTORCH:")), "=")
    path = pathlib.Path(line.split("=", 1)[1])
    return path if (path / "include").exists() else None


def _can_run(dlx):
    report = json.loads(ours.run(dlx, "doctor", "--json").stdout)
    return package() and any(b["name"] == "xnnpack" and b["available"] for b in report["backends"])


def ready(dlx, check):
    """Can dlx run programs? If not even after an attempt, it is said why `check` is skipped."""
    if _can_run(dlx):
        return True
    made = ours.run("make", "-C", ROOT, "executorch")
    if made.returncode == 0 and _can_run(dlx):
        return True
    print((made.stderr or made.stdout).strip()[-300:])
    print(f"{check}: skipped, the runtime could not be installed (make executorch)")
    return False
