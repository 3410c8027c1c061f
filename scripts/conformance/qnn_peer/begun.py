"""A checkpoint's shapes with weights as a model is begun with: rows of unit length on the average, so that layers change what
they get as much as they do in trained models. Those of the goldens are drawn wider, and every layer doubles an error."""

import json
import shutil
import struct

import numpy as np
from safetensors.numpy import save_file


def shapes(checkpoint):
    """Name and shape of every tensor."""
    for path in sorted(checkpoint.glob("*.safetensors")):
        data = path.read_bytes()
        head = json.loads(data[8:8 + struct.unpack("<Q", data[:8])[0]])
        yield from ((name, t["shape"]) for name, t in head.items() if name != "__metadata__")


def draw(name, shape, rng):
    x = rng.standard_normal(shape)
    if len(shape) == 2:
        return x if "embed" in name or "wte" in name else x / shape[1] ** 0.5
    return 0.1 * x if "bias" in name else 1 + 0.1 * x


def model(checkpoint, out):
    rng = np.random.default_rng(5)
    out.mkdir()
    for name in ("config.json", "generation_config.json"):
        if (checkpoint / name).exists():
            shutil.copy(checkpoint / name, out)
    tensors = {name: draw(name, shape, rng).astype(np.float32) for name, shape in shapes(checkpoint)}
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    return out
