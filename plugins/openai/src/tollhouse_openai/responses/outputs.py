"""The output of one streamed response: its events' and its items' numbers, and the items as they ended."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.framing import sse

_encode = msgspec.json.Encoder().encode


class Output:
    """Numbers rise, whoever wrote what: events that are forwarded keep theirs as long as they do."""

    def __init__(self) -> None:
        self.items: dict[int, Any] = {}
        """The items that ended, by their number."""
        self._event = 0
        self._item = 0
        self._moved: dict[int, int] = {}

    def event(self, name: str, /, **fields: Any) -> bytes:
        """A new event."""
        number = self.number(None)
        return sse.frame(_encode({"type": name, "sequence_number": number, **fields}), name)

    def number(self, given: int | None) -> int:
        """The number of the next event, which may bring one."""
        number = self._event if given is None else max(given, self._event)
        self._event = number + 1
        return number

    def place(self) -> int:
        """The number of a new item."""
        self._item += 1
        return self._item - 1

    def adopt(self, given: int) -> int:
        """The number of an item that was written elsewhere and brings one."""
        if given not in self._moved:
            self._moved[given] = max(given, self._item)
            self._item = self._moved[given] + 1
        return self._moved[given]

    def ended(self) -> list[Any]:
        """The items that ended, in their order."""
        return [item for _, item in sorted(self.items.items())]
