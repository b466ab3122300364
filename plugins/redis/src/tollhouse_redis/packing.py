"""Commands as Redis reads them, and operations as its Lua does: msgpack of the older form, where bytes are strings."""

from __future__ import annotations

from typing import Any, cast

import hiredis
import msgspec

_encode = msgspec.msgpack.Encoder().encode


def operation(*parts: Any) -> bytes:
    """An operation for a script: its name, then its arguments."""
    return _encode(parts)


def blob(data: bytes) -> msgspec.Raw:
    """Bytes within an operation."""
    return msgspec.Raw(b"\xdb" + len(data).to_bytes(4, "big") + data)


def command(*words: str | bytes | int) -> bytes:
    """A command on the wire."""
    return bytes(hiredis.pack_command(cast(Any, words)))  # Its stub allows one word only.
