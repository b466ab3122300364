"""The canonical form of a request: equal for requests that mean the same, whatever dialect and bytes say it.

It begins with all there is: every field of the neutral form, and every field that only one dialect knows, tagged with
that dialect. The few that do not change an answer are taken out by name; a field that comes to an API tomorrow is in
it without anybody's doing.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import fields
from tollhouse.neutral import Chat, Embed, Extra, Media, ToolCall

IGNORED = frozenset(
    {
        "labels",
        "metadata",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "stream_options",
    }
)
"""Fields of a request, of any dialect, that say who asks, how it is billed or booked, and how it is delivered."""

MARKS = frozenset({"cache_control"})
"""Fields of any part that only tell a provider what to keep for later."""

_OWN = frozenset({"path", "user"})
"""Fields of the neutral form: where something stood in the caller's bytes, and their name for who asks."""

_encode = msgspec.json.Encoder(order="deterministic").encode
_parse = msgspec.json.Decoder().decode
_known: dict[type[Struct], tuple[tuple[str, Any], ...]] = {}


def canonical(body: Chat | Embed) -> bytes:
    """The canonical bytes of a request's neutral form."""
    top = {name: value for name, value in _said(body).items() if name != "extra"}
    if body.extra is not None and (left := _extra(body.extra, IGNORED | MARKS)):
        top["extra"] = left
    return _encode(top)


def names_files(body: Chat | Embed) -> bool:
    """Whether it names a file by its id, which belongs to who uploaded it."""
    if not isinstance(body, Chat):
        return False
    inner = (
        piece for message in body.messages for part in message.parts for piece in (part, *getattr(part, "parts", ()))
    )
    return any(isinstance(piece, Media) and piece.file_id for piece in inner)


def _said(node: Struct) -> dict[str, Any]:
    """What a node says beyond its defaults, under the name of its kind."""
    kind = type(node)
    known = _known.get(kind)
    if known is None:
        known = _known[kind] = tuple((f.name, f.default) for f in fields(kind) if f.name not in _OWN)
    said: dict[str, Any] = {"": kind.__name__}
    for name, default in known:
        value = getattr(node, name)
        if value is None or (value == default and type(value) is type(default)):
            continue
        if name == "extra":
            if left := _extra(value, MARKS):
                said[name] = left
        else:
            said[name] = _plain(value)
    if isinstance(node, ToolCall):
        said["arguments"] = _json(node.arguments.encode(errors="surrogatepass"))
    return said


def _plain(value: Any) -> Any:
    if isinstance(value, Raw):
        return _json(bytes(value))
    if isinstance(value, Struct):
        return _said(value)
    if isinstance(value, list):
        return [_plain(item) for item in value] if value and isinstance(value[0], Struct | Raw) else value
    return value


def _extra(extra: Extra, without: frozenset[str]) -> dict[str, Any]:
    left = {name: _json(bytes(raw)) for name, raw in extra.fields.items() if name not in without}
    return {extra.dialect: left} if left else {}


def _json(raw: bytes) -> Any:
    """The value of some JSON, so that white space and the order of names do not matter; what is none stays text."""
    try:
        return [_parse(raw)]
    except (msgspec.DecodeError, RecursionError):
        return raw.hex()
