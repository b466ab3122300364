"""Reads one reply to `generateContent`: classifies its frames cheaply, and decodes them when somebody looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct
from tollhouse import Edit, Frame, ProviderError
from tollhouse.framing import sse
from tollhouse.neutral import End, Extra, Failed, Finish, Happening, Start, Used

from .errors import in_band
from .fields import NAME
from .parts import Parts, says
from .patch import patch
from .reasons import reason_word
from .usage import read_usage

_NULL = Raw(b"null")
_MOST = 128
"""Candidates a reply may have."""


class _Content(Struct):
    parts: list[Raw] | None = None


class _Candidate(Struct):
    content: _Content | None = None
    finishReason: Any = None
    index: int | None = None
    """Absent for the first one, as protobuf leaves zeros out."""


class _Feedback(Struct):
    blockReason: Any = None


class _Chunk(Struct):
    candidates: list[_Candidate] | None = None
    promptFeedback: _Feedback | None = None
    usageMetadata: Raw = _NULL
    modelVersion: str | None = None
    responseId: str | None = None
    error: Raw = _NULL


_chunk = msgspec.json.Decoder(_Chunk)
_part = msgspec.json.Decoder(dict[str, Raw])
_object = msgspec.json.Decoder(dict[str, Raw])
_objects = msgspec.json.Decoder(list[dict[str, Raw]])


class ChatDecoder:
    """One reply. There is no closing frame: it is complete when every candidate that began has its finish reason,
    or when the prompt was blocked."""

    def __init__(self) -> None:
        self._blocked = False
        self._begun: set[int] = set()
        self._finished: set[int] = set()
        self._started = False
        self._ended = False
        self._id = ""
        self._candidates: dict[int, Parts] = {}

    def sniff(self, raw: bytes) -> Frame:
        """Classify one raw event; bytes that cannot be read are an error frame."""
        data = sse.data(raw)
        if not data:
            return Frame(raw, "lifecycle")
        try:
            chunk = _chunk.decode(data)
            content = self._note(chunk)
        except (msgspec.DecodeError, RecursionError):
            return Frame(raw, "error", error=_unreadable())
        if _said(chunk.error):
            return Frame(raw, "error", error=in_band(chunk.error))
        usage = read_usage(chunk.usageMetadata) if _said(chunk.usageMetadata) else None
        if content:
            return Frame(raw, "content", usage)
        return Frame(raw, "usage" if usage and not chunk.candidates else "lifecycle", usage)

    def feed(self, raw: bytes) -> list[Happening]:
        """The neutral events of one raw event."""
        data = sse.data(raw)
        return self._read(data) if data else []

    def finish(self) -> None:
        """The frames have ended. Raises `ProviderError(kind="cut")` unless the reply is complete."""
        if not self._complete():
            raise ProviderError("the upstream ended its stream without a finish reason", kind="cut")

    def whole(self, raw: bytes) -> Frame:
        """Classify a whole body."""
        try:
            chunk = _chunk.decode(raw)
        except (msgspec.DecodeError, RecursionError):
            raise _unreadable() from None
        if _said(chunk.error):
            return Frame(raw, "error", error=in_band(chunk.error))
        if chunk.candidates is None and chunk.promptFeedback is None and not _said(chunk.usageMetadata):
            raise ProviderError("the upstream's reply has no candidates", kind="bad_reply")
        return Frame(raw, "end", read_usage(chunk.usageMetadata))

    def unfold(self, raw: bytes) -> list[Happening]:
        """The neutral events a whole body is the fold of. A candidate without a finish reason has none."""
        out = self._read(raw)
        for parts in self._candidates.values():
            parts.end(out)
        if not self._ended and not any(isinstance(happening, Failed) for happening in out):
            self._ended = True
            out.append(End())
        return out

    def patch(self, raw: bytes, edits: Sequence[Edit]) -> bytes:
        """Apply edits to an event or a whole body."""
        data = sse.data(raw)
        return sse.with_data(raw, patch(data, edits)) if data else patch(raw, edits)

    def _note(self, chunk: _Chunk) -> bool:
        """Remember what began and what finished; whether there is content. A finish reason counts as some."""
        content = False
        if chunk.promptFeedback is not None and chunk.promptFeedback.blockReason:
            self._blocked = content = True
        for candidate in chunk.candidates or ():
            self._begun.add(candidate.index or 0)
            if reason_word(candidate.finishReason):
                self._finished.add(candidate.index or 0)
                content = True
            elif not content and candidate.content is not None:
                content = any(says(_part.decode(part)) for part in candidate.content.parts or ())
        return content

    def _complete(self) -> bool:
        return self._blocked or bool(self._finished and self._begun <= self._finished)

    def _read(self, data: bytes) -> list[Happening]:
        out: list[Happening] = []
        try:
            chunk = _chunk.decode(data)
            if _said(chunk.error):
                return [Failed(error=in_band(chunk.error))]
            self._start(out, chunk)
            self._note(chunk)
            for place, candidate in enumerate(chunk.candidates or ()):
                self._candidate(out, place, candidate, data)
        except (msgspec.DecodeError, RecursionError):
            raise _unreadable() from None
        blocked = reason_word(chunk.promptFeedback.blockReason) if chunk.promptFeedback is not None else ""
        if blocked and not self._candidates:
            self._candidates[0] = Parts(0)
            out.append(Finish(reason="filter", raw=blocked))
        if _said(chunk.usageMetadata) and (usage := read_usage(chunk.usageMetadata)):
            out.append(Used(usage=usage))
        if self._complete() and not self._ended:
            self._ended = True
            out.append(End())
        return out

    def _start(self, out: list[Happening], chunk: _Chunk) -> None:
        if not self._started:
            self._started = True
            self._id = chunk.responseId or ""
            out.append(Start(id=self._id, model=chunk.modelVersion or ""))

    def _candidate(self, out: list[Happening], place: int, candidate: _Candidate, data: bytes) -> None:
        number = candidate.index or 0
        if not 0 <= number < _MOST:
            raise _unreadable()
        parts = self._candidates.get(number)
        if parts is None:
            parts = self._candidates[number] = Parts(number)
        said = candidate.content.parts if candidate.content is not None else None
        for n, raw in enumerate(said or ()):
            parts.read(out, raw, _part.decode(raw), ("candidates", place, "content", "parts", n), self._id)
        if word := reason_word(candidate.finishReason):
            parts.finish(out, word, _beside(data, place))


def _beside(data: bytes, place: int) -> Extra | None:
    """What a finished candidate says beside its content: grounding, citations, ratings."""
    fields = _objects.decode(_object.decode(data)["candidates"])[place]
    for name in ("content", "finishReason", "index"):
        fields.pop(name, None)
    return Extra(NAME, fields) if fields else None


def _said(raw: Raw) -> bool:
    return raw is not _NULL and bytes(raw) not in (b"null", b"{}")


def _unreadable() -> ProviderError:
    return ProviderError("the upstream sent bytes that are no generated content", kind="bad_reply")
