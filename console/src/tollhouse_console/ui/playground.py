"""Screen 6: talk to a model through the gateway, and see what it takes and costs."""

from __future__ import annotations

from contextlib import aclosing

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.css.query import NoMatches
from textual.widgets import Input, Label, Select
from textual.worker import Worker

from ..client import Trouble
from ..model.chat import Chat, Turn
from ..views import playground as view
from ..views.page import Page
from .pane import Pane
from .view import View


class Playground(View):
    """Model and parameters, the conversation, and what to say next."""

    NAME = "playground"

    def __init__(self) -> None:
        super().__init__()
        self.chat = Chat()
        self._answer: Worker[None] | None = None

    def compose(self) -> ComposeResult:
        """Parameters above, the message below."""
        with Horizontal(id="parameters"):
            yield Select[str]([], prompt="model", id="model", compact=True)
            yield Label("temperature")
            yield Input(placeholder="its own", id="temperature", compact=True)
            yield Label("at most")
            yield Input(placeholder="tokens", id="most", compact=True)
            yield Label("key")
            yield Input(placeholder="this one", id="caller", password=True, compact=True)
        with Horizontal(id="instructions"):
            yield Label("system")
            yield Input(placeholder="instructions, or empty", id="system", compact=True)
        yield Pane(self.page, focusable=True)
        yield Input(placeholder="i writes a message, enter sends it", id="message", compact=True)

    def questions(self) -> list[tuple[str, float]]:
        """The models there are, and the record of the last answer until its cost is known."""
        asked = [("models", 10.0)]
        if (turn := self._unpriced()) is not None and self.console.clock() - turn.begun < (turn.seconds or 0) + 10:
            asked.append((f"requests/{turn.request_id}", 1.0))
        return asked

    def page(self, room: int, height: int) -> Page:
        """The conversation."""
        return view.page(self.house, self.chat, room)

    def show(self) -> None:
        """Fill in the models and the cost as they become known; the last line stays in view while it grows."""
        names = [str(item.get("name")) for item in self.house.items("models")]
        try:
            select = self.query_one("#model", Select)
        except NoMatches:
            return
        if names and getattr(self, "_names", None) != names:
            self._names = names
            select.set_options([(name, name) for name in names])
            select.value = self.chat.model if self.chat.model in names else names[0]
        if (turn := self._unpriced()) is not None:
            self._price(turn)
        super().show()
        if self.chat.busy:
            self.pane.scroll_lines(1_000_000)

    def _unpriced(self) -> Turn | None:
        turn = self.chat.turns[-1] if self.chat.turns else None
        waits = turn is not None and turn.done and turn.role == "assistant" and turn.cost is None
        return turn if waits and turn is not None and turn.request_id and not turn.trouble else None

    def _price(self, turn: Turn) -> None:
        said = self.house.value(f"requests/{turn.request_id}")
        if said.get("state") == "ended":
            turn.cost = said.get("cost")
            return
        for record in self.house.traffic.shown():
            if record.request_id == turn.request_id and not record.running:
                turn.cost = record.cost

    @on(Select.Changed, "#model")
    def picked(self, event: Select.Changed) -> None:
        """Another model answers from now on."""
        self.chat.model = str(event.value) if event.value is not Select.NULL else ""

    @on(Input.Submitted, "#message")
    def send(self, event: Input.Submitted) -> None:
        """Send what is written, unless an answer is still coming."""
        text = event.value.strip()
        if not text or self.chat.busy:
            return
        if not self.chat.model:
            self.console.notify("There is no model to ask yet.", severity="warning", markup=False)
            return
        try:
            self._parameters()
        except ValueError as error:
            self.console.notify(str(error), severity="error", markup=False)
            return
        event.input.value = ""
        body = self.chat.ask(text, self.console.clock())
        self._answer = self.run_worker(self._stream(body), exclusive=True, group="chat")

    def _parameters(self) -> None:
        self.chat.system = self.query_one("#system", Input).value.strip()
        self.chat.temperature = self._number("temperature", float)
        most = self._number("most", int)
        self.chat.most = None if most is None else int(most)

    def _number(self, name: str, kind: type[float] | type[int]) -> float | None:
        said = self.query_one(f"#{name}", Input).value.strip()
        if not said:
            return None
        try:
            return kind(said)
        except ValueError:
            raise ValueError(f"{name} is a number, not {said}") from None

    async def _stream(self, body: dict[str, object]) -> None:
        trouble = "stopped"
        try:
            key = self.query_one("#caller", Input).value.strip()
            async with aclosing(self.console.client.chat(body, key)) as chunks:
                async for chunk in chunks:
                    self.chat.take(chunk, self.console.clock())
                    self.house.changes += 1
            trouble = ""
        except Trouble as failed:
            trouble = str(failed)
        finally:
            self.chat.end(self.console.clock(), trouble)
            self.house.changes += 1

    def do_say(self) -> None:
        """Write the next message."""
        self.query_one("#message", Input).focus()

    def do_clear(self) -> None:
        """Stop an answer, else leave the field."""
        if self.chat.busy and self._answer is not None:
            self._answer.cancel()
        self.pane.focus()

    def do_fresh(self) -> None:
        """Forget what was said."""
        if self._answer is not None:
            self._answer.cancel()
        model = self.chat.model
        self.chat = Chat(model=model)
        self.show()
        self.do_say()
