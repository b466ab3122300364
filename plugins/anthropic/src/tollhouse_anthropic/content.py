"""Reads the system text and the messages of a request: each block with its path, what is unknown kept."""

from __future__ import annotations

from typing import Literal, cast

import msgspec
from msgspec import Raw
from tollhouse import Rejected
from tollhouse.json_fields import Fields, convert
from tollhouse.json_patch import path_words
from tollhouse.neutral import Media, Message, Opaque, Part, Path, Text, Thinking, ToolCall, ToolResult

from .media import read_media
from .name import NAME

_ROLES = ("user", "assistant", "system")
_encode = msgspec.json.Encoder().encode


def read_system(fields: Fields) -> list[Message]:
    """The system text as the message it is; none when nothing is said."""
    if not fields.has("system"):
        return []
    return [Message(role="system", parts=_content(fields, "system"), path=(*fields.path, "system"))]


def read_message(fields: Fields) -> Message:
    """One turn. Raises `Rejected` (400) naming the field."""
    role = fields.need("role", str)
    if role not in _ROLES:
        at = path_words((*fields.path, "role"))
        raise Rejected(f"Unknown role {role[:40]!r} at `{at}`; known: {', '.join(_ROLES)}.", param=at)
    if not fields.has("content"):
        fields.need("content", str)
    message = Message(
        role=cast(Literal["user", "assistant", "system"], role), parts=_content(fields, "content"), path=fields.path
    )
    message.extra = fields.extra_of(NAME)
    return message


def _content(fields: Fields, name: str) -> list[Part]:
    """Text, which is short for one block, or blocks."""
    raw = fields.raw(name)
    path = (*fields.path, name)
    if raw is None:
        return []
    if memoryview(raw)[0] != ord("["):
        return [Text(text=convert(raw, str, path), path=path)]
    fields.put_back(name, raw)
    return [_block(at, item) for at, item in fields.items(name)]


def _block(path: Path, raw: Raw) -> Part:
    fields = Fields(raw, path)
    kind = fields.need("type", str)
    part: Part | None
    match kind:
        case "text":
            part = Text(text=fields.need("text", str), path=(*path, "text"))
        case "image" | "document":
            part = read_media(fields, kind, path)
        case "thinking":
            signature = fields.take("signature", str) or ""
            part = Thinking(text=fields.need("thinking", str), signature=signature, path=(*path, "thinking"))
        case "redacted_thinking":
            part = Thinking(opaque=fields.need("data", str), path=(*path, "data"))
        case "tool_use":
            part = ToolCall(
                id=fields.need("id", str),
                name=fields.need("name", str),
                arguments=bytes(fields.raw("input") or b"{}").decode(),
                path=(*path, "input"),
            )
        case "tool_result":
            part = _result(fields)
        case _:
            part = None
    if part is None:
        return Opaque(kind=kind, raw=raw, dialect=NAME, path=path)
    part.extra = fields.extra_of(NAME)
    return part


def _result(fields: Fields) -> ToolResult:
    """What a tool answered; blocks that are neither text nor media stay among its leftovers."""
    content = _content(fields, "content")
    known = [part for part in content if isinstance(part, Text | Media)]
    result = ToolResult(
        call_id=fields.need("tool_use_id", str),
        parts=known,
        error=fields.take("is_error", bool) or False,
        path=fields.path,
    )
    if unknown := [part.raw for part in content if isinstance(part, Opaque)]:
        fields.put_back("content", Raw(_encode(unknown)))
    return result
