"""Questions before something is done, forms, a secret shown once, and help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from ..views import help as helping
from ..views.page import Page
from .pane import Pane


class Confirm(ModalScreen[bool]):
    """Says what will be done and asks; the safe answer has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes"),
        Binding("n,escape", "answer(False)", "No"),
        Binding("left,h", "app.focus_previous", show=False),
        Binding("right,l", "app.focus_next", show=False),
    ]

    def __init__(self, question: str, consequence: str, verb: str) -> None:
        super().__init__()
        self._question, self._consequence, self._verb = question, consequence, verb

    def compose(self) -> ComposeResult:
        """The question, what follows, and two buttons."""
        with Vertical(classes="dialog"):
            yield Label(self._question, classes="question", markup=False)
            yield Label(self._consequence, markup=False)
            with Horizontal(classes="buttons"):
                yield Button("No, leave it  n", id="no", compact=True)
                yield Button(f"Yes, {self._verb}  y", id="yes", variant="error", compact=True)

    def on_mount(self) -> None:
        """Enter means no."""
        self.query_one("#no").focus()

    def action_answer(self, yes: bool) -> None:
        """Close with the answer."""
        self.dismiss(yes)

    @on(Button.Pressed)
    def pressed(self, event: Button.Pressed) -> None:
        """A click or enter."""
        self.dismiss(event.button.id == "yes")


class Form(ModalScreen[dict[str, str] | None]):
    """Some fields to fill in: (name, what it is, an example)."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave")]

    def __init__(self, title: str, fields: Sequence[tuple[str, str, str]], verb: str) -> None:
        super().__init__()
        self._title, self._fields, self._verb = title, fields, verb

    def compose(self) -> ComposeResult:
        """A line a field."""
        with Vertical(classes="dialog"):
            yield Label(self._title, classes="question", markup=False)
            for name, says, example in self._fields:
                with Horizontal(classes="field"):
                    yield Label(says, markup=False)
                    yield Input(placeholder=example, id=name, compact=True)
            yield Label("", id="wrong", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Leave  esc", id="leave", compact=True)
                yield Button(f"{self._verb}  ↵", id="done", variant="primary", compact=True)

    def action_leave(self) -> None:
        """Nothing is done."""
        self.dismiss(None)

    @on(Input.Submitted)
    def submitted(self) -> None:
        """Enter in any field."""
        self._finish()

    @on(Button.Pressed)
    def pressed(self, event: Button.Pressed) -> None:
        """A click."""
        if event.button.id == "done":
            self._finish()
        else:
            self.dismiss(None)

    def _finish(self) -> None:
        said = {name: self.query_one(f"#{name}", Input).value.strip() for name, _, _ in self._fields}
        first = self._fields[0]
        if not said[first[0]]:
            self.query_one("#wrong", Label).update(f"! {first[1]} is needed")
            return
        self.dismiss(said)


class Secret(ModalScreen[None]):
    """A new secret, once: nothing keeps it when this closes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,c", "copy", "Copy"),
        Binding("escape,enter,q", "leave", "Close"),
    ]

    def __init__(self, name: str, secret: str) -> None:
        super().__init__()
        self._name, self._secret = name, secret

    def compose(self) -> ComposeResult:
        """The secret and what to do with it."""
        with Vertical(classes="dialog"):
            yield Label(f"The secret of {self._name}", classes="question", markup=False)
            yield Static(self._secret, id="secret", markup=False)
            yield Label("It is shown this once and cannot be seen again. Keep it now.", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Copy  y", id="copy", variant="primary", compact=True)
                yield Button("Close  esc", id="leave", compact=True)

    def action_copy(self) -> None:
        """To the terminal's clipboard (OSC 52)."""
        self.app.copy_to_clipboard(self._secret)
        self.notify("Copied, if the terminal allows it.", markup=False)

    def action_leave(self) -> None:
        """Gone."""
        self._secret = ""
        self.dismiss(None)

    @on(Button.Pressed)
    def pressed(self, event: Button.Pressed) -> None:
        """A click."""
        if event.button.id == "copy":
            self.action_copy()
        else:
            self.action_leave()


class Help(ModalScreen[None]):
    """Every key, this screen's first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark", "leave", "Close"),
        Binding("down,j", "by(1)", show=False),
        Binding("up,k", "by(-1)", show=False),
        Binding("pagedown,space", "by(10)", show=False),
        Binding("pageup", "by(-10)", show=False),
    ]

    def __init__(self, screen: str) -> None:
        super().__init__()
        self._screen = screen

    def compose(self) -> ComposeResult:
        """A page in a frame."""
        with Vertical(classes="dialog tall"):
            yield Pane(self._page, focusable=True)
            yield Label("esc closes · j k scroll", classes="hint")

    def _page(self, room: int, height: int) -> Page:
        return helping.page(self._screen, room)

    def action_leave(self) -> None:
        """Back."""
        self.dismiss(None)

    def action_by(self, lines: int) -> None:
        """Scroll."""
        self.query_one(Pane).scroll_lines(lines)
