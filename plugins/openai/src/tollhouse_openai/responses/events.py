"""The events of a streamed response, as far as they are read."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

_NULL = Raw(b"null")

ENDS = frozenset({"response.completed", "response.incomplete", "response.cancelled"})
"""Events after which nothing comes."""
FAILS = frozenset({"response.failed", "error"})
"""Events that tell of an error."""

TEXTS: dict[str, tuple[str, str, str]] = {
    "response.output_text": ("text", "content", "text"),
    "response.refusal": ("refusal", "content", "refusal"),
    "response.reasoning_text": ("thinking", "content", "text"),
    "response.reasoning_summary_text": ("thinking", "summary", "text"),
    "response.function_call_arguments": ("tool_call", "arguments", "arguments"),
}
"""What grows, by the name of its events: the kind of part, where it stands in its item, and the field of the `done`
event that repeats the whole."""

Key = tuple[int, str, int]
"""A part of a response: its item's number, where it stands there, and its number among its like."""


class Event(Struct):
    """One event."""

    type: str = ""
    sequence_number: int | None = None
    output_index: int = 0
    content_index: int = 0
    summary_index: int = 0
    delta: Any = None
    text: Any = None
    refusal: Any = None
    arguments: Any = None
    item: Raw = _NULL
    part: Raw = _NULL
    response: Raw = _NULL
    error: Raw = _NULL

    def grows(self) -> tuple[str, Key] | None:
        """The kind and the key of the part that this event is about; None for another event."""
        name, _, tail = self.type.rpartition(".")
        known = TEXTS.get(name)
        if known is None or tail not in ("delta", "done"):
            return None
        kind, place, _ = known
        number = {"content": self.content_index, "summary": self.summary_index}.get(place, 0)
        return kind, (self.output_index, place, number)

    def whole(self) -> str:
        """The whole text that a `done` event repeats."""
        known = TEXTS.get(self.type.rpartition(".")[0])
        value = getattr(self, known[2]) if known else None
        return value if isinstance(value, str) else ""


read_event = msgspec.json.Decoder(Event).decode
