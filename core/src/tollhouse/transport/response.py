"""A reply over HTTP/1.1: what its connection has received, and its one reader has not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Protocol

from ..errors import ProviderError
from .decode import Decoder, decoder
from .faults import cut, too_large


class Link(Protocol):
    """What a response asks of the connection it comes over."""

    def resume(self) -> None:
        """Its reader has caught up: read on."""
        ...

    def drop(self) -> None:
        """Nobody will read the rest: hang up."""
        ...


class Http1Response:
    """See transport.Response. The connection calls `begin`, `put`, `end` and `wake`; the caller reads.

    The connection goes on to other replies once it has received this one whole, read or not.
    """

    __slots__ = (
        "_decoder",
        "_ended",
        "_link",
        "_loop",
        "_parts",
        "_pieces",
        "_waiter",
        "failure",
        "headers",
        "status",
        "unread",
    )

    def __init__(self, link: Link, loop: asyncio.AbstractEventLoop) -> None:
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self.unread = 0
        """Bytes received and not yet taken by the reader."""
        self._link: Link | None = link
        self._loop = loop
        self._parts: list[bytes] = []
        self._pieces: Iterator[bytes] | None = None
        self._decoder: Decoder | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._ended = False
        self.failure: Exception | None = None
        """What ended the reply before its end."""

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """The head is here. Raises ProviderError for a content coding that cannot be undone."""
        self.status, self.headers = status, headers
        if (encoding := headers.get("content-encoding")) is not None:
            self._decoder = decoder(encoding)

    def put(self, data: bytes) -> None:
        """More of the body is here."""
        self._parts.append(data)
        self.unread += len(data)

    def end(self, failure: Exception | None = None) -> None:
        """Nothing more will come; with a failure, the reader is told once it has read what came before."""
        if self._ended:
            return
        self._ended, self.failure, self._link = True, failure, None
        self.wake()

    def wake(self) -> None:
        """Let the reader look again."""
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def news(self) -> asyncio.Future[None]:
        """To be awaited, by one at a time: until more is here, or the end. Raises what ended the reply before that."""
        if self.failure is not None:
            raise self.failure
        waiter = self._waiter = self._loop.create_future()
        return waiter

    def chunks(self) -> AsyncIterator[bytes]:
        """See transport.Response."""
        return self

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        while True:
            if self._pieces is not None:
                if (piece := self._decoded(self._pieces)) is not None:
                    return piece
                self._pieces = None
            elif self._parts:
                data = self._take()
                if self._decoder is None:
                    return data
                self._pieces = self._decoder.feed(data)
            elif self.failure is not None:
                raise self.failure
            elif self._ended:
                if self._decoder is not None:
                    self._decoder.finish()
                raise StopAsyncIteration
            else:
                await self.news()

    async def read(self, limit: int) -> bytes:
        """See transport.Response."""
        parts: list[bytes] = []
        size = 0
        while self._decoder is None and self.failure is None:
            size += self.unread
            if size > limit:
                raise too_large(limit)
            parts.append(self._take())
            if self._ended:
                return parts[0] if len(parts) == 1 else b"".join(parts)
            await self.news()
        async for chunk in self:
            size += len(chunk)
            if size > limit:
                raise too_large(limit)
            parts.append(chunk)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def close(self) -> None:
        """See transport.Response."""
        self.abandon()

    def abandon(self) -> None:
        """Close, without waiting for anything: a reply that is not whole takes its connection along."""
        if self._parts or self._pieces is not None:
            self.failure = cut("it was closed here")
            self._parts.clear()
            self._pieces, self.unread = None, 0
        if self._link is not None:
            self._link.drop()

    def _take(self) -> bytes:
        parts = self._parts
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        self.unread = 0
        if self._link is not None:
            self._link.resume()
        return data

    def _decoded(self, pieces: Iterator[bytes]) -> bytes | None:
        try:
            return next(pieces, None)
        except ProviderError as error:
            self.abandon()
            self.failure = error
            raise
