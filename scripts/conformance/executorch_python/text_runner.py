"""The stock text runner on our programs that keep their state: its greedy tokens are those of one row after the other.

Autoregressive families are stepped by `dlx run` on the same file; the others, which dlx decodes by blocks, by the program's own
`forward` in the same runtime, each row seeing the past and itself."""

import json

from executorch_python import command
from executorch_python.own_programs import IDS

FIRST = 0x100  # the character of id 0: letters from there on, so that no two ids are one text
N_NEW = 16
MIN_COMPARED = 8  # tokens of a program before the ends of its answers
PROMPTS = [IDS[:9], IDS[9:29], IDS[5:6]]


def tokenizer(file, n_ids):
    """A tokenizer.json in which a character is an id."""
    file.write_text(json.dumps({
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None,
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "."}, "behavior": "Isolated", "invert": False},
        "post_processor": None, "decoder": {"type": "Fuse"},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "fuse_unk": False, "byte_fallback": False,
                  "ignore_merges": True, "vocab": {chr(FIRST + i): i for i in range(n_ids)}, "merges": []}}))
    return file


def by_dlx(program, prompt):
    words = ["--data", program.data] if program.data else []
    said = command.call("run", program.file, "--ids", ",".join(map(str, prompt)), "-n", N_NEW, "--json", "-q", *words)
    return json.loads(said)["ids"]


def whole(program, programs):
    """The same program in one file: 1.4 opens no other where methods share their state."""
    return next(p for p in programs if not p.data and (p.name, p.dtype, p.cache) == (program.name, program.dtype, program.cache))


def until(ids, stops):
    return next((ids[:i] for i, x in enumerate(ids) if x in stops), ids)


def compare(program, job, answer, stops):
    """A sentence, or nothing where all tokens agree; how many were compared."""
    if answer["error"]:
        return answer["error"], 0
    want = answer["steps"] or [by_dlx(program, p) for p in job["prompts"]]
    n = 0
    for got, steps in zip(answer["runner"], want, strict=True):
        got, steps = until(got, stops), until(steps, stops)
        n += len(got)
        if got != steps:
            return f"the runner says {got}, one row after the other {steps}", n
    return (None, n) if n >= MIN_COMPARED else (f"ended after {n} tokens, which show too little", n)


def check(programs, stock, room):
    jobs = []
    for program in programs:
        if program.cache != "state":
            continue
        facts = command.inspect(program.file, *(["--data", program.data] if program.data else []))["metadata"]
        words = tokenizer(room / f"{program.name}.json", facts["get_vocab_size"])
        stops = facts["get_eos_ids"]
        jobs.append((program, stops if isinstance(stops, list) else [stops], {
            "program": program.file, "data": program.data, "tokenizer": words, "first": FIRST, "prompts": PROMPTS,
            "n": N_NEW, "stepped": None if program.name.startswith("ar-") else whole(program, programs).file}))
    answers = stock.run("run_text", [j for _, _, j in jobs], room)
    wrong = n_tokens = 0
    for (program, stops, job), answer in zip(jobs, answers, strict=True):
        said, n = compare(program, job, answer, stops)
        n_tokens += n
        if said:
            wrong += 1
            print(f"  {stock.name} {program.file.name}: text runner: {said} WRONG")
    print(f"  ExecuTorch {stock.name}: text runner: {len(jobs)} programs, {n_tokens} greedy tokens", "agree" if not wrong else "")
    return wrong
