"""Writes the reply to a messages request: events for a stream, one object for a body."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from tollhouse import Frame, ProviderError, Rejected, Request, Usage
from tollhouse.framing import sse
from tollhouse.neutral import Delta, Extra, Failed, Finish, Happening, PartEnd, PartStart, Start, Used, fold

from .errors import error_event
from .forward import Forwarded
from .message import leftovers, write_message
from .name import NAME
from .reasons import write_reason
from .serial import Serial, event
from .usage import write_usage
from .whole import WholeEncoder

_GROWTH = {"text": "text_delta", "refusal": "text_delta", "thinking": "thinking_delta"}
Ids = Callable[[str], str]


def encoder_of(request: Request, ids: Ids) -> StreamEncoder | BodyEncoder:
    """The writer this caller's request asks for."""
    return StreamEncoder(request, ids) if request.stream else BodyEncoder(request, ids)


class BodyEncoder(WholeEncoder):
    """A whole message."""

    def __init__(self, request: Request, ids: Ids) -> None:
        super().__init__()
        self._request, self._ids = request, ids

    def body(self) -> bytes:
        """The message that the events fold to."""
        answer = fold(self.happenings)
        return write_message(answer, answer.model or self._request.model, self._ids)


class StreamEncoder:
    """Events, in an order that cannot be wrong: the message's start first, one block after another, and the stop
    reason, the usage and `message_stop` only when the reply is complete.

    Events may be forwarded, and others made by relays written between them: blocks are numbered anew from where
    that happens. A delta of a part whose beginning was forwarded goes into its block, or into one of its own
    when that has ended.
    """

    content_type = "text/event-stream; charset=utf-8"

    def __init__(self, request: Request, ids: Ids) -> None:
        self._request, self._ids = request, ids
        self._serial = Serial()
        self._forwarded = Forwarded(self._serial)
        self._start = Start()
        self._begun = False
        """Whether the message's start was written here."""
        self._parts: dict[int, PartStart] = {}
        self._written: set[int] = set()
        self._kinds: set[str] = set()
        self._finish = Finish(reason="missing")
        self._usage: Usage | None = None
        self._closed = False

    def passes(self, frame: Frame) -> bytes:
        """The event as it came, unless blocks made here stand before it."""
        if frame.kind == "end":
            self._closed = True
            return self._serial.close() + self._forwarded.rest + frame.raw
        return self._forwarded.write(frame.raw, self._begun)

    def feed(self, happenings: Sequence[Happening]) -> bytes:
        """The events of these. Raises the error of a `Failed`, and `ProviderError` when too much would have to wait
        for the order's sake. Anthropic knows one choice: others are left out."""
        out: list[bytes] = []
        for happening in happenings:
            match happening:
                case Start():
                    self._start = happening
                case Used(usage=usage):
                    self._usage = self._usage.merged(usage) if self._usage else usage
                case Failed(error=error):
                    raise error
                case Finish(choice=0):
                    self._finish = happening
                case PartStart(choice=0):
                    out.append(self._begin(happening))
                case Delta(choice=0):
                    out.append(self._grow(happening))
                case PartEnd(choice=0):
                    out.append(self._end(happening))
                case _:
                    pass
        return b"".join(out)

    def finish(self) -> bytes:
        """What closes the message: nothing twice, and no reason that nobody gave."""
        if self._closed:
            return b""
        self._closed = True
        out = [self._head(), self._serial.close(), self._forwarded.rest]
        if not self._forwarded.rest:
            said = self._finish
            more: dict[str, Any] = dict(leftovers(said.extra))
            top = {name: more.pop(name) for name in ("context_management",) if name in more}
            reason = write_reason(said.reason, said.raw, self._kinds)
            delta = {"stop_reason": reason, "stop_sequence": None, **more}
            out.append(event("message_delta", delta=delta, usage=write_usage(self._usage), **top))
        return b"".join([*out, event("message_stop")])

    def error(self, error: ProviderError | Rejected, request_id: str) -> bytes:
        """An error event, after which nothing comes: no stop reason and no `message_stop`."""
        if self._closed:
            return b""
        self._closed = True
        return sse.frame(error_event(error, request_id), "error")

    def keepalive(self) -> bytes:
        """A ping."""
        return event("ping")

    def _head(self) -> bytes:
        if self._begun or self._forwarded.begun:
            return b""
        self._begun = True
        message: dict[str, Any] = {
            "id": self._start.id or self._ids("msg_"),
            "type": "message",
            "role": "assistant",
            "model": self._start.model or self._request.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_usage(self._usage),
        }
        return event("message_start", message=message)

    def _begin(self, start: PartStart) -> bytes:
        """Blocks of text and thinking wait for what they say: an empty one would be refused as history."""
        self._parts[start.index] = start
        self._kinds.add(start.kind)
        if start.kind == "tool_call":
            call = {"type": "tool_use", "id": start.id or self._ids("toolu_"), "name": start.name, "input": {}}
            return self._block(start.index, {**call, **leftovers(start.extra)})
        if start.opaque is not None and start.opaque.dialect == NAME:
            return self._block(start.index, start.opaque.raw)
        return b""

    def _grow(self, delta: Delta) -> bytes:
        start = self._parts.get(delta.index)
        if start is None:
            return self._head() + self._forwarded.grow(delta)
        if start.kind == "tool_call":
            said = {"type": "input_json_delta", "partial_json": delta.text}
            return self._serial.grow(delta.index, said) if delta.text else b""
        kind = _GROWTH.get(start.kind)
        if kind is None or not (delta.text or delta.signature or delta.opaque):
            return b""
        out = b""
        if delta.index not in self._written:
            if delta.opaque and not delta.text:
                return self._block(delta.index, {"type": "redacted_thinking", "data": delta.opaque})
            empty = {"thinking": "", "signature": ""} if kind == "thinking_delta" else {"text": ""}
            out = self._block(delta.index, {"type": kind.removesuffix("_delta"), **empty})
        if delta.text:
            out += self._serial.grow(delta.index, {"type": kind, kind.removesuffix("_delta"): delta.text})
        if delta.signature:
            out += self._serial.grow(delta.index, {"type": "signature_delta", "signature": delta.signature})
        return out

    def _end(self, end: PartEnd) -> bytes:
        if end.index not in self._written:
            return b""
        return self._cited(end.index, end.extra) + self._serial.end(end.index)

    def _cited(self, index: int, extra: Extra | None) -> bytes:
        """The citations of a text, of which a stream tells one at a time."""
        raw = leftovers(extra).get("citations")
        citations = [] if raw is None else msgspec.json.decode(raw, type=list[msgspec.Raw])
        return b"".join(
            self._serial.grow(index, {"type": "citations_delta", "citation": citation}) for citation in citations
        )

    def _block(self, index: int, block: Any) -> bytes:
        self._written.add(index)
        return self._head() + self._serial.begin(index, block)
