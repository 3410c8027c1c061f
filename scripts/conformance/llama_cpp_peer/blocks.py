"""Blocks byte by byte: what both make of the same floats, and which floats both read in the same bytes.

ggml packs and unpacks through its own functions. Ours works on a model in whose first gate the floats, or bytes, stand."""

import numpy

from llama_cpp_peer import checkpoints, gguf_file, ours, peer, table

TENSOR, HF_TENSOR = "blk.0.ffn_gate.weight", "model.layers.0.mlp.gate_proj.weight"
SHAPE = (checkpoints.FF, checkpoints.HIDDEN)
PACKED = ["f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1"]  # types that both round to the nearest level
READ = PACKED + ["q4_k", "q5_k", "q6_k"]
# Where float16 numbers stand in a block.
SCALES = {"q8_0": [0], "q4_0": [0], "q5_0": [0], "q4_1": [0, 2], "q5_1": [0, 2], "q4_k": [0, 2], "q5_k": [0, 2],
          "q6_k": [208]}
# The largest float that fits each type, as a magnitude: its scale has to be a float16, and so has the minimum of q4_1 and q5_1.
LARGEST = {"f16": 65504, "bf16": 3.3895e38, "q8_0": 127 * 65504, "q4_0": 8 * 65504, "q5_0": 16 * 65504, "q4_1": 65504,
           "q5_1": 65504}


def awkward(largest, rng):
    """float32 [512, 256]: each block of the first rows is hard in its own way, the rest has all magnitudes."""
    x = rng.standard_normal(SHAPE).astype(numpy.float32) * 10.0 ** rng.uniform(-9, 3, (SHAPE[0], 1))
    steps = numpy.arange(32) - 16.0
    hard = [
        numpy.zeros(32), numpy.full(32, -0.0), numpy.full(32, 1.5), numpy.full(32, -1.5),
        numpy.full(32, 1e-45), rng.standard_normal(32) * 1e-40, rng.standard_normal(32) * 1e-38,
        rng.standard_normal(32) * 6e-8, rng.standard_normal(32) * 1e-5, rng.standard_normal(32) * largest * 0.2,
        steps, steps + 0.5, steps * 127 / 16, (steps + 0.5) * 127 / 15.5, -steps / 2, steps / 8 * 3.5,
        numpy.where(steps == 3, -largest, 0), numpy.where(steps == 3, largest, 0), numpy.where(steps < 0, -8, 8),
        numpy.where(steps < 0, 8, -8), numpy.where(steps == -16, 1000, steps * 1e-3), numpy.linspace(-1, 1, 32) ** 9,
        numpy.full(32, 65504.0), numpy.where(steps % 2 == 0, 2.0**-24, -(2.0**-25)), numpy.where(steps > 0, 7.5, -0.5),
        numpy.array([1 + 2.0**-11, 1 + 3 * 2.0**-11, 2049, 2051] * 8),
    ]
    flat = x.reshape(-1, 32)
    flat[: len(hard)] = numpy.array(hard)
    return x.astype(numpy.float32)


def _packed_by_us(folder, type_name, floats):
    """Packed bytes [n], by way of a checkpoint."""
    def change(weights):
        weights[HF_TENSOR] = floats
    source = checkpoints.make(folder / f"blocks-{type_name}", "dream", 60, change)
    ours.quantize(source, folder / "blocks.gguf", type_name, "--method", "rtn")
    return gguf_file.packed(folder / "blocks.gguf", TENSOR)


def _undefined(floats, type_name):
    """Blocks of numbers so small that the inverse of their scale is infinite: ggml casts that to an integer, which C does not
    define. Their scale is 0 in float16, so they are read as zeros whatever the bytes are."""
    width = gguf_file.WIDTH_OF_BLOCK[type_name]
    most = numpy.abs(floats).reshape(-1, width).max(axis=1)
    return (most > 0) & (most < 1e-36) if width > 1 else numpy.zeros(most.size, bool)


def _pack(folder, type_name, rng):
    floats = awkward(LARGEST[type_name], rng)
    size = gguf_file.SIZE_OF_BLOCK[type_name]
    we = _packed_by_us(folder, type_name, floats).reshape(-1, size)
    they = peer.ggml_pack(gguf_file.IDS[type_name], floats).reshape(-1, size)
    differ = numpy.flatnonzero((we != they).any(axis=1) & ~_undefined(floats, type_name))
    wrong = [f"{len(differ)} of {len(we)} blocks differ, the first is {differ[0]}"] if len(differ) else []
    read = [peer.ggml_unpack(gguf_file.IDS[type_name], b, floats.size) for b in (we, they)]
    if not numpy.array_equal(*read):
        wrong.append("what ggml reads in the blocks differs")
    table.row("packed by both", type_name, len(we), wrong, same_bytes="equal" if not wrong else "differ")


def _rounded(folder, type_name, rng):
    """Super-blocks are searched for, each in its own way: ours must not lie farther from the floats than ggml's."""
    floats = rng.laplace(size=SHAPE).astype(numpy.float32) * 0.02
    we = _packed_by_us(folder / "searched", type_name, floats)
    they = peer.ggml_pack(gguf_file.IDS[type_name], floats)
    errors = [numpy.square(peer.ggml_unpack(gguf_file.IDS[type_name], b, floats.size).reshape(SHAPE) - floats).mean()
              for b in (we, they)]
    part = float((errors[0] / errors[1]) ** 0.5)
    wrong = [] if part <= 1 else [f"the error of rounding is {part:.3f} of ggml's"]
    table.row("error of rounding", type_name, we.size // gguf_file.SIZE_OF_BLOCK[type_name], wrong,
              same_bytes=f"{part:.2f} of its")


def _random_blocks(type_name, n_bytes, rng):
    """Any bytes, but scales that are finite."""
    size = gguf_file.SIZE_OF_BLOCK[type_name]
    blocks = rng.integers(0, 256, (n_bytes // size, size), numpy.uint8)
    if type_name == "bf16":
        blocks[:, 1] &= 0xBF  # below 2: an exponent of ones is infinite
    for at in [0] if type_name == "f16" else SCALES.get(type_name, []):
        blocks[:, at + 1] &= 0xBF
    return blocks.reshape(-1)


def _unpack(folder, type_name, rng):
    """Any bytes in place of a tensor: ours tells the floats by way of a file in f32."""
    source, wide = folder / "bytes.gguf", folder / "bytes-f32.gguf"
    ours.quantize(folder / "blocks-f16", source, type_name)
    found, _, offset, n = gguf_file.tensors(source)[TENSOR]
    assert found == type_name, (found, type_name)
    blocks = _random_blocks(type_name, n, rng)
    with open(source, "r+b") as f:
        f.seek(offset)
        f.write(blocks.tobytes())
    ours.quantize(source, wide, "f32")
    we = gguf_file.packed(wide, TENSOR).view("<f4")
    they = peer.ggml_unpack(gguf_file.IDS[type_name], blocks, we.size)
    # of each block's own magnitude: the two terms of a minimum and a level may be fused, or not
    width = gguf_file.WIDTH_OF_BLOCK[type_name]
    most = numpy.maximum(numpy.abs(they).reshape(-1, width).max(axis=1), 1e-38)
    apart = float((numpy.abs(we.astype("f8") - they).reshape(-1, width).max(axis=1) / most).max())
    wrong = [] if apart <= 1e-6 else [f"weights differ by {apart:.1e} of the largest in their block"]
    table.row("read by both", type_name, we.size // width, wrong, figures=[apart])


def _refused(folder, rng):
    """What llama.cpp would write as infinity is refused, by name."""
    wrong = []
    for type_name in PACKED:
        floats = awkward(1.0, rng)
        floats[7, 7] = max(-1.01 * LARGEST[type_name], -3.4e38)
        try:
            _packed_by_us(folder / "refused", type_name, floats)
            wrong.append(f"{type_name} takes {floats[7, 7]:g}")
        except RuntimeError as e:
            if "cannot hold" not in str(e):
                wrong.append(str(e))
    table.row("too large for it", "all", len(PACKED), wrong, same_bytes="refused" if not wrong else "taken")


def rows(folder):
    rng = numpy.random.default_rng(6)
    for type_name in PACKED:
        _pack(folder, type_name, rng)
    for type_name in ("q4_k", "q5_k", "q6_k"):
        _rounded(folder, type_name, rng)
    for type_name in READ:
        _unpack(folder, type_name, rng)
    _refused(folder, rng)
