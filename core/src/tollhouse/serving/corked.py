"""A response's head and the first of its body in one write: each write is a call of the system, and a packet."""

from __future__ import annotations

import asyncio


class Corked:
    """What a response writes to. Its first bytes wait for the second ones, at most until the loop's next turn."""

    __slots__ = ("_held", "_loop", "_transport", "_uncorked")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._held = b""
        self._uncorked = False

    def write(self, data: bytes) -> None:
        """Send, in order."""
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held + data)
        elif self._uncorked:
            self._transport.write(data)
        else:
            self._uncorked = True
            self._held = data
            self._loop.call_soon(self._flush)

    def is_closing(self) -> bool:
        """Whether the connection has ended."""
        return self._transport.is_closing()

    def close(self) -> None:
        """End the connection behind what was written."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        held, self._held = self._held, b""
        if held and not self._transport.is_closing():
            self._transport.write(held)
