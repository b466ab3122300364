"""What the head of a request may be, checked once for every engine: its size, and where its body ends.

Two servers that disagree on the end of a body see two different next requests; so anything but one plain length or
one plain chunking is refused, and the connection closed. Source: RFC 9112, section 6.3.
"""

from __future__ import annotations

from collections.abc import MutableMapping
from itertools import chain
from typing import Any

from ..config import Server
from ..errors import Rejected

_VERSIONS = frozenset({"1.0", "1.1", "2"})
_ONCE = frozenset(
    {
        "api-key",
        "authorization",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "transfer-encoding",
        "x-api-key",
        "x-goog-api-key",
    }
)
"""Headers that two readers would take from different places if they stood there twice."""


def read_head(scope: MutableMapping[str, Any], server: Server) -> dict[str, str]:
    """The headers by name, which ASGI gives in lower case, repeated ones joined. Raises `Rejected`: 431 past the
    caps, 400 for a head that could be read in two ways; the connection must be closed behind both."""
    if scope["http_version"] not in _VERSIONS:
        raise _malformed("The version of HTTP is none of 1.0, 1.1 and 2.")
    raw: list[tuple[bytes, bytes]] = scope["headers"]
    text = b"".join(chain.from_iterable(raw))
    if len(raw) > server.max_headers or len(text) > server.max_header_bytes:
        raise _too_much(server)
    if b"\n" in text or b"\r" in text or b"\0" in text:
        raise _malformed("A header contains a control character.")
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}
    if len(headers) != len(raw):
        headers = _joined(raw)
    length = headers.get("content-length")
    if length is not None and not (length.isascii() and length.isdigit()):
        raise _malformed("The header content-length is not a number.")
    if (coding := headers.get("transfer-encoding")) is not None:
        if length is not None:
            raise _malformed("A request has either content-length or transfer-encoding.")
        if scope["http_version"] != "1.1" or coding.strip().lower() != "chunked":
            raise _malformed("The only transfer-encoding is chunked, of HTTP/1.1.")
    return headers


def has_body(scope: MutableMapping[str, Any], headers: dict[str, str]) -> bool:
    """Whether a body may follow the head; in HTTP/2 no header need say so."""
    if "content-length" in headers or "transfer-encoding" in headers:
        return True
    return not scope["http_version"].startswith("1") and scope["method"] not in ("GET", "HEAD")


def _joined(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name_bytes, value_bytes in raw:
        name, value = name_bytes.decode("latin-1"), value_bytes.decode("latin-1")
        if name not in headers:
            headers[name] = value
        elif name in _ONCE:
            raise _malformed(f"The header {name} is given twice.")
        else:
            headers[name] += ("; " if name == "cookie" else ", ") + value
    return headers


def _too_much(server: Server) -> Rejected:
    return Rejected(
        f"The request's head is larger than this gateway accepts: {server.max_headers} headers of "
        f"{int(server.max_header_bytes)} bytes.",
        status=431,
        code="headers_too_large",
        should_retry=False,
        headers={"connection": "close"},
    )


def _malformed(message: str) -> Rejected:
    return Rejected(message, code="malformed_request", should_retry=False, headers={"connection": "close"})
