"""Where a URL leads: the origin to connect to, and what the request's head says of it."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from .faults import unsendable

_PORTS = {"http": 80, "https": 443}
_FORBIDDEN = re.compile(r"[\x00-\x20\x7f]")


class Origin(NamedTuple):
    """What a connection belongs to: only calls of the same origin may share it."""

    scheme: str
    host: str
    port: int


class Address(NamedTuple):
    """A URL, taken apart: `target` is the request line's, `host` the Host header's."""

    origin: Origin
    target: str
    host: str


@lru_cache(maxsize=512)
def locate(url: str) -> Address:
    """The address of an absolute http or https URL. Raises `ProviderError(kind="invalid")`."""
    if _FORBIDDEN.search(url):
        raise unsendable("its URL holds a space or a control character")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
        named = (host or "").encode("ascii" if (host or "").isascii() else "idna").decode()
    except ValueError:
        raise unsendable("its URL has no readable host or port") from None
    if parts.scheme not in _PORTS or not host:
        raise unsendable("its URL is not an absolute http or https URL")
    if "@" in parts.netloc:
        raise unsendable("its URL holds a user name; send credentials as headers")
    shown = f"[{named}]" if ":" in named else named
    if port is not None and port != _PORTS[parts.scheme]:
        shown = f"{shown}:{port}"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not target.isascii():
        target = quote(target, safe="!#$%&'()*+,/:;=?@[]~")
    return Address(Origin(parts.scheme, named, port if port is not None else _PORTS[parts.scheme]), target, shown)
