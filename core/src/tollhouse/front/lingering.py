"""What is left of a request's body when its answer is already known.

A server hands a body on in pieces and waits for each to be taken; a response that ends before would wait for ever on
both sides, and closing under a caller who still sends may cost them the answer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from .asgi import Message

LINGER = 5.0
"""Seconds a caller may go on sending after the answer was given."""


class Lingering:
    """ASGI's `receive` and `send` for a request with a body: before the response ends, what was not read of the
    body is thrown away, for so many seconds at most."""

    def __init__(
        self,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
        seconds: float = LINGER,
    ) -> None:
        self._receive, self._send, self._seconds = receive, send, seconds
        self._ended = False

    async def receive(self) -> Message:
        """The next message."""
        message = await self._receive()
        self._ended = self._ended or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Pass a message on; the last one waits for the body's end, its content does not."""
        last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if not last or self._ended:
            await self._send(message)
            return
        await self._send({**message, "more_body": True})
        swallowing = asyncio.ensure_future(self._swallow())
        try:
            await asyncio.wait([swallowing], timeout=self._seconds)
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            swallowing.cancel()

    async def _swallow(self) -> None:
        while not self._ended:
            await self.receive()
