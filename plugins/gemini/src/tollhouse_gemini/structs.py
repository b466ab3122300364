"""Arguments and results: objects on Gemini's wire, text everywhere else."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw

OUTPUT = "output"
ERROR = "error"
"""The two keys Gemini names for what a function returned and for how it failed."""

_object = msgspec.json.Decoder(dict[str, Raw])
_string = msgspec.json.Decoder(str)
_encode = msgspec.json.Encoder().encode


def as_object(text: str) -> Raw | None:
    """The text as it is when it is a JSON object, else None."""
    stripped = text.strip()
    if not stripped.startswith("{"):
        return None
    raw = stripped.encode("utf-8", "surrogatepass")
    try:
        _object.decode(raw)
        raw.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return Raw(raw)


def struct(text: str, key: str = OUTPUT) -> Any:
    """An object for a text: the one it spells, else one that holds the text as `key`."""
    return as_object(text) or {key: text}


def arguments(text: str) -> Any:
    """A call's arguments as an object. Text that spells none is kept whole as `arguments`."""
    return struct(text, "arguments") if text.strip() else {}


def result(text: str, error: bool) -> Any:
    """A function's response."""
    if not error:
        return struct(text)
    return {ERROR: as_object(text) or text}


def result_text(raw: Raw) -> tuple[str, bool, str]:
    """What a response says, whether it is a failure, and the key its text stands at when it is a lone text there.
    The inverse of `result`."""
    fields = _object.decode(raw)
    if len(fields) == 1:
        [(key, value)] = fields.items()
        if key in (OUTPUT, ERROR) and memoryview(value)[0] == ord('"'):
            text = _string.decode(value)
            if as_object(text) is None:
                return text, key == ERROR, key
        elif key == ERROR and memoryview(value)[0] == ord("{"):
            return bytes(value).decode(), True, ""
    return bytes(raw).decode(), False, ""


def packed(value: Any) -> str:
    """A value as compact JSON."""
    return _encode(value).decode()
