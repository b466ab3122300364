"""Reads the system text and the messages of a request: each block with its path, what is unknown kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, cast

import msgspec
from msgspec import Raw
from tollhouse import Rejected
from tollhouse.json_fields import Fields
from tollhouse.json_patch import path_words
from tollhouse.neutral import Extra, Media, Message, Opaque, Part, Path, Text, Thinking, ToolCall, ToolResult

from .marks import POINT, mark
from .media import KINDS, read_media
from .name import NAME
from .redacted import read_redacted

SERVER_TOOL = "server_tool_use"
"""The type of a call that the upstream itself answers."""

_ROLES = ("user", "assistant", "system")
_encode = msgspec.json.Encoder().encode


def read_system(fields: Fields) -> list[Message]:
    """The system blocks as the message they are; none when nothing is said."""
    if not fields.has("system"):
        return []
    parts = _blocks(fields, "system")
    return [Message(role="system", parts=parts, path=(*fields.path, "system"))] if parts else []


def read_message(fields: Fields) -> Message:
    """One turn. Raises `Rejected` (400) naming the field."""
    role = fields.need("role", str)
    if role not in _ROLES:
        at = path_words((*fields.path, "role"))
        raise Rejected(f"Unknown role {role[:40]!r} at `{at}`; known: {', '.join(_ROLES)}.", param=at)
    if not fields.has("content"):
        fields.need("content", list)
    message = Message(
        role=cast(Literal["user", "assistant", "system"], role), parts=_blocks(fields, "content"), path=fields.path
    )
    message.extra = fields.extra_of(NAME)
    return message


def read_block(raw: Raw, path: Path) -> Part:
    """One block but for a cache point. Raises `Rejected` (400) naming the field."""
    fields = Fields(raw, path)
    names = list(fields.left())
    kind = next((name for name in names if fields.has(name) and name in _READ), names[0] if names else "empty")
    reader = _READ.get(kind)
    part = reader(fields, kind) if reader else None
    if part is None:
        return Opaque(kind=kind, raw=raw, dialect=NAME, path=path)
    if (left := fields.extra_of(NAME)) is not None:
        part.extra = Extra(NAME, {**(part.extra.fields if part.extra is not None else {}), **left.fields})
    return part


def _blocks(fields: Fields, name: str) -> list[Part]:
    parts: list[Part] = []
    for path, item in fields.items(name):
        point = Fields(item, path).raw(POINT)
        if point is None or not mark(parts[-1] if parts else None, point):
            parts.append(read_block(item, path))
    return parts


def _text(fields: Fields, kind: str) -> Part:
    return Text(text=fields.need("text", str), path=(*fields.path, "text"))


def _reasoning(fields: Fields, kind: str) -> Part | None:
    inner = fields.within(kind)
    if inner.has("reasoningText"):
        said = inner.within("reasoningText")
        signature = said.take("signature", str) or ""
        return Thinking(text=said.need("text", str), signature=signature, origin=NAME, path=(*said.path, "text"))
    if inner.has("redactedContent"):
        return Thinking(opaque=read_redacted(inner.need("redactedContent", str)), origin=NAME, path=inner.path)
    return None


def _call(fields: Fields, kind: str) -> Part | None:
    call = fields.within(kind)
    if call.has("type"):
        type_ = call.need("type", str)
        if type_ == SERVER_TOOL:
            return None
        call.put_back("type", Raw(_encode(type_)))
    return ToolCall(
        id=call.need("toolUseId", str),
        name=call.need("name", str),
        arguments=bytes(call.raw("input") or b"{}").decode(),
        path=(*call.path, "input"),
    )


def _result(fields: Fields, kind: str) -> Part:
    """What a tool answered; blocks that are neither text, JSON nor media stay among its leftovers."""
    result = fields.within(kind)
    known: list[Text | Media] = []
    unknown: list[Raw] = []
    for path, item in result.items("content"):
        part = _answer(item, path)
        if part is None:
            unknown.append(item)
        else:
            known.append(part)
    status = result.take("status", str)
    if status not in (None, "success", "error"):
        result.put_back("status", Raw(_encode(status)))
    if unknown:
        result.put_back("content", Raw(_encode(unknown)))
    call_id = result.need("toolUseId", str)
    return ToolResult(call_id=call_id, parts=known, error=status == "error", path=result.path)


def _answer(item: Raw, path: Path) -> Text | Media | None:
    """JSON is told as its text."""
    fields = Fields(item, path)
    if fields.has("json"):
        text = bytes(fields.raw("json") or b"").decode()
        return Text(text=text, path=(*path, "json"), extra=fields.extra_of(NAME))
    part = read_block(item, path)
    return part if isinstance(part, Text | Media) else None


def _guarded(fields: Fields, kind: str) -> Part | None:
    """Text that a guardrail is to look at; images of that kind are opaque."""
    inner = fields.within(kind)
    if not inner.has("text"):
        return None
    said = inner.within("text")
    part = Text(text=said.need("text", str), path=(*said.path, "text"))
    part.extra = Extra(NAME, {kind: Raw(_encode({"text": said.left()}))})
    return part


def _cited(fields: Fields, kind: str) -> Part | None:
    """Text with its sources, if it is one text."""
    inner = fields.within(kind)
    items = inner.items("content")
    if len(items) != 1:
        return None
    text = Fields(items[0][1], items[0][0])
    if not text.has("text"):
        return None
    part = Text(text=text.need("text", str), path=(*text.path, "text"))
    part.extra = Extra(NAME, {kind: Raw(_encode(inner.left()))})
    return part


def _media(fields: Fields, kind: str) -> Part | None:
    return read_media(fields.within(kind), kind, fields.path)


_READ: dict[str, Callable[[Fields, str], Part | None]] = {
    "text": _text,
    "reasoningContent": _reasoning,
    "toolUse": _call,
    "toolResult": _result,
    "guardContent": _guarded,
    "citationsContent": _cited,
    **dict.fromkeys(KINDS, _media),
}
