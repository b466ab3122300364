"""What a transport promises: one call, one response whose body is read whole or as it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ..config import Timeouts


@dataclass(slots=True)
class Call:
    """One HTTP request. Header names are sent as given; hop-by-hop headers are the transport's own business, and so
    is the Content-Length of a body of bytes. A body that is an iterator goes out in chunks unless its Content-Length
    is given; one that was not read to its end may be closed."""

    method: str
    url: str
    headers: Sequence[tuple[str, str]]
    body: bytes | AsyncIterator[bytes] = b""
    timeouts: Timeouts = field(default_factory=Timeouts)
    """Seconds; the transport holds `connect`, the core the others."""


class Response(Protocol):
    """A response whose head has arrived. Whoever opened it closes it, once; closing early drops the connection."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case; repeated headers joined by a comma, `set-cookie` never kept."""

    def chunks(self) -> AsyncIterator[bytes]:
        """The decoded body as it arrives, once. Raises `ProviderError(kind="cut")` when it breaks off, and
        `kind="bad_reply"` when it is malformed or cannot be decoded."""
        ...

    async def read(self, limit: int) -> bytes:
        """The decoded body whole, once. Raises as `chunks` does, and `kind="bad_reply"` past `limit` bytes."""
        ...

    async def close(self) -> None:
        """Release the connection; harmless when called again."""
        ...


class Transport(Protocol):
    """An HTTP client. No cookies, no redirects, no retries: those are decisions of the journey."""

    async def open(self, call: Call) -> Response:
        """Send a call and wait for the response's head, which may come before the call's body is sent.

        Raises `ProviderError(kind="connect")` when there is no connection in time, `kind="cut"` when it breaks before
        the head, `kind="bad_reply"` when what comes is no head, `kind="invalid"` when the call cannot be sent, and
        whatever the body's iterator raises. A cancelled open leaves nothing open."""
        ...

    async def close(self) -> None:
        """Drop every connection."""
        ...
