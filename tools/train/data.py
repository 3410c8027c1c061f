"""Seeded generator of order messages and their JSON records.

Three worlds never share a name pair, an item-city pair or (where asked) a phrasing: training, dev (decisions) and
held-out (published figures). A pair's world follows from a checksum of its text, so the rule needs no stored list.
"""
import json
import random
import zlib

from compose import compose
from phrasings import DEV, HELDOUT, LABELS, SEPARATORS, TRAIN
from words import CITY, CLOSERS, FIRST, ITEM, LAST, MONTHS, OPENERS

HELDOUT_SEED, DEV_SEED, CALIBRATION_SEED = 20_001, 20_002, 20_003


def world(a, b):
    """Which world a pair of values belongs to: about 10 % held-out, 10 % dev, 80 % training."""
    return {0: "heldout", 1: "dev"}.get(zlib.crc32(f"{a}|{b}".encode()) % 10, "train")


def invented(r, capital):
    """A pronounceable or, at times, arbitrary word, so that copying cannot lean on known spellings."""
    if r.random() < 0.25:
        w = "".join(r.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(r.randint(2, 7)))
    else:
        onset = ["b", "br", "c", "ch", "d", "f", "g", "gr", "h", "j", "k", "l", "m", "n", "p", "r", "s", "sh", "st",
                 "t", "tr", "v", "w", "z", ""]
        coda = ["", "", "", "n", "r", "s", "l", "ck", "m", "t", "nd", "x"]
        w = "".join(r.choice(onset) + r.choice("aeiouaeiouy") + r.choice(coda) for _ in range(r.randint(1, 3)))
        w = w if len(w) > 1 else w + "lo"
    if r.random() < 0.12:
        k = r.randrange(len(w))
        w = w[:k] + r.choice("àáâãäåæçèéêëìíîïñòóôõöøùúûüýčćđęěğłńňőřśšťůűźžăąșțß") + w[k + 1:]
    return w[0].upper() + w[1:] if capital and w[0] != "ß" else w


def value(r, words, capital, rate):
    """A list word, or with probability `rate` an invented one (sometimes of two words for items and cities)."""
    if r.random() >= rate:
        return r.choice(words)
    w = invented(r, capital)
    two = words in (ITEM, CITY) and r.random() < 0.2
    return w + " " + invented(r, capital) if two else w


def pair(r, one, two, capital, want, rate):
    """Two values whose pair lies in the wanted world."""
    while True:
        a, b = value(r, one, capital, rate), value(r, two, True, rate)
        if world(a, b) == want:
            return a, b


def amount(r):
    """A total in cents, spread evenly over magnitudes, as it is recorded and as a message may write it."""
    whole = int(10 ** r.uniform(0.3, 4))
    cents = 0 if r.random() < 0.2 else r.randint(0, 99)
    plain, grouped = f"{whole}.{cents:02d}", f"{whole:,}.{cents:02d}"
    said = r.choice([plain, plain, grouped])
    if cents == 0 and r.random() < 0.5:
        said = r.choice([str(whole), f"{whole:,}"])
    return plain, r.choice(["${}", "${}", "€{}", "£{}", "{} EUR", "{} USD", "USD {}", "{} dollars", "{} euros"]).format(said)


def date(r):
    """A date as ISO text and as a message may write it; the all-figure forms put the day first."""
    y, m, d = r.randint(2015, 2034), r.randint(1, 12), r.randint(1, 28 if r.random() < 0.9 else 30)
    d = min(d, 28) if m == 2 else d
    name = MONTHS[m - 1]
    iso = f"{y}-{m:02d}-{d:02d}"
    said = r.choice([iso, f"{d} {name} {y}", f"{name} {d}, {y}", f"{d:02d}/{m:02d}/{y}", f"{d} {name[:3]} {y}",
                     f"{d:02d}.{m:02d}.{y}"])
    return iso, said


def form(r):
    """A phrasing made of labelled fields in any order."""
    keys = list("nqipdc")
    r.shuffle(keys)
    colon = r.choice([": ", ": ", " = ", " - "])
    return r.choice(SEPARATORS).join(r.choice(LABELS[k]) + colon + "{" + k + "}" for k in keys)


def phrase(r, composed):
    """A training phrasing: composed, form-like or from the fixed list."""
    draw = r.random()
    if draw < composed:
        return compose(r)
    return form(r) if draw < composed + 0.2 * (1 - composed) else r.choice(TRAIN)


def sample(r, want="train", phrasings=None, rate=0.45, composed=0.0):
    """One (message, record) pair. `rate` is the share of invented values; evaluation sets use 0."""
    first, last = pair(r, FIRST, LAST, True, want, rate)
    item, city = pair(r, ITEM, CITY, False, want, rate)
    quantity = r.choice([r.randint(2, 99), r.randint(2, 20), r.randint(100, 999)])
    (total, said_total), (iso, said_date) = amount(r), date(r)
    order = r.randint(1000, 99999)
    text = r.choice(phrasings) if phrasings else phrase(r, composed)
    if r.random() < 0.25:
        text = r.choice(OPENERS) + " " + text
    if r.random() < 0.25:
        text += ("" if text[-1] in ".?!" else ".") + " " + r.choice(CLOSERS)
    message = text.format(n=f"{first} {last}", q=quantity, i=item, p=said_total, d=said_date, c=city, o=order)
    record = (f'{{"customer": "{first} {last}", "item": "{item}", "quantity": {quantity}, "total": {total}, '
              f'"date": "{iso}", "city": "{city}"}}')
    return message, record


def evaluation_set(name):
    """The dev set (300 messages) or the held-out set (1,000): 70 % seen phrasings, 30 % new ones."""
    seed, count, new = {"dev": (DEV_SEED, 300, DEV), "heldout": (HELDOUT_SEED, 1000, HELDOUT)}[name]
    r, rows = random.Random(seed), []
    for k in range(count):
        seen = k < count * 7 // 10
        message, record = sample(r, name, TRAIN if seen else new, rate=0)
        rows.append({"prompt": message, "answer": record, "split": "seen-phrasing" if seen else "new-phrasing"})
    return rows


def calibration_set(count=128):
    """Messages of the training world, for quantizers: what the model was trained on, and nothing held out."""
    r = random.Random(CALIBRATION_SEED)
    pairs = [sample(r, "train", composed=0.5) for _ in range(count)]
    return [{"prompt": message, "answer": record} for message, record in pairs]


if __name__ == "__main__":
    rng = random.Random(1)
    for _ in range(12):
        print(*sample(rng), sep="\n  ")
    for row in evaluation_set("heldout"):
        json.loads(row["answer"])
    print(len(FIRST), len(LAST), len(ITEM), len(CITY), len(set(FIRST)), len(set(LAST)), len(set(ITEM)), len(set(CITY)))
