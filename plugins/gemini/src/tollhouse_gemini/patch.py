"""Edits of Gemini's JSON: the text of a call's arguments and of a function's response is JSON itself."""

from __future__ import annotations

from collections.abc import Sequence

from tollhouse import Edit, json_patch

from .structs import struct

_STRUCTS = {
    "args": ("functionCall", "function_call"),
    "response": ("functionResponse", "function_response"),
}
"""Objects whose text is their JSON: fields by the parents they have."""


def patch(raw: bytes, edits: Sequence[Edit]) -> bytes:
    """`json_patch.patch`, where text for a call's arguments or a function's response is read as JSON."""
    return json_patch.patch(raw, [_as_struct(edit) for edit in edits])


def _as_struct(edit: Edit) -> Edit:
    if isinstance(edit.value, str) and len(edit.path) > 1 and edit.path[-2] in _STRUCTS.get(str(edit.path[-1]), ()):
        return Edit(edit.path, struct(edit.value))
    return edit
