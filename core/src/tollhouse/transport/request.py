"""A call's head as it goes over the wire: nothing in it may add a header, or change where the body ends."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from .address import Address
from .faults import unsendable
from .interface import Call

HOP_BY_HOP = frozenset(
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers that speak of one connection: never a caller's, and so never sent (RFC 9110, 7.6.1)."""

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BODIED = frozenset({"POST", "PUT", "PATCH"})


def sendable(headers: Sequence[tuple[str, str]]) -> tuple[list[tuple[str, str]], str, str]:
    """The headers that may be sent, then the Host and the Content-Length that were given among them, or "".

    Raises `ProviderError(kind="invalid")` for a name that is no token, and for a value with CR, LF or NUL.
    """
    kept: list[tuple[str, str]] = []
    host = length = ""
    for field in headers:
        name = _lower(field[0])
        if name == "host":
            host = field[1]
        elif name == "content-length":
            length = field[1]
        elif name not in HOP_BY_HOP:
            kept.append(field)
    values = "".join([value for _, value in kept]) + host
    if "\r" in values or "\n" in values or "\0" in values:
        raise unsendable("a header's value holds a line break or NUL")
    return kept, host, length


def head(call: Call, address: Address) -> tuple[bytes, int | None]:
    """Request line and headers, and the bytes the body will have: None when it goes out in chunks."""
    body, method = call.body, call.method
    begun, given = _begun(method, address, tuple(call.headers))
    if isinstance(body, bytes):
        length = len(body)
        if length or method in _BODIED:
            return b"%bContent-Length: %d\r\n\r\n" % (begun, length), length
        return begun + b"\r\n", length
    if given:
        length = declared(given)
        return b"%bContent-Length: %d\r\n\r\n" % (begun, length), length
    return begun + b"Transfer-Encoding: chunked\r\n\r\n", None


@lru_cache(maxsize=256)
def _begun(method: str, address: Address, headers: tuple[tuple[str, str], ...]) -> tuple[bytes, str]:
    """A head but for the body's length, and the Content-Length that was given. Calls with the same headers follow each
    other by the thousand."""
    _lower(method)
    fields, host, given = sendable(headers)
    lines = [f"{method} {address.target} HTTP/1.1\r\nHost: {host or address.host}\r\n"]
    lines += [f"{name}: {value}\r\n" for name, value in fields]
    try:
        return "".join(lines).encode("latin-1"), given
    except UnicodeEncodeError:
        raise unsendable("a header's value holds a character outside Latin-1") from None


def declared(length: str) -> int:
    """A Content-Length header's number."""
    if not (length.isascii() and length.isdecimal()) or len(length) > 18:
        raise unsendable("its Content-Length is not a number")
    return int(length)


@lru_cache(maxsize=512)
def _lower(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise unsendable(f"{name[:40]!r} is no header name or method")
    return name.lower()
