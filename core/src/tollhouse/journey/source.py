"""What a reply says, as events: every frame sniffed, its usage taken, its deadlines and its end watched."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from typing import TYPE_CHECKING, Any

from ..attempt import Attempt
from ..dialect import Decoder, Frame
from ..errors import ProviderError
from ..neutral import Delta, End, Failed, Happening, Used
from ..reply import Event, Reply, Tape
from .delivered import Delivered
from .patience import Patience

if TYPE_CHECKING:
    from ..gateway import Gateway

BREATH = 32
"""Events after which the loop gets a turn, so that a source that never waits cannot starve a disconnect."""

STALLED = "it was silent for more than {:g} s"
"""Why a wait for more of a reply ended."""

LATE = "no content came in the time the attempt had for it"
"""Why a wait for the first content ended."""

EARLY = 1024
"""Events without content an attempt may begin with."""


class Source:
    """An iterator over one reply's events. Raises ProviderError for an in-band error, a cut and a timeout.

    It owns the reply: `close` releases the upstream, whatever was read. `attempt` is None for a reply that no
    upstream gave.
    """

    __slots__ = (
        "_ahead",
        "_bounded",
        "_count",
        "_decoder",
        "_ended",
        "_finished",
        "_form",
        "_idle",
        "_patience",
        "_stream",
        "_tape",
        "attempt",
        "delivered",
        "reply",
    )

    def __init__(
        self, reply: Reply, decoder: Decoder | None, patience: Patience, attempt: Attempt | None, *, viewed: bool = True
    ) -> None:
        """`viewed` says whether anybody may look at the neutral meaning of a frame; what nobody does is not kept."""
        self.reply, self.attempt = reply, attempt
        self._decoder, self._patience = decoder, patience
        self._form = reply.form
        self._stream: Any = reply.frames or reply.happenings or reply.chunks
        self._idle = attempt.timeouts.idle if attempt is not None else 0.0
        self._bounded = attempt is not None and bool(attempt.content_within)
        self._tape = Tape(decoder) if decoder and viewed else None
        self._ahead: deque[Event] = deque()
        self._count = 0
        self._ended = False
        self._finished = False
        self.delivered = Delivered()
        if attempt is not None:
            attempt.delivered = self.delivered

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    def __anext__(self) -> Coroutine[Any, Any, Event]:
        return self._next_ahead() if self._ahead else self._pull()

    async def _next_ahead(self) -> Event:
        return self._ahead.popleft()

    def reach_end(self) -> None:
        """`reach_content` of a whole body: its one event needs no wait."""
        self._ahead.append(self._timed(self._whole()))

    async def reach_content(self) -> None:
        """Read ahead until there is content, or the end; what was read is delivered again by iterating."""
        while len(self._ahead) < EARLY:
            try:
                event = await self._pull()
            except StopAsyncIteration:
                return
            self._ahead.append(event)
            if event.kind in ("content", "end"):
                return

    def move_to(self, patience: Patience) -> None:
        """Let another task's patience bound the waits from now on."""
        self._patience = patience

    def release(self, gateway: Gateway) -> None:
        """Let go of the upstream without making anybody wait; called once, by the journey."""
        if self.reply.close is not None or self.reply.body is None:
            gateway.finishing(self._close())

    async def _close(self) -> None:
        closing = getattr(self._stream, "aclose", None)
        try:
            if closing is not None:
                await closing()
        finally:
            if self.reply.close is not None:
                await self.reply.close()

    async def _pull(self) -> Event:
        if self._ended:
            raise StopAsyncIteration
        form = self._form
        if form == "body":
            event = self._whole()
        else:
            left = self._content_in() if self._bounded else None
            if left is not None and left < self._idle:
                self._patience.begin(left, LATE)
            else:
                self._patience.begin(self._idle, STALLED)
            try:
                piece = await self._stream.__anext__()
            except StopAsyncIteration:
                self._ended = True
                self._check_end()
                self.delivered.complete = True
                raise
            except asyncio.CancelledError:
                if failure := self._patience.failure():
                    raise failure from None
                raise
            finally:
                self._patience.end()
            if form == "frames":
                event = self._sniffed(piece)
            elif form == "happenings":
                event = self._made(piece)
            else:
                event = Event(Frame(piece, "content"))
        self._count += 1
        if self._count % BREATH == 0:
            await asyncio.sleep(0)
        return self._timed(event)

    def _timed(self, event: Event) -> Event:
        if event.kind in ("content", "end"):
            attempt = self.attempt
            if attempt is not None and attempt.content_at is None:
                attempt.content_at = attempt.exchange.now()
        return event

    def _content_in(self) -> float | None:
        """Seconds the attempt has left to reach content; None when nothing bounds that."""
        attempt = self.attempt
        if attempt is None or not attempt.content_within or attempt.content_at is not None:
            return None
        return max(0.001, attempt.started_at + attempt.content_within - attempt.exchange.now())

    def _check_end(self) -> None:
        if self.reply.form == "frames" and self._decoder:
            self._decoder.finish()
        elif self.reply.form == "happenings" and not self._finished:
            raise ProviderError("The upstream's reply broke off before its end.", kind="cut", code="upstream_cut")

    def _whole(self) -> Event:
        self._ended = True
        if self._decoder is None or self.reply.body is None:
            return Event(Frame(self.reply.body or b"", "end"))
        frame = self._decoder.whole(self.reply.body)
        self.delivered.complete = True
        event = self._heard(frame, Event(frame, whole=self._decoder))
        if frame.usage is None and self.attempt and self.attempt.request.task == "chat":
            self.delivered.body(event)
        return event

    def _sniffed(self, raw: bytes) -> Event:
        if self._decoder is None:
            return Event(Frame(raw, "content"))
        frame = self._decoder.sniff(raw)
        self.delivered.frame(raw, frame.kind == "content")
        return self._heard(frame, self._tape.event(frame) if self._tape else Event(frame))

    def _heard(self, frame: Frame, event: Event) -> Event:
        if self.attempt and frame.usage is not None:
            self.attempt.seen(frame.usage)
        if frame.error is not None:
            raise frame.error
        return event

    def _made(self, happening: Happening) -> Event:
        if isinstance(happening, Failed):
            raise happening.error
        if isinstance(happening, Used) and self.attempt:
            self.attempt.seen(happening.usage)
        if isinstance(happening, Delta):
            self.delivered.text(happening.text)
        if isinstance(happening, End):
            self._finished = True
        return Event(happenings=[happening])
