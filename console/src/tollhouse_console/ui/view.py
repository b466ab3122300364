"""A screen of the console: a pane or several over the state, and what its verbs do."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult
from textual.containers import Vertical

from ..client import Trouble
from ..views.page import Page
from .pane import Pane

if TYPE_CHECKING:
    from ..model.house import House
    from .app import Console


class View(Vertical):
    """One screen. A verb `page up` is the method `do_page_up`; what a screen does not do itself the app does."""

    NAME = ""

    def __init__(self) -> None:
        super().__init__(id=self.NAME)

    @property
    def console(self) -> Console:
        """The application."""
        return cast("Console", self.app)

    @property
    def house(self) -> House:
        """What is known of the gateway."""
        return self.console.house

    def compose(self) -> ComposeResult:
        """One pane, unless a screen has others."""
        yield Pane(self.page, focusable=True)

    def page(self, room: int, height: int) -> Page:
        """What the pane shows."""
        raise NotImplementedError

    @property
    def pane(self) -> Pane:
        """The pane that keys move in."""
        return self.query(Pane).first()

    def questions(self) -> list[tuple[str, float]]:
        """What to ask the admin API while this screen is shown, and how many seconds apart."""
        return []

    def show(self) -> None:
        """Paint what changed."""
        for pane in self.query(Pane):
            pane.stale = self.house.line.word != "live"
            pane.show()

    def enter(self) -> None:
        """It became the screen that is shown."""
        self.pane.focus()
        self.show()

    async def order(self, path: str, body: dict[str, object] | None, done: str) -> object:
        """Tell the gateway to do something, and say that it happened or why not; None when it did not."""
        try:
            answer: object = await self.console.client.post(path, body)
        except Trouble as trouble:
            self.console.notify(str(trouble), title="It was not done", severity="error", markup=False)
            return None
        self.console.notify(done, markup=False)
        self.console.link.hurry()
        return answer if answer is not None else {}

    def do_up(self) -> None:
        """Choose the row above."""
        self.pane.move(-1)

    def do_down(self) -> None:
        """Choose the row below."""
        self.pane.move(1)

    def do_page_up(self) -> None:
        """Go up a page."""
        self.pane.leap(-max(1, self.pane.size.height - 2))

    def do_page_down(self) -> None:
        """Go down a page."""
        self.pane.leap(max(1, self.pane.size.height - 2))

    def do_top(self) -> None:
        """Go to the top."""
        self.pane.leap(-1_000_000)

    def do_bottom(self) -> None:
        """Go to the bottom."""
        self.pane.leap(1_000_000)

    def do_copy(self) -> None:
        """Copy the name of what is chosen."""
        if self.pane.chosen:
            self.console.copy(self.pane.chosen.partition("|")[0])
