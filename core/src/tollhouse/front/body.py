"""Reading a request's body: under its cap, never idle for too long, never buffered past the cap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, MutableMapping
from typing import Any

from ..bounded import bounded
from ..config import Server
from ..errors import Rejected

Receive = Callable[[], Coroutine[Any, Any, MutableMapping[str, Any]]]


class Body:
    """One request's body, read once: whole or as a stream."""

    def __init__(self, receive: Receive, headers: Mapping[str, str], server: Server, leave: Callable[[], None]) -> None:
        """`leave` is called when the caller goes away before the body's end; it cancels the reading task."""
        self._receive, self._server, self._leave = receive, server, leave
        self.absent = "content-length" not in headers and "transfer-encoding" not in headers
        """Whether the request has no body at all."""
        length = headers.get("content-length", "")
        self._declared = int(length) if length.isdecimal() and len(length) < 20 else None

    async def read(self, cap: int) -> bytes:
        """The whole body. Raises Rejected 413 past the cap, before reading on, and 408 after too long a silence."""
        parts = [chunk async for chunk in self._chunks(cap)]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def stream(self, cap: int, done: Callable[[], None]) -> AsyncIterator[bytes]:
        """The body as it comes, under its own cap; `done` is called at its end. Raises as `read` does."""
        async for chunk in self._chunks(cap):
            yield chunk
        done()

    async def _chunks(self, cap: int) -> AsyncIterator[bytes]:
        if self._declared is not None and self._declared > cap:
            raise self._too_large(cap)
        size = 0
        more = True
        while more:
            message = await self._next()
            if message["type"] == "http.disconnect":
                self._leave()
                await asyncio.sleep(0)
                raise Rejected("The caller left before the request's end.", code="client_disconnected")
            chunk = message.get("body", b"")
            more = message.get("more_body", False)
            size += len(chunk)
            if size > cap:
                raise self._too_large(cap)
            if chunk:
                yield chunk

    async def _next(self) -> MutableMapping[str, Any]:
        try:
            return await bounded(self._receive(), self._server.body_idle)
        except TimeoutError:
            raise Rejected(
                "The request's body did not arrive in time.",
                status=408,
                code="request_timeout",
                headers={"connection": "close"},
            ) from None

    def _too_large(self, cap: int) -> Rejected:
        return Rejected(
            f"The request's body is larger than the {cap} bytes this gateway accepts.",
            status=413,
            code="request_too_large",
            should_retry=False,
            headers={"connection": "close"},
        )
