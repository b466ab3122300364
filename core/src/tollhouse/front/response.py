"""Writing responses as plain ASGI messages."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping

import msgspec

from ..dialect import Dialect, Headers
from ..errors import Rejected
from ..exchange import new_id
from .asgi import Receive, Send
from .body import Body
from .lingering import Lingering


class HttpSink:
    """A journey's sink on one ASGI response. A HEAD request gets the head only. What was not read of the request's
    `body`, if it has one, is taken before the response ends (see Lingering)."""

    __slots__ = ("_body", "_head", "_receive", "_send")

    def __init__(self, receive: Receive, send: Send, body: Body | None = None, *, head: bool = False) -> None:
        self._receive, self._send, self._body, self._head = receive, send, body, head

    def start(self, status: int, headers: Headers) -> Awaitable[None]:
        """Send the head."""
        return self._send({"type": "http.response.start", "status": status, "headers": encoded(headers)})

    def write(self, data: bytes) -> Awaitable[None]:
        """Send more of the body."""
        if self._head:
            return _nothing()
        return self._send({"type": "http.response.body", "body": data, "more_body": True})

    def finish(self, last: bytes = b"") -> Awaitable[None]:
        """Send the last of the body and end the response."""
        message = {"type": "http.response.body", "body": b"" if self._head else last, "more_body": False}
        if self._body is None or self._body.ended:
            return self._send(message)
        return Lingering(self._receive, self._send).send(message)


async def _nothing() -> None:
    """What a body is to a HEAD request."""


async def respond(send: Send, error: Rejected, dialect: Dialect | None, given_id: str, more: Mapping[str, str]) -> None:
    """An error as a whole response, where there is no exchange to tell it to."""
    id_, id_header = given_id or new_id(), "x-request-id"
    if dialect is not None:
        status, headers, body = dialect.error(error, error.status, id_)
        id_header = dialect.id_header
    else:
        status, headers = error.status, {"content-type": "application/json"}
        body = msgspec.json.encode({"error": {"message": error.message, "type": error.type, "code": error.code}})
    await whole(send, status, {**headers, id_header: id_, **more}, body)


async def whole(send: Send, status: int, headers: Mapping[str, str], body: bytes) -> None:
    """A whole response."""
    full = {**headers, "content-length": str(len(body))}
    await send({"type": "http.response.start", "status": status, "headers": encoded(full)})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def encoded(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Headers as ASGI wants them; a value that could break the head loses its control characters."""
    return [
        (name.encode("latin-1"), value.encode("ascii") if value.isascii() and value.isprintable() else _safe(value))
        for name, value in headers.items()
    ]


def _safe(value: str) -> bytes:
    return "".join(c for c in value if c.isprintable()).encode("latin-1", "replace")
