"""Screen 1: requests as they come, filtered, paused, and one of them in full."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widgets import Input

from ..filter import FilterError, parse
from ..model.record import Record
from ..text import Span, clean, crop
from ..views import detail as detailed
from ..views import traffic as view
from ..views.page import Page
from .dialogs import Confirm
from .pane import Pane
from .table import Table
from .view import View


class Traffic(View):
    """The table, a line about it, the filter and the detail."""

    NAME = "traffic"

    def compose(self) -> ComposeResult:
        """The filter and the detail are there only when asked for."""
        yield Table(self.house, self.console.clock)
        with Vertical(id="detail"):
            yield Pane(self._detail, id="facts")
        yield Pane(self._status, id="status")
        yield Input(placeholder="team:blue status:>=400 model:gpt* -cache:hit words", id="filter", compact=True)

    def on_mount(self) -> None:
        """Begin with the table alone."""
        self.query_one("#detail").display = False
        self.query_one("#filter").display = False
        self._wrong = ""

    @property
    def table(self) -> Table:
        """The rows."""
        return self.query_one(Table)

    @property
    def pane(self) -> Pane:
        """Keys move in the table, or in the detail while it has the whole screen."""
        return self.query_one("#facts", Pane) if self.has_class("-zoomed") else self.table

    @property
    def record(self) -> Record | None:
        """The chosen request."""
        return self.table.record

    def questions(self) -> list[tuple[str, float]]:
        """The detail of the chosen request while it is open; models for the line that teaches."""
        asked = [("models", 30.0)]
        if self.query_one("#detail").display and (record := self.record) is not None:
            asked.append((f"requests/{record.id}", 1.0 if record.running else 60.0))
        return asked

    def _status(self, room: int, height: int) -> Page:
        if self._wrong:
            return Page([crop([Span(f" ✗ {self._wrong}", "bad")], room)])
        return Page([view.status_line(self.house, self.console.clock(), self.table.above, room)])

    def _detail(self, room: int, height: int) -> Page:
        record = self.record
        if record is None:
            return Page([[Span(" The request is not in the table any more.", "dim")]])
        return Page(list(detailed.detail(record, self.house.value(f"requests/{record.id}"), room, self.house.utc)))

    def show(self) -> None:
        """Paint what changed; the frame says whose detail it is."""
        record = self.record
        self.query_one("#detail").border_title = clean(detailed.title(record)).replace("[", r"\[") if record else ""
        super().show()

    def do_detail(self) -> None:
        """Open or close it; without a chosen row it is the newest one's."""
        panel = self.query_one("#detail")
        if not panel.display and self.record is None:
            self.table.move(0)
        panel.display = not panel.display and self.record is not None
        self.remove_class("-zoomed")
        self.console.link.hurry("models")
        self.call_after_refresh(self.show)

    def do_zoom(self) -> None:
        """The detail alone, or both again."""
        if not self.query_one("#detail").display:
            self.do_detail()
        self.toggle_class("-zoomed")
        self.call_after_refresh(self.show)

    @on(Pane.Chosen)
    def chosen(self, event: Pane.Chosen) -> None:
        """A second click opens the detail; another row shows its own."""
        if event.opened and not self.query_one("#detail").display:
            self.do_detail()
        self.query_one("#facts", Pane).top = 0
        self.show()

    def do_pause(self) -> None:
        """Stand still, or follow again."""
        self.house.traffic.pause(not self.house.traffic.paused)
        self.show()

    def do_filter(self) -> None:
        """Write a filter below the table."""
        field = self.query_one("#filter", Input)
        field.display = True
        field.value = str(self.house.traffic.filter)
        field.focus()

    @on(Input.Changed, "#filter")
    def typed(self, event: Input.Changed) -> None:
        """It holds as it is typed, as soon as it can be read."""
        self._filter(event.value)

    @on(Input.Submitted, "#filter")
    def submitted(self, event: Input.Submitted) -> None:
        """Keep it, unless it cannot be read."""
        if self._filter(event.value):
            self._close_filter()

    def _filter(self, text: str) -> bool:
        try:
            self.house.traffic.refilter(parse(text))
        except FilterError as error:
            self._wrong = f"{error}  (at {error.at + 1})"
        else:
            self._wrong = ""
        self.house.changes += 1
        self.show()
        return not self._wrong

    def _close_filter(self) -> None:
        self._wrong = ""
        self.query_one("#filter").display = False
        self.table.focus()
        self.show()

    def do_clear(self) -> None:
        """One step back: the field, the zoom, the detail, the filter."""
        if self.query_one("#filter").display:
            self._close_filter()
        elif self.has_class("-zoomed"):
            self.do_zoom()
        elif self.query_one("#detail").display:
            self.do_detail()
        else:
            self._filter("")

    async def do_cancel(self) -> None:
        """Ask, cancel, and say so."""
        if (record := self._needed("cancelled")) is None:
            return
        if not record.running:
            self.console.notify("That request has ended already.", markup=False)
            return
        what = f"Cancel the request of {record.caller} to {record.target or record.model}?"
        if await self.console.push_screen_wait(Confirm(what, "Its caller gets an error now.", "cancel it")):
            await self.order(f"requests/{record.id}/cancel", None, f"The request of {record.caller} is cancelled.")

    def do_copy(self) -> None:
        """The request's id; the curl line while there is no row."""
        record = self.record
        if record is None and not self.house.traffic.shown():
            self.console.copy(view.curl(self.house))
        elif (record := self._needed("copied")) is not None:
            self.console.copy(record.request_id or record.id)

    def do_export(self) -> None:
        """Write what is known of it beside where the console runs."""
        if (record := self._needed("exported")) is None:
            return
        name = re.sub(r"[^\w.-]", "_", record.request_id or record.id)[:80]
        path = Path(f"request-{name}.json")
        said = {"record": asdict(record), "gateway": dict(self.house.value(f"requests/{record.id}"))}
        try:
            path.write_text(json.dumps(said, indent=2, ensure_ascii=False) + "\n")
        except OSError as error:
            self.console.notify(f"{path} cannot be written: {error.strerror}", severity="error", markup=False)
        else:
            self.console.notify(f"Written to {path}", markup=False)

    def _needed(self, what: str) -> Record | None:
        if self.record is None:
            self.console.notify(f"Choose a request first (j, k or a click); that one is {what}.", markup=False)
        return self.record
