"""Runs programs in the stock runtime of the Python that starts it: run_passes.py JOBS.json ANSWER.json

A job is a program, how it is loaded, and its passes in turn; logits of all passes go to an .npz file. Keys and values
that the program does not keep are kept here, as a host has to."""

import json
import sys

import numpy
import torch
from executorch.extension.pybindings import portable_lib
from executorch.runtime import Runtime, Verification

LEVELS = {"minimal": Verification.Minimal, "consistency": Verification.InternalConsistency}


def load(job):
    """A function that runs a method."""
    level = LEVELS[job["verification"]]
    if job["loader"] == "module":  # the older entry: methods share nothing
        module = portable_lib._load_for_executorch(job["program"], job["data"], program_verification=level)
        return module.run_method
    more = {"data_path": job["data"]} if job["data"] else {}
    program = Runtime.get().load_program(job["program"], verification=level, **more)
    methods = {}

    def run(name, inputs):
        if name not in methods:
            methods[name] = program.load_method(name)
        return methods[name].execute(inputs)

    return run


def mask(n, start, block):
    """f32 [n, start + n]: 0 where a row sees a position."""
    rows, columns = numpy.arange(start, start + n) // block, numpy.arange(start + n) // block
    return torch.from_numpy(numpy.where(columns[None] <= rows[:, None], 0.0, -1e9).astype("float32"))


def past(kept, n):
    """The first n positions, in memory of their own: the runtime aborts on the strides that torch leaves where n is 0."""
    return torch.empty((kept.shape[0], n, kept.shape[2])).copy_(kept[:, :n])


class Passes:
    def __init__(self, job):
        self.job, self.run = job, load(job)
        self.kept = [torch.zeros(shape) for shape in job["kept"]]  # [kv, n_ctx, c] of each layer, K and V

    def step(self, method, start, n):
        """f32 [n, vocabulary]; of `denoise` [n, 3]: best id, its logit, and the logarithm of the sum of all exp(logit)."""
        inputs = [torch.tensor([self.job["ids"][start:start + n]])]
        if self.job["cache"] != "none":
            inputs.append(torch.tensor([start]))
        if method == "forward_masked":
            inputs.append(mask(n, start, self.job["block"]))
        told = 3 if method == "denoise" else 1
        if method == "denoise":
            inputs.append(torch.arange(n))
        outputs = self.run(method, inputs + [past(t, start) for t in self.kept])
        for mine, new in zip(self.kept, outputs[told:], strict=True):
            mine[:, start:start + n] = new
        return outputs[0].numpy()[0].copy() if told == 1 else torch.stack(outputs[:3], 1).double().numpy()


def main():
    jobs = json.load(open(sys.argv[1], encoding="utf-8"))
    answers = []
    for job in jobs:
        try:
            passes = Passes(job)
            numpy.savez(job["out"], *[passes.step(*step) for step in job["steps"]])
            answers.append(None)
        except RuntimeError as e:
            answers.append(str(e))
    json.dump(answers, open(sys.argv[2], "w", encoding="utf-8"))


main()
