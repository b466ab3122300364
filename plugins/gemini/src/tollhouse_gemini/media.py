"""Writes media of any dialect as inline data or as a file's address."""

from __future__ import annotations

import mimetypes
from typing import Any

from tollhouse import Receipt
from tollhouse.neutral import Media

_ASSUMED = {"image": "image/png", "audio": "audio/wav", "video": "video/mp4", "document": "application/pdf"}


def write_media(media: Media, at: str, own: bool, receipt: Receipt) -> dict[str, Any] | None:
    """Gemini's part for a medium; None when it has none. A file's id wins over its address, and that over its
    bytes; an id is known only to the provider that gave it."""
    if media.detail:
        receipt.note("dropped", f"{at}.detail", "parts have no such field")
    if media.name and not own:
        receipt.note("dropped", f"{at}.name", "the Gemini API refuses names of files")
    data: dict[str, Any] = {"displayName": media.name} if media.name and own else {}
    if media.file_id and own:
        return {"fileData": {**data, **_typed(media, at, own, receipt), "fileUri": media.file_id}}
    if media.file_id:
        receipt.note("dropped", f"{at}.file_id", "a file is known only to the provider that holds it")
    if media.url:
        return {"fileData": {**data, **_typed(media, at, own, receipt), "fileUri": media.url}}
    if media.inline or (own and not media.file_id):
        return {"inlineData": {**data, **_typed(media, at, own, receipt), "data": media.inline}}
    return None


def _typed(media: Media, at: str, own: bool, receipt: Receipt) -> dict[str, Any]:
    """The media type; Gemini demands one, so it is guessed for dialects that need none."""
    if media.media_type or own:
        return {"mimeType": media.media_type} if media.media_type else {}
    path = media.url.partition("?")[0].partition("#")[0] or media.name
    guessed = mimetypes.guess_type(path)[0] or _ASSUMED[media.kind]
    receipt.note("approximated", f"{at}.media_type", f"taken for {guessed}")
    return {"mimeType": guessed}
