"""The table of requests: shows the newest rows until one is chosen, then keeps that one where it is on the screen."""

from __future__ import annotations

from collections.abc import Callable

from ..model.house import House
from ..model.record import Record
from ..text import Line
from ..views import traffic as view
from ..views.page import Page
from .pane import Pane


class Table(Pane):
    """Rows of a House. Without a chosen row the newest one is always on top."""

    def __init__(self, house: House, clock: Callable[[], float]) -> None:
        super().__init__(self._page, id="table", focusable=True)
        self._house, self._clock = house, clock
        self._at = 0
        self.above = 0
        """Rows newer than the first one shown."""

    @property
    def record(self) -> Record | None:
        """The chosen request."""
        return next((row for row in self._house.traffic.shown() if row.id == self.chosen), None)

    def first(self, page: Page) -> str:
        """Nothing: the table follows."""
        return ""

    def move(self, step: int) -> None:
        """Choose another row; the first step chooses the first one."""
        rows = self._house.traffic.shown()
        if not rows:
            return
        index = self._found(rows)
        target = max(0, min(len(rows) - 1, (-1 if index is None else index) + step))
        self._at = max(0, min(self.size.height - 2, self._at + (target - (index or 0))))
        self._choose(rows[target].id)

    def leap(self, lines: int) -> None:
        """Pages; the top means to follow again."""
        if lines <= -1_000_000:
            self._at = 0
            self._choose("")
        else:
            self.move(lines)

    def scroll_lines(self, lines: int) -> None:
        """The wheel moves the cursor, so that rows stay where they are."""
        self.move(lines)

    def choose(self, name: str) -> None:
        """A click: the row stays on its line."""
        for found, first, _ in self.page.items:
            if found == name:
                self._at = first - 1
        self._choose(name)

    def show(self, force: bool = False) -> None:
        """A chosen row that is gone (filtered out, or too old) is chosen no more."""
        if self.chosen and self._found(self._house.traffic.shown()) is None:
            self._choose("")
        super().show(force)

    def _choose(self, name: str) -> None:
        self.chosen = name
        self.post_message(self.Chosen(self, name, False))
        super().show(force=True)

    def _found(self, rows: list[Record]) -> int | None:
        return next((n for n, row in enumerate(rows) if row.id == self.chosen), None) if self.chosen else None

    def _page(self, room: int, height: int) -> Page:
        rows = self._house.traffic.shown()
        index = self._found(rows)
        self._at = max(0, min(self._at, height - 2))
        self.above = 0 if index is None else max(0, min(index - self._at, len(rows) - (height - 1)))
        cursor = -1 if index is None else index - self.above
        seen = rows[self.above : self.above + height - 1]
        lines: list[Line] = view.table(seen, cursor, room, height, utc=self._house.utc)
        if not rows:
            lines += view.empty(self._house, room)
        return Page(lines, [(row.id, n, n + 1) for n, row in enumerate(seen, 1)])
