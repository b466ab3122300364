"""How the chunks of a stream are told apart: server-sent events, or the elements of one JSON array."""

from __future__ import annotations

from typing import Protocol

from tollhouse.framing import sse

JSON = "application/json; charset=UTF-8"


class Framing(Protocol):
    """How the chunks of a stream are told apart."""

    content_type: str

    def chunk(self, data: bytes) -> bytes:
        """One chunk."""
        ...

    def event(self, raw: bytes) -> bytes:
        """A forwarded server-sent event."""
        ...

    def close(self) -> bytes:
        """What ends the stream."""
        ...

    def keepalive(self) -> bytes:
        """What every client ignores, wherever it stands between chunks."""
        ...


class Events:
    """Server-sent events, as asked for by `alt=sse`."""

    content_type = "text/event-stream; charset=utf-8"

    def chunk(self, data: bytes) -> bytes:
        """One event."""
        return sse.frame(data)

    def event(self, raw: bytes) -> bytes:
        """The event as it came."""
        return raw

    def close(self) -> bytes:
        """Nothing: the last chunk has the finish reason."""
        return b""

    def keepalive(self) -> bytes:
        """A comment."""
        return b": keepalive\n\n"


class Array:
    """One JSON array, which is the stream of a caller who did not ask for `alt=sse`."""

    content_type = JSON

    def __init__(self) -> None:
        self._open = False

    def chunk(self, data: bytes) -> bytes:
        """One element."""
        head, self._open = b",\r\n" if self._open else b"[", True
        return head + data

    def event(self, raw: bytes) -> bytes:
        """The event's data as an element; a comment is none."""
        data = sse.data(raw)
        return self.chunk(data) if data else b""

    def close(self) -> bytes:
        """The bracket."""
        return b"]" if self._open else b"[]"

    def keepalive(self) -> bytes:
        """A blank, which JSON allows between its values."""
        return b" "
