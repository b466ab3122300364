"""Writes messages of any dialect as Anthropic's turns: system text apart, tool results in the user's turn."""

from __future__ import annotations

from typing import Any

from tollhouse import Receipt
from tollhouse.neutral import Message

from .blocks import Blocks, shortened
from .extras import CACHE, write_extra


class Turns:
    """The turns of one request. `own` says that it came in this dialect, whose turns are written as they are;
    others are joined until user and assistant alternate."""

    def __init__(self, own: bool, receipt: Receipt) -> None:
        self._own, self._receipt = own, receipt
        self._blocks = Blocks(own, receipt)
        self._system: list[Any] = []
        self._turns: list[dict[str, Any]] = []

    def write(self, messages: list[Message]) -> dict[str, Any]:
        """`system`, if there is any, and `messages`."""
        for n, message in enumerate(messages):
            at = f"messages[{n}]"
            if message.name:
                self._receipt.note("dropped", f"{at}.name", "turns have no name here")
            if message.role in ("system", "developer") and not self._stays(message):
                self._instruct(message, at)
            else:
                self._turn(message, at)
        body: dict[str, Any] = {"system": shortened(self._system)} if self._system else {}
        body["messages"] = [{**turn, "content": shortened(turn["content"])} for turn in self._turns]
        return body

    def _stays(self, message: Message) -> bool:
        """Whether system text stood among the messages of a caller of this dialect, whose model must know it."""
        return self._own and message.path[:1] == ("messages",)

    def _instruct(self, message: Message, at: str) -> None:
        written = self._blocks.write(message.parts, "system", at)
        if written and self._turns:
            self._receipt.note("approximated", at, "moved before the conversation")
        self._mark(message, written, at)
        self._system += written

    def _turn(self, message: Message, at: str) -> None:
        role = message.role if message.role in ("assistant", "system") else "user"
        written = self._blocks.write(message.parts, role, at)
        if self._own:
            self._turns.append(write_extra({"role": role, "content": written}, message.extra, at, self._receipt))
            return
        self._mark(message, written, at)
        if not written:
            self._receipt.note("dropped", at, "nothing is left of it")
        elif self._turns and self._turns[-1]["role"] == role:
            self._join(written, at)
        else:
            self._turns.append({"role": role, "content": self._led(written, 0, at)})

    def _mark(self, message: Message, written: list[Any], at: str) -> None:
        """Leftovers of a whole message; a cache mark goes to its last block."""
        marked = write_extra({}, message.extra, at, self._receipt)
        if CACHE in marked and written and isinstance(written[-1], dict):
            written[-1].setdefault(CACHE, marked[CACHE])

    def _join(self, written: list[Any], at: str) -> None:
        """Go on with the last turn. Answers of several tools belong into one; anything else is a change."""
        content = self._turns[-1]["content"]
        if not all(map(_is_result, [*content, *written])):
            self._receipt.note("approximated", at, "joined with the turn before")
        self._turns[-1]["content"] = self._led([*content, *written], len(content), at)

    def _led(self, content: list[Any], old: int, at: str) -> list[Any]:
        """Tool results first: Anthropic takes them nowhere else."""
        results = [block for block in content if _is_result(block)]
        sorted_ = [*results, *(block for block in content if not _is_result(block))]
        if sorted_ != content and not old:
            self._receipt.note("approximated", at, "its tool results are moved to its front")
        return sorted_


def _is_result(block: Any) -> bool:
    return isinstance(block, dict) and block.get("type") == "tool_result"
