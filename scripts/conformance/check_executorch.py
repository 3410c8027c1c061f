"""The stock ExecuTorch runtime against our own arithmetic: `dlx export` of every family, and flatc on the files.

Programs of all types, with keys and values inside, outside and nowhere: the runtime's logits against the reference backend's,
relative to the largest logit, on the weights that the program holds (`dlx export --stage rounded`); of int8 and int4 with rows
rounded as the program rounds them (--scheme dynamic-affine, which that file names). executorch_peer/ has the parts: goldens,
published sizes, flatc of the wheel on program, payload and .ptd."""

import pathlib
import sys
import tempfile

from executorch_peer import flatc, goldens, installed, large, ours


def main():
    ours.dlx = pathlib.Path(sys.argv[1]).resolve()
    if not installed.ready(ours.dlx, "executorch"):
        return installed.SKIPPED
    with tempfile.TemporaryDirectory() as name:
        room = pathlib.Path(name)
        wrong = goldens.rows(room) + flatc.rows(room, installed.package()) + large.rows(room)
    print("executorch:", f"{wrong} WRONG" if wrong else "every program gives our numbers; flatc parses every file")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
