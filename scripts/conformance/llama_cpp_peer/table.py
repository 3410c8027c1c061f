"""The one table of the check: rows as they are found, and what was wrong with them."""

COLUMNS = ["what", "type", "cases", "bytes", "same weights", "float rows", "int8 rows", "at most"]
_WIDTHS = [22, 7, 6, 8, 12, 10, 10, 8]

failed = []


def _line(cells):
    print("| " + " | ".join(f"{c:<{w}}" if i < 2 else f"{c:>{w}}" for i, (c, w) in enumerate(zip(cells, _WIDTHS))) + " |",
          flush=True)


def head():
    _line(COLUMNS)
    print("|" + "|".join("-" * (w + 2) if i < 2 else "-" * (w + 1) + ":" for i, w in enumerate(_WIDTHS)) + "|")


def number(x):
    return "" if x is None else f"{x:.1e}"


def row(what, type_name, cases, wrong, *, same_bytes="", same=None, floats=None, int8=None, bound=None):
    """One line. `wrong` are sentences; they are told behind the table, as failures of this row."""
    _line([what, type_name, str(cases), same_bytes, number(same), number(floats), number(int8), number(bound)])
    failed.extend(f"{what}, {type_name}: {w}" for w in wrong)
