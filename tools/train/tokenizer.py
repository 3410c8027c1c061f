"""Builds tokenizer.json: byte-level BPE in which a word or digit has the same tokens wherever it stands.

The split keeps letters, single digits and everything else (spaces and punctuation together) apart. "Anna" after a space
in a message and after a quote in a record is then the same token sequence, so writing a field is a plain copy; and a
stretch of JSON punctuation such as `", "` is one token.
"""
import random
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from data import sample

SPECIALS = ["<|endoftext|>", "<|MASK|>", "<|record|>"]
EOS, MASK, RECORD = range(3)
VOCAB = 1024
PATTERN = r"\p{L}+|\p{N}|[^\p{L}\p{N}]+"


def build(documents=30_000, seed=11):
    """Train the merges on generated documents; nothing from the evaluation worlds enters."""
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(PATTERN), behavior="isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tok.decoder = decoders.ByteLevel()
    r = random.Random(seed)
    corpus = (text for _ in range(documents) for text in sample(r))
    tok.train_from_iterator(corpus, trainers.BpeTrainer(
        vocab_size=VOCAB, special_tokens=[AddedToken(s, special=True) for s in SPECIALS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    return tok


if __name__ == "__main__":
    path = sys.argv[1]
    tok = build()
    assert [tok.token_to_id(s) for s in SPECIALS] == [EOS, MASK, RECORD] and tok.get_vocab_size() == VOCAB
    tok.save(path)
    r = random.Random(3)
    for _ in range(3):
        for text in sample(r):
            ids = tok.encode(text).ids
            assert tok.decode(ids) == text
            print(len(ids), [tok.decode([i]) for i in ids])
    lengths = [len(tok.encode(m).ids) + len(tok.encode(a).ids) + 2 for m, a in (sample(r) for _ in range(2000))]
    print("document tokens: mean %.1f, longest %d" % (sum(lengths) / len(lengths), max(lengths)))
