"""Writes the reply to a request for a response: typed events for a stream, one object for a body."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from tollhouse import Frame, ProviderError, Rejected, Request, Usage
from tollhouse.neutral import Delta, Failed, Finish, Happening, PartEnd, PartStart, Start, Used

from ..errors import error_object
from .forward import Forwarded
from .outputs import Output
from .reasons import write_reason
from .response import ended, named, response_object
from .writer import Writer

_encode = msgspec.json.Encoder().encode


def encoder_of(request: Request, clock: Callable[[], float]) -> StreamEncoder | BodyEncoder:
    """The writer this caller's request asks for."""
    return StreamEncoder(request, clock) if request.stream else BodyEncoder(request, clock)


class _Reply:
    """What both forms make of a reply's events: its items, in an order that cannot be wrong."""

    def __init__(self, request: Request, clock: Callable[[], float]) -> None:
        self._request, self._clock = request, clock
        self._base = f"{int(clock() * 1e6):x}"
        self._output = Output()
        self._writer = Writer(self._output, self._base)
        self._start = Start()
        self._finish = Finish(reason="missing")
        self._usage: Usage | None = None

    def _take(self, happening: Happening) -> bytes:
        """One event; what it writes of the output. Raises the error of a `Failed`. A response is one answer: further
        choices are left out."""
        match happening:
            case Start():
                self._start = happening
                self._writer.origin = happening.extra.dialect if happening.extra else ""
            case Used(usage=usage):
                self._usage = self._usage.merged(usage) if self._usage else usage
            case Failed(error=error):
                raise error
            case Finish(choice=0):
                self._finish = happening
            case PartStart(choice=0):
                return self._writer.begin(happening)
            case Delta(choice=0):
                return self._writer.grow(happening)
            case PartEnd(choice=0):
                return self._writer.end(happening)
            case _:
                pass
        return b""

    def _close(self) -> bytes:
        """End every item; those that end now share the response's fate."""
        status, _ = write_reason(self._finish)
        return self._writer.close("completed" if status == "completed" else "incomplete")

    def _object(self) -> dict[str, Any]:
        id_ = named(self._start, self._base)
        return response_object(self._request, self._start, id_, int(self._clock()))


class BodyEncoder(_Reply):
    """A whole response, written when the reply is complete; a forwarded body is its own."""

    content_type = "application/json"
    _passed = False

    def passes(self, frame: Frame) -> bytes:
        """The upstream's body, untouched."""
        self._passed = True
        return frame.raw

    def feed(self, happenings: Sequence[Happening]) -> bytes:
        """Collect; a body is written at its end. Raises the error of a `Failed`."""
        for happening in happenings:
            self._take(happening)
        return b""

    def finish(self) -> bytes:
        """The body; nothing when one was forwarded."""
        if self._passed:
            return b""
        self._close()
        return _encode(ended(self._object(), self._finish, self._output.ended(), self._usage))

    def error(self, error: ProviderError | Rejected, request_id: str) -> bytes:
        """The error object: nothing of a body was sent before it but blanks."""
        return _encode({"error": error_object(error)})

    def keepalive(self) -> bytes:
        """A blank, which JSON allows before its value."""
        return b" "


class StreamEncoder(_Reply):
    """Typed events: `response.created` first, then each item from `added` to `done`, its texts between, and one
    terminal event; sequence numbers rise.

    Events may be forwarded, and others made by relays written between them.
    """

    content_type = "text/event-stream; charset=utf-8"

    def __init__(self, request: Request, clock: Callable[[], float]) -> None:
        super().__init__(request, clock)
        self._forwarded = Forwarded(self._output)
        self._begun = False
        self._closed = False
        self._response: dict[str, Any] = {}

    def passes(self, frame: Frame) -> bytes:
        """The event as it came, unless something made or changed here stands before it."""
        self._begun = True
        closing = b""
        if frame.kind == "end" or frame.raw.find(b"response.completed", 0, 64) >= 0:
            closing = self._writer.close()
            self._forwarded.changed = self._forwarded.changed or bool(closing)
        written = self._forwarded.write(frame)
        self._closed = self._closed or self._forwarded.ended
        return closing + written

    def feed(self, happenings: Sequence[Happening]) -> bytes:
        """The events of these. Raises the error of a `Failed`, and `ProviderError` for arguments of a call that has
        ended."""
        out: list[bytes] = []
        for happening in happenings:
            if isinstance(happening, Delta) and self._forwarded.knows(happening.index):
                out.append(self._forwarded.grow(happening) if happening.text else b"")
                continue
            if isinstance(happening, PartStart | Delta):
                out.append(self._head())
            if written := self._take(happening):
                self._forwarded.changed = True
                out.append(written)
        return b"".join(out)

    def finish(self) -> bytes:
        """What closes the response; nothing twice, and no status that nobody gave."""
        if self._closed:
            return b""
        self._closed = True
        head = self._head()
        rest = self._close()
        response = ended(self._response_object(), self._finish, self._output.ended(), self._usage)
        name = {"completed": "completed", "failed": "failed"}.get(response["status"], "incomplete")
        return head + rest + self._output.event(f"response.{name}", response=response)

    def error(self, error: ProviderError | Rejected, request_id: str) -> bytes:
        """An `error` event, which the SDKs raise, and `response.failed`, which agents wait for; then nothing comes."""
        if self._closed:
            return b""
        self._closed = True
        said = error_object(error)
        told = self._output.event("error", code=said["code"], message=said["message"], param=said["param"], error=said)
        cause = {"code": said["code"] or said["type"] or "server_error", "message": said["message"]}
        output = self._output.ended()
        failed = {**self._response_object(), "status": "failed", "error": cause, "output": output}
        return told + self._output.event("response.failed", response=failed)

    def keepalive(self) -> bytes:
        """A comment."""
        return b": keepalive\n\n"

    def _head(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        response = self._response_object()
        begun = self._output.event("response.created", response=response)
        return begun + self._output.event("response.in_progress", response=response)

    def _response_object(self) -> dict[str, Any]:
        """The response as it began, in the upstream's words when its beginning was forwarded."""
        if not self._response:
            base = self._forwarded.base
            self._response = self._object() if base is None else msgspec.json.decode(base)
        return self._response
