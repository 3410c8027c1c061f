"""The stock runtimes: for each an environment of its own, and one with torch for all (scripts/venv)."""

import json
import os
import subprocess

from executorch_python.command import ROOT

ENVIRONMENTS = {"1.4": "executorch-1.4", "1.5": "executorch"}
INSIDE = ROOT / "scripts" / "conformance" / "executorch_python" / "inside"


def _environment(name):
    made = subprocess.run([ROOT / "scripts" / "venv", name], stdout=subprocess.PIPE, text=True)
    if made.returncode:
        raise OSError(f"the packages of requirements/{name}.txt could not be installed")
    return made.stdout.strip()


def _packages(python):
    ask = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True).stdout.strip()


class Stock:
    """One version of it. OSError where it cannot be installed."""

    def __init__(self, name):
        self.name = name
        self.python = f"{_environment(ENVIRONMENTS[name])}/bin/python"
        self.packages = _packages(f"{_environment('torch')}/bin/python")

    def run(self, script, job, room):
        """What a script of inside/ answers to a job: both are JSON files. RuntimeError where it fails."""
        question, answer = room / f"{script}.{self.name}.json", room / f"{script}.{self.name}.answer.json"
        question.write_text(json.dumps(job, default=str))
        done = subprocess.run(
            [self.python, "-W", "ignore", INSIDE / f"{script}.py", question, answer], capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=900, env={**os.environ, "PYTHONPATH": self.packages, "OMP_NUM_THREADS": "1"})
        if done.returncode:
            words = [x for x in (done.stderr + done.stdout).splitlines() if x.strip()]
            raise RuntimeError(f"ExecuTorch {self.name}: {script} ended with {done.returncode}: " + "; ".join(words[-4:]))
        return json.loads(answer.read_text())
