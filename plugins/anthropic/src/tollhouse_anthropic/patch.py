"""Edits of Anthropic's JSON: the text of a tool's input is JSON itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw
from tollhouse import Edit
from tollhouse.json_patch import patch


def patch_inputs(raw: bytes, edits: Sequence[Edit]) -> bytes:
    """`patch`, where the text of a tool's input is JSON itself: what is no JSON becomes a string."""
    return patch(raw, [Edit(edit.path, _input(edit.value), edit.remove) if _is_input(edit) else edit for edit in edits])


def _is_input(edit: Edit) -> bool:
    return bool(edit.path) and edit.path[-1] == "input" and isinstance(edit.value, str)


def _input(text: str) -> Any:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return text
    return Raw(text.encode())
