"""Core ML packages against our own arithmetic: `dlx export --backend coreml` of every family, type and form of the cache.

coremltools loads every package and infers every type anew; protoc reads its bytes; a replay in numpy that starts from the bytes
computes what the functions compute, in float32, which equals the reference backend on the weights that the package holds (`dlx
export --stage rounded`). Packages that are wrong in one place are refused by `dlx inspect`, each with its sentence. What Core
ML itself makes of a package can only be seen on a Mac or a phone."""
# environment: coreml

import pathlib
import sys
import tempfile
import warnings

warnings.filterwarnings("ignore")
from coreml_peer import goldens, ours, typed  # noqa: E402


def main():
    ours.dlx = pathlib.Path(sys.argv[1]).resolve()
    root = pathlib.Path(__file__).resolve().parents[2]
    with tempfile.TemporaryDirectory() as name:
        wrong = goldens.rows(root, pathlib.Path(name))
    if typed.PROTOC is None:
        print("  there is no protoc here: its reading of the bytes was not tried")
    print("coreml:", f"{wrong} WRONG" if wrong else "every package is typed, and computes our numbers; every change is named")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
