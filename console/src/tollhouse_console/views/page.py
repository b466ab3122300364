"""What a view gives: lines, and which of them belong to a thing one can choose."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..model.house import Answer
from ..text import Line, Span, wrap


@dataclass(slots=True)
class Page:
    """Lines from top to bottom; `items` are (name, first line, line after its last) of what a cursor can stand on."""

    lines: list[Line] = field(default_factory=list)
    items: list[tuple[str, int, int]] = field(default_factory=list)

    def add(self, *lines: Line) -> None:
        """Lines below those there are."""
        self.lines.extend(lines)

    def item(self, name: str, *lines: Line) -> None:
        """Lines that are one thing."""
        self.items.append((name, len(self.lines), len(self.lines) + len(lines)))
        self.lines.extend(lines)

    def section(self, title: str, width: int, aside: str = "") -> None:
        """A heading, with a blank line above unless it is the first."""
        if self.lines:
            self.lines.append([])
        tail = f" {aside} " if aside else ""
        rule = "─" * max(0, width - len(title) - len(tail) - 4)
        self.lines.append([Span(f" {title} ", "head"), Span(rule, "dim"), Span(tail, "dim"), Span("─", "dim")])


def words(text: str, width: int, style: str = "", indent: int = 1) -> list[Line]:
    """A paragraph."""
    pad = " " * indent
    return [[Span(pad + line, style)] for line in wrap(text, max(10, width - indent - 1))]


def missing(answer: Answer, plugin: str, what: str, width: int) -> list[Line] | None:
    """What stands in place of an answer that is not there; None when there is one to show (old ones are shown)."""
    match answer.word:
        case "ready":
            return None
        case "loading":
            return [[Span(f" Loading {what} …", "dim")]]
        case "absent":
            hint = f"○ Not loaded: {what} come from the plugin {plugin}. Add it to plugins in gateway.toml and reload."
            return words(hint, width, "dim")
        case "refused":
            return words(f"! This admin key may not read {what}: {answer.trouble}", width, "warn")
        case _ if answer.value is not None:
            return None
        case _:
            return words(f"✗ No {what}: {answer.trouble}. Asked again shortly; ctrl+r asks now.", width, "bad")
