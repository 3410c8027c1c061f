"""Programs that round rows to int8, against ours on several lists of ids.

Two computations whose float sums differ in their last bits round all numbers alike, unless one lies on the border of two
steps; then everything behind it differs by about as much as rounding itself costs, and with many rows and layers one always
does. So of the lists one at least must have none and agree to BOUND, which nothing but the same arithmetic and the same weights
can do; the others may differ by what a step can change, FAR."""

BOUND = 1e-4
FAR = 0.2


def judge(distances):
    """(good?, a text for the row)"""
    exact = [d for d in distances if d <= BOUND]
    good = bool(exact) and max(distances) <= FAR
    text = f"{max(exact):.1e} on {len(exact)} of {len(distances)} lists" if exact else "no list agrees"
    others = [d for d in distances if d > BOUND]
    return good, text + (f"; numbers on a border: {max(others):.1e}" if others else "")
