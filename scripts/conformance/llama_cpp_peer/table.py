"""The one table of the check: rows as they are found, and what was wrong with them."""

COLUMNS = ["what", "type", "cases", "the same?", "same weights", "float rows", "its own", "int8 rows"]
_WIDTHS = [20, 9, 6, 11, 12, 10, 7, 9]

MOST_TOLD = 5  # failures of a row

failed = []


def _line(cells):
    print("| " + " | ".join(f"{c:<{w}}" if i < 2 else f"{c:>{w}}" for i, (c, w) in enumerate(zip(cells, _WIDTHS))) + " |",
          flush=True)


def head():
    _line(COLUMNS)
    print("|" + "|".join("-" * (w + 2) if i < 2 else "-" * (w + 1) + ":" for i, w in enumerate(_WIDTHS)) + "|")


def number(x):
    return "" if x is None else "0" if x == 0 else f"{x:.1e}" if x < 1e-3 else f"{x:.4f}"


def row(what, type_name, cases, wrong, same_bytes="", figures=()):
    """One line. `wrong` are sentences; they are told behind the table, as failures of this row."""
    cells = [what, type_name, str(cases), same_bytes, *map(number, figures)]
    _line(cells + [""] * (len(COLUMNS) - len(cells)))
    failed.extend(f"{what}, {type_name}: {w}" for w in wrong[:MOST_TOLD])
    if len(wrong) > MOST_TOLD:
        failed.append(f"{what}, {type_name}: and {len(wrong) - MOST_TOLD} more")
