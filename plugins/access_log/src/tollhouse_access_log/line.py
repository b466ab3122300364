"""From the last event of a request to one line of JSON: no prompt, no secret, and no line end that a caller wrote."""

from __future__ import annotations

from typing import Any

import msgspec
from tollhouse.events import RequestEnded

LONGEST = 500
"""Characters of the longest text in a line; callers choose some of them, such as the model's name."""


def line(event: RequestEnded) -> bytes:
    """The event's fields, ended by the only line end there is: JSON escapes all others."""
    said: dict[str, Any] = {name: _short(getattr(event, name)) for name in event.__struct_fields__}
    return msgspec.json.encode(said) + b"\n"


def lost(at: float, count: int) -> bytes:
    """Says that lines are missing here."""
    return msgspec.json.encode({"at": at, "lost": count}) + b"\n"


def _short(value: Any) -> Any:
    if isinstance(value, str):
        return value[:LONGEST].replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    if isinstance(value, tuple):
        return [_short(one) for one in value]
    return value
