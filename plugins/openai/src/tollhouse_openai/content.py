"""Reads the messages of a request: each part with its path, what is unknown kept."""

from __future__ import annotations

import re
from typing import Literal, cast

import msgspec
from msgspec import Raw
from tollhouse import Rejected
from tollhouse.json_fields import Fields, convert
from tollhouse.json_patch import path_words
from tollhouse.neutral import (
    Extra,
    Media,
    Message,
    Opaque,
    Part,
    Path,
    Refusal,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)

from .name import NAME

AUDIO_TYPES = {"mp3": "audio/mpeg"}
"""Formats of `input_audio` whose media type is not `audio/FORMAT`."""
THOUGHTS = ("reasoning_content", "reasoning")
"""Where hosts keep a message's thoughts."""

_Role = Literal["system", "developer", "user", "assistant", "tool"]
_ROLES = ("system", "developer", "user", "assistant", "tool")
_DATA_URL = re.compile(r"data:([^;,]+);base64,(.*)\Z", re.DOTALL)
_encode = msgspec.json.Encoder().encode


def read_message(fields: Fields) -> Message:
    """One message. Raises `Rejected` (400) naming the field."""
    role = fields.need("role", str)
    if role == "function":  # the forerunner of `tool`, which knew no call ids
        fields.put_back("role", Raw(b'"function"'))
        role = "tool"
    if role not in _ROLES:
        at = path_words((*fields.path, "role"))
        raise Rejected(f"Unknown role {role[:40]!r} at `{at}`; known: {', '.join(_ROLES)}.", param=at)
    parts: list[Part] = []
    if role == "tool":
        parts.append(_result(fields))
    else:
        if role == "assistant":
            parts += _thoughts(fields)
        parts += _content(fields)
    if role == "assistant":
        if refusal := fields.take("refusal", str):
            parts.append(Refusal(text=refusal, path=(*fields.path, "refusal")))
        parts += [_call(path, item) for path, item in fields.items("tool_calls")]
    message = Message(role=cast(_Role, role), parts=parts, name=fields.take("name", str) or "", path=fields.path)
    message.extra = fields.extra_of(NAME)
    return message


def _thoughts(fields: Fields) -> list[Part]:
    for name in THOUGHTS:
        if fields.has(name) and (text := fields.take(name, str)):
            return [Thinking(text=text, path=(*fields.path, name))]
    return []


def _result(fields: Fields) -> ToolResult:
    content = _content(fields)
    known = [part for part in content if isinstance(part, Text | Media)]
    result = ToolResult(call_id=fields.take("tool_call_id", str) or "", parts=known, path=fields.path)
    if unknown := [part.raw for part in content if isinstance(part, Opaque)]:
        result.extra = Extra(NAME, {"content": Raw(_encode(unknown))})
    return result


def _content(fields: Fields) -> list[Part]:
    raw = fields.raw("content")
    path = (*fields.path, "content")
    if raw is None:
        return []
    if memoryview(raw)[0] != ord("["):
        return [Text(text=convert(raw, str, path), path=path)]
    fields.put_back("content", raw)
    return [_part(at, item) for at, item in fields.items("content")]


def _part(path: Path, raw: Raw) -> Part:
    fields = Fields(raw, path)
    kind = fields.need("type", str)
    part: Part
    match kind:
        case "text":
            part = Text(text=fields.need("text", str), path=(*path, "text"))
        case "refusal":
            part = Refusal(text=fields.need("refusal", str), path=(*path, "refusal"))
        case "image_url" | "video_url":
            part = _linked(fields, kind, path)
        case "input_audio":
            inner = fields.within(kind)
            form = inner.take("format", str) or ""
            media_type = AUDIO_TYPES.get(form, f"audio/{form}" if form else "")
            part = Media(kind="audio", inline=inner.need("data", str), media_type=media_type, path=path)
        case "file":
            part = _file(fields.within("file"), path)
        case _:
            return Opaque(kind=kind, raw=raw, dialect=NAME, path=path)
    part.extra = fields.extra_of(NAME)
    return part


def _linked(fields: Fields, kind: str, path: Path) -> Media:
    """An image or video by URL; some hosts take the URL itself where OpenAI has an object."""
    medium: Literal["image", "video"] = "image" if kind == "image_url" else "video"
    raw = fields.raw(kind)
    if raw is not None and memoryview(raw)[0] == ord('"'):
        return _by_url(convert(raw, str, (*path, kind)), medium, path)
    fields.put_back(kind, raw or Raw(b"null"))
    inner = fields.within(kind)
    media = _by_url(inner.need("url", str), medium, path)
    media.detail = inner.take("detail", str) or ""
    return media


def _by_url(url: str, kind: Literal["image", "video", "document"], path: Path) -> Media:
    """A data URL is inline; any other stays an address, which the gateway never fetches."""
    if match := _DATA_URL.match(url):
        return Media(kind=kind, media_type=match[1], inline=match[2], path=path)
    return Media(kind=kind, url=url, path=path)


def _file(inner: Fields, path: Path) -> Media:
    data = inner.take("file_data", str) or ""
    media = _by_url(data, "document", path) if data.startswith("data:") else Media(kind="document", path=path)
    if not data.startswith("data:"):
        media.inline = data
    media.file_id = inner.take("file_id", str) or ""
    media.name = inner.take("filename", str) or ""
    return media


def _call(path: Path, raw: Raw) -> ToolCall | Opaque:
    fields = Fields(raw, path)
    kind = fields.take("type", str) or "function"
    if kind != "function":
        return Opaque(kind=f"tool_call.{kind}", raw=raw, dialect=NAME, path=path)
    function = fields.within("function")
    call = ToolCall(
        id=fields.take("id", str) or "",
        name=function.take("name", str) or "",
        arguments=function.take("arguments", str) or "",
        path=(*path, "function", "arguments"),
    )
    call.extra = fields.extra_of(NAME)
    return call
