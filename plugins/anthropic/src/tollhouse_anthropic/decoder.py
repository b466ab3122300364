"""Reads one reply to a messages request: classifies its events cheaply, and decodes them when somebody looks.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct
from tollhouse import Edit, Frame, ProviderError
from tollhouse.framing import sse
from tollhouse.neutral import End, Extra, Failed, Finish, Happening, Start, Used

from .errors import in_band
from .name import NAME
from .parts import BlockReader, content_at_once
from .patch import patch_inputs
from .reasons import read_reason
from .usage import UsageReader

_NULL = Raw(b"null")
_DELTA = b"event: content_block_delta\ndata: {"


class _Kind(Struct):
    type: str = ""


class _Message(Struct):
    usage: Raw = _NULL
    id: Any = None
    model: Any = None


class _Event(Struct):
    type: str = ""
    index: int = 0
    message: _Message | None = None
    content_block: Raw = _NULL
    delta: dict[str, Any] | None = None
    usage: Raw = _NULL
    error: Raw = _NULL
    context_management: Raw = _NULL


_kind = msgspec.json.Decoder(_Kind)
_event = msgspec.json.Decoder(_Event)
_object = msgspec.json.Decoder(dict[str, Raw])
_array = msgspec.json.Decoder(list[Raw])
_encode = msgspec.json.Encoder().encode
_BODY = frozenset({"id", "type", "role", "model", "content", "stop_reason", "usage"})


class MessageDecoder:
    """One reply. It is complete when `message_stop` came."""

    def __init__(self) -> None:
        self._done = False
        self._sniffed, self._usage = UsageReader(), UsageReader()
        self._open: dict[int, BlockReader] = {}
        self._parts = 0

    def sniff(self, raw: bytes) -> Frame:
        """Classify one raw event; bytes that cannot be read are an error frame. Deltas, which are nearly all of a
        stream, are told by their event's name alone."""
        if raw.startswith(_DELTA):
            return Frame(raw, "content")
        data = sse.data(raw)
        if not data:
            return Frame(raw, "lifecycle")
        try:
            event = _event.decode(data)
            match event.type:
                case "message_start":
                    return Frame(raw, "lifecycle", self._sniffed.read(event.message.usage) if event.message else None)
                case "content_block_start":
                    at_once = content_at_once(_kind.decode(event.content_block).type)
                    return Frame(raw, "content" if at_once else "lifecycle")
                case "content_block_delta":
                    return Frame(raw, "content")
                case "message_delta":
                    return Frame(raw, "usage", self._sniffed.read(event.usage))
                case "message_stop":
                    self._done = True
                    return Frame(raw, "end")
        except (msgspec.DecodeError, RecursionError):
            return Frame(raw, "error", error=_unreadable())
        if bytes(event.error) != b"null":
            return Frame(raw, "error", error=in_band(data))
        return Frame(raw, "lifecycle")

    def feed(self, raw: bytes) -> list[Happening]:
        """The neutral events of one raw event."""
        data = sse.data(raw)
        out: list[Happening] = []
        if data:
            try:
                self._read(_event.decode(data), data, out)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
                raise _unreadable() from None
        return out

    def _read(self, event: _Event, data: bytes, out: list[Happening]) -> None:
        match event.type:
            case "message_start" if event.message is not None:
                out.append(Start(id=_word(event.message.id), model=_word(event.message.model), extra=Extra(NAME, {})))
                self._report(event.message.usage, out)
            case "content_block_start":
                self._begin(event.index, event.content_block, ("content_block",), out)
            case "content_block_delta" if event.delta is not None:
                if event.index not in self._open:
                    raise _unreadable()
                self._open[event.index].grow(event.delta, out)
            case "content_block_stop" if event.index in self._open:
                self._open.pop(event.index).end(out)
            case "message_delta":
                said = {name: Raw(_encode(value)) for name, value in (event.delta or {}).items()}
                _finish(said | {"context_management": event.context_management}, out)
                self._report(event.usage, out)
            case "message_stop":
                self._done = True
                for block in self._open.values():
                    block.end(out)
                self._open.clear()
                out.append(End())
            case _ if bytes(event.error) != b"null":
                out.append(Failed(error=in_band(data)))

    def finish(self) -> None:
        """The frames have ended. Raises `ProviderError(kind="cut")` unless the reply is complete."""
        if not self._done:
            raise ProviderError("the upstream ended its stream without its terminal event", kind="cut")

    def whole(self, raw: bytes) -> Frame:
        """Classify a whole body."""
        body = self._body(raw)
        if body.get("type") == b'"error"' or ("error" in body and "content" not in body):
            return Frame(raw, "error", error=in_band(raw))
        if bytes(body.get("content", b""))[:1] != b"[":
            raise ProviderError("the upstream's reply has no content", kind="bad_reply")
        return Frame(raw, "end", self._sniffed.read(body.get("usage", _NULL)))

    def unfold(self, raw: bytes) -> list[Happening]:
        """The neutral events a whole body is the fold of."""
        frame = self.whole(raw)
        if frame.error is not None:
            return [Failed(error=frame.error)]
        body = self._body(raw)
        out: list[Happening] = []
        try:
            head = msgspec.json.decode(raw, type=_Message)
            out.append(Start(id=_word(head.id), model=_word(head.model), extra=Extra(NAME, {})))
            for n, block in enumerate(_array.decode(body["content"])):
                self._begin(n, block, ("content", n), out)
                self._open.pop(n).end(out, ("content", n))
            _finish({name: value for name, value in body.items() if name not in _BODY or name == "stop_reason"}, out)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            raise _unreadable() from None
        self._report(body.get("usage", _NULL), out)
        out.append(End())
        return out

    def patch(self, raw: bytes, edits: Sequence[Edit]) -> bytes:
        """Apply edits to an event or a whole body."""
        data = sse.data(raw)
        return sse.with_data(raw, patch_inputs(data, edits)) if data else patch_inputs(raw, edits)

    def _begin(self, index: int, block: Raw, path: tuple[str | int, ...], out: list[Happening]) -> None:
        self._open[index] = BlockReader(self._parts, block, path, out)
        self._parts += 1

    def _report(self, raw: Raw, out: list[Happening]) -> None:
        if usage := self._usage.read(raw):
            out.append(Used(usage=usage))

    def _body(self, raw: bytes) -> dict[str, Raw]:
        try:
            return _object.decode(raw)
        except (msgspec.DecodeError, RecursionError):
            raise _unreadable() from None


def _finish(said: dict[str, Raw], out: list[Happening]) -> None:
    """The end of the reply; without a reason there is none to tell."""
    raw = msgspec.json.decode(said.pop("stop_reason", _NULL), type=str | None)
    left = {name: value for name, value in said.items() if bytes(value) != b"null"}
    if raw:
        out.append(Finish(reason=read_reason(raw), raw=raw, extra=Extra(NAME, left) if left else None))


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _unreadable() -> ProviderError:
    return ProviderError("the upstream sent bytes that are not a message", kind="bad_reply")
