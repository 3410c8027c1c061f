"""Measures a model directory on the held-out set and puts the figures and five samples into its card.

    python card.py ../../models/records

The card is README.md in the model directory; what stands between the two `figures` comments is replaced.
"""
import os
import re
import sys

import torch

from data import evaluation_set
from evaluate import FIELDS, load, measure

THRESHOLDS = [1.0, 0.95, 0.9, 0.7]
SAMPLES = [0, 200, 400, 600, 800]                    # fixed beforehand, whatever the model makes of them


def figures(path):
    net, tok = load(path)
    rows = evaluation_set("heldout")
    out = ["| threshold | phrasings | messages | exact match | passes a record | tokens a pass |", "|---|---|---|---|---|---|"]
    fields = ["| threshold | phrasings | " + " | ".join(FIELDS) + " |", "|---|---" + "|---" * len(FIELDS) + "|"]
    for t in THRESHOLDS:
        result, texts = measure(net, tok, rows, t)
        print(t, {k: round(v["exact"], 4) for k, v in result.items()}, flush=True)
        for split, f in result.items():
            n = len(rows) if split == "all" else sum(r["split"] == split for r in rows)
            out.append(f"| {t:g} | {split} | {n} | {f['exact']:.1%} | {f['passes']:.2f} | {f['tokens a pass']:.2f} |")
            fields.append(f"| {t:g} | {split} | " + " | ".join(f"{f['fields'][k]:.1%}" for k in FIELDS) + " |")
        if t == 0.9:
            written = texts
    shown = []
    for k in SAMPLES:
        verdict = "right" if written[k] == rows[k]["answer"] else "wrong, expected `" + rows[k]["answer"] + "`"
        shown.append(f"- {rows[k]['prompt']!r}\n  `{written[k]}` ({rows[k]['split']}, {verdict})")
    return ("\n".join(out) + "\n\nField accuracy:\n\n" + "\n".join(fields) + "\n\nSamples at threshold 0.9 (held-out messages "
            + ", ".join(map(str, SAMPLES)) + ", chosen before any was run):\n\n" + "\n".join(shown))


if __name__ == "__main__":
    torch.set_num_threads(2)
    path = os.path.join(sys.argv[1], "README.md")
    text = figures(sys.argv[1])
    with open(path, encoding="utf-8") as f:
        card = f.read()
    card = re.sub("(<!-- figures -->\n).*(<!-- end of figures -->)", lambda m: m[1] + text + "\n" + m[2], card, flags=re.S)
    with open(path, "w", encoding="utf-8") as f:
        f.write(card)
