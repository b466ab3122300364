"""Images and documents: read from Anthropic's sources, and written as them."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Literal, cast

from tollhouse import Receipt
from tollhouse.json_fields import Fields
from tollhouse.neutral import Media, Path

_KNOWN = {"image": ("base64", "url", "file"), "document": ("base64", "url", "file", "text")}
_SIGNS = {
    "iVBORw0KGgo": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
    "JVBERi": "application/pdf",
}
"""How the base64 of a format begins."""


def read_media(fields: Fields, kind: str, path: Path) -> Media | None:
    """An image or a document; None when its source is of a kind that is none of ours."""
    source = fields.within("source")
    form = source.take("type", str) or ""
    if form not in _KNOWN[kind]:
        return None
    media = Media(kind=cast(Literal["image", "document"], kind), path=path)
    media.media_type = source.take("media_type", str) or ""
    if form == "base64":
        media.inline = source.need("data", str)
    elif form == "text":
        media.inline = base64.b64encode(source.need("data", str).encode()).decode()
    elif form == "url":
        media.url = source.need("url", str)
    else:
        media.file_id = source.need("file_id", str)
    if kind == "document":
        media.name = fields.take("title", str) or ""
    return media


def write_media(media: Media, own: bool, at: str, receipt: Receipt) -> dict[str, Any] | None:
    """The block of a medium; None, with a line on the receipt, for what Anthropic cannot be shown. A file goes
    back only to a caller's own dialect: elsewhere its id means nothing."""
    if media.kind not in _KNOWN:
        receipt.note("dropped", at, f"messages take no {media.kind}")
        return None
    source = _source(media, own, at, receipt)
    if source is None:
        return None
    if media.detail:
        receipt.note("dropped", f"{at}.detail", "images have no detail here")
    block: dict[str, Any] = {"type": media.kind, "source": source}
    if media.name and media.kind == "document":
        block["title"] = media.name
    elif media.name:
        receipt.note("dropped", f"{at}.name", "images have no name here")
    return block


def _source(media: Media, own: bool, at: str, receipt: Receipt) -> dict[str, Any] | None:
    if media.file_id and own:
        return {"type": "file", "file_id": media.file_id}
    if media.inline:
        return _inline(media, at, receipt)
    if media.url:
        if media.media_type:
            receipt.note("dropped", f"{at}.media_type", "an address names no type here")
        return {"type": "url", "url": media.url}
    reason = "a file belongs to where it was uploaded" if media.file_id else "it is empty"
    receipt.note("dropped", at, reason)
    return None


def _inline(media: Media, at: str, receipt: Receipt) -> dict[str, Any] | None:
    if media.file_id:
        receipt.note("dropped", f"{at}.file_id", "a file belongs to where it was uploaded")
    if media.url:
        receipt.note("dropped", f"{at}.url", "its bytes are sent instead")
    kind = media.media_type
    if not kind:
        kind = next((kind for sign, kind in _SIGNS.items() if media.inline.startswith(sign)), "")
        if not kind:
            kind = "image/png" if media.kind == "image" else "application/pdf"
            receipt.note("approximated", at, f"its type is unknown and taken for {kind}")
    if media.kind == "image" or kind == "application/pdf":
        return {"type": "base64", "media_type": kind, "data": media.inline}
    text = _text(media.inline) if kind.startswith("text/") or kind == "application/json" else None
    if text is None:
        receipt.note("dropped", at, f"messages take no document of type {kind[:80]}")
        return None
    if kind != "text/plain":
        receipt.note("approximated", f"{at}.media_type", f"{kind[:80]} is sent as plain text")
    return {"type": "text", "media_type": "text/plain", "data": text}


def _text(inline: str) -> str | None:
    try:
        return base64.b64decode(inline, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
