"""The application: header, six screens, footer, and the verbs that work on all of them."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from textual import work
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding
from textual.command import Provider
from textual.containers import Vertical
from textual.screen import Screen
from textual.widgets import ContentSwitcher

from ..access import Access
from ..client import Client
from ..link import Link
from ..model.house import House
from ..start import UnknownTheme
from ..text import Line, Span
from ..verbs import VERBS, footer
from ..views import header
from ..views.page import Page
from .dialogs import Help
from .health import Health
from .keys import Keys
from .palette import Verbs
from .pane import Pane
from .playground import Playground
from .plugins import Plugins
from .spend import Spend
from .themes import DARK, OURS
from .traffic import Traffic
from .view import View

REPAINT = 0.1
"""Seconds between two looks at whether something must be painted: at most ten repaints a second."""


class Console(App[None]):
    """The console of one gateway. `theme` is a name of ours or of Textual's, UnknownTheme is raised for another;
    `seconds` ends it by itself; `clock` gives unix seconds."""

    CSS_PATH = "console.tcss"
    TITLE = "tollhouse"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {Verbs}
    ENABLE_COMMAND_PALETTE = True
    BINDINGS: ClassVar[list[Any]] = [
        Binding(key, f"verb({verb.name!r})", verb.says, show=False, priority=key.startswith("ctrl+q"))
        for verb in VERBS
        for key in dict.fromkeys(verb.keys)
        if key != "ctrl+p"
    ]

    def __init__(
        self,
        access: Access,
        *,
        theme: str = "",
        utc: bool = False,
        seconds: float = 0.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        for one in OURS:
            self.register_theme(one)
        if theme and theme not in self.available_themes:
            raise UnknownTheme(theme, list(self.available_themes))
        self.theme = theme or DARK.name
        self.clock = clock
        self._seconds = seconds
        self.client = Client(access)
        self.house = House(url=access.url, utc=utc)
        self.link = Link(self.client, self.house, self._questions, clock)
        self.current = "traffic"
        self._painted = (-1, -1)

    def compose(self) -> ComposeResult:
        """Header and footer stay; the screens take turns."""
        with Vertical(id="head"):
            yield Pane(self._header, id="figures", style="panel")
            yield Pane(self._tabs, id="tabs")
            yield Pane(self._banner, id="banner")
        with ContentSwitcher(initial=self.current):
            for kind in (Traffic, Health, Spend, Keys, Plugins, Playground):
                yield kind()
        yield Pane(self._footer, id="foot", style="panel")

    def on_mount(self) -> None:
        """Begin to follow and to paint."""
        self.follow()
        self.set_interval(REPAINT, self.tick)
        if self._seconds:
            self.set_timer(self._seconds, self.exit)
        self.view.enter()

    @work(group="link")
    async def follow(self) -> None:
        """Keep the state up to date until the console closes."""
        async with self.client:
            await self.link.run()

    @property
    def view(self) -> View:
        """The screen that is shown."""
        return self.query_one(f"#{self.current}", View)

    def _questions(self) -> Iterable[tuple[str, float]]:
        yield "state", 2.0
        asked = self.view.questions() if self.is_running else []
        if not any(name == "budgets" for name, _ in asked):
            yield "budgets", 5.0
        yield from asked

    def tick(self) -> None:
        """Paint what changed since the last time, and once a second what tells time; nothing while it closes."""
        now = (self.house.changes, int(self.clock()))
        if now == self._painted or not self.query("#banner"):
            return
        self._painted = now
        live = self.house.line.word == "live"
        self.query_one("#banner").display = not live
        for name in ("#figures", "#tabs", "#banner"):
            self.query_one(name, Pane).show()
        self.view.show()

    def _header(self, room: int, height: int) -> Page:
        return Page([header.header(self.house, self.clock(), room)])

    def _tabs(self, room: int, height: int) -> Page:
        filter = self.house.traffic.filter
        told = f"/ filter: {filter} " if filter else "/ filter "
        right: list[Span] = [Span(told, "accent" if filter else "dim", "filter")] if self.current == "traffic" else []
        return Page([header.tabs(self.current, right, room)])

    def _banner(self, room: int, height: int) -> Page:
        line: Line = header.banner(self.house, self.clock(), room) or []
        return Page([line])

    def _footer(self, room: int, height: int) -> Page:
        return Page([header.footer(footer(self.current), room)])

    async def action_verb(self, name: str) -> None:
        """A key or a click."""
        self.run_verb(name)

    def run_verb(self, name: str) -> None:
        """Do what a verb says: the one path of keys, palette and mouse. What a screen does not do, all do."""
        verb = next((verb for verb in VERBS if verb.name == name), None)
        if verb is None or not verb.works(self.current):
            return
        method = f"do_{name.replace(' ', '_')}"
        if name.startswith("screen "):
            self.go(name.removeprefix("screen "))
            return
        done = getattr(self.view, method, None) or getattr(self, method)
        if inspect.iscoroutinefunction(done):
            self.run_worker(done(), group="verb")
        else:
            done()

    def go(self, screen: str) -> None:
        """Show another screen."""
        self.current = screen
        self.query_one(ContentSwitcher).current = screen
        for name in ("#tabs", "#foot"):
            self.query_one(name, Pane).show()
        self.link.hurry(*(name for name, _ in self.view.questions()))
        self.call_after_refresh(self.view.enter)

    def copy(self, text: str) -> None:
        """To the terminal's clipboard (OSC 52), which says nothing back."""
        self.copy_to_clipboard(text)
        self.notify(text if len(text) < 60 else f"{text[:57]}…", title="Copied", timeout=3, markup=False)

    def do_next_screen(self) -> None:
        """The one to the right."""
        self._step(1)

    def do_previous_screen(self) -> None:
        """The one to the left."""
        self._step(-1)

    def _step(self, by: int) -> None:
        names = [name for name, _, _ in header.SCREENS]
        self.go(names[(names.index(self.current) + by) % len(names)])

    def do_refresh(self) -> None:
        """Ask everything again."""
        self.link.hurry()

    def do_theme(self) -> None:
        """A list of all themes, tried as one goes through it."""
        self.search_themes()

    def do_utc(self) -> None:
        """Times in UTC, or local."""
        self.house.utc = not self.house.utc
        self.house.changes += 1
        self.notify("Times are UTC." if self.house.utc else "Times are local.", timeout=2, markup=False)

    def do_palette(self) -> None:
        """Find a command."""
        self.action_command_palette()

    def do_help(self) -> None:
        """Every key."""
        self.push_screen(Help(self.current))

    def do_quit(self) -> None:
        """Leave."""
        self.exit()

    def watch_theme(self) -> None:
        """Everything is painted anew in the colours of another theme."""
        for screen in self.screen_stack if self.is_running else ():
            for pane in screen.query(Pane):
                pane.show(force=True)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """None of Textual's: ours say the same with our keys."""
        return ()
