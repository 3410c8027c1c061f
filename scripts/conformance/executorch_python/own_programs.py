"""Our programs in the stock Python runtimes: every family, type and form of keys and values."""

import dataclasses
import pathlib

import numpy

from executorch_python import command

FAMILIES = ["fast-dllm-v2-tiny", "dream-tiny", "llada-tiny", "sdar-tiny-b4", "dream-tied", "llada-gqa-sharded",
            "sdar-tiny-b8", "ar-llama-tiny", "ar-qwen3-tiny"]
DTYPES = ["fp32", "fp16", "int8", "int4"]
SPLIT = "sdar-tiny-b4"  # which is also written as a .pte and a .ptd file
N_CTX = 64
IDS = [(i * 37 + 11) % 250 for i in range(29)]
# Of the largest logit. Float weights are held against the reference backend; integer ones against the same file in the C++
# runtime, because a last bit that differs may round an input otherwise.
BOUNDS = {"fp32": 5e-5, "fp16": 5e-5, "int8": 1e-4, "int4": 1e-4}


@dataclasses.dataclass
class Program:
    name: str
    dtype: str
    cache: str
    file: pathlib.Path
    data: pathlib.Path | None
    want: numpy.ndarray  # f32 [len(IDS), vocabulary]


def is_canvas(family):
    return family.startswith(("dream", "llada"))


def export_all(room):
    for family in FAMILIES:
        source = command.GOLDEN / family
        half = room / f"{family}.gguf"
        command.call("quantize", source, half, "--type", "f16", "-q")
        for dtype in DTYPES:
            if dtype in ("fp32", "fp16"):
                model = source if dtype == "fp32" else half
                want = command.logits(model, IDS, room / "want.npy", "--backend", "reference")
            for cache in ["state", "io"] + ["none"] * is_canvas(family):
                for split in [False] + [True] * (family == SPLIT):
                    file = room / f"{family}.{dtype}.{cache}{'.split' * split}.pte"
                    data = file.with_suffix(".ptd") if split else None
                    command.call("export", source, file, "--dtype", dtype, "--cache", cache, "--ctx", N_CTX, "-q",
                                 *(["--data", data] if split else []))
                    if dtype in ("int8", "int4"):
                        want = command.logits(file, IDS, room / "want.npy")
                    yield Program(family, dtype, cache, file, data, want)


def forwards(program, block):
    """[method, start, n]: a prompt, the rest block by block, and the last ones again, over what is kept of them."""
    n = len(IDS)
    if program.cache == "none":
        return [["forward", 0, n]]
    if is_canvas(program.name):  # what was kept of the first rows has seen all of them
        return [["forward", 0, n], ["forward", n // 2, n - n // 2]]
    prompt = n // 2 // block * block
    blocks = [["forward", i, min(block, n - i)] for i in range(prompt, n, block)]
    return ([["forward_masked", 0, prompt]] if prompt > 0 else []) + blocks + blocks[-1:]


def steps(program, block, methods):
    """The same, and the choice of its last rows."""
    passes = forwards(program, block)
    return passes + ([["denoise", *passes[-1][1:]]] if "denoise" in methods else [])


def choices(logits, never):
    """What `denoise` says of rows [n, vocabulary], but for the id itself: [n, 2]."""
    logits = logits.astype("float64")
    logits[:, never] = -numpy.inf
    largest = logits.max(1)
    return numpy.stack([largest, largest + numpy.log(numpy.exp(logits - largest[:, None]).sum(1))], 1)


def never_chosen(metadata):
    ids = metadata.get("get_never_id", [])
    first = metadata.get("get_n_ids", metadata["get_vocab_size"])
    return (ids if isinstance(ids, list) else [ids]) + list(range(first, metadata["get_vocab_size"]))


def jobs_of(program, version, room):
    facts = command.inspect(program.file, *(["--data", program.data] if program.data else []))
    forward = next(m for m in facts["methods"] if m["name"] == "forward")
    block = facts["metadata"].get("get_block_size", 1)
    job = {"program": program.file, "data": program.data, "cache": program.cache, "ids": IDS, "block": block,
           "loader": "runtime",
           "steps": steps(program, block, [m["name"] for m in facts["methods"]]), "never": never_chosen(facts["metadata"]),
           "kept": [t["shape"] for t in forward["inputs"][2:]] if program.cache == "io" else []}
    if program.data and version == "1.4":  # its Runtime takes no data; the older entry does, where methods share no state
        if program.cache == "state":
            return []
        job["loader"] = "module"
    return [{**job, "verification": level, "out": room / f"{program.file.stem}.{level}.npz"}
            for level in ("minimal", "consistency")]


def pair(method, got, logits, never):
    """What a pass gave, beside what it has to be."""
    if method != "denoise":
        return got, logits
    chosen = numpy.take_along_axis(logits, got[:, :1].astype(int), 1)  # where two are as good, either may be chosen
    want = choices(logits, never)
    return numpy.hstack([chosen, got[:, 1:]]), numpy.hstack([want[:, :1], want])


def difference(program, job):
    """The worst row of all passes, relative to the largest logit."""
    with numpy.load(job["out"]) as passes:
        pairs = [pair(method, passes[f"arr_{i}"], program.want[s:s + n], job["never"])
                 for i, (method, s, n) in enumerate(job["steps"])]
    return max(float(numpy.abs(got - want).max()) for got, want in pairs) / float(numpy.abs(program.want).max())


def check(programs, stock, room):
    """How many are wrong; prints the worst of each type."""
    jobs = [(p, j) for p in programs for j in jobs_of(p, stock.name, room)]
    answers = stock.run("run_passes", [j for _, j in jobs], room)
    worst, wrong = dict.fromkeys(DTYPES, 0.0), 0
    for (program, job), answer in zip(jobs, answers, strict=True):
        found = float("inf") if answer else difference(program, job)
        worst[program.dtype] = max(worst[program.dtype], found)
        if not found <= BOUNDS[program.dtype]:
            wrong += 1
            print(f"  {stock.name} {program.file.name} ({job['verification']}): {answer or f'{found:.1e}'} WRONG")
    print(f"  ExecuTorch {stock.name}: {len(jobs)} runs of {len(programs)} programs, worst of the largest logit:",
          ", ".join(f"{dtype} {x:.1e}" for dtype, x in worst.items()))
    return wrong
