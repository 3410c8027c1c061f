"""Whole models, in both directions: logits of a file by llama.cpp and by dlx.

llama.cpp multiplies weights that are not float32 by rows that it rounds to float16, bfloat16 or int8 first; in models as small
as these that alone moves logits by percents, and by more in the goldens, whose attention is steep. So each file is seen twice:

`same weights`: ours with rows as they are, on both backends, against llama.cpp on the float32 file that it makes itself of the
same file: every weight as ggml reads it, in llama.cpp's own graph, without rounding of rows.

`float rows`: ours with rows as they are (--scheme weight-only) against llama.cpp on the file as it is; `its own`: llama.cpp on
the file against itself on its float32 copy. Where the two are equal, what is left is llama.cpp's rounding and nothing else.

`int8 rows`: ours as the file says (--scheme dynamic) against llama.cpp on the file; both round, each in its own way.

The table has the largest `same weights` of all models, and the largest of the other three of those that are not goldens."""

import numpy

from llama_cpp_peer import checkpoints, ours, peer, table

OURS = ["f32", "f16", "bf16", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q4_k", "q5_k", "q6_k", "mixed"]
THEIRS = list(peer.FTYPES)
N_IDS = 24

SAME = 1e-4  # as a part of the largest logit: sums of float32 in another order
# What rounded rows may do to the logits, root mean square: half as much again as was seen. Types that are not named: int8.
TINY = {"f32": SAME, "f16": 0.007, "bf16": 0.04, "int8": 0.21}
WIDE = {"f32": SAME, "f16": 0.0013, "bf16": 0.01, "int8": 0.06}


class Subject:
    """A checkpoint, and what it is asked."""

    def __init__(self, name, path, ids, causal, noise, options=()):
        self.name, self.path, self.ids, self.causal = name, path, ids, causal
        self.noise, self.options = noise, options


def subjects(folder):
    """Goldens as `dlx quantize` writes them by default; wide ones with embedding and head in the type too."""
    found = [Subject(name, checkpoints.GOLDEN / name, checkpoints.golden_ids(name), name.startswith("ar-"), TINY)
             for name in checkpoints.GOLDENS]
    rng = numpy.random.default_rng(5)
    for seed, family in enumerate(checkpoints.FAMILIES):
        ids = rng.integers(0, checkpoints.VOCAB, N_IDS).tolist()
        path = checkpoints.make(folder / f"{family}-wide", family, 40 + seed)
        found.append(Subject(f"{family}-wide", path, ids, family not in ("dream", "llada"), WIDE, ["--all"]))
    return found


def largest(a, b):
    """The largest difference, as a part of the largest number."""
    return float(numpy.abs(a - b).max() / numpy.abs(b).max())


def mean(a, b):
    """The root mean square of the difference, as a part of that of the numbers."""
    return float(numpy.sqrt(numpy.square(a - b).mean() / numpy.square(b).mean()))


def figures(file, subject, folder):
    """same weights, float rows, its own, int8 rows."""
    ids, causal, wide = subject.ids, subject.causal, folder / "wide.gguf"
    truth = ours.logits(file, ids, "--backend", "reference", "--scheme", "weight-only")
    fast = ours.logits(file, ids, "--backend", "cpu", "--scheme", "weight-only")
    int8 = ours.logits(file, ids, "--backend", "cpu", "--scheme", "dynamic")
    theirs = peer.logits(file, ids, causal)
    if theirs.shape != truth.shape:
        raise RuntimeError(f"llama.cpp gives logits of {theirs.shape}, dlx of {truth.shape}")
    peer.quantize(file, wide, "f32")
    exact = peer.logits(wide, ids, causal)
    wide.unlink()
    return (max(largest(truth, exact), largest(fast, exact)), mean(truth, theirs), mean(exact, theirs),
            mean(int8, theirs))


def complaints(bound, same, floats, own, int8):
    if not same <= SAME:
        yield f"with the same weights logits differ by {same:.1e}, expected {SAME:.1e} at most"
    if not abs(floats - own) <= SAME:
        yield f"llama.cpp's rounding of rows explains {own:.1e} of a difference of {floats:.1e}"
    if not max(floats, int8) <= bound:
        yield f"logits differ by {floats:.1e} and {int8:.1e}, expected {bound:.1e} at most"


def judge(what, type_name, subjects_, write, folder):
    """One row; write(subject, type) gives the file."""
    found, shown, wrong = [], [], []
    for s in subjects_:
        try:
            file = write(s, type_name)
            ours.inspect(file)
            found.append(figures(file, s, folder))
        except RuntimeError as e:
            wrong.append(f"{s.name}: {e}")
            continue
        if s.noise is not TINY:
            shown.append(found[-1][1:])
        bound = s.noise.get(type_name, s.noise["int8"])
        wrong += [f"{s.name}: {c}" for c in complaints(bound, *found[-1])]
    most = [max(same for same, *_ in found)] if found else []
    most += [max(column) for column in zip(*shown)]
    table.row(what, type_name, len(found), wrong, figures=most)


def refusals(plain, file):
    """Types that dlx does not read: a sentence says so."""
    wrong = []
    for type_name in peer.OTHERS:
        try:
            peer.quantize(plain, file, type_name)
            ours.inspect(file)
            wrong.append(f"{type_name} opens")
        except RuntimeError as e:
            if "found type" not in str(e):
                wrong.append(str(e))
    table.row("other types", "", len(peer.OTHERS), wrong, same_bytes="refused" if not wrong else "not so")


def rows(folder):
    every = subjects(folder)
    file = folder / "model.gguf"

    def by_dlx(s, type_name):
        ours.quantize(s.path, file, type_name, *s.options)
        return file

    def by_llama_cpp(s, type_name):
        peer.quantize(folder / f"{s.name}.gguf", file, type_name)
        return file

    for type_name in OURS:
        judge("written by dlx", type_name, every, by_dlx, folder)
    for s in every:
        ours.quantize(s.path, folder / f"{s.name}.gguf", "f32")
    for type_name in THEIRS:
        judge("written by llama.cpp", type_name, every, by_llama_cpp, folder)
    refusals(folder / "dream-wide.gguf", file)
