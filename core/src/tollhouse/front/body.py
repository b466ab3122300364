"""Reading a request's body: under its cap, never idle for too long, never buffered past the cap."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing

from ..bounded import bounded
from ..config import Server
from ..errors import Rejected
from .asgi import Receive
from .coding import check_coding, expanded


class Body:
    """One request's body, read once: whole, which `server.max_body` bounds, or as a stream, by `server.max_upload`."""

    __slots__ = ("_coding", "_declared", "_done", "_leave", "_receive", "_server", "_size", "ended")

    def __init__(
        self,
        receive: Receive,
        headers: Mapping[str, str],
        server: Server,
        leave: Callable[[], None],
        done: Callable[[], None] = lambda: None,
    ) -> None:
        """`leave` is called when the caller goes away before the body's end; it cancels the reading task. `done` is
        called at the end, or when nobody reads on."""
        self._receive, self._server, self._leave, self._done = receive, server, leave, done
        length, coding = headers.get("content-length"), headers.get("content-encoding")
        self._declared = int(length[:20]) if length else 0
        self._coding = coding.strip().lower() if coding else ""
        self._size = 0
        self.ended = False
        """Whether nothing of it is still to come."""

    async def read(self) -> bytes:
        """The whole body, its content coding undone. Raises Rejected 413 past the cap, before reading on, 408 after
        too long a silence, and 415 for an unknown coding."""
        cap = self._server.max_body
        if self._coding and self._coding != "identity":
            body = await self._expanded(cap)
        else:
            body = await self._chunk(cap)
            if not self.ended:
                parts = [body]
                while not self.ended:
                    parts.append(await self._chunk(cap))
                body = b"".join(parts)
        self._done()
        return body

    async def stream(self) -> AsyncIterator[bytes]:
        """The body as it comes, coded or not. Raises as `read` does."""
        try:
            async for chunk in self._chunks(self._server.max_upload):
                yield chunk
        finally:
            self._done()

    async def _expanded(self, cap: int) -> bytes:
        check_coding(self._coding)
        async with aclosing(self._chunks(cap)) as chunks:
            expanding = expanded(chunks, self._coding, cap, lambda: self._too_large(cap))
            return b"".join([piece async for piece in expanding])

    async def _chunks(self, cap: int) -> AsyncGenerator[bytes]:
        while not self.ended:
            if chunk := await self._chunk(cap):
                yield chunk

    async def _chunk(self, cap: int) -> bytes:
        """The next piece; it may be empty."""
        if self._declared > cap:
            raise self._too_large(cap)
        try:
            message = await bounded(self._receive(), self._server.body_idle)
        except TimeoutError:
            raise _silent() from None
        self.ended = not message.get("more_body", False)
        if message["type"] == "http.disconnect":
            self._leave()
            await asyncio.sleep(0)
            raise Rejected("The caller left before the request's end.", code="client_disconnected")
        chunk: bytes = message.get("body", b"")
        self._size += len(chunk)
        if self._size > cap:
            raise self._too_large(cap)
        return chunk

    def _too_large(self, cap: int) -> Rejected:
        return Rejected(
            f"The request's body is larger than the {cap} bytes this gateway accepts.",
            status=413,
            code="request_too_large",
            should_retry=False,
            headers={"connection": "close"},
        )


def _silent() -> Rejected:
    return Rejected(
        "The request's body did not arrive in time.",
        status=408,
        code="request_timeout",
        headers={"connection": "close"},
    )


async def small_body(receive: Receive, largest: int) -> bytes:
    """The whole body of a request to an endpoint. Raises Rejected: 413 past `largest` bytes, 400 when the caller leaves
    before its end."""
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Rejected("The caller left before the request's end.", code="client_disconnected")
        parts.append(message.get("body", b""))
        more, size = message.get("more_body", False), size + len(parts[-1])
        if size > largest:
            raise Rejected(f"The body is larger than {largest} bytes.", status=413, code="request_too_large")
    return b"".join(parts)
