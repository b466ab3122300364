"""Messages forwarded as they came, with blocks made here among them."""

from __future__ import annotations

import re
from typing import Any

from tollhouse import Edit, ProviderError
from tollhouse.json_patch import patch
from tollhouse.neutral import Delta

from .eventstream import payload, with_payload
from .serial import Serial

_INDEX = re.compile(rb'"contentBlockIndex"\s*:\s*(\d+)')
"""Inside of a JSON string the quotes would be escaped."""
_NAME = b":event-type\x07\x00"
_STOP = _NAME + b"\x10contentBlockStop"
_AFTER = (_NAME + b"\x0bmessageStop", _NAME + b"\x08metadata")
_START = _NAME + b"\x0cmessageStart"


class Forwarded:
    """The blocks that an upstream of this dialect wrote. Parts are counted as the decoder counts them."""

    def __init__(self, serial: Serial) -> None:
        self._serial = serial
        self._numbers: dict[int, int] = {}
        self._kinds: list[str] = []
        self.begun = False
        """Whether any message was forwarded."""
        self.rest = b""
        """`messageStop` and what followed it, which waits for the reply's end: blocks may still be made."""

    def write(self, raw: bytes, headed: bool) -> bytes:
        """A message of the upstream: the same bytes, as long as its blocks keep their numbers. Its `messageStart` is
        left out when `headed` says that one was written here."""
        self.begun = True
        head = raw[:200]
        if self.rest or any(name in head for name in _AFTER):
            self.rest += raw
            return b""
        if headed and _START in head:
            return b""
        found = _INDEX.search(raw)
        if found is None:
            return raw
        index, before = int(found[1]), b""
        if index not in self._numbers:
            before = self._serial.close()
            self._numbers[index] = self._serial.adopt(("forwarded", len(self._kinds)))
            self._kinds.append(_kind(raw))
        number = self._numbers[index]
        same = (
            raw if number == index else with_payload(raw, patch(payload(raw), [Edit(("contentBlockIndex",), number)]))
        )
        return before + same + (self._serial.release() if _STOP in head else b"")

    def grow(self, delta: Delta) -> bytes:
        """A delta made here of a part that was forwarded. Raises `ProviderError` for arguments of a call that has
        ended."""
        if not delta.text:
            return b""
        kind = self._kinds[delta.index] if 0 <= delta.index < len(self._kinds) else "text"
        key = ("forwarded", delta.index)
        if self._serial.open == key:
            return self._serial.grow(key, grown(kind, delta.text))
        if kind == "tool_call":
            raise ProviderError("arguments were held back beyond the end of their call", kind="bad_reply")
        made = ("made", delta.index)
        return self._serial.begin(made) + self._serial.grow(made, grown(kind, delta.text)) + self._serial.end(made)


def grown(kind: str, text: str) -> dict[str, Any]:
    """The delta of a part of this kind that says a text."""
    if kind == "tool_call":
        return {"toolUse": {"input": text}}
    return {"reasoningContent": {"text": text}} if kind == "thinking" else {"text": text}


def _kind(raw: bytes) -> str:
    if b'"toolUse":' in raw:
        return "tool_call"
    return "thinking" if b'"reasoningContent":' in raw else "text"
