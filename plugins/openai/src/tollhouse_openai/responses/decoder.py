"""Reads one reply: classifies its events cheaply, and decodes them when somebody looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct
from tollhouse import Edit, Frame, ProviderError
from tollhouse.framing import sse
from tollhouse.json_patch import patch
from tollhouse.neutral import End, Extra, Failed, Happening, Start, Used

from ..errors import in_band
from .events import ENDS, FAILS, Event, Key, read_event
from .name import NAME
from .reader import Reader
from .reasons import read_reason
from .usage import read_usage

_NULL = Raw(b"null")
_GONE = (b"null", b"{}")
_BEGINNINGS = frozenset({"response.content_part.added", "response.reasoning_summary_part.added"})
_QUIET = frozenset({"message", "reasoning"})


class _Response(Struct):
    id: str | None = None
    model: str | None = None
    created_at: float | None = None
    status: str | None = None
    output: list[Raw] | None = None
    usage: Raw = _NULL
    error: Raw = _NULL
    incomplete_details: Any = None


class _Whole(Struct):
    text: Any = None
    refusal: Any = None
    arguments: Any = None
    type: str = ""
    content: list[_Whole] | None = None
    summary: list[_Whole] | None = None


_response = msgspec.json.Decoder(_Response)
_whole = msgspec.json.Decoder(_Whole)


class ResponseDecoder:
    """One reply. A stream is complete when `response.completed` or one of its like came."""

    def __init__(self) -> None:
        self.reader = Reader()
        self._ended = False
        self._told: set[Key] = set()
        """The parts that a classified frame told something of."""
        self._started = False

    def sniff(self, raw: bytes) -> Frame:
        """Classify one raw event; bytes that cannot be read are an error frame."""
        data = sse.data(raw)
        if not data:
            return Frame(raw, "lifecycle")
        if data.startswith(b"[DONE]"):
            return Frame(raw, "end")
        try:
            return self._classify(raw, data, read_event(data))
        except (msgspec.DecodeError, RecursionError):
            return Frame(raw, "error", error=unreadable())

    def _classify(self, raw: bytes, data: bytes, event: Event) -> Frame:
        if event.type in FAILS or (not event.type and bytes(event.error) not in _GONE):
            return Frame(raw, "error", error=_failure(event, data))
        if event.type in ENDS:
            self._ended = True
            said = _response.decode(event.response)
            told = [self._tells(n, item) for n, item in enumerate(said.output or ())]
            return Frame(raw, "content" if any(told) else "end", read_usage(said.usage))
        return Frame(raw, "content" if self._says(event) else "lifecycle")

    def _says(self, event: Event) -> bool:
        """Whether an event tells something new: what a `done` repeats was told by its deltas."""
        if grows := event.grows():
            if event.type.endswith(".done"):
                return self._tell(grows[1], event.whole())
            return self._tell(grows[1], event.delta) or bool(event.delta)
        if event.type == "response.output_item.added":
            item = _whole.decode(event.item)
            self._tell((event.output_index, "arguments", 0), item.arguments)
            return item.type not in _QUIET
        if event.type == "response.output_item.done":
            return self._tells(event.output_index, event.item)
        if event.type in _BEGINNINGS:
            part = _whole.decode(event.part)
            place = "summary" if "summary" in event.type else "content"
            number = event.summary_index if place == "summary" else event.content_index
            return self._tell((event.output_index, place, number), part.text or part.refusal)
        return event.type.endswith(".delta")

    def _tells(self, number: int, raw: Raw) -> bool:
        item = _whole.decode(raw)
        if item.type not in (*_QUIET, "function_call"):
            return self._tell((number, "item", 0), "it")
        told = [self._tell((number, "arguments", 0), item.arguments)]
        for place, parts in (("content", item.content), ("summary", item.summary)):
            told += [self._tell((number, place, n), p.text or p.refusal) for n, p in enumerate(parts or ())]
        return any(told)

    def _tell(self, key: Key, text: Any) -> bool:
        """Whether this is the first text that is told of a part."""
        if not text or not isinstance(text, str):
            return False
        fresh = key not in self._told
        self._told.add(key)
        return fresh

    def feed(self, raw: bytes) -> list[Happening]:
        """The neutral events of one raw event."""
        data = sse.data(raw)
        if not data or data.startswith(b"[DONE]"):
            return []
        try:
            event = read_event(data)
            return self.read(event, data)
        except (msgspec.DecodeError, RecursionError):
            raise unreadable() from None

    def read(self, event: Event, data: bytes) -> list[Happening]:
        """The neutral events of one that was decoded from `data`."""
        out: list[Happening] = []
        reader = self.reader
        if grows := event.grows():
            reader.grown(out, event, *grows)
        elif event.type in FAILS or (not event.type and bytes(event.error) not in _GONE):
            out.append(Failed(error=_failure(event, data)))
        elif event.type in ENDS:
            self._ended = True
            self._end(out, _response.decode(event.response), ("response",))
        elif event.type == "response.output_item.added":
            reader.added(out, event)
        elif event.type == "response.output_item.done":
            reader.item(out, event.output_index, event.item, ("item",))
        elif event.type in _BEGINNINGS:
            reader.begun(out, event)
        elif bytes(event.response) not in _GONE:
            self._start(out, _response.decode(event.response))
        return out

    def finish(self) -> None:
        """The frames have ended. Raises `ProviderError(kind="cut")` unless the reply is complete."""
        if not self._ended:
            raise ProviderError("the upstream ended its stream without its terminal event", kind="cut")

    def whole(self, raw: bytes) -> Frame:
        """Classify a whole body. Raises `ProviderError` for one that is no response."""
        said = self._body(raw)
        if said.status == "failed" or (not said.id and bytes(said.error) not in _GONE):
            return Frame(raw, "error", read_usage(said.usage), _broken(said.error))
        if said.output is None:
            raise ProviderError("the upstream's reply has no output", kind="bad_reply")
        return Frame(raw, "end", read_usage(said.usage))

    def unfold(self, raw: bytes) -> list[Happening]:
        """The neutral events a whole body is the fold of."""
        said = self._body(raw)
        if said.status == "failed":
            return [Failed(error=_broken(said.error))]
        out: list[Happening] = []
        try:
            self._end(out, said, ())
        except (msgspec.DecodeError, RecursionError):
            raise unreadable() from None
        return out

    def patch(self, raw: bytes, edits: Sequence[Edit]) -> bytes:
        """Apply edits to an event or a whole body. Log probabilities, which spell an edited text out, go."""
        data = sse.data(raw)
        edits = [*edits, *_without_tokens(data or raw, edits)]
        return sse.with_data(raw, patch(data, edits)) if data else patch(raw, edits)

    def _body(self, raw: bytes) -> _Response:
        try:
            return _response.decode(raw)
        except (msgspec.DecodeError, RecursionError):
            raise unreadable() from None

    def _start(self, out: list[Happening], said: _Response) -> None:
        if self._started or not said.id:
            return
        self._started = True
        created = int(said.created_at or 0)
        out.append(Start(id=said.id, model=said.model or "", created=created, extra=Extra(NAME, {})))

    def _end(self, out: list[Happening], said: _Response, path: tuple[str | int, ...]) -> None:
        """The whole response: what no event told yet, and how it ended."""
        self._start(out, said)
        for n, item in enumerate(said.output or ()):
            self.reader.item(out, n, item, (*path, "output", n))
        self.reader.close(out)
        if usage := read_usage(said.usage):
            out.append(Used(usage=usage))
        out.append(read_reason(said.status or "", said.incomplete_details, self.reader.called))
        out.append(End())


def _without_tokens(data: bytes, edits: Sequence[Edit]) -> list[Edit]:
    if b'"logprobs"' not in data:
        return []
    return [Edit((*edit.path[:-1], "logprobs"), []) for edit in edits if edit.path[-1:] in (("delta",), ("text",))]


def _failure(event: Event, data: bytes) -> ProviderError:
    """The error of a `response.failed`, or of an `error` event, which hosts spell in two ways."""
    if event.type == "response.failed":
        return _broken(_response.decode(event.response).error)
    return in_band(event.error) if bytes(event.error) not in _GONE else in_band(data)


def _broken(error: Raw) -> ProviderError:
    """The error of a response that failed; its code alone says which kind it is."""
    return in_band(error) if bytes(error) not in _GONE else in_band(b'{"message":"the response failed"}')


def unreadable() -> ProviderError:
    """The error of an event or a body that is none."""
    return ProviderError("the upstream sent bytes that are not a response", kind="bad_reply")
