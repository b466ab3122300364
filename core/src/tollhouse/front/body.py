"""Reading a request's body: under its cap, never idle for too long, never buffered past the cap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, MutableMapping
from contextlib import aclosing
from typing import Any

from ..bounded import bounded
from ..config import Server
from ..errors import Rejected
from .asgi import Receive
from .coding import check_coding, expanded


class Body:
    """One request's body, read once: whole or as a stream."""

    def __init__(self, receive: Receive, headers: Mapping[str, str], server: Server, leave: Callable[[], None]) -> None:
        """`leave` is called when the caller goes away before the body's end; it cancels the reading task."""
        self._receive, self._server, self._leave = receive, server, leave
        self._declared = int(headers.get("content-length", "0")[:20])
        coding = headers.get("content-encoding", "").strip().lower()
        self._coding = "" if coding == "identity" else coding

    async def read(self, cap: int) -> bytes:
        """The whole body, its content coding undone. Raises Rejected 413 past the cap, before reading on, 408 after
        too long a silence, and 415 for an unknown coding."""
        if self._coding:
            check_coding(self._coding)
            async with aclosing(self._chunks(cap)) as chunks:
                expanding = expanded(chunks, self._coding, cap, lambda: self._too_large(cap))
                return b"".join([piece async for piece in expanding])
        parts = [chunk async for chunk in self._chunks(cap)]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def stream(self, cap: int, done: Callable[[], None]) -> AsyncIterator[bytes]:
        """The body as it comes, coded or not, under its own cap. Raises as `read` does; `done` is called at its end,
        or when nobody reads on."""
        try:
            async for chunk in self._chunks(cap):
                yield chunk
        finally:
            done()

    async def _chunks(self, cap: int) -> AsyncGenerator[bytes]:
        if self._declared > cap:
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
