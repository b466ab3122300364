"""One connection of the load generator, and how it finds the end of an answer."""

from __future__ import annotations

import asyncio
from typing import Any


class Caller(asyncio.Protocol):
    """A connection that one call at a time is made on."""

    answered: asyncio.Future[bytes]

    def connection_made(self, transport: Any) -> None:
        self.transport, self.last = transport, False
        self.open = True

    def connection_lost(self, exc: Exception | None) -> None:
        self.open = False
        if hasattr(self, "answered") and not self.answered.done():
            self.answered.set_exception(exc or ConnectionResetError("closed without an answer"))

    def call(self, request: bytes) -> asyncio.Future[bytes]:
        self.answered = asyncio.get_running_loop().create_future()
        self.buffer, self.end = bytearray(), 0
        self.transport.write(request)
        return self.answered

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.end:
            self._head()
        if self.end > 0:
            whole = len(self.buffer) >= self.end
        else:
            whole = self.end < 0 and self.buffer.endswith(b"\r\n0\r\n\r\n")
        if whole and not self.answered.done():
            self.answered.set_result(bytes(self.buffer))

    def _head(self) -> None:
        """Find where the answer will end: `end` is its size, or -1 when the last chunk will tell."""
        size = self.buffer.find(b"\r\n\r\n") + 4
        if size < 4:
            return
        head = bytes(self.buffer[:size]).lower()
        _, found, rest = head.partition(b"\r\ncontent-length:")
        self.end = size + int(rest.split(b"\r\n", 1)[0]) if found else -1
        self.last = b"\r\nconnection: close" in head


def joined(body: bytes) -> bytes:
    """The content of a chunked body."""
    parts, start = [], 0
    while (line := body.find(b"\r\n", start)) > 0 and (size := int(body[start:line].split(b";")[0], 16)):
        parts.append(body[line + 2 : line + 2 + size])
        start = line + 2 + size + 2
    return b"".join(parts)
