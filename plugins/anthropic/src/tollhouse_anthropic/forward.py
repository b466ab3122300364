"""Events forwarded as they came, with blocks made here among them."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct
from tollhouse import Edit, ProviderError
from tollhouse.framing import sse
from tollhouse.json_patch import patch
from tollhouse.neutral import Delta

from .serial import Serial

_DELTA = b"event: content_block_delta\n"


class _Block(Struct):
    type: str = ""


class _Event(Struct):
    type: str = ""
    index: int = 0
    content_block: _Block | None = None


_event = msgspec.json.Decoder(_Event)


class Forwarded:
    """The blocks that an upstream of this dialect wrote. Parts are counted as the decoder counts them."""

    def __init__(self, serial: Serial) -> None:
        self._serial = serial
        self._numbers: dict[int, int] = {}
        self._kinds: list[str] = []
        self._moved = False
        self.begun = False
        """Whether any event was forwarded."""
        self.rest = b""
        """`message_delta` and what followed it, which waits for the message's end: blocks may still be made."""

    def write(self, raw: bytes, headed: bool) -> bytes:
        """An event of the upstream: the same bytes, as long as its blocks keep their numbers. Its message's start
        is left out when `headed` says that one was written here."""
        self.begun = True
        if self.rest:
            self.rest += raw
            return b""
        if raw.startswith(_DELTA) and not self._moved:
            return raw
        data = sse.data(raw)
        said = _event.decode(data) if data else _Event()
        match said.type:
            case "message_start" if headed:
                return b""
            case "content_block_start":
                before = self._serial.close()
                number = self._serial.adopt(("forwarded", len(self._kinds)))
                self._kinds.append(said.content_block.type if said.content_block else "")
                self._numbers[said.index] = number
                self._moved = self._moved or number != said.index
                return before + self._numbered(raw, data, said.index)
            case "content_block_delta":
                return self._numbered(raw, data, said.index)
            case "content_block_stop":
                return self._numbered(raw, data, said.index) + self._serial.release(self._serial.open)
            case "message_delta":
                self.rest = raw
                return b""
        return raw

    def grow(self, delta: Delta) -> bytes:
        """A delta made here of a part that was forwarded. Raises `ProviderError` for arguments of a call that has
        ended."""
        kind = self._kinds[delta.index] if 0 <= delta.index < len(self._kinds) else "text"
        key = ("forwarded", delta.index)
        if self._serial.open != key:
            if kind == "tool_use":
                raise ProviderError("arguments were held back beyond the end of their call", kind="bad_reply")
            key = ("made", delta.index)
        said = _grown(kind, delta.text)
        if not delta.text:
            return b""
        if key[0] == "forwarded":
            return self._serial.grow(key, said)
        name = "thinking" if kind == "thinking" else "text"
        block = {"type": name, name: "", **({"signature": ""} if name == "thinking" else {})}
        return self._serial.begin(key, block) + self._serial.grow(key, said) + self._serial.end(key)

    def _numbered(self, raw: bytes, data: bytes, index: int) -> bytes:
        number = self._numbers.get(index, index)
        return raw if number == index else sse.with_data(raw, patch(data, [Edit(("index",), number)]))


def _grown(kind: str, text: str) -> dict[str, Any]:
    if kind == "tool_use":
        return {"type": "input_json_delta", "partial_json": text}
    name = "thinking" if kind == "thinking" else "text"
    return {"type": f"{name}_delta", name: text}
