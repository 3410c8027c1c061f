"""Whole models, in both directions: logits of a file by llama.cpp and by dlx.

llama.cpp multiplies weights that are not float32 by rows that it rounds to float16, bfloat16 or int8 first, so two figures
are needed. `same weights`: ours with rows as they are, against llama.cpp on the float32 file that it made itself of the same
file: every weight as ggml reads it, in llama.cpp's own graph, without rounding. `float rows`, `int8 rows`: ours with
--scheme weight-only and dynamic against llama.cpp on the file as it is."""

import numpy

from llama_cpp_peer import checkpoints, ours, peer, table

OURS = ["f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q4_k", "q5_k", "q6_k", "mixed"]
THEIRS = list(peer.FTYPES)
N_IDS = 24

SAME = 1e-4  # of the largest logit; the order of float32 sums is all that may differ


def noise_bound(type_name):
    return {"f32": 1e-5, "f16": 0.01, "bf16": 0.05}.get(type_name, 0.3)


class Subject:
    """A checkpoint, and what it is asked."""

    def __init__(self, name, path, ids, causal, options):
        self.name, self.path, self.ids, self.causal, self.options = name, path, ids, causal, options


def subjects(folder):
    """Goldens as `dlx quantize` writes them by default; wide ones with embedding and head in the type too."""
    found = [Subject(name, checkpoints.GOLDEN / name, checkpoints.golden_ids(name), name.startswith("ar-"), [])
             for name in checkpoints.GOLDENS]
    rng = numpy.random.default_rng(5)
    for seed, family in enumerate(checkpoints.FAMILIES):
        ids = rng.integers(0, checkpoints.VOCAB, N_IDS).tolist()
        path = checkpoints.make(folder / f"{family}-wide", family, 40 + seed)
        found.append(Subject(f"{family}-wide", path, ids, family not in ("dream", "llada"), ["--all"]))
    return found


def largest(a, b):
    """The largest difference, as a part of the largest number."""
    return float(numpy.abs(a - b).max() / numpy.abs(b).max())


def mean(a, b):
    """The root mean square of the difference, as a part of that of the numbers."""
    return float(numpy.sqrt(numpy.square(a - b).mean() / numpy.square(b).mean()))


def compare(file, subject, wide):
    """same weights, float rows, int8 rows; `wide` is where llama.cpp's float32 copy goes."""
    ids, causal = subject.ids, subject.causal
    truth = ours.logits(file, ids, "--backend", "reference", "--scheme", "weight-only")
    fast = ours.logits(file, ids, "--backend", "cpu", "--scheme", "weight-only")
    int8 = ours.logits(file, ids, "--backend", "cpu", "--scheme", "dynamic")
    theirs = peer.logits(file, ids, causal)
    if theirs.shape != truth.shape:
        raise RuntimeError(f"llama.cpp gives logits of {theirs.shape}, dlx of {truth.shape}")
    peer.quantize(file, wide, "f32")
    exact = peer.logits(wide, ids, causal)
    return max(largest(truth, exact), largest(fast, exact)), mean(truth, theirs), mean(int8, theirs)


def direction(what, types, subjects_, write, folder):
    """The rows of one direction; write(subject, type, file) makes the file."""
    for type_name in types:
        figures, wrong = [], []
        bound = noise_bound(type_name)
        for s in subjects_:
            file = folder / "model.gguf"
            try:
                write(s, type_name, file)
                ours.inspect(file)
                figures.append(compare(file, s, folder / "wide.gguf"))
            except RuntimeError as e:
                wrong.append(f"{s.name}: {e}")
                continue
            if not figures[-1][0] <= SAME:
                wrong.append(f"{s.name}: with the same weights logits differ by {figures[-1][0]:.1e}")
            if not max(figures[-1][1:]) <= bound:
                wrong.append(f"{s.name}: logits differ by {max(figures[-1][1:]):.1e}")
        same, floats, int8 = (max(column) for column in zip(*figures)) if figures else (None, None, None)
        table.row(what, type_name, len(figures), wrong, same=same, floats=floats, int8=int8, bound=bound)


def rows(folder):
    every = subjects(folder)
    direction("dlx to llama.cpp", OURS, every,
              lambda s, t, file: ours.quantize(s.path, file, t, *s.options), folder)
    plain = {}
    for s in every:
        plain[s.name] = folder / f"{s.name}-f32.gguf"
        ours.quantize(s.path, plain[s.name], "f32")
    direction("llama.cpp to dlx", THEIRS, every, lambda s, t, file: peer.quantize(plain[s.name], file, t), folder)
