"""The stock ExecuTorch runtime against our own arithmetic: `dlx export` of every family, and flatc on the files.

Programs of all types, with keys and values inside, outside and nowhere: the runtime's logits against the reference backend's,
relative to the largest logit, on the weights that the program holds (`dlx export --stage rounded`); of int8 and int4 with rows
rounded as the program rounds them (--scheme dynamic-affine, which that file names). executorch_peer/ has the parts: goldens,
published sizes, flatc of the wheel on program, payload and .ptd."""

import json
import pathlib
import sys
import tempfile

from executorch_peer import flatc, goldens, large, ours

ROOT = pathlib.Path(__file__).resolve().parents[2]


def package():
    """The directory of the ExecuTorch that `make executorch` built against."""
    cache = (ROOT / "build" / "CMakeCache.txt").read_text()
    line = next((x for x in cache.splitlines() if x.startswith("DLX_EXECUTORCH:")), "=")
    return pathlib.Path(line.split("=", 1)[1])


def can_run():
    report = json.loads(ours.run(ours.dlx, "doctor", "--json").stdout)
    return any(b["name"] == "xnnpack" and b["available"] for b in report["backends"])


def main():
    ours.dlx = pathlib.Path(sys.argv[1]).resolve()
    if not can_run():
        made = ours.run("make", "-C", ROOT, "executorch")
        if made.returncode or not can_run():
            print((made.stderr or made.stdout).strip()[-300:])
            print("executorch: skipped, the runtime could not be installed (make executorch)")
            return 77
    with tempfile.TemporaryDirectory() as name:
        room = pathlib.Path(name)
        wrong = goldens.rows(room) + flatc.rows(room, package()) + large.rows(room)
    print("executorch:", f"{wrong} WRONG" if wrong else "every program gives our numbers; flatc parses every file")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
