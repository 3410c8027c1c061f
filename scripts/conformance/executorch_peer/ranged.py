"""Checkpoints with ranges, for programs whose rows are rounded by what calibration recorded."""

import json
import random
import shutil

from executorch_peer import ours


def byte_tokenizer():
    """A token for each byte: enough to calibrate with."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in shown]
    letters = {b: chr(b) for b in shown} | {b: chr(256 + i) for i, b in enumerate(hidden)}
    return {"version": "1.0", "added_tokens": [], "normalizer": None, "post_processor": None,
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "use_regex": True},
            "decoder": {"type": "ByteLevel"},
            "model": {"type": "BPE", "vocab": {letters[b]: b for b in range(256)}, "merges": []}}


def model(checkpoint, observer, room, more=()):
    """The checkpoint in float32 with ranges of random texts, and of those in `more`."""
    family = checkpoint.name
    source, texts, out = room / f"{family}-texts", room / "texts.jsonl", room / f"{family}.gguf"
    draw = random.Random(family)
    shutil.copytree(checkpoint, source, dirs_exist_ok=True)
    if not (source / "tokenizer.json").exists():
        (source / "tokenizer.json").write_text(json.dumps(byte_tokenizer()))
    lines = [*more, *("".join(chr(draw.randrange(32, 127)) for _ in range(120)) for _ in range(24))]
    texts.write_text("".join(json.dumps({"text": line}) + "\n" for line in lines))
    record(source, out, observer, texts)
    return out


def record(source, out, observer, texts):
    ours.must(ours.dlx, "quantize", source, out, "--type", "f32", "--scheme", "static", "--observer", observer,
              "--calibrate", texts, "-q")


def again(source, observer, room, *export):
    """The model with the weights that the export would round it to, and the ranges that these give."""
    rounded = ours.export(source, room / "to-range.gguf", *export, "--stage", "rounded")
    out = room / f"{source.stem}-again.gguf"
    record(rounded, out, observer, room / "texts.jsonl")
    return out
