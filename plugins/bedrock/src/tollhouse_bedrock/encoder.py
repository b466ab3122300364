"""Writes the reply to ConverseStream: messages in an order that cannot be wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from tollhouse import Frame, ProviderError, Rejected, Usage
from tollhouse.json_fields import merge
from tollhouse.neutral import Delta, Failed, Finish, Happening, PartEnd, PartStart, Used

from .errors import error_event
from .eventstream import CONTENT_TYPE, event
from .forward import Forwarded, grown
from .name import NAME
from .reasons import write_reason
from .redacted import write_redacted
from .serial import Serial
from .usage import write_usage
from .whole import leftovers

_FIELDS = "additionalModelResponseFields"
"""The one field that `messageStop` has beside its reason; every other one of an end stands in `metadata`."""


class StreamEncoder:
    """The reply's start first, one block after another, and the stop reason and the usage only when the reply is
    complete. `ids` makes a call's id that is missing, `latency` tells the milliseconds passed.

    Messages may be forwarded, and others made by relays written between them: blocks are numbered anew from where
    that happens. A delta of a part whose beginning was forwarded goes into its block, or into one of its own
    when that has ended.
    """

    content_type = CONTENT_TYPE

    def __init__(self, ids: Callable[[], str], latency: Callable[[], int]) -> None:
        self._ids, self._latency = ids, latency
        self._serial = Serial()
        self._forwarded = Forwarded(self._serial)
        self._begun = False
        """Whether the reply's start was written here."""
        self._parts: dict[int, PartStart] = {}
        self._written: set[int] = set()
        self._finish = Finish(reason="missing")
        self._usage: Usage | None = None
        self._closed = False

    def passes(self, frame: Frame) -> bytes:
        """The message as it came, unless blocks made here stand before it."""
        if frame.kind == "end":
            self._closed = True
            return self._serial.close() + self._forwarded.rest + frame.raw
        return self._forwarded.write(frame.raw, self._begun)

    def feed(self, happenings: Sequence[Happening]) -> bytes:
        """The messages of these. Raises the error of a `Failed`, and `ProviderError` when too much would have to wait
        for the order's sake. Converse knows one choice: others are left out."""
        out: list[bytes] = []
        for happening in happenings:
            match happening:
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
                case PartEnd(choice=0) if happening.index in self._written:
                    out.append(self._cited(happening) + self._serial.end(happening.index))
                case _:
                    pass
        return b"".join(out)

    def finish(self) -> bytes:
        """What closes the reply: nothing twice, and no reason that nobody gave."""
        if self._closed:
            return b""
        self._closed = True
        out = [self._head(), self._serial.close(), self._forwarded.rest]
        if not self._forwarded.rest:
            more = leftovers(self._finish.extra)
            stop = {_FIELDS: more.pop(_FIELDS)} if _FIELDS in more else {}
            kinds = {start.kind for start in self._parts.values()}
            if (word := write_reason(self._finish.reason, self._finish.raw, kinds)) is not None:
                stop = {"stopReason": word, **stop}
            usage = {"usage": write_usage(self._usage), "metrics": {"latencyMs": self._latency()}}
            out += [event("messageStop", **stop), event("metadata", **usage, **more)]
        return b"".join(out)

    def error(self, error: ProviderError | Rejected, request_id: str) -> bytes:
        """An exception, after which nothing comes."""
        if self._closed:
            return b""
        self._closed = True
        return error_event(error)

    def keepalive(self) -> bytes:
        """An event of a kind that clients do not know, which they pass over."""
        return event("keepalive")

    def _head(self) -> bytes:
        if self._begun or self._forwarded.begun:
            return b""
        self._begun = True
        return event("messageStart", role="assistant")

    def _begin(self, start: PartStart) -> bytes:
        """Text and reasoning are not announced: they begin with what they say."""
        self._parts[start.index] = start
        if start.kind == "tool_call":
            call = {"toolUseId": start.id or self._ids(), "name": start.name}
            return self._block(start.index, merge({"toolUse": call}, start.extra, NAME))
        if start.opaque is not None and start.opaque.dialect == NAME:
            return self._whole(start.index, msgspec.json.decode(start.opaque.raw))
        return b""

    def _whole(self, index: int, block: dict[str, Any]) -> bytes:
        """A block that only this dialect understands; those of a kind that no stream has are left out."""
        kind = next(iter(block))
        fields = block[kind]
        if kind not in ("toolUse", "toolResult", "image") or not isinstance(fields, dict):
            return b""
        said: Any
        if kind == "toolUse":
            said = {"input": msgspec.json.encode(fields.pop("input", {})).decode()}
        elif kind == "toolResult":
            said = fields.pop("content", [])
        else:
            said = {name: fields.pop(name) for name in ("source", "error") if name in fields}
        return self._block(index, {kind: fields}) + self._serial.grow(index, {kind: said})

    def _grow(self, delta: Delta) -> bytes:
        start = self._parts.get(delta.index)
        if start is None:
            return self._head() + self._forwarded.grow(delta)
        said = [grown(start.kind, delta.text)] if delta.text and start.kind != "opaque" else []
        if start.kind == "thinking" and delta.signature:
            said.append({"reasoningContent": {"signature": delta.signature}})
        if start.kind == "thinking" and delta.opaque:
            said.append({"reasoningContent": {"redactedContent": write_redacted(delta.opaque)}})
        before = self._block(delta.index, None) if said and delta.index not in self._written else b""
        return before + b"".join(self._serial.grow(delta.index, one) for one in said)

    def _cited(self, end: PartEnd) -> bytes:
        """The sources of a text, of which a stream tells one at a time."""
        raw = leftovers(end.extra).get("citationsContent")
        said = msgspec.json.decode(raw) if raw is not None else {}
        return b"".join(self._serial.grow(end.index, {"citation": one}) for one in said.get("citations", ()))

    def _block(self, index: int, start: dict[str, Any] | None) -> bytes:
        self._written.add(index)
        return self._head() + self._serial.begin(index, start)
