"""Reads one reply to Converse: classifies its messages cheaply, and decodes them when somebody looks.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct
from tollhouse import Edit, Frame, ProviderError, Rejected, Usage
from tollhouse.neutral import End, Extra, Failed, Finish, Happening, Start, Used

from .errors import failure, in_band
from .eventstream import Message, payload, read, with_payload
from .name import NAME
from .parts import BlockReader, Numbers, unfold_block
from .patch import patch_body
from .reasons import read_reason
from .usage import read_usage

_NULL = Raw(b"null")
_DELTA = b":event-type\x07\x00\x11contentBlockDelta"
_FRAMED = 1
"""The most the first byte of a message can be, that of its length; JSON has none so small."""
_BODY = frozenset({"output", "stopReason", "usage", "metrics"})


class _Start(Struct):
    contentBlockIndex: int = 0
    start: dict[str, Any] = {}


class _Delta(Struct):
    contentBlockIndex: int = 0
    delta: dict[str, Any] = {}


class _Stop(Struct):
    contentBlockIndex: int = 0


class _Metadata(Struct):
    usage: Raw = _NULL


class _Reply(Struct):
    content: list[Raw] = []


class _Output(Struct):
    message: _Reply | None = None


_start = msgspec.json.Decoder(_Start)
_delta = msgspec.json.Decoder(_Delta)
_stop = msgspec.json.Decoder(_Stop)
_metadata = msgspec.json.Decoder(_Metadata)
_output = msgspec.json.Decoder(_Output)
_object = msgspec.json.Decoder(dict[str, Raw])
_word = msgspec.json.Decoder(str | None)


class ConverseDecoder:
    """One reply. It is complete when `messageStop` came; `metadata` with the usage follows it."""

    def __init__(self) -> None:
        self._stopped = False
        self._counted = False
        self._blocks: dict[int, BlockReader] = {}
        self._numbers = Numbers()
        self._last: tuple[bytes, Message] | None = None

    def sniff(self, raw: bytes) -> Frame:
        """Classify one message; bytes that cannot be read are an error frame. Deltas, which are nearly all of a
        stream, are told by a header alone."""
        if _DELTA in raw[:200]:
            return Frame(raw, "content")
        try:
            message = self._read(raw)
            if message.kind != "event":
                return Frame(raw, "error", error=in_band(message))
            match message.name:
                case "contentBlockStart":
                    return Frame(raw, "content" if _start.decode(message.payload).start else "lifecycle")
                case "messageStop":
                    self._stopped = True
                    return Frame(raw, "end" if self._counted else "lifecycle")
                case "metadata":
                    self._counted = True
                    usage = read_usage(_metadata.decode(message.payload).usage)
                    return Frame(raw, "end" if self._stopped else "usage", usage)
        except ProviderError as error:
            return Frame(raw, "error", error=error)
        except (msgspec.DecodeError, RecursionError):
            return Frame(raw, "error", error=_unreadable())
        return Frame(raw, "lifecycle")

    def feed(self, raw: bytes) -> list[Happening]:
        """The neutral events of one message."""
        message = self._read(raw)
        if message.kind != "event":
            return [Failed(error=in_band(message))]
        out: list[Happening] = []
        try:
            self._tell(message, out)
        except (msgspec.DecodeError, RecursionError):
            raise _unreadable() from None
        return out

    def _tell(self, message: Message, out: list[Happening]) -> None:
        match message.name:
            case "messageStart":
                out.append(Start(extra=Extra(NAME, {})))
            case "contentBlockStart":
                start = _start.decode(message.payload)
                self._block(start.contentBlockIndex).begin(start.start, out)
            case "contentBlockDelta":
                delta = _delta.decode(message.payload)
                self._block(delta.contentBlockIndex).grow(delta.delta, out)
            case "contentBlockStop":
                self._block(_stop.decode(message.payload).contentBlockIndex).end(out)
            case "messageStop":
                self._stopped = True
                for block in self._blocks.values():
                    block.end(out)
                _finish(_object.decode(message.payload), out)
                if self._counted:
                    out.append(End())
            case "metadata":
                self._counted = True
                _report(read_usage(_metadata.decode(message.payload).usage), out)
                if self._stopped:
                    out.append(End())

    def finish(self) -> None:
        """The messages have ended. Raises `ProviderError(kind="cut")` unless the reply is complete."""
        if not self._stopped:
            raise ProviderError("the upstream ended its stream without its terminal event", kind="cut")

    def whole(self, raw: bytes) -> Frame:
        """Classify a whole body."""
        body = _body(raw)
        if "output" not in body and "message" in body:
            return Frame(raw, "error", error=failure(500, {}, raw))
        try:
            said = _output.decode(body.get("output", b"{}"))
        except (msgspec.DecodeError, RecursionError):
            raise _unreadable() from None
        if said.message is None:
            raise ProviderError("the upstream's reply has no message", kind="bad_reply")
        return Frame(raw, "end", read_usage(body.get("usage", _NULL)))

    def unfold(self, raw: bytes) -> list[Happening]:
        """The neutral events a whole body is the fold of."""
        frame = self.whole(raw)
        if frame.error is not None:
            return [Failed(error=frame.error)]
        body = _body(raw)
        said = _output.decode(body["output"]).message
        out: list[Happening] = [Start(extra=Extra(NAME, {}))]
        try:
            for n, block in enumerate(said.content if said else ()):
                unfold_block(block, ("output", "message", "content", n), self._numbers, out)
            _finish({name: value for name, value in body.items() if name not in _BODY or name == "stopReason"}, out)
        except (msgspec.DecodeError, RecursionError, Rejected):
            raise _unreadable() from None
        _report(frame.usage, out)
        out.append(End())
        return out

    def patch(self, raw: bytes, edits: Sequence[Edit]) -> bytes:
        """Apply edits to a message or a whole body."""
        if raw[0] > _FRAMED:
            return patch_body(raw, edits)
        return with_payload(raw, patch_body(payload(raw), edits))

    def _block(self, index: int) -> BlockReader:
        if index not in self._blocks:
            self._blocks[index] = BlockReader(self._numbers)
        return self._blocks[index]

    def _read(self, raw: bytes) -> Message:
        """The message of a frame, which is sniffed and then fed."""
        if self._last is None or self._last[0] is not raw:
            self._last = (raw, read(raw))
        return self._last[1]


def _finish(said: dict[str, Raw], out: list[Happening]) -> None:
    """The end of the reply; without a reason there is none to tell. A stream's padding says nothing."""
    raw = _word.decode(said.get("stopReason", _NULL))
    left = {name: value for name, value in said.items() if name not in ("stopReason", "p") and bytes(value) != b"null"}
    if raw:
        out.append(Finish(reason=read_reason(raw), raw=raw, extra=Extra(NAME, left) if left else None))


def _report(usage: Usage | None, out: list[Happening]) -> None:
    if usage is not None:
        out.append(Used(usage=usage))


def _body(raw: bytes) -> dict[str, Raw]:
    try:
        return _object.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        raise _unreadable() from None


def _unreadable() -> ProviderError:
    return ProviderError("the upstream sent bytes that are no reply of Converse", kind="bad_reply")
