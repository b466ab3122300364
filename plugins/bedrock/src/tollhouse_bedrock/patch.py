"""Edits of Converse's JSON: a tool's input, and a result told as JSON, are no text but JSON themselves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw
from tollhouse import Edit
from tollhouse.json_patch import patch


def patch_body(raw: bytes, edits: Sequence[Edit]) -> bytes:
    """`patch`, where text for such a place is written as the JSON it is; what is none becomes a string."""
    return patch(raw, [Edit(edit.path, _json(edit.value), edit.remove) if _is_json(edit) else edit for edit in edits])


def _is_json(edit: Edit) -> bool:
    """The input of a whole call stands right below `toolUse`; a piece of one in a stream, below `delta`, is text."""
    if not isinstance(edit.value, str) or edit.path[:1] == ("delta",):
        return False
    return edit.path[-2:] == ("toolUse", "input") or edit.path[-1:] == ("json",)


def _json(text: str) -> Any:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
    return Raw(text.encode())
