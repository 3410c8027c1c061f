"""Tokenizers that dlx wrote into a GGUF file: llama.cpp and the library they came from give the same ids."""

import json

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from llama_cpp_peer import checkpoints, ours, peer, table
from llama_cpp_peer.texts import ROOT, TEXTS

SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|mask|>"]
QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
         r"|\s*[\r\n]+|\s+(?!\S)|\s+")
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
          r"|\s*[\r\n]+|\s+(?!\S)|\s+")


def _split(pattern):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"),
                                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def _tokenizer(name):
    t = Tokenizer(models.BPE(ignore_merges=name == "llama-bpe"))
    if name == "qwen2":
        t.normalizer = normalizers.NFC()
        t.pre_tokenizer = _split(QWEN2)
    elif name == "llama-bpe":
        t.pre_tokenizer = _split(LLAMA3)
    elif name == "gpt-2":
        t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    else:
        t.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                                   pre_tokenizers.ByteLevel(add_prefix_space=False)])
    t.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=checkpoints.VOCAB - 8, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    t.train([str(ROOT / "README.md"), str(ROOT / "ARCHITECTURE.md")], trainer)
    t.add_special_tokens([AddedToken(s, special=True) for s in SPECIALS])
    return t


def make(folder, family, seed, name):
    """A random checkpoint with a tokenizer of that name among llama.cpp's, and the library's own tokenizer."""
    source, library = checkpoints.make(folder, family, seed), _tokenizer(name)
    library.save(str(source / "tokenizer.json"))
    (source / "tokenizer_config.json").write_text(json.dumps(dict(eos_token=SPECIALS[0], pad_token=SPECIALS[0])))
    return source, library


def rows(folder):
    for seed, name in enumerate(["qwen2", "llama-bpe", "gpt-2", "smollm"]):
        source, library = make(folder / f"text-{name}", "dream", 80 + seed, name)
        file = folder / f"text-{name}.gguf"
        ours.quantize(source, file, "q8_0")
        wrong = []
        with peer.Model(file) as m:
            for text, we in zip(TEXTS, ours.tokenize(file, TEXTS)):
                they, first = m.tokenize(text), library.encode(text, add_special_tokens=False).ids
                if not we == they == first:
                    wrong.append(f"{text[:60]!r}: dlx {we}, llama.cpp {they}, tokenizers {first}")
        table.row("text by dlx", name, len(TEXTS), wrong, same_bytes="equal" if not wrong else "differ")
