"""Small pictures of numbers that read without colour: sparklines, bars, stacks and lines."""

from __future__ import annotations

from collections.abc import Sequence

from ..text import Line, Span, crop, width

_LEVELS = "▁▂▃▄▅▆▇█"
FILLS = "█▓▒░▚▞"
"""What stands for each series of a stack, so that colour is never alone."""


def spark(values: Sequence[float | None], room: int) -> str:
    """The last values that fit, highest at the top; `·` where there is none."""
    kept = list(values)[-room:] if room > 0 else []
    most = max((value for value in kept if value is not None), default=0.0) or 1.0
    said = "".join("·" if value is None else _LEVELS[min(7, int(value / most * 7.999))] for value in kept)
    return said.rjust(room, "·")


def bar(share: float, room: int, style: str = "") -> list[Span]:
    """A share of 1 as a heavy line on a light one; what lies above 1 is not drawn, and a little is seen."""
    filled = max(0.0, min(1.0, share)) * room
    whole = max(round(filled), int(share > 0))
    return [Span("━" * whole, style), Span("─" * (room - whole), "dim")]


def stack(series: Sequence[Sequence[float]], height: int, cells: int) -> list[list[Span]]:
    """Columns of stacked series, the first at the bottom, each slot `cells` wide. The lines from top to bottom."""
    slots = list(zip(*series, strict=True))
    most = max((sum(slot) for slot in slots), default=0) or 1
    columns = []
    for slot in slots:
        column, reached = [-1] * height, 0.0
        for number, value in enumerate(slot):
            first, reached = reached, reached + value / most * height
            for level in range(round(first), min(height, max(round(reached), round(first) + (value > 0)))):
                column[level] = number
        columns.append(column)
    lines = []
    for level in range(height - 1, -1, -1):
        line: list[Span] = []
        for column in columns:
            number = column[level]
            style, fill = (f"series{number}", FILLS[number % len(FILLS)]) if number >= 0 else ("dim", " ")
            line.append(Span(fill * max(1, cells - 1) + " " * (cells > 1), style))
        lines.append(line)
    return lines


def burn(
    past: Sequence[tuple[float, float]],
    forecast: tuple[tuple[float, float], tuple[float, float]] | None,
    span: tuple[float, float],
    size: tuple[int, int],
) -> list[list[Span]]:
    """A burn-down: points `(when, share left)` as steps up to now, then a dotted line. `span` is first and last moment,
    `size` cells and lines. The bottom line is empty money."""
    room, height = size
    start, end = span
    per = (end - start) / room if end > start and room else 1.0

    def level(share: float) -> int:
        return min(height - 1, max(0, int(share * height)))

    grid = [[Span(" ")] * room for _ in range(height)]
    if past:
        for column in range(room):
            when = start + (column + 0.5) * per
            if past[0][0] <= when <= past[-1][0] + per:
                share = _between(past, when)
                top = level(share)
                for row in range(top + 1):
                    grid[row][column] = Span("█" if row == top else "▒", "series0" if row == top else "dim")
    if forecast is not None:
        for column in range(room):
            when = start + (column + 0.5) * per
            if forecast[0][0] < when <= forecast[1][0]:
                row = level(_between(forecast, when))
                if grid[row][column].text == " ":
                    grid[row][column] = Span("·", "warn")
    return [grid[row] for row in range(height - 1, -1, -1)]


def _between(points: Sequence[tuple[float, float]], when: float) -> float:
    before = points[0]
    for point in points:
        if point[0] >= when:
            width = point[0] - before[0]
            return before[1] + (point[1] - before[1]) * ((when - before[0]) / width if width > 0 else 1.0)
        before = point
    return before[1]


def beside(left: Sequence[Line], right: Sequence[Line], room: int) -> list[list[Span]]:
    """Two blocks of lines next to each other; the left one takes `room` cells."""
    lines = []
    for number in range(max(len(left), len(right))):
        first = crop(left[number], room) if number < len(left) else []
        pad = [Span(" " * (room - width(first)))]
        lines.append([*first, *pad, *(right[number] if number < len(right) else [])])
    return lines
