"""Lines of styled text: pieces with a style's name and, where one can click, a command; free of control characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len, set_cell_size


class Span(NamedTuple):
    """A piece of a line. `style` is one of `STYLES` or several with spaces; `command` is run by a click."""

    text: str
    style: str = ""
    command: str = ""


Line = Sequence[Span]

STYLES = (
    "dim", "bold", "accent", "good", "warn", "bad", "head", "bar", "cursor", "mark", "panel",
    "series0", "series1", "series2", "series3", "series4", "series5",
)  # fmt: skip
"""Every style a view may use; a theme says how it looks."""


def clean(value: object) -> str:
    """What something says, on one line and without control characters: names come from callers and upstreams, and an
    escape sequence of theirs must not reach the terminal."""
    said = "" if value is None else str(value)
    if said.isascii() and said.isprintable():
        return said
    return "".join(" " if letter in "\n\t" else "" if _hidden(letter) else letter for letter in said)


def _hidden(letter: str) -> bool:
    return unicodedata.category(letter) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def fit(text: str, width: int, right: bool = False) -> str:
    """The text in exactly so many cells: cut with an ellipsis, or padded on the right (or, for numbers, the left)."""
    if width <= 0:
        return ""
    cells = len(text) if text.isascii() else cell_len(text)
    if cells > width:
        return set_cell_size(text, width - 1) + "…"
    return " " * (width - cells) + text if right else text + " " * (width - cells)


def width(line: Line) -> int:
    """Cells a line takes."""
    return sum(cell_len(span.text) for span in line)


def crop(line: Line, room: int) -> list[Span]:
    """The line in at most so many cells."""
    found: list[Span] = []
    for span in line:
        cells = cell_len(span.text)
        if cells > room:
            if room > 0:
                found.append(span._replace(text=fit(span.text, room)))
            break
        found.append(span)
        room -= cells
    return found


def spread(left: Line, right: Line, room: int) -> list[Span]:
    """One line with something at both ends; the left gives way."""
    kept = crop(right, room)
    free = room - width(kept)
    first = crop(left, max(0, free - 1) if kept else free)
    return [*first, Span(" " * (free - width(first))), *kept]


def wrap(text: str, room: int, indent: str = "") -> list[str]:
    """Words in lines of at most so many cells; later ones are indented."""
    lines, line = [], ""
    for word in text.split():
        tried = f"{line} {word}" if line.strip() else f"{line}{word}"
        if cell_len(tried) > room and line.strip():
            lines.append(line)
            tried = indent + word
        while cell_len(tried) > room > len(indent) + 1:
            cut = room
            while cell_len(tried[:cut]) > room:
                cut -= 1
            lines.append(tried[:cut])
            tried = indent + tried[cut:]
        line = tried
    return [*lines, line] if line.strip() else lines or [""]


def plain(lines: Iterable[Line]) -> list[str]:
    """The lines without their styles."""
    return ["".join(span.text for span in line) for line in lines]
