"""A widget that shows a page: lines of styled text, a cursor on what can be chosen, and scrolling."""

from __future__ import annotations

from collections.abc import Callable

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from ..text import Line, width
from ..views.page import Page
from .themes import styles

Source = Callable[[int, int], Page]
"""Makes the page for so many cells and lines."""


class Pane(Widget):
    """Lines of a page. `chosen` is the name of the item the cursor stands on, empty for none; it stays on that item
    wherever the item goes."""

    class Chosen(Message):
        """The cursor went to another item, or (`opened`) its item was clicked again."""

        def __init__(self, pane: Pane, name: str, opened: bool) -> None:
            super().__init__()
            self.pane, self.name, self.opened = pane, name, opened

    def __init__(self, source: Source, *, id: str | None = None, focusable: bool = False, style: str = "") -> None:
        super().__init__(id=id)
        self.can_focus = focusable
        self._source, self._style = source, style
        self.page = Page()
        self.top = 0
        self.chosen = ""
        self.stale = False
        self.painted = 0
        """How often it was painted."""

    def on_mount(self) -> None:
        """Show at once."""
        self.show()

    def on_resize(self) -> None:
        """Everything is laid out for a width."""
        self.show()

    def show(self, force: bool = False) -> None:
        """Make the page anew and paint it if it reads otherwise than before."""
        if not self.size.width or not self.display:
            return
        page = self._source(self.size.width, self.size.height)
        if not force and page.lines == self.page.lines and page.items == self.page.items:
            return
        self.page = page
        if page.items and not any(name == self.chosen for name, _, _ in page.items) and self.can_focus:
            self.chosen = self.first(page)
        self.top = max(0, min(self.top, len(page.lines) - self.size.height))
        self.painted += 1
        self.refresh()

    def first(self, page: Page) -> str:
        """What is chosen when nothing is."""
        return page.items[0][0]

    def move(self, step: int) -> None:
        """Choose another item, or scroll where there is none in reach."""
        index = self._index()
        if index is None or not 0 <= index + step < len(self.page.items):
            self.scroll_lines(step)
            return
        self.choose(self.page.items[index + step][0])

    def choose(self, name: str) -> None:
        """Put the cursor on an item and bring it into view."""
        for found, first, last in self.page.items:
            if found == name:
                self.chosen = name
                self.top = max(min(self.top, first - 1, len(self.page.lines)), last - self.size.height, 0)
                self.post_message(self.Chosen(self, name, False))
                self.refresh()

    def scroll_lines(self, lines: int) -> None:
        """Scroll without moving the cursor."""
        self.top = max(0, min(self.top + lines, len(self.page.lines) - self.size.height))
        self.refresh()

    def leap(self, lines: int) -> None:
        """Scroll by many lines; at an end the cursor goes to the outermost item."""
        self.scroll_lines(lines)
        if self.page.items and abs(lines) >= len(self.page.lines):
            self.choose(self.page.items[0 if lines < 0 else -1][0])
            self.scroll_lines(lines)

    def render_line(self, y: int) -> Strip:
        """One line as Textual wants it."""
        number = self.top + y
        look = styles(self.app.current_theme)
        room = self.size.width
        base = look[self._style]
        line: Line = self.page.lines[number] if number < len(self.page.lines) else ()
        cursor = self.can_focus and self._on_cursor(number)
        segments = []
        for span in line:
            style = look["dim"] if self.stale and span.style not in ("bad bar",) else _style(look, span.style)
            style = base + style + (look["cursor"] if cursor else Style())
            if span.command:
                style += Style(meta={"@click": f"app.verb({span.command!r})"})
            segments.append(Segment(span.text, style))
        rest = room - width(line)
        if rest > 0:
            segments.append(Segment(" " * rest, base + look["cursor"] if cursor else base))
        strip = Strip(segments).crop(0, room)
        more = len(self.page.lines) - self.top - self.size.height
        if y == self.size.height - 1 and more > 0 and self.can_focus and room > 20:
            tail = f" ↓ {more} more "
            strip = Strip.join([strip.crop(0, room - len(tail)), Strip([Segment(tail, look["dim"] + look["panel"])])])
        return strip.apply_style(self.rich_style)

    def on_click(self, event: events.Click) -> None:
        """Choose what was clicked; a second click on it opens it."""
        if "@click" in event.style.meta:
            return
        number = self.top + event.y
        for name, first, last in self.page.items:
            if first <= number < last:
                opened = name == self.chosen
                self.choose(name)
                if opened:
                    self.post_message(self.Chosen(self, name, True))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel scrolls."""
        event.stop()
        self.scroll_lines(3)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The wheel scrolls."""
        event.stop()
        self.scroll_lines(-3)

    def _index(self) -> int | None:
        return next((n for n, (name, _, _) in enumerate(self.page.items) if name == self.chosen), None)

    def _on_cursor(self, number: int) -> bool:
        return any(first <= number < last for name, first, last in self.page.items if name == self.chosen)


def _style(look: dict[str, Style], said: str) -> Style:
    if said in look:
        return look[said]
    found = Style()
    for word in said.split():
        found += look[word]
    return found
