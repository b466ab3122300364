"""Columns of a table: which ones fit, how wide each is, and a row in them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from ..text import Span, clean, fit

T = TypeVar("T")
GAP = 2


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """One column. `rank` says how soon it gives way, 0 never; `grow` is its part of the room that is left, up to
    `most` cells. `cell` gives text and style."""

    title: str
    least: int
    cell: Callable[[T], tuple[str, str]]
    rank: int = 0
    grow: int = 0
    most: int = 60
    right: bool = False


Layout = Sequence[tuple[Column[T], int]]


def layout(columns: Sequence[Column[T]], room: int) -> list[tuple[Column[T], int]]:
    """The columns that fit in so many cells, each with its width. It depends on nothing but the room, so that no
    column jumps when rows change."""
    kept = [column for column in columns if not column.rank]
    for column in sorted((column for column in columns if column.rank), key=lambda one: one.rank):
        if sum(one.least + GAP for one in [*kept, column]) - GAP <= room:
            kept.append(column)
        else:
            break
    kept.sort(key=columns.index)
    widths = [column.least for column in kept]
    free = room - sum(widths) - GAP * (len(kept) - 1)
    while free > 0:
        able = [n for n, column in enumerate(kept) if column.grow and widths[n] < column.most]
        if not able:
            break
        for number in able:
            step = min(kept[number].grow, free, kept[number].most - widths[number])
            widths[number] += step
            free -= step
    return list(zip(kept, widths, strict=True))


def titles(found: Layout[T]) -> list[Span]:
    """The line above the rows."""
    return _joined([Span(fit(column.title, width, column.right), "dim") for column, width in found])


def row(found: Layout[T], thing: T) -> list[Span]:
    """One row."""
    cells = []
    for column, width in found:
        text, style = column.cell(thing)
        cells.append(Span(fit(clean(text), width, column.right), style))
    return _joined(cells)


def _joined(cells: list[Span]) -> list[Span]:
    line = []
    for number, cell in enumerate(cells):
        if number:
            line.append(Span(" " * GAP))
        line.append(cell)
    return line
