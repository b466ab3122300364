"""An entry: a reply's message with what must be known before it is used; packed it is what both tiers keep."""

from __future__ import annotations

import secrets
from collections.abc import Iterable

import msgspec
from msgspec import Struct

from .message import Said, decode, encode
from .squeeze import squeeze, unsqueeze

VERSION = b"\x01"
"""The first byte of a packed entry; another one is none."""

ALL = "all"
"""The tag that every entry bears."""


class Label(Struct, frozen=True, array_like=True):
    """What is known of an entry without reading its message."""

    id: str
    """A name without meaning, so that it tells nobody what was asked."""
    at: float
    """When the call that it answers was made, unix seconds."""
    ttl: float
    tags: tuple[str, ...]
    cost: int
    """Nano-USD that the call cost; 0 for one without a price."""
    size: int
    """Bytes of the message before it was compressed."""
    squeezed: bool


class Entry(Struct, frozen=True):
    """A label and the message it is about, as kept."""

    label: Label
    data: bytes

    def message(self) -> list[Said]:
        """The reply. Raises ValueError when it cannot be read."""
        label = self.label
        return decode(unsqueeze(self.data, label.size) if label.squeezed else self.data)

    def packed(self) -> bytes:
        """The bytes to keep."""
        return b"".join((VERSION, _encode(self.label), b"\n", self.data))

    def fresh(self, now: float, max_age: float | None) -> bool:
        """Whether it may answer at this unix time, when it may be at most `max_age` seconds old."""
        age = now - self.label.at
        return age < self.label.ttl and (max_age is None or age <= max_age)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Label).decode


def made(said: list[Said], *, at: float, ttl: float, tags: Iterable[str], cost: int) -> Entry:
    """A new entry."""
    data, id_ = encode(said), new_id()
    kept, squeezed = squeeze(data)
    return Entry(Label(id_, at, ttl, (ALL, f"entry:{id_}", *tags), cost, len(data), squeezed), kept)


def unpacked(data: bytes) -> Entry | None:
    """The entry that was packed; None for anything else, such as one of another version."""
    if data[:1] != VERSION:
        return None
    label, _, rest = data[1:].partition(b"\n")
    try:
        return Entry(_decode(label), rest)
    except msgspec.DecodeError:
        return None


def new_id() -> str:
    """A name for an entry."""
    return f"ce_{secrets.token_hex(10)}"
