"""A key made at run time, as the store keeps it."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from .settings import Role


class Live(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One secret of a key; after a rotation a key has two for a while."""

    id: str
    hash: str
    until: float | None = None
    """Unix seconds at which a rotated secret stops working."""


class Record(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A key. Times are unix seconds; None in `models`, `dialects` and `routes` allows all."""

    name: str
    secrets: tuple[Live, ...]
    created: float
    by: str = ""
    """Who made it."""
    team: str = ""
    user: str = ""
    tags: tuple[str, ...] = ()
    models: tuple[str, ...] | None = None
    dialects: tuple[str, ...] | None = None
    routes: tuple[str, ...] | None = None
    role: Role = "member"
    expires: float | None = None
    revoked: float | None = None
    settings: dict[str, Any] = {}
    """What it says to plugins, raw, by plugin name."""

    def state(self, now: float) -> str:
        """`active`, `expired` or `revoked`."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now else "active"


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Record)


def packed(record: Record) -> bytes:
    """The record as bytes."""
    return _encoder.encode(record)


def unpacked(data: bytes) -> Record:
    """The record of `packed` bytes."""
    return _decoder.decode(data)
