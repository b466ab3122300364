"""Writes the reply to `generateContent`: chunks for a stream, one object for a body."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from tollhouse import Frame, ProviderError, Rejected, Request, Usage
from tollhouse.framing import sse
from tollhouse.neutral import Extra, Failed, Finish, Happening, Start, Used

from .errors import Upstream, error_object
from .fields import NAME
from .framing import JSON, Array, Events, Framing
from .reasons import write_reason
from .request import Asked
from .usage import write_usage
from .writer import Writer, joined

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.decode


class _Reply:
    """What both forms collect: whose reply it is, what finished, and usage."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._writer = Writer()
        self._id, self._model = "", request.model
        self._finishes: dict[int, Finish] = {}
        self._usage: Usage | None = None

    def _take(self, happening: Happening) -> None:
        match happening:
            case Start(id=id_, model=model):
                self._id, self._model = id_ or self._id, model or self._model
            case Finish():
                self._finishes.setdefault(happening.choice, happening)
            case Used(usage=usage):
                self._usage = self._usage.merged(usage) if self._usage else usage
            case Failed(error=error):
                raise error
            case _:
                pass

    def _candidate(self, choice: int, parts: list[Any], finish: Finish | None = None) -> dict[str, Any]:
        said: dict[str, Any] = {"content": {"parts": parts, "role": "model"}}
        if finish is not None:
            if (word := write_reason(finish.reason, finish.raw)) is not None:
                said["finishReason"] = word
            said |= _own(finish.extra)
        return {**said, "index": choice}

    def _object(self, candidates: list[dict[str, Any]], usage: Usage | None = None) -> bytes:
        said: dict[str, Any] = {"candidates": candidates}
        if usage is not None:
            said["usageMetadata"] = write_usage(usage)
        said["modelVersion"] = self._model
        if self._id:
            said["responseId"] = self._id
        return _encode(said)


class BodyEncoder(_Reply):
    """A whole `GenerateContentResponse`, written when the reply is complete; a forwarded body is its own."""

    content_type = JSON

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self._parts: dict[int, list[Any]] = {}
        self._passed = False

    def passes(self, frame: Frame) -> bytes:
        """The upstream's body, untouched."""
        self._passed = True
        return frame.raw

    def feed(self, happenings: Sequence[Happening]) -> bytes:
        """Collect; a body is written at its end. Raises the error of a `Failed`."""
        for happening in happenings:
            self._take(happening)
            self._keep(self._writer.write(happening))
        return b""

    def finish(self) -> bytes:
        """The body; nothing when one was forwarded."""
        if self._passed:
            return b""
        self._keep(self._writer.flush())
        choices = sorted({*self._parts, *self._finishes})
        candidates = [self._candidate(n, joined(self._parts.get(n, [])), self._finishes.get(n)) for n in choices]
        return self._object(candidates, self._usage)

    def error(self, error: ProviderError | Rejected, request_id: str) -> bytes:
        """The error object: nothing of a body was sent before it but blanks."""
        return _encode({"error": error_object(error)})

    def keepalive(self) -> bytes:
        """A blank, which JSON allows before its value."""
        return b" "

    def _keep(self, written: list[tuple[int, Any]]) -> None:
        for choice, part in written:
            self._parts.setdefault(choice, []).append(part)


class StreamEncoder(_Reply):
    """Chunks, in an order that cannot be wrong: calls whole, and finish reasons and usage in the last chunk.

    Frames may be forwarded and events made by relays written between them. The latest chunk with a finish reason
    stays back until another follows or the reply is complete, since nothing else ends a stream.
    """

    def __init__(self, request: Request, framing: Framing) -> None:
        super().__init__(request)
        self.content_type = framing.content_type
        self._framing = framing
        self._held = b""
        self._forwarded = False
        self._closed = False

    def passes(self, frame: Frame) -> bytes:
        """The event as it came."""
        if not self._forwarded and frame.kind == "content":
            self._forwarded = True
            self._name(frame.raw)
        event = self._framing.event(frame.raw)
        if frame.kind == "content" and (b'"finishReason"' in frame.raw or b'"promptFeedback"' in frame.raw):
            before, self._held = self._held, event
            return before
        return self._released() + event

    def feed(self, happenings: Sequence[Happening]) -> bytes:
        """The chunks of these events. Raises the error of a `Failed`."""
        out: list[bytes] = []
        for happening in happenings:
            self._take(happening)
            out += self._chunks(self._writer.write(happening))
        return self._released() + b"".join(out) if out else b""

    def finish(self) -> bytes:
        """What waits, then finish reasons and usage; nothing twice, and no reason that nobody gave."""
        if self._closed:
            return b""
        self._closed = True
        out = [self._released(), *self._chunks(self._writer.flush())]
        if self._finishes or (self._usage is not None and not self._forwarded):
            candidates = [self._candidate(n, [{"text": ""}], self._finishes[n]) for n in sorted(self._finishes)]
            out.append(self._framing.chunk(self._object(candidates, self._usage)))
        return b"".join(out) + self._framing.close()

    def error(self, error: ProviderError | Rejected, request_id: str) -> bytes:
        """An error chunk, after which nothing comes."""
        if self._closed:
            return b""
        self._closed = True
        return self._framing.chunk(_encode({"error": _error(error)})) + self._framing.close()

    def keepalive(self) -> bytes:
        """What every client ignores."""
        return self._framing.keepalive()

    def _released(self) -> bytes:
        held, self._held = self._held, b""
        return held

    def _chunks(self, written: list[tuple[int, Any]]) -> list[bytes]:
        return [self._framing.chunk(self._object([self._candidate(choice, [part])])) for choice, part in written]

    def _name(self, raw: bytes) -> None:
        """Go on in the name of the forwarded chunks."""
        said = _decode(sse.data(raw))
        self._id, self._model = said.get("responseId", ""), said.get("modelVersion", self._model)


def encoder_of(request: Request) -> StreamEncoder | BodyEncoder:
    """The writer this caller's request asks for."""
    if not request.stream:
        return BodyEncoder(request)
    return StreamEncoder(request, Array() if isinstance(request, Asked) and request.array else Events())


def _own(extra: Extra | None) -> dict[str, Any]:
    return dict(extra.fields) if extra is not None and extra.dialect == NAME else {}


def _error(error: ProviderError | Rejected) -> Any:
    """An upstream's own words if they are of this dialect, else ours."""
    if isinstance(error, Upstream) and error.raw:
        said = _decode(error.raw)
        return (said[0] if isinstance(said, list) else said)["error"]
    return error_object(error)
