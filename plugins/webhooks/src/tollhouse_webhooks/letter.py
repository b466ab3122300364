"""A message in the outbox: written once, so that every delivery of it has the same id and the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Raw, Struct

from .catalogue import Data

LARGEST = 20_000
"""Bytes of the largest body, as Standard Webhooks recommends."""

LONG_TEXTS = (256, 64, 16)
"""Characters of a text in `data`; longer ones are cut, shorter still where the whole would be too large."""

MANY = 32
"""Entries of a table or list in `data`."""

_DIMENSIONS = ("team", "model", "key")


class Letter(Struct, frozen=True, kw_only=True):
    """One message for one webhook."""

    id: str
    """The `webhook-id`; the same for every webhook that gets the message."""
    type: str
    at: float
    """When it happened, unix seconds."""
    body: Raw
    """The payload as `standard` sends it."""


_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(Letter)


def write(type_: str, at: float, data: Data, id_: str) -> Letter:
    """A message. Whatever callers may choose in it is cut to a bounded length."""
    moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = b""
    for longest in LONG_TEXTS:
        content = {key: _short(value, longest) for key, value in msgspec.to_builtins(data).items()}
        body = _encode({"type": type_, "timestamp": moment, "data": content})
        if len(body) <= LARGEST:
            break
    return Letter(id=id_, type=type_, at=at, body=Raw(body))


def packed(letter: Letter) -> bytes:
    """A message for the outbox."""
    return _encode(letter)


def unpacked(data: bytes) -> Letter:
    """A message from the outbox. Raises msgspec.DecodeError."""
    return _decoder.decode(data)


def identity(*parts: object) -> str:
    """The id of a message about something that several processes may see: the same for all of them."""
    return "msg_" + hashlib.sha256(_encode([str(part) for part in parts])).hexdigest()[:26]


def about(data: Data) -> dict[str, str]:
    """Whom and what a message is about, by the dimensions that webhooks filter by."""
    scope: Mapping[str, str] = getattr(data, "scope", {})
    said = {name: getattr(data, name, "") or scope.get(name, "") for name in _DIMENSIONS}
    return {name: value for name, value in said.items() if value}


def _short(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= longest else value[: longest - 1] + "…"
    if isinstance(value, dict):
        return {_short(key, longest): _short(held, longest) for key, held in list(value.items())[:MANY]}
    if isinstance(value, list | tuple):
        return [_short(held, longest) for held in value[:MANY]]
    return value
