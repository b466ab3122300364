"""Cache points: blocks of their own on Converse's wire, marks of the part before them everywhere else.

A mark is the field `cache_control` among a part's leftovers, as clients of several dialects spell it.
Source: https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw
from tollhouse.neutral import Extra, Node

from .name import NAME

CACHE = "cache_control"
POINT = "cachePoint"

_encode = msgspec.json.Encoder().encode


class _Mark(msgspec.Struct):
    ttl: str | None = None


class _Point(_Mark, forbid_unknown_fields=True):
    type: str = ""


_mark = msgspec.json.Decoder(_Mark)
_point = msgspec.json.Decoder(_Point)


def mark(before: Node | None, point: Raw) -> bool:
    """Mark the part before a cache point; False when there is none that can bear it, or the point says more."""
    if before is None or (before.extra is not None and (before.extra.dialect != NAME or CACHE in before.extra.fields)):
        return False
    try:
        said = _point.decode(point)
    except msgspec.DecodeError:
        return False
    if said.type != "default":
        return False
    control = {"type": "ephemeral", **({"ttl": said.ttl} if said.ttl is not None else {})}
    fields = before.extra.fields if before.extra is not None else {}
    before.extra = Extra(NAME, {**fields, CACHE: Raw(_encode(control))})
    return True


def point_of(extra: Extra | None) -> dict[str, Any] | None:
    """The cache point that follows a part with these leftovers; None when it bears no mark."""
    raw = extra.fields.get(CACHE) if extra is not None else None
    if raw is None:
        return None
    try:
        said = _mark.decode(raw)
    except msgspec.DecodeError:
        return None
    return {POINT: {"type": "default", **({"ttl": said.ttl} if said.ttl is not None else {})}}
