"""Server-sent events from a stream of bytes (WHATWG HTML, 9.2.6), as far as an admin API or a chat sends them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple


class Message(NamedTuple):
    """One event. `name` is `message` unless the stream says otherwise; `id` the last one said."""

    name: str
    data: str
    id: str


class Parser:
    """Feeds on bytes in any pieces and gives the messages that are complete."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[str] = []
        self._name = ""
        self._id = ""

    def feed(self, piece: bytes) -> Iterator[Message]:
        """Every message that ends within this piece, in order."""
        lines = (self._rest + piece).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            if (message := self._line(line.rstrip(b"\r"))) is not None:
                yield message

    def _line(self, line: bytes) -> Message | None:
        if not line:
            return self._end()
        name, _, value = line.partition(b":")
        said = value.removeprefix(b" ").decode("utf-8", "replace")
        if name == b"data":
            self._data.append(said)
        elif name == b"event":
            self._name = said
        elif name == b"id":
            self._id = said
        return None

    def _end(self) -> Message | None:
        data, name = self._data, self._name
        self._data, self._name = [], ""
        return Message(name or "message", "\n".join(data), self._id) if data else None
