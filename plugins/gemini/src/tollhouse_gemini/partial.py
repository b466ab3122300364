"""Arguments of a call that come piece by piece, each with the JSON path of the value it belongs to.

Source: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling (streaming arguments)
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
from msgspec import Raw, Struct

from .structs import packed

_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]")
_MOST = 100_000
"""Elements an array may have."""


class _Piece(Struct):
    jsonPath: str = "$"
    stringValue: str | None = None
    numberValue: float | int | None = None
    boolValue: bool | None = None


_pieces = msgspec.json.Decoder(list[_Piece])


class Partial:
    """The arguments of one call as they grow: strings at one path are joined, any other value is set."""

    def __init__(self) -> None:
        self._root: Any = {}

    def add(self, raw: Raw) -> None:
        """Take a `partialArgs`. Raises `msgspec.DecodeError` on anything else."""
        for piece in _pieces.decode(raw):
            steps = [
                int(number) if number else name or single or double
                for name, number, single, double in _STEP.findall(piece.jsonPath)
            ]
            value: Any = piece.stringValue
            if value is None:
                value = piece.numberValue if piece.numberValue is not None else piece.boolValue
            if steps:
                self._root = _grown(self._root, steps, value)

    def arguments(self) -> str:
        """The whole as JSON."""
        return packed(self._root)


def _grown(node: Any, steps: list[int | str], value: Any) -> Any:
    """`node` with the value at a path below it; what is missing on the way is made."""
    if not steps:
        return node + value if isinstance(node, str) and isinstance(value, str) else value
    step, rest = steps[0], steps[1:]
    if isinstance(step, int):
        items = node if isinstance(node, list) else []
        if step >= _MOST:
            return items
        items.extend([None] * (step + 1 - len(items)))
        items[step] = _grown(items[step], rest, value)
        return items
    fields = node if isinstance(node, dict) else {}
    fields[step] = _grown(fields.get(step), rest, value)
    return fields
