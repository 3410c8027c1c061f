"""The tokenizers library against `dlx tokenize`, on every tokenizer.json that the repository holds."""

import pathlib
import subprocess
import sys
import tempfile

from tokenizers import Tokenizer

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXTS = [
    "On 5 March 2024, Anna Smith ordered 12 lamps for $123.45, to be sent to Berlin.",
    "São Paulo, Zürich, Κως, 東京",
    "don't   split \t these\n\n",
    "e\u0301 and \u00e9",
    "🤖🏳️‍🌈 emoji",
    "1234567890 12,345.67",
    "<|record|> inside",
    "",
    " ",
    "\u00a0\u200b",
    'if (a == "b") { return c[0]; }',
]


def ours(dlx, folder, texts):
    with tempfile.NamedTemporaryFile("w", suffix=".hex") as lines:
        lines.write("".join(t.encode().hex() + "\n" for t in texts))
        lines.flush()
        run = subprocess.run(
            [dlx, "tokenize", str(folder), "--lines", lines.name, "--hex", "--ids"],
            capture_output=True, text=True, check=True)
    rows = run.stdout.split("\n")[: len(texts)]
    return [[int(i) for i in row.split(",") if i] for row in rows]


def main():
    dlx = sys.argv[1]
    folders = sorted({p.parent for top in ("models", "tests") for p in (ROOT / top).rglob("tokenizer.json")})
    wrong = 0
    for folder in folders:
        theirs = Tokenizer.from_file(str(folder / "tokenizer.json"))
        texts = list(TEXTS)
        heldout = folder / "heldout.jsonl"
        if heldout.exists():
            texts += heldout.read_text(encoding="utf-8").splitlines()
        want = [theirs.encode(t, add_special_tokens=False).ids for t in texts]
        for text, w, g in zip(texts, want, ours(dlx, folder, texts)):
            if w != g:
                wrong += 1
                print(f"{folder.relative_to(ROOT)}: {text!r}: expected {w}, found {g}")
        print(f"{folder.relative_to(ROOT)}: {len(texts)} texts")
    print("tokenizers:", "the ids agree" if not wrong else f"{wrong} texts differ")
    return 1 if wrong else 0


sys.exit(main())
