"""A reply as it flows: an iterator of events, each the upstream's bytes with a lazy neutral view."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from msgspec.structs import replace

from .dialect import Decoder, Edit, Frame, FrameKind
from .neutral import Delta, End, Failed, Finish, Happening, PartStart, Start, Used, Vectors

_PENDING = 64 * 1024
"""Bytes of undecoded frames a tape remembers before it decodes them unasked."""


class Tape:
    """The neutral reading of one stream: frames are decoded in order, at most once, when first looked at."""

    __slots__ = ("_pending", "_size", "decoder")

    def __init__(self, decoder: Decoder) -> None:
        self.decoder = decoder
        self._pending: list[Event] = []
        self._size = 0

    def event(self, frame: Frame) -> Event:
        """The event of the next frame."""
        event = Event(frame, tape=self)
        self._pending.append(event)
        self._size += len(frame.raw)
        if self._size >= _PENDING:
            self.catch_up()
        return event

    def catch_up(self) -> None:
        """Decode what has not been decoded. Raises `ProviderError` on bytes the dialect cannot read."""
        pending, self._pending, self._size = self._pending, [], 0
        for event in pending:
            if event.frame is not None:
                event.read(self.decoder.feed(event.frame.raw))


class Event:
    """One piece of a reply: a frame of the upstream (`frame`), or something made here (`frame` is None).

    `happenings` is its neutral meaning. An event is immutable to relays: `edited` returns a new one.
    """

    __slots__ = ("_happenings", "_tape", "_whole", "frame", "kind")

    def __init__(
        self,
        frame: Frame | None = None,
        happenings: list[Happening] | None = None,
        *,
        tape: Tape | None = None,
        whole: Decoder | None = None,
    ) -> None:
        self.frame, self._happenings, self._tape, self._whole = frame, happenings, tape, whole
        self.kind: FrameKind = frame.kind if frame else kind_of(happenings or ())

    @property
    def happenings(self) -> list[Happening]:
        """The neutral meaning, decoded now if it was not before; a whole body is its unfolded events.
        Raises `ProviderError(kind="bad_reply")` on bytes the dialect cannot read; empty for opaque bytes."""
        if self._happenings is None:
            if self._whole is not None and self.frame is not None:
                self._happenings = self._whole.unfold(self.frame.raw)
            elif self._tape is not None:
                self._tape.catch_up()
        return self._happenings if self._happenings is not None else []

    def read(self, happenings: list[Happening]) -> None:
        """Take the decoded meaning; only the tape calls this."""
        self._happenings = happenings

    @property
    def text(self) -> str:
        """The visible text and tool arguments of this event, joined."""
        return "".join(h.text for h in self.happenings if isinstance(h, Delta))

    @property
    def deltas(self) -> list[Delta]:
        """The text-bearing happenings, in order."""
        return [h for h in self.happenings if isinstance(h, Delta)]

    def edited(self, rewrite: Callable[[Delta], str]) -> Event:
        """A copy whose deltas say what `rewrite` returns. The upstream's bytes are patched at each changed
        delta's path and otherwise kept; an event made here is changed in its neutral form."""
        edits: list[Edit] = []
        changed: list[Happening] = []
        for happening in self.happenings:
            if isinstance(happening, Delta) and (text := rewrite(happening)) != happening.text:
                edits.append(Edit(happening.path, text))
                changed.append(replace(happening, text=text))
            else:
                changed.append(happening)
        decoder = self._whole or (self._tape.decoder if self._tape else None)
        if not edits:
            return self
        if self.frame is None or decoder is None or not all(edit.path for edit in edits):
            return Event(happenings=changed)
        frame = Frame(decoder.patch(self.frame.raw, edits), self.kind, self.frame.usage, self.frame.error)
        return Event(frame, changed, tape=self._tape, whole=self._whole)


def kind_of(happenings: Sequence[Happening]) -> FrameKind:
    """What events made here count as: an error or end wins over content, content over usage."""
    kinds = {type(h) for h in happenings}
    if Failed in kinds:
        return "error"
    if kinds & {Delta, Vectors} or any(isinstance(h, PartStart) and h.kind == "tool_call" for h in happenings):
        return "content"
    if End in kinds:
        return "end"
    if kinds <= {Start, PartStart, Finish} or not kinds:
        return "lifecycle"
    return "usage" if Used in kinds else "content"


@dataclass(slots=True)
class Reply:
    """What a provider, a cache or a relay answers with.

    Exactly one of these carries the content: `body` (a whole body of `dialect`), `frames` (raw frames of
    `dialect`, one iteration each), `happenings` (neutral events, of no dialect), or `chunks` (opaque bytes of
    a passthrough). `close` releases the upstream; the core calls it exactly once, however the reply ends.
    A provider that has read its reply whole releases the upstream itself and gives no `close`.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    dialect: str = ""
    body: bytes | None = None
    frames: AsyncIterator[bytes] | None = None
    happenings: AsyncIterator[Happening] | None = None
    chunks: AsyncIterator[bytes] | None = None
    close: Callable[[], Awaitable[None]] | None = None

    @property
    def form(self) -> Literal["body", "frames", "happenings", "chunks"]:
        """Which of the four carries the content."""
        if self.body is not None:
            return "body"
        if self.frames is not None:
            return "frames"
        return "happenings" if self.happenings is not None else "chunks"
