"""Writing responses as plain ASGI messages."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ..dialect import Dialect, Headers
from ..errors import Rejected
from ..exchange import new_id
from .asgi import Send


class HttpSink:
    """A journey's sink on one ASGI response. A HEAD request gets the head only."""

    def __init__(self, send: Send, *, head: bool = False) -> None:
        self._send, self._head = send, head

    async def start(self, status: int, headers: Headers) -> None:
        """Send the head."""
        await self._send({"type": "http.response.start", "status": status, "headers": encoded(headers)})

    async def write(self, data: bytes) -> None:
        """Send more of the body."""
        if not self._head:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self, last: bytes = b"") -> None:
        """Send the last of the body and end the response."""
        await self._send({"type": "http.response.body", "body": b"" if self._head else last, "more_body": False})


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
    return [(name.encode("latin-1"), _safe(value)) for name, value in headers.items()]


def _safe(value: str) -> bytes:
    if value.isprintable() and value.isascii():
        return value.encode("ascii")
    return "".join(c for c in value if c.isprintable()).encode("latin-1", "replace")
