"""Writes messages of any dialect as Converse's turns: system text apart, tool results in the user's turn."""

from __future__ import annotations

from typing import Any

from tollhouse import Receipt
from tollhouse.neutral import Message

from .blocks import Blocks


class Turns:
    """The turns of one request. Those of a caller of this dialect are written as they are; others are joined until
    user and assistant alternate."""

    def __init__(self, blocks: Blocks, receipt: Receipt) -> None:
        self._blocks, self._receipt, self._own = blocks, receipt, blocks.own
        self._system: list[Any] = []
        self._turns: list[dict[str, Any]] = []

    def write(self, messages: list[Message]) -> dict[str, Any]:
        """`system`, if there is any, and `messages`."""
        for n, message in enumerate(messages):
            at = f"messages[{n}]"
            if message.name:
                self._receipt.note("dropped", f"{at}.name", "turns have no name here")
            if message.role in ("system", "developer") and not (self._own and message.path[:1] == ("messages",)):
                self._instruct(message, at)
            else:
                self._turn(message, at)
        if not self._own and self._turns and self._turns[0]["role"] == "assistant":
            self._receipt.note("approximated", "messages", "a conversation begins with the user, who says `...`")
            self._turns.insert(0, {"role": "user", "content": [{"text": "..."}]})
        return {**({"system": self._system} if self._system else {}), "messages": self._turns}

    def _instruct(self, message: Message, at: str) -> None:
        written = self._blocks.write(message.parts, "system", at)
        if written and self._turns:
            self._receipt.note("approximated", at, "moved before the conversation")
        self._system += [*written, *self._marked(message, at)]

    def _turn(self, message: Message, at: str) -> None:
        role = message.role if message.role in ("assistant", "system") else "user"
        written = self._blocks.write(message.parts, role, at)
        if self._own:
            self._turns.append(self._blocks.extended({"role": role, "content": written}, message.extra, at))
            return
        points = self._marked(message, at)
        if not written:
            self._receipt.note("dropped", at, "nothing is left of it")
        elif self._turns and self._turns[-1]["role"] == role:
            self._join([*written, *points], at)
        else:
            self._turns.append({"role": role, "content": self._led([*written, *points], at)})

    def _marked(self, message: Message, at: str) -> list[dict[str, Any]]:
        """The cache point of a whole message; its other leftovers are on the receipt."""
        self._blocks.extended({}, message.extra, at)
        return self._blocks.points(message.extra, at)

    def _join(self, written: list[Any], at: str) -> None:
        """Go on with the last turn. Answers of several tools belong into one; anything else is a change."""
        content = self._turns[-1]["content"]
        if not all("toolResult" in block for block in [*content, *written] if isinstance(block, dict)):
            self._receipt.note("approximated", at, "joined with the turn before")
        self._turns[-1]["content"] = self._led([*content, *written], at, joined=True)

    def _led(self, content: list[Any], at: str, *, joined: bool = False) -> list[Any]:
        """Tool results first: Claude takes them nowhere else. Without any the content stays as it is."""
        results = [block for block in content if isinstance(block, dict) and "toolResult" in block]
        others = [block for block in content if not (isinstance(block, dict) and "toolResult" in block)]
        if not results or [*results, *others] == content or all("cachePoint" in block for block in others):
            return content
        if not joined:
            self._receipt.note("approximated", at, "its tool results are moved to its front")
        return [*results, *others]
