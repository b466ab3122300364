"""Images, documents, video and audio: read from Converse's blocks, and written as them."""

from __future__ import annotations

import base64
import re
from typing import Any, Literal, cast

from tollhouse import Receipt
from tollhouse.json_fields import Fields
from tollhouse.neutral import Media, Path

KINDS = ("image", "document", "video", "audio")

_TYPES = {
    "image": {"png": "image/png", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp"},
    "document": {
        "pdf": "application/pdf",
        "csv": "text/csv",
        "doc": "application/msword",
        "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "xls": "application/vnd.ms-excel",
        "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "html": "text/html",
        "txt": "text/plain",
        "md": "text/markdown",
    },
    "video": {
        "mkv": "video/x-matroska",
        "mov": "video/quicktime",
        "mp4": "video/mp4",
        "webm": "video/webm",
        "flv": "video/x-flv",
        "mpeg": "video/mpeg",
        "wmv": "video/x-ms-wmv",
        "three_gp": "video/3gpp",
    },
    "audio": {
        "mp3": "audio/mpeg",
        "wav": "audio/wav",
        "aac": "audio/aac",
        "flac": "audio/flac",
        "ogg": "audio/ogg",
        "opus": "audio/opus",
        "m4a": "audio/mp4",
        "webm": "audio/webm",
    },
}
"""Media types by Converse's formats; a format that is not here is `KIND/FORMAT`."""
_FORMATS = {kind: {type_: name for name, type_ in types.items()} for kind, types in _TYPES.items()}
_FORMATS["image"]["image/jpg"] = "jpeg"
_FORMATS["audio"] |= {"audio/mp3": "mp3", "audio/x-wav": "wav"}
_SIGNS = {
    "iVBORw0KGgo": "image/png",
    "/9j/": "image/jpeg",
    "R0lGOD": "image/gif",
    "UklGR": "image/webp",
    "JVBERi": "application/pdf",
}
"""How the base64 of a format begins."""
_ODD = re.compile(r"[^A-Za-z0-9 ()\[\]-]+")
_BLANKS = re.compile(r"\s{2,}")


def read_media(fields: Fields, kind: str, path: Path) -> Media | None:
    """A medium; None when its source is of a kind that is none of ours."""
    source = fields.within("source")
    media = Media(kind=cast(Literal["image", "document", "video", "audio"], kind), path=path)
    format_ = fields.take("format", str) or ""
    if format_:
        media.media_type = _TYPES[kind].get(format_, f"{kind}/{format_}")
    if source.has("bytes"):
        media.inline = source.need("bytes", str)
    elif source.has("s3Location"):
        media.file_id = source.within("s3Location").need("uri", str)
    elif source.has("text"):
        media.inline = base64.b64encode(source.need("text", str).encode()).decode()
        media.media_type = media.media_type or "text/plain"
    else:
        return None
    if kind == "document":
        media.name = fields.take("name", str) or ""
    return media


class MediaWriter:
    """Writes the media of one request: names of documents are made such that Bedrock takes them, each one once."""

    def __init__(self, own: bool, receipt: Receipt) -> None:
        self._own, self._receipt = own, receipt
        self._names: set[str] = set()

    def write(self, media: Media, at: str) -> dict[str, Any] | None:
        """The block of a medium; None, with a line on the receipt, for what Bedrock cannot be shown."""
        source = self._source(media, at)
        if source is None:
            return None
        format_ = self._format(media, at)
        if format_ is None:
            return None
        if media.detail:
            self._receipt.note("dropped", f"{at}.detail", "media have no detail here")
        block: dict[str, Any] = {"format": format_} if format_ else {}
        if media.kind == "document":
            block["name"] = self._name(media.name, at)
        elif media.name:
            self._receipt.note("dropped", f"{at}.name", f"{media.kind} blocks have no name here")
        return {media.kind: {**block, "source": source}}

    def _source(self, media: Media, at: str) -> dict[str, Any] | None:
        if media.inline:
            for name, value in (("url", media.url), ("file_id", media.file_id)):
                if value:
                    self._receipt.note("dropped", f"{at}.{name}", "its bytes are sent instead")
            return {"bytes": media.inline}
        if media.file_id and self._own:
            return {"s3Location": {"uri": media.file_id}}
        reason = "it is empty"
        if media.url:
            reason = "Bedrock fetches no addresses; send the bytes"
        elif media.file_id:
            reason = "a file belongs to where it was uploaded"
        self._receipt.note("dropped", at, reason)
        return None

    def _format(self, media: Media, at: str) -> str | None:
        """Converse's word for a media type, told from the first bytes when it is missing; empty when nobody says."""
        kind = media.media_type.partition(";")[0].strip().lower()
        if not kind and self._own:
            return ""
        if not kind:
            kind = next((kind for sign, kind in _SIGNS.items() if media.inline.startswith(sign)), "")
            if not kind:
                kind = {"image": "image/png", "document": "application/pdf"}.get(media.kind, f"{media.kind}/mp4")
                self._receipt.note("approximated", at, f"its type is unknown and taken for {kind}")
        if (known := _FORMATS[media.kind].get(kind)) is not None:
            return known
        if self._own and kind.startswith(f"{media.kind}/"):
            return kind.partition("/")[2]
        if media.kind == "document" and (kind.startswith("text/") or kind == "application/json"):
            self._receipt.note("approximated", f"{at}.media_type", f"{kind[:80]} is sent as plain text")
            return "txt"
        self._receipt.note("dropped", at, f"Converse takes no {media.kind} of type {kind[:80]}")
        return None

    def _name(self, name: str, at: str) -> str:
        if self._own:
            return name
        kept = _BLANKS.sub(" ", _ODD.sub(" ", name)).strip()[:190] or "document"
        unique, count = kept, 1
        while unique in self._names:
            count += 1
            unique = f"{kept} {count}"
        self._names.add(unique)
        if unique != name and name:
            self._receipt.note("approximated", f"{at}.name", "names are made of letters, digits and blanks here")
        return unique
