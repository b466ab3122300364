"""Thoughts of another dialect's models in the `encrypted_content` of an item of reasoning, marked with whose they are.

A caller sends such an item back as it sends OpenAI's own; it goes on to where it came from, and nowhere else.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct
from tollhouse import Edit

MARK = "tollhouse:"
"""Begins what is sealed here; OpenAI's own is base64, which has no colon."""


class Sealed(Struct, array_like=True):
    """What makes a thought valid where it came from."""

    origin: str
    signature: str = ""
    opaque: str = ""


class _Item(Struct):
    type: Any = None
    encrypted_content: Any = None


class _Asked(Struct):
    input: Raw = Raw(b"null")


_sealed = msgspec.json.Decoder(Sealed)
_encode = msgspec.json.Encoder().encode


def seal(sealed: Sealed) -> str:
    """The text that a caller is given to keep."""
    return MARK + base64.urlsafe_b64encode(_encode(sealed)).decode()


def unseal(said: str) -> Sealed | None:
    """What such a text holds; None for any other."""
    if not said.startswith(MARK):
        return None
    try:
        return _sealed.decode(base64.b64decode(said.removeprefix(MARK), altchars=b"-_", validate=True))
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return Sealed("somebody else")


def foreign(raw: bytes) -> Sequence[Edit]:
    """Edits that take the sealed thoughts out of a request: an upstream of this dialect cannot read them."""
    if MARK.encode() not in raw:
        return ()
    said = bytes(msgspec.json.decode(raw, type=_Asked).input)
    if not said.startswith(b"["):
        return ()
    found = []
    for number, item in enumerate(msgspec.json.decode(said, type=list[Raw])):
        if bytes(item).startswith(b"{"):
            one = msgspec.json.decode(item, type=_Item)
            if one.type == "reasoning" and isinstance(one.encrypted_content, str):
                found += [number] * one.encrypted_content.startswith(MARK)
    return [Edit(("input", number), remove=True) for number in found]
