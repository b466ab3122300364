"""Where a reply goes: the HTTP front's response, or a collector for exchanges that did not come from HTTP."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

import msgspec

from ..dialect import Headers


class Sink(Protocol):
    """One response. The core calls `start` once, `write` any number of times, `finish` once; never two at a time.
    A response that is not finished when its exchange ends broke off."""

    def start(self, status: int, headers: Headers) -> Awaitable[None]:
        """The response's head."""
        ...

    def write(self, data: bytes) -> Awaitable[None]:
        """More of the body. Waits while the reader is slow."""
        ...

    def finish(self, last: bytes = b"") -> Awaitable[None]:
        """The body is complete with these bytes."""
        ...


class Collected:
    """A sink that keeps the whole response: what `gateway.submit` returns."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: Headers = {}
        self.body = b""
        self.finished = False
        self._parts: list[bytes] = []

    async def start(self, status: int, headers: Headers) -> None:
        """Keep the head."""
        self.status, self.headers = status, headers

    async def write(self, data: bytes) -> None:
        """Keep the bytes."""
        self._parts.append(data)

    async def finish(self, last: bytes = b"") -> None:
        """Join what came."""
        self._parts.append(last)
        self.body = b"".join(self._parts)
        self.finished = True

    def json(self) -> object:
        """The body as JSON."""
        return msgspec.json.decode(self.body)
