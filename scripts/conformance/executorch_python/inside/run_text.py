"""Greedy tokens of the stock text runner, and of the same program stepped here row by row: run_text.py JOBS.json ANSWER.json

The runner takes and gives text: the job's tokenizer has one character for each id."""

import importlib.util
import json
import pathlib
import sys

import executorch
import torch
from executorch.runtime import Runtime


def binding():
    """executorch.extension.llm.runner without its __init__, which imports transformers in 1.4."""
    folder = pathlib.Path(list(executorch.__path__)[0]) / "extension" / "llm" / "runner"
    spec = importlib.util.spec_from_file_location("executorch.extension.llm.runner._llm_runner",
                                                  next(folder.glob("_llm_runner*.so")))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def by_runner(job):
    runners = binding()
    runner = runners.TextLLMRunner(job["program"], job["tokenizer"], job["data"])
    config = runners.GenerationConfig(echo=False, max_new_tokens=job["n"], temperature=0.0)
    answers = []
    for prompt in job["prompts"]:
        pieces = []
        runner.generate("".join(chr(job["first"] + i) for i in prompt), config, pieces.append)
        answers.append([ord(c) - job["first"] for c in "".join(pieces)])
        runner.reset()
    return answers


def by_steps(job):
    program = Runtime.get().load_program(job["stepped"])
    forward = program.load_method("forward")
    answers = []
    for prompt in job["prompts"]:
        ids = list(prompt)
        for at in range(len(prompt) + job["n"] - 1):
            logits = forward.execute([torch.tensor([[ids[at]]]), torch.tensor([at])])[0]
            if at + 1 == len(ids):
                ids.append(int(logits[0, 0].argmax()))
        answers.append(ids[len(prompt):])
    return answers


def main():
    answers = []
    for job in json.load(open(sys.argv[1], encoding="utf-8")):
        try:
            answers.append({"error": None, "runner": by_runner(job), "steps": by_steps(job) if job["stepped"] else None})
        except RuntimeError as e:
            answers.append({"error": str(e)})
    json.dump(answers, open(sys.argv[2], "w", encoding="utf-8"))


main()
