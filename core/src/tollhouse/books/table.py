"""A plain table for a terminal: words to the left, numbers to the right, nothing that moves the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

NANO = Decimal(1_000_000_000)


def table(head: Sequence[str], rows: Sequence[Sequence[str]], words: int, *, total: bool = False) -> str:
    """Lines of columns; the first `words` of them are aligned left, the others right. With `total` a rule stands
    above the last row."""
    cells = [[printable(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    lines = [
        "  ".join(
            cell.ljust(width) if column < words else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    rule = "  ".join("-" * width for width in widths)
    body = [*lines[1:-1], rule, lines[-1]] if total else lines[1:]
    return "\n".join([lines[0], rule, *body])


def usd(amounts: Sequence[int]) -> list[str]:
    """Nano-USD as exact USD, all with as many decimals as the longest needs, at least two."""
    places = max((-int(_exponent(amount)) for amount in amounts), default=2)
    return [f"{Decimal(amount) / NANO:,.{max(2, places)}f}" for amount in amounts]


def exact(amount: int | None) -> str:
    """Nano-USD as USD in full; empty for what has no price."""
    return "" if amount is None else f"{Decimal(amount) / NANO:.9f}"


def printable(text: str) -> str:
    """A text without control characters: a caller's model name must not draw on an operator's terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def _exponent(amount: int) -> int:
    exponent = (Decimal(amount) / NANO).normalize().as_tuple().exponent
    return min(0, exponent) if isinstance(exponent, int) else 0
