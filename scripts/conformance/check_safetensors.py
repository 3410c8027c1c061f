"""The safetensors and numpy libraries against `dlx inspect` and `dlx logits` on the golden checkpoints."""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy
from safetensors import safe_open

ROOT = pathlib.Path(__file__).resolve().parents[2]


def main():
    dlx = sys.argv[1]
    wrong = 0
    folders = sorted(p.parent for p in (ROOT / "tests" / "golden").glob("*/config.json"))
    for folder in folders:
        shapes = {}
        for file in folder.glob("*.safetensors"):
            with safe_open(str(file), "numpy") as f:
                for name in f.keys():
                    shapes[name] = list(f.get_slice(name).get_shape())
        report = json.loads(subprocess.run([dlx, "inspect", str(folder), "--json", "--tensors"],
                                           capture_output=True, text=True, check=True).stdout)
        ours = {t["name"]: t["shape"] for t in report["tensors"]}
        ids = [3, 1, 4, 1, 5, 9]
        with tempfile.TemporaryDirectory() as out:
            path = pathlib.Path(out) / "out.npy"
            subprocess.run([dlx, "logits", str(folder), "--ids", ",".join(map(str, ids)), "-o", str(path)],
                           capture_output=True, check=True)
            logits = numpy.load(path)
        if ours != shapes or logits.dtype != numpy.float32 or logits.shape[0] != len(ids):
            wrong += 1
            print(f"{folder.name}: tensors or logits differ")
    print("safetensors:", f"{len(folders)} checkpoints agree" if not wrong else f"{wrong} differ")
    return 1 if wrong else 0


sys.exit(main())
