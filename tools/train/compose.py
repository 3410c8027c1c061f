"""Phrasings put together from clauses, so that training meets thousands of ways to order the same six facts.

With the fixed list alone the model learns where each phrasing keeps its fields and fails on a new one; composed
phrasings make it read the cues ("to", "paid", a currency sign) instead. The grammar is loose on purpose.
"""
from phrasings import DEV, HELDOUT

GOODS = ["{q} {i}"] * 5 + ["{q} x {i}", "{i} x {q}", "{q} pieces of {i}", "{i} ({q})", "{q} units of {i}", "{q} new {i}",
                            "the {q} {i}", "a box of {q} {i}", "{i}, {q} of them", "a set of {q} {i}", "exactly {q} {i}"]
WHO = ["{n}"] * 5 + ["customer {n}", "our client {n}", "the buyer {n}", "Mr {n}", "Ms {n}", "a certain {n}", "our guest {n}",
                     "the caller, {n},", "someone called {n}"]
ACTIVE = ["ordered", "bought", "wants", "asked for", "needs", "will receive", "has chosen", "purchased", "requested",
          "gets", "takes", "expects", "is buying", "has ordered", "picked out", "signed for", "reserved", "now owns",
          "called about", "wrote to us about", "just bought", "is getting", "has bought"]
PASSIVE = ["were bought by", "go to", "are for", "have been reserved for", "are ready for", "belong to", "were picked by",
           "were requested by", "shall reach", "are kept for", "will be handed to", "were chosen by", "left us for"]
IMPERATIVE = ["Send", "Please send", "Ship", "Pack", "Prepare", "Deliver", "Kindly deliver", "Please pack", "Get",
              "Can you ship", "We should send", "You can hand", "Please prepare", "Let us ship"]
GIVE = ["Give", "Hand", "Bring", "Offer", "Sell", "Get", "Post", "Find", "Please give", "Show", "Grant", "Owe"]
PAY = ["paid {p} for", "has paid {p} for", "sent us {p} for", "spent {p} on", "owes {p} for", "gave {p} for",
       "transferred {p} for", "put down {p} for", "offered {p} for"]
MEANT = ["bought by", "meant for", "requested by", "reserved by", "which we hold for", "asked for by", "chosen by",
         "picked by", "all for", "now owned by", "that went to"]
THAT = ["ordered", "bought", "wanted", "picked", "asked for", "chose", "needs", "expects"]
PLACE = ["in {c}", "to {c}", "from {c}", "at our {c} office", "for delivery to {c}", "via {c}", "near {c}", "of {c}",
         "sent to {c}", "bound for {c}", "travelling to {c}", "with an address in {c}", "over in {c}", "({c})"]
COST = ["for {p}", "at {p}", "worth {p}", "costing {p}", "at a price of {p}", "with {p} paid", "against {p}", "({p})",
        "valued at {p}", "for a total of {p}", "priced {p}", "for the sum of {p}", "with a bill of {p}"]
WHEN = ["on {d}", "by {d}", "dated {d}", "before {d}", "({d})", "as of {d}", "from {d}", "on the day {d}", "until {d}"]
PLACE_ALONE = ["It goes to {c}", "Destination {c}", "Deliver to {c}", "The address is in {c}", "City: {c}", "To: {c}",
               "{c} is the place", "They live in {c}", "The van leaves for {c}", "Drop it off in {c}", "{c}",
               "We ship this to {c}", "Our driver heads to {c}", "The parcel travels to {c}"]
COST_ALONE = ["The bill is {p}", "Total {p}", "We got {p}", "The price was {p}", "Paid: {p}", "{p} is settled", "{p}",
              "That makes {p}", "Amount: {p}", "{p} has been received", "It cost {p}", "They owe us {p}",
              "The card was billed {p}", "{p} came by transfer"]
WHEN_ALONE = ["The date is {d}", "Date: {d}", "Expected {d}", "This was {d}", "{d}", "Booked for {d}", "Due {d}",
              "We wrote it down on {d}", "It happened on {d}", "Day of order: {d}", "{d} is the agreed day"]
COST_WHEN = ["{p} was settled on {d}", "We got {p} on {d}", "The money, {p}, arrived {d}", "On {d} the bank booked {p}",
             "{p} paid {d}", "Payment: {p}, {d}", "The invoice of {d} says {p}", "{d}: {p} received"]
PLACE_WHEN = ["It reaches {c} on {d}", "Delivery in {c} by {d}", "The van gets to {c} on {d}", "{c}, {d}",
              "On {d} it arrives in {c}", "Please be in {c} on {d}", "From {d} on it waits in {c}"]
COST_PLACE = ["{p} and then off to {c}", "Shipping to {c} is included in the {p}", "In {c} they paid {p}",
              "The price in {c} is {p}", "We charge {c} customers {p}", "{c}, {p}"]
FILLERS = ["today", "again", "kindly", "as agreed", "please", "also", "indeed", "still", "by phone", "online", "surely",
           "then", "as usual", "at last", "so", "well", "with care", "this time", "quickly", "in person", "directly"]


def clause(r):
    """The core: customer and goods in one sentence."""
    goods, who = r.choice(GOODS), r.choice(WHO)
    kind = r.random()
    if kind < 0.08:
        return f"{r.choice(GIVE)} {who} {goods}"
    if kind < 0.16:
        return f"{who} {r.choice(PAY)} {goods}"
    if kind < 0.22:
        return f"{goods}{r.choice([', ', ' '])}{r.choice(MEANT)} {who}"
    if kind < 0.27:
        return f"{goods} {r.choice(['', 'that ', 'which '])}{who} {r.choice(THAT)}"
    if kind < 0.5:
        return f"{who} {r.choice(ACTIVE)} {goods}"
    if kind < 0.65:
        return f"{goods} {r.choice(PASSIVE)} {who}"
    if kind < 0.8:
        return f"{r.choice(IMPERATIVE)} {goods} {r.choice(['to', 'for'])} {who}"
    if kind < 0.9:
        return f"{r.choice(['I am', 'My name is', 'This is', 'It is'])} {{n}} and I "\
               f"{r.choice(['need', 'want', 'ordered', 'bought', 'ask for', 'expect'])} {goods}"
    return r.choice([f"{goods} for {who}", f"{who}, {goods}", f"{goods}, {who}", f"{who}: {goods}", f"{goods} - {who}"])


def compose(r):
    """One phrasing with all six fields, or another try where it equals one kept for evaluation."""
    core, front, alone = clause(r), [], []
    rest = {"c": (PLACE, PLACE_ALONE), "p": (COST, COST_ALONE), "d": (WHEN, WHEN_ALONE)}
    order = [k for k in rest if "{" + k + "}" not in core]
    r.shuffle(order)
    if len(order) == 3 and r.random() < 0.3:          # two facts share a sentence of their own
        both = r.choice([COST_WHEN, PLACE_WHEN, COST_PLACE])
        alone.append(r.choice(both))
        order = [k for k in order if "{" + k + "}" not in alone[0]]
    for k in order:
        inside, outside = rest[k]
        where = r.random()
        if where < 0.5:
            core += r.choice([" ", " ", " ", ", ", " - "]) + r.choice(inside)
        elif where < 0.7:
            front.append(r.choice(inside + outside))
        else:
            alone.append(r.choice(outside))
    parts = [core] + alone
    if r.random() < 0.3:
        r.shuffle(parts)
    text = r.choice([". ", ". ", ". ", "; ", ", ", " and ", "\n", " - ", ", so "]).join(parts)
    if front:
        text = r.choice([", ", ": ", " - ", " "]).join(front) + r.choice([", ", ", ", ": ", " "]) + text
    words = text.split(" ")
    for _ in range(r.choice([0, 0, 0, 1, 1, 2])):
        k = r.randrange(len(words) + 1)
        if not (k and words[k - 1].startswith("{q}")):    # nothing comes between a quantity and its item
            words.insert(k, r.choice(FILLERS))
    text = " ".join(words)
    if r.random() < 0.5 and text[0].islower():
        text = text[0].upper() + text[1:]
    text += r.choice([".", ".", ".", "", "!"])
    return compose(r) if text in DEV or text in HELDOUT else text


if __name__ == "__main__":
    import random
    rng = random.Random(4)
    for _ in range(25):
        print(compose(rng))
