"""Reads the content of input items: each part with its path, what is unknown kept."""

from __future__ import annotations

import re
from typing import Literal

from msgspec import Raw
from tollhouse.json_fields import Fields, convert
from tollhouse.neutral import Media, Opaque, Part, Path, Refusal, Text

from ..content import AUDIO_TYPES
from .name import NAME

CONTENT = "content."
"""Before the kind of a part of a message that only this dialect understands; without it an item of its own."""

_DATA_URL = re.compile(r"data:([^;,]+);base64,(.*)\Z", re.DOTALL)
_EMPTY = {"annotations": b"[]", "logprobs": b"[]"}
"""What a text says when it has nothing of the kind."""


def read_content(fields: Fields, name: str) -> list[Part]:
    """A text, or a list of parts. Raises `Rejected` (400) naming the field."""
    raw = fields.raw(name)
    if raw is None:
        return []
    path = (*fields.path, name)
    if memoryview(raw)[0] != ord("["):
        return [Text(text=convert(raw, str, path), path=path)]
    fields.put_back(name, raw)
    return [_part(at, item) for at, item in fields.items(name)]


def _part(path: Path, raw: Raw) -> Part:
    fields = Fields(raw, path)
    kind = fields.need("type", str)
    part: Part
    match kind:
        case "input_text" | "output_text" | "text":
            part = Text(text=fields.need("text", str), path=(*path, "text"))
            for name, empty in _EMPTY.items():
                if (said := fields.raw(name)) is not None and bytes(said) != empty:
                    fields.put_back(name, said)
        case "refusal":
            part = Refusal(text=fields.need("refusal", str), path=(*path, "refusal"))
        case "input_image":
            part = _linked(fields.take("image_url", str) or "", "image", path)
            part.file_id = fields.take("file_id", str) or ""
            part.detail = fields.take("detail", str) or ""
        case "input_file":
            part = _file(fields, path)
        case "input_audio":
            inner = fields.within(kind)
            form = inner.take("format", str) or ""
            media_type = AUDIO_TYPES.get(form, f"audio/{form}" if form else "")
            part = Media(kind="audio", inline=inner.need("data", str), media_type=media_type, path=path)
        case _:
            return Opaque(kind=CONTENT + kind, raw=raw, dialect=NAME, path=path)
    part.extra = fields.extra_of(NAME)
    return part


def _linked(url: str, kind: Literal["image", "document"], path: Path) -> Media:
    """A data URL is inline; any other stays an address, which the gateway never fetches."""
    if match := _DATA_URL.match(url):
        return Media(kind=kind, media_type=match[1], inline=match[2], path=path)
    return Media(kind=kind, url=url, path=path)


def _file(fields: Fields, path: Path) -> Media:
    data = fields.take("file_data", str) or ""
    media = _linked(data or fields.take("file_url", str) or "", "document", path)
    if data and not media.inline:
        media.inline, media.url = data, ""
    media.file_id = fields.take("file_id", str) or ""
    media.name = fields.take("filename", str) or ""
    return media
