"""What tokenizers are asked."""

import pathlib
import random
from unicodedata import normalize, ucd_3_2_0

ROOT = pathlib.Path(__file__).resolve().parents[3]

HARD = [
    "What is the capital of France?",
    "On 5 March 2024, Anna Smith ordered 12 lamps for $123.45, to be sent to Berlin.",
    "São Paulo, Zürich, Κως, 東京, 서울, नमस्ते",
    "don't   split \t these\n\n",
    "I'M sure we'Ve 'seen it, they'LL say",
    "🤖🏳️‍🌈 emoji",
    "1234567890 12,345.67 x²",
    "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
    "", " ", "  ", "\n", "\r\n \r\n", "\t", "a ", " a", "a  b   c    d",
    "\u00a0\u200b\u3000",
    'if (a == "b") { return c[0]; }\n\n    // done\n',
    "camelCase snake_case SCREAMING-kebab http://example.org/a?b=c&d=%20",
    "".join(chr(c) for c in range(32, 127)),
]


def random_texts(n):
    """Characters of all scripts among plain ones, of a version of Unicode that every table knows; composed, for llama.cpp does not
    compose."""
    rng = random.Random(7)
    every = [chr(c) for c in range(0x20, 0x2FFFF) if ucd_3_2_0.category(chr(c)) not in ("Cn", "Cs", "Co")]
    low = [c for c in every if ord(c) < 0x3000]
    texts = []
    while len(texts) < n:
        pool = every if len(texts) % 2 else low
        text = "".join(rng.choice(pool) if rng.random() < 0.5 else rng.choice(" a1'\n\tsB.,-é")
                       for _ in range(rng.randint(1, 24)))
        if normalize("NFC", text) == text:
            texts.append(text)
    return texts


TEXTS = HARD + random_texts(300) + [(ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/tour.md")]
